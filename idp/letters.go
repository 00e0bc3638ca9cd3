package idp

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/batch"
	"github.com/propusk/propusk/idp/confirm/post"
	"github.com/propusk/propusk/idp/seal"
)

// The ways that letters reach the post.
const (
	LettersByAPI   = "api"   // each is handed over as it is ordered, and the post is asked where it is
	LettersByBatch = "batch" // a printing partner takes signed batches from a directory, and reports
	LettersByHand  = "local" // PDFs in a directory; whoever prints them says so with propuskctl
)

// Letters says how letters reach the post. The zero value is by its API.
type Letters struct {
	Mode string
	// Directory is where batches or PDFs are left.
	Directory string
	// Reports, if set, is where a printing partner leaves its signed reports, and Keys the PEM of its public keys.
	Reports string
	Keys    []byte
	Every   time.Duration // between batches; 0: a day
	Largest int           // letters in a batch; 0: the package's
}

// uses are the keys that this configuration has work for.
func (c Config) uses() []seal.Use {
	if c.Letters.Mode != LettersByBatch {
		return c.SeedKeys
	}
	uses := c.SeedKeys
	if len(uses) == 0 {
		uses = seal.Uses()
	}
	return append(slices.Clone(uses), seal.UseSignLetters)
}

// carry lets letters go the way that is configured.
func (c Config) carry(m *confirm.MailConfig, ring *seal.Ring) error {
	l := c.Letters
	m.Every, m.Largest, m.Poll = l.Every, l.Largest, c.PostPoll
	switch cmp.Or(l.Mode, LettersByAPI) {
	case LettersByAPI:
		m.Post = post.New(c.Post.outside())
		return nil
	case LettersByHand:
		m.Post, m.Told = &batch.Tray{Path: l.Directory}, true
		return nil
	case LettersByBatch:
		m.Printer, m.Told = &batch.Directory{Path: l.Directory, Issuer: m.Notices.Issuer, Sign: ring.LetterSigner}, true
		if l.Reports == "" {
			return nil
		}
		keys, err := batch.ParseKeys(l.Keys)
		if err != nil {
			return fmt.Errorf("idp: the printer's keys: %w", err)
		}
		m.Reports = &batch.Inbox{Path: l.Reports, Keys: keys, Log: c.Log}
		return nil
	}
	return fmt.Errorf("idp: letters: no such mode %q", l.Mode)
}
