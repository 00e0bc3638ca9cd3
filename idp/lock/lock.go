// Package lock keeps what citizens shut off on their own accounts, and the changes that wait for it.
//
//	set   at once: a method never, a waiting period for changes, everything
//	lift  password and second factor ──announced──▶ waiting ──▶ lifted
//	                                                   └──stopped from any contact, or here
//
// Shutting is easy, since whoever does it by mistake loses time, and opening is slow, since whoever stole the
// account would want it quick. A visit to a centre opens at once: there the citizen stands in person.
//
// With a waiting period the same goes for what takes an account over: a new contact or the removal of one, a
// confirmation from afar, a recovery. Each is announced to all contacts with a link that stops it, and is made
// when its time comes. A new password is not among them: it takes the old one, and is what a citizen who was
// spied on needs at once. Nor are changed data, which the registries judge, and which raise nothing by themselves.
package lock

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
)

var (
	// ErrFrozen reports a change of an account that its citizen froze.
	ErrFrozen = fmt.Errorf("lock: the account is frozen: %w", fault.Denied)
	// ErrOver reports a change that was made, stopped or lapsed already, or that is another account's.
	ErrOver = fmt.Errorf("lock: the change is over: %w", fault.NotFound)
	// ErrLapsed, wrapped by who makes a change, says that what it was for is gone: it lapses.
	ErrLapsed = fmt.Errorf("lock: the change has nothing left to change: %w", fault.Conflict)
	// ErrOpen reports the lifting of a lock that is not set.
	ErrOpen = fmt.Errorf("lock: nothing is shut: %w", fault.Conflict)
	// ErrAlready reports the lifting of a lock whose lifting waits already.
	ErrAlready = fmt.Errorf("lock: it is being lifted already: %w", fault.Exists)
)

// A Kind names a change that waits.
type Kind string

// The kinds.
const (
	Contact        Kind = notice.WhatContact
	ContactRemoval Kind = notice.WhatContactRemoval
	Confirmation   Kind = notice.WhatConfirmation
	Recovery       Kind = notice.WhatRecovery
	LiftFreeze     Kind = notice.WhatFreeze
	LiftNever      Kind = notice.WhatNever
	LiftWait       Kind = notice.WhatWait
)

// Lifts tells whether the change opens a lock.
func (k Kind) Lifts() bool { return k == LiftFreeze || k == LiftNever || k == LiftWait }

// How changes end.
const (
	Made    = "made"
	Stopped = "stopped" // by the citizen
	Shut    = "frozen"  // the account was frozen meanwhile
	Lapsed  = "lapsed"  // there was nothing left to change
)

// A Pending is a change that waits. Its times are on the movable clock.
type Pending struct {
	ID      string     `json:"id"`
	Account account.ID `json:"account"`
	Kind    Kind       `json:"kind"`
	Opened  time.Time  `json:"opened"`
	Due     time.Time  `json:"due"`
	Closed  time.Time  `json:"closed,omitzero"`
	Outcome string     `json:"outcome,omitempty"`
	// Stop is the hash of the secret of the link that stops it.
	Stop    []byte `json:"stop"`
	Version int64  `json:"-"`

	// What is changed, by kind.
	Contact      *account.Contact `json:"contact,omitempty"`      // Contact, ContactRemoval
	Method       account.Method   `json:"method,omitempty"`       // Confirmation, LiftNever
	Confirmation string           `json:"confirmation,omitempty"` // Confirmation: held under HeldBy until then
	Password     *Password        `json:"password,omitempty"`     // Recovery
}

// A Password is a recovery that waits: the new one, hashed, and what must still be so.
type Password struct {
	Hash    string          `json:"hash"`
	Epoch   int             `json:"epoch"`
	Through account.Contact `json:"through"`
	// Identified tells that SNILS and document number were asked and agreed.
	Identified bool   `json:"identified,omitempty"`
	Device     string `json:"device,omitempty"`
}

// Open tells whether the change still waits.
func (p *Pending) Open() bool { return p.Closed.IsZero() }

// HeldBy is who holds a confirmation that waits (account.HoldNew).
const HeldBy = "wait"

// A Store keeps changes that wait, sealed under the key of their account.
type Store interface {
	SavePending(ctx context.Context, p *Pending) error // new
	// Pending returns a change; fault.NotFound.
	Pending(ctx context.Context, id string) (*Pending, error)
	// Pendings returns the open changes of an account, the newest first.
	Pendings(ctx context.Context, a account.ID) ([]*Pending, error)
	// ChangePending changes one under a lock; fault.NotFound. Id, account and time of opening stay.
	ChangePending(ctx context.Context, id string, f func(*Pending) error) (*Pending, error)
}

// A Tx is what a change is announced and closed with.
type Tx interface {
	Store
	EnqueueAt(ctx context.Context, at time.Time, j job.Job) error
	audit.Log
	notice.Outbox
}

// JobDue makes a change whose time has come; its ref is the change's id.
const JobDue = "lock_due"
