package confirm

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/wish"
)

// A Proof is a confirmation that is about to be made: who an account belongs to was shown in one of the ways.
type Proof struct {
	Account account.ID
	// Confirmation says how. Its id and time are filled in where they are zero.
	Confirmation account.Confirmation
	// Judged is the data that the proof was held against: the account must still be of the same person
	// (ErrMoved).
	Judged account.Person
	Actor  account.ID        // who acted, if not the citizen
	Detail map[string]string // further ids and codes for the record
	// Request is the id of the request, for the record.
	Request   string
	Now, Wall time.Time
}

// Prove gathers a confirmation in the transaction tx, and is the way of every method that works from afar:
// the account must be standard or verified (ErrNotStandard), no new data being checked (ErrChecking), not
// held down after a recovery (ErrRestricted), and its citizen must not have shut the method off
// (ErrShut). The level rises, the event is written, every contact is told; all in tx.
//
// Where the citizen set a waiting period the confirmation is kept and does not count yet: it is not Live, every
// contact is told how to stop it, and Waits.Make lets it count when its time comes.
func Prove(ctx context.Context, tx Tx, n *notice.Notices, p Proof) (*account.Account, account.Confirmation, error) {
	c := p.Confirmation
	if c.ID == "" {
		c.ID = rand.Text()
	}
	if c.At.IsZero() {
		c.At = p.Wall
	}
	waits := false
	a, err := tx.ChangeAccount(ctx, p.Account, func(a *account.Account) error {
		if !a.Profile.Person.SamePerson(p.Judged) {
			return ErrMoved
		}
		if waits = a.Locks.Wait > 0; waits {
			return a.HoldNew(c, lock.HeldBy)
		}
		return a.Confirm(c)
	})
	if err != nil {
		return nil, c, fmt.Errorf("confirm: prove: %w", err)
	}
	if err := May(ctx, tx, a, c.Method, p.Now); err != nil {
		return nil, c, err
	}
	if waits {
		c.Held = []string{lock.HeldBy}
		w := lock.Wait{For: a.Locks.Wait, Request: p.Request, Now: p.Now, Wall: p.Wall}
		if err := lock.Replaced(ctx, tx, a.ID, c.Method, w); err != nil {
			return nil, c, fmt.Errorf("confirm: prove: %w", err)
		}
		_, err := lock.Announce(ctx, tx, n, a, lock.Pending{Kind: lock.Confirmation, Method: c.Method, Confirmation: c.ID}, w)
		if err != nil {
			return nil, c, fmt.Errorf("confirm: prove: %w", err)
		}
		return a, c, nil
	}
	detail := map[string]string{"method": c.Method.String(), "confirmation": c.ID}
	for name, v := range map[string]string{"letter": c.Letter, "centre": c.Centre, "organization": c.Organization, "serial": c.Serial} {
		if v != "" {
			detail[name] = v
		}
	}
	maps.Copy(detail, p.Detail)
	e := audit.Event{At: p.Wall, Kind: audit.Confirmed, Account: a.ID, Actor: p.Actor, Detail: detail, Request: p.Request}
	if err := tx.RecordEvent(ctx, e); err != nil {
		return nil, c, fmt.Errorf("confirm: prove: %w", err)
	}
	if err := n.Tell(ctx, tx, a, notice.Confirmed, notice.With{Method: c.Method, At: c.At, Link: n.DisownLink(a.ID, c.ID)}); err != nil {
		return nil, c, fmt.Errorf("confirm: prove: %w", err)
	}
	if err := wish.Rose(ctx, tx, a.ID, p.Now.Add(wish.Pause)); err != nil {
		return nil, c, fmt.Errorf("confirm: prove: %w", err)
	}
	return a, c, nil
}

// May tells whether a method can be used by an account now, by the same rules that the page of ways shows.
// Whether a letter may be ordered again already is Mail's to say.
func May(ctx context.Context, r ApplicationReader, a *account.Account, m account.Method, now time.Time) error {
	if !a.Lock.Deceased.IsZero() {
		return ErrClosed
	}
	running, err := checking(ctx, r, a.ID)
	if err != nil {
		return fmt.Errorf("confirm: may: %w", err)
	}
	switch (Facts{Account: a, Running: running, Offered: account.Methods(), Now: now}).blocked(m) {
	case WhileChecking:
		return ErrChecking
	case NeedsStandard:
		return ErrNotStandard
	case WhileRestricted:
		return ErrRestricted
	case ShutByCitizen:
		return ErrShut
	}
	return nil
}
