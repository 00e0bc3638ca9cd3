package confirm

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/wish"
)

// Waits lets confirmations count whose citizens asked for time to object.
type Waits struct {
	Atomically func(ctx context.Context, f func(Tx) error) error
	Notices    *notice.Notices
	Now, Wall  func() time.Time
}

// Make is the lock.Maker of confirmations. What was withdrawn meanwhile lapses, and what the
// citizen shut off; what somebody else holds too, or was made for another person than the present, is released
// and waits for them.
func (w Waits) Make(ctx context.Context, p *lock.Pending) error {
	now, wall := w.Now(), w.Wall()
	err := w.Atomically(ctx, func(tx Tx) error {
		if _, err := lock.Close(ctx, tx, p.ID, lock.Made, now); err != nil {
			return err
		}
		rose := false
		a, err := tx.ChangeAccount(ctx, p.Account, func(a *account.Account) error {
			if !slices.ContainsFunc(a.Confirmations, func(c account.Confirmation) bool { return c.ID == p.Confirmation }) {
				return lock.ErrLapsed
			}
			if a.Locks.Forbids(p.Method) { // shut off since: the citizen has said no to it
				return lock.ErrLapsed
			}
			rose = a.Count(p.Confirmation, lock.HeldBy, wall)
			return nil
		})
		if err != nil || !rose {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.Confirmed, Account: a.ID, Detail: map[string]string{
			"method": p.Method.String(), "confirmation": p.Confirmation, "pending": p.ID,
		}}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		if err := w.Notices.Tell(ctx, tx, a, notice.Confirmed, notice.With{Method: p.Method, At: wall, Link: w.Notices.DisownLink(a.ID, p.Confirmation)}); err != nil {
			return err
		}
		return wish.Rose(ctx, tx, a.ID, time.Time{})
	})
	if err != nil {
		return fmt.Errorf("confirm: let a confirmation count: %w", err)
	}
	return nil
}
