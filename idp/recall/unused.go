package recall

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
)

// Codes that nobody has entered yet would confirm after the recall what it takes back: the unused letters of
// a batch, and the envelopes that an operator or a centre handed over within the window. The recall makes
// them void. They have confirmed nobody, so they are not found by confirmations but looked through.

// oldestLetter is how long before now a letter was ordered at most whose code can be entered.
const oldestLetter = 180 * 24 * time.Hour

// takesLetter tells whether an unused letter is the recall's.
func (f Filter) takesLetter(l *confirm.Letter) bool {
	return f.Kind == Batch && l.Batch != "" && l.Batch == f.Value
}

// takesEnvelope tells the same of an envelope; ahead is Wall less Now, the window is of Wall.
func (f Filter) takesEnvelope(e *confirm.Envelope, ahead time.Duration) bool {
	at := e.At
	if at.IsZero() {
		at = e.Made.Add(ahead)
	}
	return f.Takes(account.Confirmation{Method: account.ServiceCenter, At: at, Centre: e.Centre, Operator: e.Operator, Second: e.Second})
}

// unused gives f the accounts with such codes, page by page.
func (d *Desk) unused(ctx context.Context, filter Filter, f func([]account.ID) error) error {
	now := d.Now()
	ahead := d.Wall().Sub(now)
	switch filter.Kind {
	case Batch:
		since, after := now.Add(-oldestLetter), ""
		for {
			page, err := d.Store.UnusedLetters(ctx, since, after, countPage)
			if err != nil {
				return err
			}
			var found []account.ID
			for _, l := range page {
				if since, after = l.Ordered, l.ID; l.Live(now) && filter.takesLetter(l) {
					found = append(found, l.Account)
				}
			}
			if err := f(found); err != nil || len(page) < countPage {
				return err
			}
		}
	case Operator, Centre:
		for after := ""; ; {
			page, err := d.Store.UnusedEnvelopes(ctx, filter.From.Add(-ahead-time.Second), after, countPage)
			if err != nil {
				return err
			}
			var found []account.ID
			for _, e := range page {
				if after = e.ID; e.Live(now) && filter.takesEnvelope(e, ahead) {
					found = append(found, e.Account)
				}
			}
			if err := f(found); err != nil || len(page) < countPage {
				return err
			}
		}
	}
	return nil
}

// gatherUnused makes items of the accounts with such codes that are none yet, and tells how many those were.
func (d *Desk) gatherUnused(ctx context.Context, r *Recall) (fresh int, err error) {
	err = d.unused(ctx, r.Filter, func(found []account.ID) error {
		if len(found) == 0 {
			return nil
		}
		n := 0
		err := d.Atomically(ctx, func(tx Tx) (err error) {
			n, err = tx.AddItems(ctx, r.ID, found)
			return err
		})
		fresh += n
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("recall: gather codes: %w", err)
	}
	return fresh, nil
}

// void makes such codes of one account void.
func (d *Desk) void(ctx context.Context, tx Tx, r *Recall, o confirm.Order) (bool, error) {
	ahead := o.Wall.Sub(o.Now)
	return confirm.Void(ctx, tx, d.Notices, confirm.Voiding{
		Order:    o,
		Letter:   r.takesLetter,
		Envelope: func(e *confirm.Envelope) bool { return r.takesEnvelope(e, ahead) },
	})
}
