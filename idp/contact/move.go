package contact

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
)

// claim records that an account proved a contact of another one. It runs inside the transaction that was
// refused the contact.
//
// The holder's row is written first, which locks it: of two claims made at the same time the second sees
// the first. A newer proof takes the place of an older claim, since it shows who has the contact now; the
// holder's seven days begin anew. The same account proving again changes nothing.
func (d *Desk) claim(ctx context.Context, tx Tx, claimant account.ID, fresh account.Contact, request string) error {
	found, err := tx.FindAccount(ctx, Key(fresh.Kind), fresh.Value)
	if errors.Is(err, fault.NotFound) {
		return ErrTaken // let go of this very moment: proving it once more adds it
	}
	if err != nil {
		return err
	}
	holder, err := tx.ChangeAccount(ctx, found.ID, func(*account.Account) error { return nil })
	if err != nil {
		return err
	}
	if held, ok := holder.Profile.Contact(fresh.Kind); !ok || !held.Same(fresh) {
		return ErrTaken
	}
	now := d.Now()
	all, err := tx.ClaimsOn(ctx, holder.ID)
	if err != nil {
		return err
	}
	rests := false
	for _, c := range all {
		switch {
		case !fresh.Same(c.Contact()):
		case c.Open() && c.Claimant == claimant:
			return nil
		case c.Open():
			if err := d.close(ctx, tx, c.ID, Outrun); err != nil {
				return err
			}
			if err := d.disappoint(ctx, tx, c, request); err != nil {
				return err
			}
		case c.Outcome == Kept && now.Before(c.Closed.Add(ClaimRest)):
			rests = true
		}
	}
	c := &Claim{
		ID: rand.Text(), Holder: holder.ID, Claimant: claimant, Kind: fresh.Kind, Value: fresh.Value,
		Proved: fresh.Proved, Opened: now, Due: now.Add(ClaimWait),
	}
	if err := tx.RecordEvent(ctx, d.event(audit.ContactProved, claimant, c, request)); err != nil {
		return err
	}
	if rests {
		return d.disappoint(ctx, tx, c, request)
	}
	if err := tx.SaveClaim(ctx, c); err != nil {
		return err
	}
	if err := tx.EnqueueAt(ctx, c.Due, job.Job{Kind: JobClaim, Ref: c.ID}); err != nil {
		return err
	}
	if err := tx.RecordEvent(ctx, d.event(audit.ContactClaimed, holder.ID, c, request)); err != nil {
		return err
	}
	return d.Notices.Tell(ctx, tx, holder, notice.ContactClaimed, notice.With{
		Contact: Mask(fresh), Until: c.Due, Last: len(holder.Profile.Contacts) == 1,
	})
}

func (d *Desk) event(kind audit.Kind, whom account.ID, c *Claim, request string) audit.Event {
	return audit.Event{
		At: d.Wall(), Kind: kind, Account: whom, Request: request,
		Detail: map[string]string{"contact": string(c.Kind), "claim": c.ID},
	}
}

// close settles a claim, once.
func (d *Desk) close(ctx context.Context, tx Tx, id, outcome string) error {
	now := d.Now()
	_, err := tx.ChangeClaim(ctx, id, func(c *Claim) error {
		if !c.Open() {
			return ErrClaimOver
		}
		c.Closed, c.Outcome = now, outcome
		return nil
	})
	if err != nil {
		return err
	}
	return tx.EnqueueAt(ctx, time.Time{}, job.Job{Kind: JobClaim, Ref: id})
}

// disappoint tells a claimant that nothing came of the proof, and not why: whether the holder objected,
// and who that is, is the holder's own affair.
func (d *Desk) disappoint(ctx context.Context, tx Tx, c *Claim, request string) error {
	a, err := tx.Account(ctx, c.Claimant)
	if errors.Is(err, fault.NotFound) {
		return nil // closed meanwhile
	}
	if err != nil {
		return err
	}
	if err := tx.RecordEvent(ctx, d.event(audit.ContactNotMoved, a.ID, c, request)); err != nil {
		return err
	}
	return d.Notices.Tell(ctx, tx, a, notice.ContactNotMoved, notice.With{Contact: Mask(account.Contact{Kind: c.Kind, Value: c.Value})})
}

// Keep is the holder's objection.
func (d *Desk) Keep(ctx context.Context, holder account.ID, id, request string) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		c, err := tx.Claim(ctx, id)
		if err != nil || c.Holder != holder {
			return errors.Join(ErrClaimOver, err)
		}
		if err := d.close(ctx, tx, id, Kept); err != nil {
			return err
		}
		if err := tx.RecordEvent(ctx, d.event(audit.ContactKept, holder, c, request)); err != nil {
			return err
		}
		return d.disappoint(ctx, tx, c, request)
	})
	if err != nil {
		return fmt.Errorf("contact: keep: %w", err)
	}
	return nil
}

