// Package policy decides whether what a citizen has is enough for what a relying party demands, and
// says what is missing and which ways lead up.
//
// A policy is a list of accepted combinations. It is met when some combination is satisfied, and a
// combination is satisfied by some live confirmation, never judged by the strongest alone. The decision
// is a pure function; pages and protocol errors are made from the reasons it returns.
package policy

import (
	"time"

	"github.com/propusk/propusk/idp/account"
)

// A Policy is what a relying party accepts. The empty policy accepts everybody.
type Policy struct {
	Accept []Combination `json:"accept,omitempty"`
}

// A Combination is one accepted set of demands; all of its members must hold at once.
type Combination struct {
	Level   account.Level    `json:"level,omitempty"`   // at least
	Methods []account.Method `json:"methods,omitempty"` // only these; empty: any
	Refuse  []account.Method `json:"refuse,omitempty"`  // not these
	MaxAge  time.Duration    `json:"max_age,omitempty"` // oldest confirmation, in nanoseconds; 0: any
	Auth    string           `json:"auth,omitempty"`    // minimum authentication: "", "mfa", "phr", "phrh"
}

// A Reason is why a policy is not met, in the wire spelling of design.md 2.
type Reason string

// The reasons.
const (
	LevelTooLow           Reason = "level_too_low"
	MethodRefused         Reason = "method_refused"
	ConfirmationTooOld    Reason = "confirmation_too_old"
	AuthenticationTooWeak Reason = "authentication_too_weak"
	LockedByCitizen       Reason = "locked_by_citizen"
)

// A Subject is what is judged.
type Subject struct {
	Assurance account.Assurance
	AMR       []string
	// Locks are what the citizen shut off on their own account. Zero where nobody's account is judged.
	Locks account.Locks
}

// A Decision says whether the policy is met; if not, why, and which ways would satisfy it.
type Decision struct {
	Met     bool
	Reasons []Reason
	// Level is the lowest level that some combination asks for.
	Level account.Level
	// Ways are the methods of which one more confirmation would do, strongest first, without those that the
	// citizen shut off.
	Ways []account.Method
	// Shut are the methods that would do and that the citizen shut off.
	Shut []account.Method
	// Refused are the citizen's live methods that every combination refuses.
	Refused []account.Method
}

// Until is until when the policy takes a confirmation, if it takes it for a while only; false when it takes it
// at any age, or never.
func (p Policy) Until(k account.Confirmation) (until time.Time, ok bool) {
	for _, c := range p.Accept {
		switch {
		case !c.takes(k.Method):
		case c.MaxAge == 0:
			return time.Time{}, false
		case k.At.Add(c.MaxAge).After(until):
			until, ok = k.At.Add(c.MaxAge), true
		}
	}
	return until, ok
}
