package session

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
)

// A Life is how long sessions of a kind last: in all, and unused.
type Life struct{ Whole, Idle time.Duration }

// Lives gives the lives by kind that are used unless the configuration says otherwise.
func Lives() map[Kind]Life {
	return map[Kind]Life{
		Ordinary: {Whole: 7 * 24 * time.Hour, Idle: 24 * time.Hour},
		Foreign:  {Whole: time.Hour, Idle: 15 * time.Minute},
		Operator: {Whole: 12 * time.Hour, Idle: 15 * time.Minute},
	}
}

// TouchEvery is how stale LastSeen may become before it is written.
const TouchEvery = 5 * time.Minute

// A Config is what a Desk works with.
type Config struct {
	Now, Wall func() time.Time
	Lives     map[Kind]Life // those of Lives, where absent
}

// A Desk begins and renews sessions.
type Desk struct {
	Config
}

// New makes a Desk.
func New(c Config) *Desk {
	lives := Lives()
	for k, l := range c.Lives {
		lives[k] = l
	}
	c.Lives = lives
	return &Desk{c}
}

// Draft makes a session for an account, and the event of its beginning; nothing is written. amr is what was
// proved, browser the hash of the browser's new secret.
func (d *Desk) Draft(a *account.Account, kind Kind, amr []string, browser []byte, device string) (*Session, audit.Event, error) {
	life, ok := d.Lives[kind]
	if !ok {
		return nil, audit.Event{}, fmt.Errorf("session: begin: no such kind: %w", fault.Invalid)
	}
	now, wall := d.Now(), d.Wall()
	s := &Session{
		ID: ID(random(16)), Account: a.ID, Epoch: a.Epoch, Kind: kind,
		Started: now, LastSeen: now, Expires: now.Add(life.Whole), Idle: life.Idle,
		AuthTime: wall, AMR: amr, Snapshot: a.Assurance(now), Browser: browser, Device: device,
	}
	return s, signedIn(s), nil
}

// Begin starts a session for an account, read in the same transaction, and writes the event.
func (d *Desk) Begin(ctx context.Context, tx Tx, a *account.Account, kind Kind, amr []string, browser []byte, device string) (*Session, error) {
	s, e, err := d.Draft(a, kind, amr, browser, device)
	if err != nil {
		return nil, err
	}
	if err := tx.StartSession(ctx, s); err != nil {
		return nil, fmt.Errorf("session: begin: %w", err)
	}
	return s, record(ctx, tx, e)
}

// Renew gives a live session a fresh snapshot, after its citizen proved a factor again. The session keeps
// its id: the parties signed in through it stay so.
func (d *Desk) Renew(ctx context.Context, tx Tx, old *Session, a *account.Account, amr []string, browser []byte) (*Session, error) {
	now := d.Now()
	if old.Account != a.ID || !old.Alive(a.Epoch, now) {
		return nil, fmt.Errorf("session: renew: it does not stand: %w", fault.Expired)
	}
	s := *old
	s.Epoch, s.AuthTime, s.AMR, s.Snapshot, s.Browser, s.LastSeen = a.Epoch, d.Wall(), amr, a.Assurance(now), browser, now
	if err := tx.RenewSession(ctx, &s); err != nil {
		return nil, fmt.Errorf("session: renew: %w", err)
	}
	return &s, record(ctx, tx, signedIn(&s))
}

func signedIn(s *Session) audit.Event {
	return audit.Event{At: s.AuthTime, Kind: audit.SignedIn, Account: s.Account, Session: string(s.ID), Device: s.Device}
}

func record(ctx context.Context, tx Tx, e audit.Event) error {
	if err := tx.RecordEvent(ctx, e); err != nil {
		return fmt.Errorf("session: record the sign-in: %w", err)
	}
	return nil
}

// Stale tells whether LastSeen is old enough to be written again. The idle time of a session must not
// hang on a write that is put off, so short ones are written more often.
func (s *Session) Stale(now time.Time) bool {
	return now.Sub(s.LastSeen) >= min(TouchEvery, s.Idle/3)
}
