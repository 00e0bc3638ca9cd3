package contact

import (
	"context"
	"errors"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/lock"
)

// announce has a change of contacts wait, as the account's citizen wants changes to.
func (d *Desk) announce(ctx context.Context, tx Tx, a *account.Account, kind lock.Kind, c account.Contact, request string) error {
	_, err := lock.Announce(ctx, tx, d.Notices, a, lock.Pending{Kind: kind, Contact: &c},
		lock.Wait{For: a.Locks.Wait, Request: request, Now: d.Now(), Wall: d.Wall()})
	return err
}

// Make is the lock.Maker of contacts: it adds or removes one whose time has come. What a recovery forbids by
// then, or has happened already, lapses. A contact that another account holds is claimed, as ever.
func (d *Desk) Make(ctx context.Context, p *lock.Pending) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		if _, err := lock.Close(ctx, tx, p.ID, lock.Made, d.Now()); err != nil {
			return err
		}
		if p.Kind == lock.ContactRemoval {
			_, err := d.remove(ctx, tx, p.Account, p.Contact.Kind, "", p.Contact)
			return err
		}
		_, err := d.add(ctx, tx, p.Account, *p.Contact, "", true)
		return err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrRestricted), errors.Is(err, ErrNone), errors.Is(err, ErrLast), errors.Is(err, ErrTaken):
		return fmt.Errorf("contact: %w: %w", lock.ErrLapsed, err)
	}
	return fmt.Errorf("contact: make what waited: %w", err)
}
