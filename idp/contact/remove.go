package contact

import (
	"context"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
)

var (
	// ErrLast reports the removal of the only contact, without which a lost password could not be replaced.
	ErrLast = fmt.Errorf("contact: the only contact stays: %w", fault.Denied)
	// ErrNone reports the removal of a contact that the account has not.
	ErrNone = fmt.Errorf("contact: no such contact: %w", fault.NotFound)
)

// Remove takes a contact out of the account, tells it so, and those that remain. It is how a holder gives a
// claimed contact up before its time. Its errors are ErrNone, ErrLast, ErrRestricted and lock.ErrFrozen.
func (d *Desk) Remove(ctx context.Context, id account.ID, kind account.ContactKind, request string) (out Outcome, err error) {
	err = d.Atomically(ctx, func(tx Tx) error {
		out, err = d.remove(ctx, tx, id, kind, request, nil)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("contact: remove: %w", err)
	}
	return out, nil
}

// remove takes a contact out in the transaction tx. waited is the contact whose removal waited, if it did: one
// that took its place meanwhile stays.
func (d *Desk) remove(ctx context.Context, tx Tx, id account.ID, kind account.ContactKind, request string, waited *account.Contact) (Outcome, error) {
	now, wall := d.Now(), d.Wall()
	var old account.Contact
	waits := false
	a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
		held, ok := a.Profile.Contact(kind)
		waits = false
		switch {
		case !a.Locks.Frozen.IsZero():
			return lock.ErrFrozen
		case !ok, waited != nil && !waited.Same(held):
			return ErrNone
		case now.Before(a.RestrictedUntil):
			return ErrRestricted
		case len(a.Profile.Contacts) == 1:
			return ErrLast
		}
		if waits = a.Locks.Wait > 0 && waited == nil; waits {
			old = held
			return nil
		}
		old, a.Profile.Contacts = held, without(a.Profile.Contacts, kind)
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case waits:
		return Waits, d.announce(ctx, tx, a, lock.ContactRemoval, old, request)
	}
	e := audit.Event{At: wall, Kind: audit.ContactRemoved, Account: id, Request: request, Detail: map[string]string{"contact": string(kind)}}
	if err := tx.RecordEvent(ctx, e); err != nil {
		return "", err
	}
	told := notice.With{Contact: Mask(old), At: wall}
	if err := d.Notices.Tell(ctx, tx, a, notice.ContactRemoved, told); err != nil {
		return "", err
	}
	if err := d.Notices.To(ctx, tx, id, old, a.Lang, notice.ContactRemoved, told); err != nil {
		return "", err
	}
	return Removed, d.free(ctx, tx, id, old)
}
