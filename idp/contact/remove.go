package contact

import (
	"context"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
)

var (
	// ErrLast reports the removal of the only contact, without which a lost password could not be replaced.
	ErrLast = fmt.Errorf("contact: the only contact stays: %w", fault.Denied)
	// ErrNone reports the removal of a contact that the account has not.
	ErrNone = fmt.Errorf("contact: no such contact: %w", fault.NotFound)
)

// Remove takes a contact out of the account, tells it so, and those that remain. It is how a holder gives a
// claimed contact up before its time. Its errors are ErrNone, ErrLast and ErrRestricted.
func (d *Desk) Remove(ctx context.Context, id account.ID, kind account.ContactKind, request string) error {
	now, wall := d.Now(), d.Wall()
	err := d.Atomically(ctx, func(tx Tx) error {
		var old account.Contact
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			held, ok := a.Profile.Contact(kind)
			switch {
			case !ok:
				return ErrNone
			case now.Before(a.RestrictedUntil):
				return ErrRestricted
			case len(a.Profile.Contacts) == 1:
				return ErrLast
			}
			old, a.Profile.Contacts = held, without(a.Profile.Contacts, kind)
			return nil
		})
		if err != nil {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.ContactRemoved, Account: id, Request: request, Detail: map[string]string{"contact": string(kind)}}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		told := notice.With{Contact: Mask(old), At: wall}
		if err := d.Notices.Tell(ctx, tx, a, notice.ContactRemoved, told); err != nil {
			return err
		}
		if err := d.Notices.To(ctx, tx, id, old, a.Lang, notice.ContactRemoved, told); err != nil {
			return err
		}
		return d.free(ctx, tx, id, old)
	})
	if err != nil {
		return fmt.Errorf("contact: remove: %w", err)
	}
	return nil
}
