package session

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

// A Delivery is one logout token to one party; package signal carries it. It stands here because ending a
// session is what makes deliveries.
type Delivery struct {
	ID      string // stable: the jti of every attempt
	Client  rp.ID
	Account account.ID
	Session ID
	Created time.Time // Wall
	Done    time.Time
	Patient bool // one of very many (job.Job); not kept
}

// A Tx is the transaction in which sessions begin and end.
type Tx interface {
	Store
	audit.Log
	// Party and SaveDelivery lead to the parties that must be told.
	Party(ctx context.Context, id rp.ID) (*rp.Party, error)
	SaveDelivery(ctx context.Context, d Delivery) error
	// ChangeAccount is what Fall changes an account by.
	ChangeAccount(ctx context.Context, id account.ID, f func(*account.Account) error) (*account.Account, error)
}

// Why says who ends sessions, for what reason and when; it becomes the audit event.
type Why struct {
	Kind    audit.Kind // such as audit.SignedOut; "" writes no event
	Actor   account.ID // who did it, if not the citizen
	Reason  string
	Device  string
	Detail  map[string]string
	Request string // the request id
	Patient bool   // one of very many: parties are told without haste
	Now     time.Time
	Wall    time.Time
}

func (w Why) event(id account.ID, s ID) audit.Event {
	return audit.Event{
		At: w.Wall, Kind: w.Kind, Account: id, Actor: w.Actor, Session: string(s), Device: w.Device,
		Reason: w.Reason, Detail: w.Detail, Request: w.Request,
	}
}

// End ends sessions, and is the only way to do so: it revokes the grants made through them, the offline
// ones only if offline is set, lets every party with a back-channel address be told, and writes the event.
// Ending what has ended does nothing, so a repeated logout leaves one event.
func End(ctx context.Context, tx Tx, which Scope, offline bool, why Why) error {
	if which.Session != "" {
		s, err := tx.Session(ctx, which.Session)
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("session: end: %w", err)
		}
		if which.Account != 0 && which.Account != s.Account {
			return fmt.Errorf("session: end: of another account: %w", fault.NotFound)
		}
		if !s.Ended.IsZero() {
			return nil
		}
		which.Account = s.Account
	}
	if which.Account == 0 {
		return fmt.Errorf("session: end: of nobody: %w", fault.Invalid)
	}
	left, err := tx.EndSessions(ctx, which, offline, why.Now)
	if err != nil {
		return fmt.Errorf("session: end: %w", err)
	}
	for _, l := range left {
		p, err := tx.Party(ctx, rp.ID(l.Client))
		if errors.Is(err, fault.NotFound) || err == nil && p.Backchannel == "" {
			continue // nobody listens
		}
		if err != nil {
			return fmt.Errorf("session: end: %w", err)
		}
		d := Delivery{ID: random(16), Client: p.ID, Account: which.Account, Session: l.Session, Created: why.Wall, Patient: why.Patient}
		if err := tx.SaveDelivery(ctx, d); err != nil {
			return fmt.Errorf("session: end: %w", err)
		}
	}
	if why.Kind == "" {
		return nil
	}
	if err := tx.RecordEvent(ctx, why.event(which.Account, which.Session)); err != nil {
		return fmt.Errorf("session: end: %w", err)
	}
	return nil
}

// Fall changes an account by f, and if that raised the epoch ends everything issued before: every session,
// every grant, offline ones too. All that lowers a level, changes a password or recovers an account passes
// through here. The session of the one who asked ends with the others; a page that goes on begins a new
// one in the same transaction.
func Fall(ctx context.Context, tx Tx, id account.ID, f func(*account.Account) error, why Why) (*account.Account, error) {
	var before int
	a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
		before = a.Epoch
		return f(a)
	})
	if err != nil {
		return nil, fmt.Errorf("session: fall: %w", err)
	}
	if a.Epoch != before {
		return a, End(ctx, tx, Scope{Account: id}, true, why)
	}
	if why.Kind != "" {
		if err := tx.RecordEvent(ctx, why.event(id, "")); err != nil {
			return nil, fmt.Errorf("session: fall: %w", err)
		}
	}
	return a, nil
}

// random returns n random bytes as text; crypto/rand ends the program rather than fail.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
