package main

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/batch"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/sqlstore"
)

// letterCommands are about registered letters with codes. None of them shows whom a letter is for.
type letterCommands struct {
	List    letterList    `cmd:"" help:"List letters under way: neither used nor cancelled."`
	Mark    letterMark    `cmd:"" help:"Say where a letter is, for those that are printed by hand or reported by telephone."`
	Batches letterBatches `cmd:"" help:"List batches that a printing partner was given."`
	Key     letterKey     `cmd:"" help:"Show the public keys that batches are signed with, PEM, for the printing partner."`
}

type letterList struct {
	Days  int `help:"Ordered in so many days." default:"90"`
	Limit int `help:"At most so many." default:"1000"`
}

func (c *letterList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.LiveLetters(d.ctx, o.Now().AddDate(0, 0, -c.Days), c.Limit)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "LETTER\tNUMBER\tORDERED\tSTATUS\tBATCH\tTRACK\tVALID UNTIL")
		for _, l := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Number(), day(l.Ordered), l.Status, dash(l.Batch), dash(l.Track), day(l.ValidTill))
		}
		return w.Flush()
	})
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

type letterMark struct {
	Letter string    `arg:"" help:"The letter's id, or the name of its PDF."`
	Status string    `arg:"" help:"printed, handed_over, in_transit, arrived, delivered, returned, or refused." enum:"printed,handed_over,in_transit,arrived,delivered,returned,refused"`
	Track  string    `help:"The post's number: fourteen digits."`
	Place  string    `help:"Where, as the citizen is shown it."`
	At     time.Time `help:"When, such as 2026-11-22T10:00:00+03:00; now unless given."`
}

func (c *letterMark) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		id := batch.LetterOf(c.Letter)
		err := letters(o, d.log).Report(d.ctx, id, confirm.Report{Status: confirm.LetterStatus(c.Status), At: c.At, Place: c.Place, Track: c.Track})
		switch {
		case errors.Is(err, fault.NotFound):
			return fmt.Errorf("no letter has the id %s; propuskctl letter list shows those under way", id)
		case errors.Is(err, confirm.ErrNotPrinted):
			return errors.New("nobody was given this letter yet; it cannot be on its way")
		case err != nil:
			return err
		}
		l, err := o.Letter(d.ctx, id)
		if err != nil {
			return err
		}
		d.printf("letter %s, order %s: %s", l.ID, l.Number(), l.Status)
		if l.Reason != "" {
			d.printf(", over: %s", l.Reason)
		}
		d.printf("\n")
		return nil
	})
}

// letters is the desk of letters as far as reports need it: it hands nothing over.
func letters(o *stores.Opened, log *slog.Logger) *confirm.Mail {
	return confirm.NewMail(confirm.MailConfig{
		Store: o.Records, Ring: o.Keyring.Ring, Notices: o.Notices, Now: o.Now, Wall: time.Now, Log: log, Told: true,
		Atomically: func(ctx context.Context, f func(confirm.Tx) error) error {
			return o.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
}

type letterBatches struct {
	Limit int `help:"At most so many, the newest first." default:"30"`
}

func (c *letterBatches) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.Batches(d.ctx, c.Limit)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "BATCH\tGATHERED\tWRITTEN\tLETTERS")
		for _, b := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", b.ID, day(b.Gathered), day(b.Written), len(b.Letters))
		}
		return w.Flush()
	})
}

type letterKey struct {
	Rotate bool          `help:"Add a key. It signs after --after; send it to the printing partner before."`
	After  time.Duration `help:"How long a new key is only known, not used." default:"168h"`
}

// errNoLetterKey says that there is nothing to show.
var errNoLetterKey = errors.New("no key signs letters: the provider makes the first when it starts with post.mode batch")

func (c *letterKey) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		if c.Rotate {
			id, err := o.Keyring.RotateAfter(d.ctx, seal.UseSignLetters, c.After)
			if err != nil {
				return err
			}
			if err := o.RecordEvent(d.ctx, audit.Event{
				At: time.Now().UTC(), Kind: audit.KeysRotated, Detail: map[string]string{"use": string(seal.UseSignLetters), "key": fmt.Sprint(id)},
			}); err != nil {
				return err
			}
		}
		keys := o.Keyring.LetterKeys()
		if len(keys) == 0 {
			return errNoLetterKey
		}
		for _, k := range keys {
			der, err := x509.MarshalPKIXPublicKey(k.Private.Public())
			if err != nil {
				return err
			}
			d.printf("kid %s, %s, signs from %s\n", k.ID, k.Alg, day(k.UsableFrom))
			d.printf("-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n", base64.StdEncoding.EncodeToString(der))
		}
		return nil
	})
}