// free lets the claim on a contact that its holder has just given up be settled at once.
func (d *Desk) free(ctx context.Context, tx Tx, holder account.ID, given account.Contact) error {
	all, err := tx.ClaimsOn(ctx, holder)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Open() && given.Same(c.Contact()) {
			if err := tx.EnqueueAt(ctx, d.Now(), job.Job{Kind: JobClaim, Ref: c.ID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// Settle moves the contact of a claim whose time has come, or that nobody holds any more. Asked too
// early, it waits for its time; while either account is restricted after a recovery its contacts stay as
// they are, and the claim waits too.
func (d *Desk) Settle(ctx context.Context, id string) error {
	err := d.Atomically(ctx, func(tx Tx) error { return d.settle(ctx, tx, id) })
	switch {
	case errors.Is(err, errMoving):
		return job.Again{After: time.Second}
	case errors.Is(err, fault.NotFound):
		return nil // erased, or settled this moment
	case err != nil:
		return fmt.Errorf("contact: settle claim %s: %w", id, err)
	}
	return nil
}

func (d *Desk) settle(ctx context.Context, tx Tx, id string) error {
	c, err := tx.Claim(ctx, id)
	if err != nil || !c.Open() {
		return err
	}
	now := d.Now()
	wait := func(until time.Time) error { return tx.EnqueueAt(ctx, until, job.Job{Kind: JobClaim, Ref: id}) }
	lapse := func() error {
		if err := d.close(ctx, tx, id, Lapsed); err != nil {
			return err
		}
		return d.disappoint(ctx, tx, c, "")
	}

	holder, err := tx.FindAccount(ctx, Key(c.Kind), c.Value)
	switch {
	case errors.Is(err, fault.NotFound):
		holder = nil // given up: nobody is left to object
	case err != nil:
		return err
	case holder.ID == c.Claimant:
		return d.close(ctx, tx, id, Moved)
	case holder.ID != c.Holder:
		return lapse() // given up, and proved by a third since
	case now.Before(c.Due):
		return wait(c.Due)
	case now.Before(holder.RestrictedUntil):
		return wait(holder.RestrictedUntil)
	}
	claimant, err := tx.Account(ctx, c.Claimant)
	if errors.Is(err, fault.NotFound) {
		return lapse()
	}
	if err != nil {
		return err
	}
	old, has := claimant.Profile.Contact(c.Kind)
	switch {
	case has && old.Proved.After(c.Proved):
		return lapse() // they chose another one since
	case now.Before(claimant.RestrictedUntil):
		return wait(claimant.RestrictedUntil)
	}
	// The claim is closed first: an objection that comes now waits for this row, and is too late.
	if err := d.close(ctx, tx, id, Moved); err != nil {
		return err
	}
	if holder != nil {
		if err := d.takeFrom(ctx, tx, holder.ID, c); err != nil {
			return err
		}
	}
	return d.giveTo(ctx, tx, c)
}

// takeFrom takes the contact from its holder, who may be left with none: then only a visit brings a lost
// password back, as the message at the claim said. Sessions stay: the account has not changed hands.
func (d *Desk) takeFrom(ctx context.Context, tx Tx, holder account.ID, c *Claim) error {
	a, err := tx.ChangeAccount(ctx, holder, func(a *account.Account) error {
		if held, ok := a.Profile.Contact(c.Kind); !ok || !held.Same(c.Contact()) {
			return errMoving
		}
		a.Profile.Contacts = without(a.Profile.Contacts, c.Kind)
		return nil
	})
	if err != nil {
		return err
	}
	if err := tx.RecordEvent(ctx, d.event(audit.ContactRemoved, holder, c, "")); err != nil {
		return err
	}
	// Told where the holder still is. The contact itself is not theirs any more.
	return d.Notices.Tell(ctx, tx, a, notice.ContactMoved, notice.With{
		Contact: Mask(account.Contact{Kind: c.Kind, Value: c.Value}), At: d.Wall(),
	})
}

func (d *Desk) giveTo(ctx context.Context, tx Tx, c *Claim) error {
	fresh := account.Contact{Kind: c.Kind, Value: c.Value, Proved: c.Proved}
	var replaced *account.Contact
	a, err := tx.ChangeAccount(ctx, c.Claimant, func(a *account.Account) error {
		replaced = put(&a.Profile, fresh)
		return nil
	})
	if errors.Is(err, fault.Exists) {
		return errMoving // registered by a third this very moment
	}
	if err != nil {
		return err
	}
	return d.tell(ctx, tx, a, d.event(audit.ContactAdded, a.ID, c, ""), fresh, replaced)
}

// put gives a profile a contact, and returns the one of its kind that it takes the place of.
func put(p *account.Profile, fresh account.Contact) (replaced *account.Contact) {
	if old, ok := p.Contact(fresh.Kind); ok {
		replaced = &old
	}
	p.Contacts = append(without(p.Contacts, fresh.Kind), fresh)
	return replaced
}

func without(all []account.Contact, kind account.ContactKind) []account.Contact {
	return slices.DeleteFunc(slices.Clone(all), func(c account.Contact) bool { return c.Kind == kind })
}
