// Package session keeps single sign-on sessions: where a citizen is signed in, as what, and how that ends.
//
// A session snapshots the account's assurance when it starts. A rise shows only when the session is
// renewed by a factor; a fall raises the account's epoch, and a session of an older epoch is dead at
// its next use. Whatever ends sessions goes through one function, End, so that relying parties are told
// and grants are revoked whoever asked.
package session

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// An ID names a session: 128 random bits in base64url. It is the sid claim; knowing it opens nothing,
// because the browser proves itself with a sealed reference.
type ID string

// A Kind says how long a session lives and where it counts.
type Kind string

// The kinds of sessions.
const (
	Ordinary Kind = "ordinary"
	Foreign  Kind = "foreign"  // "someone else's computer": short, and the cookie dies with the browser
	Operator Kind = "operator" // the operator console's own: 12 h at most, 15 min idle
)

// A Session is one signed-in browser.
type Session struct {
	ID       ID
	Account  account.ID
	Epoch    int // of the account when the session started or was renewed
	Kind     Kind
	Started  time.Time // Now
	LastSeen time.Time // Now; written at most every 5 minutes
	Expires  time.Time // Now; the absolute end
	Idle     time.Duration
	AuthTime time.Time // Wall: when the citizen last proved a factor
	AMR      []string  // RFC 8176
	Snapshot account.Assurance
	Browser  []byte // SHA-256 of the browser-binding secret
	Device   string // such as "Firefox, Windows"; from the user agent, coarse
	Ended    time.Time
}

// Alive tells whether the session can be used at now with the account's present epoch.
func (s *Session) Alive(epoch int, now time.Time) bool {
	return s != nil && s.Ended.IsZero() && s.Epoch == epoch && now.Before(s.Expires) && now.Before(s.LastSeen.Add(s.Idle))
}

// A Scope says which sessions to end: one, or all of an account but one.
type Scope struct {
	Account account.ID
	Session ID // only this one, if set
	Except  ID // all but this one, if set
}

// Left is what an ended session leaves to be told: a relying party that was signed in through it.
type Left struct {
	Session ID
	Client  string
}

// A Store keeps sessions.
type Store interface {
	StartSession(ctx context.Context, s *Session) error
	// Session returns a session, ended or not; fault.NotFound.
	Session(ctx context.Context, id ID) (*Session, error)
	// Sessions returns the sessions of an account that have not ended, newest first.
	Sessions(ctx context.Context, account account.ID) ([]*Session, error)
	// TouchSession writes LastSeen.
	TouchSession(ctx context.Context, id ID, at time.Time) error
	// RenewSession writes Epoch, AuthTime, AMR, Snapshot, Browser and LastSeen of a session that has not ended.
	RenewSession(ctx context.Context, s *Session) error
	// EndSessions marks sessions ended, revokes the grants made through them (offline grants only if
	// offline is set), and returns which parties were signed in through them. Already ended ones are left out.
	EndSessions(ctx context.Context, which Scope, offline bool, at time.Time) ([]Left, error)
}
