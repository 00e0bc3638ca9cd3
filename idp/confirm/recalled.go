package confirm

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
)

// Recalled is why a code is void whose letter or envelope came from somebody who is no longer trusted.
const Recalled = "recalled"

// A Voiding takes back codes that could still be entered: a letter that nobody has used, an envelope.
type Voiding struct {
	Order
	// Letter and Envelope say whether the account's live one is taken; nil takes none.
	Letter   func(*Letter) bool
	Envelope func(*Envelope) bool
}

// Void makes the codes of an account void in the transaction tx, and tells whether there was one. The events
// are written and all contacts are told. Nothing brings a code back: another is ordered, at once.
func Void(ctx context.Context, tx Tx, n *notice.Notices, v Voiding) (bool, error) {
	letter, err := v.letter(ctx, tx)
	if err != nil {
		return false, fmt.Errorf("confirm: void a letter: %w", err)
	}
	envelope, err := v.envelope(ctx, tx)
	if err != nil {
		return false, fmt.Errorf("confirm: void an activation code: %w", err)
	}
	if !letter && !envelope || v.Quietly {
		return letter || envelope, nil
	}
	a, err := tx.Account(ctx, v.Account)
	if err == nil {
		err = n.Tell(ctx, tx, a, notice.CodeRecalled, notice.With{Patient: v.Patient})
	}
	if err != nil {
		return false, fmt.Errorf("confirm: void a code: %w", err)
	}
	return true, nil
}

func (v *Voiding) letter(ctx context.Context, tx Tx) (done bool, err error) {
	l, err := last(ctx, tx, v.Account)
	if err != nil || l == nil || v.Letter == nil || !l.Live(v.Now) || !v.Letter(l) {
		return false, err
	}
	if l, err = tx.ChangeLetter(ctx, l.ID, func(l *Letter) error {
		if done = l.Live(v.Now); done {
			l.Cancelled, l.Reason, l.Code = v.Now, Recalled, ""
		}
		return nil
	}); err != nil || !done {
		return false, err
	}
	return true, v.record(ctx, tx, audit.LetterCancelled, "letter", l.ID)
}

func (v *Voiding) envelope(ctx context.Context, tx Tx) (done bool, err error) {
	if v.Envelope == nil {
		return false, nil
	}
	e, err := tx.LastEnvelope(ctx, v.Account)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil || !e.Live(v.Now) || !v.Envelope(e) {
		return false, err
	}
	if e, err = tx.ChangeEnvelope(ctx, e.ID, func(e *Envelope) error {
		if done = e.Live(v.Now); done {
			e.Cancelled = v.Now
		}
		return nil
	}); err != nil || !done {
		return false, err
	}
	return true, v.record(ctx, tx, audit.CodeCancelled, "envelope", e.ID)
}

func (v *Voiding) record(ctx context.Context, tx Tx, kind audit.Kind, what, id string) error {
	detail := map[string]string{what: id}
	maps.Copy(detail, v.Detail)
	return tx.RecordEvent(ctx, audit.Event{
		At: v.Wall, Kind: kind, Account: v.Account, Actor: v.Actor, Reason: Recalled, Detail: detail, Request: v.Request,
	})
}
