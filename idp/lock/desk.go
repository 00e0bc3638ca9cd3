package lock

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

// liftAfter is how long the lifting of a lock waits, at least, unless set otherwise.
const liftAfter = 72 * time.Hour

// Waits are the waiting periods on offer.
func Waits() []time.Duration {
	return []time.Duration{24 * time.Hour, 72 * time.Hour, 7 * 24 * time.Hour}
}

// A DeskTx is the transaction of setting and lifting.
type DeskTx interface {
	Tx
	session.Tx
}

// A Reader is what a Desk reads.
type Reader interface {
	Pending(ctx context.Context, id string) (*Pending, error)
	Pendings(ctx context.Context, a account.ID) ([]*Pending, error)
}

// Config is what a Desk works with.
type Config struct {
	Read       Reader
	Atomically func(ctx context.Context, f func(DeskTx) error) error
	Sessions   *session.Desk
	Notices    *notice.Notices
	Now, Wall  func() time.Time
	// LiftAfter is how long the lifting of a lock waits: 72 hours, and never shorter than the account's own
	// waiting period.
	LiftAfter time.Duration
}

// A Maker makes a change whose time has come. It closes it first (Close, Made), in the transaction in which it
// makes it; ErrLapsed says that there is nothing left to change.
type Maker func(ctx context.Context, p *Pending) error

// A Desk sets and lifts locks. Whoever lifts has been asked for the password, and for the second factor where
// there is one.
type Desk struct {
	Config
	makers map[Kind]Maker
}

// New makes a Desk. makers make the changes that are not the desk's own.
func New(c Config, makers map[Kind]Maker) *Desk {
	if c.LiftAfter == 0 {
		c.LiftAfter = liftAfter
	}
	return &Desk{c, makers}
}

// Handlers gives the job that makes changes.
func (d *Desk) Handlers() job.Handlers { return job.Handlers{JobDue: d.due} }

// Never shuts a method of confirmation off. What was confirmed by it goes on counting.
func (d *Desk) Never(ctx context.Context, id account.ID, m account.Method, request string) error {
	if m == account.ServiceCenter || !slices.Contains(account.Methods(), m) {
		return fmt.Errorf("lock: a visit cannot be shut off: %w", fault.Invalid)
	}
	return d.set(ctx, id, notice.WhatNever, map[string]string{"method": m.String()}, request, func(l *account.Locks) bool {
		if slices.Contains(l.Never, m) {
			return false
		}
		l.Never = append(slices.Clone(l.Never), m)
		slices.Sort(l.Never)
		return true
	})
}

// Wait sets a waiting period for changes, or a longer one. A shorter one is a lifting.
func (d *Desk) Wait(ctx context.Context, id account.ID, wait time.Duration, request string) error {
	if !slices.Contains(Waits(), wait) {
		return fmt.Errorf("lock: no such waiting period: %w", fault.Invalid)
	}
	detail := map[string]string{"wait": strconv.Itoa(int(wait / time.Hour))}
	return d.set(ctx, id, notice.WhatWait, detail, request, func(l *account.Locks) bool {
		if l.Wait >= wait {
			return false
		}
		l.Wait = wait
		return true
	})
}

// set shuts something. What is shut already is left, and told to nobody again.
func (d *Desk) set(ctx context.Context, id account.ID, what string, detail map[string]string, request string, f func(*account.Locks) bool) error {
	wall := d.Wall()
	err := d.Atomically(ctx, func(tx DeskTx) error {
		changed := false
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error { changed = f(&a.Locks); return nil })
		if err != nil || !changed {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.LockSet, Account: id, Request: request, Detail: map[string]string{"lock": what}}
		for k, v := range detail {
			e.Detail[k] = v
		}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.LockSet, notice.With{What: what})
	})
	if err != nil {
		return fmt.Errorf("lock: set: %w", err)
	}
	return nil
}

// A Freezing is a citizen's word to freeze everything.
type Freezing struct {
	Session *session.Session // the one that asks
	Browser string           // the browser's present secret
	Request string
}

