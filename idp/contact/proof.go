// Package contact proves that somebody holds a phone or a mailbox, and keeps the contacts of an account.
//
// A phone is proved by a code of six digits that lives 300 seconds and has five tries; a mailbox by a link
// of 256 random bits that lives three days. A Proof is a value inside somebody's flow, in Transients: a
// registration, a recovery, a new contact. Where no proof must come of it (a registration with another
// account's contact, a recovery of nobody's account) the Proof is Deaf: it looks and counts like any other,
// and nothing opens it. An account that proves another one's contact gets it in time: claim.go.
package contact

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// How long codes and links live, and how many tries a code has.
const (
	CodeLife = 300 * time.Second
	LinkLife = 3 * 24 * time.Hour
	MaxTries = 5
)

var (
	// ErrCode reports a wrong code.
	ErrCode = fmt.Errorf("contact: wrong code: %w", fault.Denied)
	// ErrCodeOver reports a code past its time; a new one can be had.
	ErrCodeOver = fmt.Errorf("contact: the code is over: %w", fault.Expired)
	// ErrCodeSpent reports a code with no tries left; a new one can be had when its time is over.
	ErrCodeSpent = fmt.Errorf("contact: no tries are left: %w", fault.Limited)
	// ErrLink reports a link that is not one of ours, is over, or was used elsewhere.
	ErrLink = fmt.Errorf("contact: the link is over: %w", fault.Expired)
	// ErrOtherBrowser reports a page opened in another browser than it was given to.
	ErrOtherBrowser = fmt.Errorf("contact: the page belongs to another browser: %w", fault.Denied)
	// ErrOver reports a flow that is finished or waited too long.
	ErrOver = fmt.Errorf("contact: the page is over: %w", fault.Expired)
)

// A Proof is one contact being proved.
type Proof struct {
	Kind  account.ContactKind `json:"kind"`
	Value string              `json:"value"`
	// Deaf proofs hear no code and no link.
	Deaf   bool      `json:"deaf,omitempty"`
	Code   string    `json:"code,omitempty"`
	Until  time.Time `json:"until,omitzero"` // Now: the end of the code or the link
	Tries  int       `json:"tries,omitempty"`
	Proved time.Time `json:"proved,omitzero"` // Wall
}

// Contact is what is being proved.
func (p *Proof) Contact() account.Contact {
	return account.Contact{Kind: p.Kind, Value: p.Value, Proved: p.Proved}
}

// Send renews the proof: a fresh code for a phone, a fresh time for a mailbox. What was sent before is
// void, tries and all.
func (p *Proof) Send(now time.Time) {
	p.Tries = 0
	if p.Kind == account.Email {
		p.Code, p.Until = "", now.Add(LinkLife)
		return
	}
	p.Code, p.Until = newCode(), now.Add(CodeLife)
}

// Left is how many tries the code has.
func (p *Proof) Left() int { return max(0, MaxTries-p.Tries) }

// Enter tries a code. A wrong one is counted: the caller keeps the proof whatever comes out.
func (p *Proof) Enter(typed string, now, wall time.Time) error {
	switch {
	case !p.Proved.IsZero():
		return nil
	case p.Code == "" || !now.Before(p.Until):
		return ErrCodeOver
	case p.Left() == 0:
		return ErrCodeSpent
	}
	p.Tries++
	right := subtle.ConstantTimeCompare([]byte(Digits(typed)), []byte(p.Code)) == 1
	if !right || p.Deaf {
		if p.Left() == 0 {
			return ErrCodeSpent
		}
		return ErrCode
	}
	p.Proved = wall
	return nil
}

// Mask is the contact as its owner's pages show it.
func Mask(c account.Contact) string {
	if c.Kind == account.Email {
		if e, err := civil.ParseEmail(c.Value); err == nil {
			return e.MaskPage()
		}
		return ""
	}
	if p, err := civil.ParsePhone(c.Value); err == nil {
		return p.MaskPage()
	}
	return ""
}

// Key is what a kind of contact is looked up by.
func Key(kind account.ContactKind) account.Key {
	if kind == account.Email {
		return account.ByEmail
	}
	return account.ByPhone
}

// NewToken draws the secret of a link; TokenID is what a store knows it by.
func NewToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// TokenID is the hash of a link's secret: whoever reads the store cannot open the link.
func TokenID(token string) string {
	h := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// Digits keeps the digits of a code: people and their keyboards add spaces and hyphens. Anything else
// stays, and so is wrong.
func Digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\u2011' || r == '\u200b' {
			return -1
		}
		return r
	}, strings.TrimSpace(s))
}

func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return fmt.Sprintf("%06d", n)
}