// Freeze shuts everything at once. That ends all that was issued: every session and token, at every party,
// and every change that waits. The asking browser gets a session in the place of its own, which proves no more
// than the old one did, and the browser's new secret. A frozen account stays frozen.
func (d *Desk) Freeze(ctx context.Context, f Freezing) (*session.Session, string, error) {
	now, wall := d.Now(), d.Wall()
	secret := session.NewBrowser(f.Browser)
	old := f.Session
	var s *session.Session
	err := d.Atomically(ctx, func(tx DeskTx) error {
		waiting, err := tx.Pendings(ctx, old.Account)
		if err != nil {
			return err
		}
		a, err := session.Fall(ctx, tx, old.Account, func(a *account.Account) error {
			if !a.Locks.Frozen.IsZero() {
				return ErrFrozen
			}
			a.Locks.Frozen = wall
			a.Renew()
			return nil
		}, session.Why{Kind: audit.Frozen, Device: old.Device, Request: f.Request, Now: now, Wall: wall})
		if err != nil {
			return err
		}
		for _, p := range waiting {
			if err := d.end(ctx, tx, p.ID, Shut, "frozen", f.Request, now, wall); err != nil {
				return err
			}
		}
		s, err = d.Sessions.Begin(ctx, tx, a, old.Kind, old.AMR, session.HashBrowser(secret), old.Device)
		if err != nil {
			return err
		}
		// Nothing was proved here: the new session says what the old one did, and when.
		s.AuthTime, s.Snapshot = old.AuthTime, account.Min(old.Snapshot, s.Snapshot)
		if err := tx.RenewSession(ctx, s); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.AccountFrozen, notice.With{At: wall})
	})
	if err != nil {
		return nil, "", fmt.Errorf("lock: freeze: %w", err)
	}
	return s, secret, nil
}

// Lift has the lifting of a lock wait; LiftNever names the method. ErrOpen if it is not shut, ErrAlready if
// its lifting waits.
func (d *Desk) Lift(ctx context.Context, id account.ID, kind Kind, m account.Method, request string) (*Pending, error) {
	if !kind.Lifts() || (kind == LiftNever) != (m != 0) {
		return nil, fmt.Errorf("lock: no such lock: %w", fault.Invalid)
	}
	now, wall := d.Now(), d.Wall()
	var p *Pending
	err := d.Atomically(ctx, func(tx DeskTx) error {
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			if !shut(a.Locks, kind, m) {
				return ErrOpen
			}
			return nil
		})
		if err != nil {
			return err
		}
		waiting, err := tx.Pendings(ctx, id)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(waiting, func(o *Pending) bool { return o.Kind == kind && o.Method == m }) {
			return ErrAlready
		}
		p, err = Announce(ctx, tx, d.Notices, a, Pending{Kind: kind, Method: m}, Wait{
			For: max(d.LiftAfter, a.Locks.Wait), Request: request, Now: now, Wall: wall,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lock: lift: %w", err)
	}
	return p, nil
}

func shut(l account.Locks, kind Kind, m account.Method) bool {
	switch kind {
	case LiftFreeze:
		return !l.Frozen.IsZero()
	case LiftWait:
		return l.Wait > 0
	}
	return slices.Contains(l.Never, m)
}

// lift makes a lifting whose time has come.
func (d *Desk) lift(ctx context.Context, p *Pending) error {
	now, wall := d.Now(), d.Wall()
	return d.Atomically(ctx, func(tx DeskTx) error {
		return opened(ctx, tx, d.Notices, p.ID, 0, now, wall)
	})
}

// A VisitTx is what AtVisit writes in.
type VisitTx interface {
	Pendings(ctx context.Context, a account.ID) ([]*Pending, error)
	ChangePending(ctx context.Context, id string, f func(*Pending) error) (*Pending, error)
	ChangeAccount(ctx context.Context, id account.ID, f func(*account.Account) error) (*account.Account, error)
	audit.Log
	notice.Outbox
}

// AtVisit lifts at once the locks whose lifting the citizen asked for, in the transaction in which an operator
// confirmed that it is the citizen who stands there.
func AtVisit(ctx context.Context, tx VisitTx, n *notice.Notices, id, operator account.ID, now, wall time.Time) error {
	waiting, err := tx.Pendings(ctx, id)
	if err != nil {
		return fmt.Errorf("lock: at a visit: %w", err)
	}
	for _, p := range waiting {
		if !p.Kind.Lifts() {
			continue
		}
		if err := opened(ctx, tx, n, p.ID, operator, now, wall); err != nil {
			return fmt.Errorf("lock: at a visit: %w", err)
		}
	}
	return nil
}

// opened closes a lifting and opens the lock.
func opened(ctx context.Context, tx VisitTx, n *notice.Notices, id string, actor account.ID, now, wall time.Time) error {
	p, err := Close(ctx, tx, id, Made, now)
	if err != nil {
		return err
	}
	a, err := tx.ChangeAccount(ctx, p.Account, func(a *account.Account) error {
		switch p.Kind {
		case LiftFreeze:
			a.Locks.Frozen = time.Time{}
		case LiftWait:
			a.Locks.Wait = 0
		case LiftNever:
			a.Locks.Never = slices.DeleteFunc(slices.Clone(a.Locks.Never), func(m account.Method) bool { return m == p.Method })
		}
		return nil
	})
	if err != nil {
		return err
	}
	e := p.event(audit.LockLifted, "", "", wall)
	e.Actor = actor
	if err := tx.RecordEvent(ctx, e); err != nil {
		return err
	}
	return n.Tell(ctx, tx, a, notice.LockLifted, notice.With{What: string(p.Kind)})
}
