package confirm

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/session"
)

// Why a way is not open now.
const (
	NeedsStandard   = "not_standard"   // the registries have not agreed yet
	WhileChecking   = "checks_running" // new data is being checked
	WhileRestricted = "restricted"     // after a recovery through one contact
	TooSoon         = "too_soon"       // a letter was sent less than 30 days ago
	NotOffered      = "not_offered"    // nobody offers this method here
	ShutByCitizen   = "locked_by_citizen"
)

var (
	// ErrNotStandard reports a confirmation before the registries agreed.
	ErrNotStandard = account.ErrNotStandard
	// ErrChecking reports a confirmation while changed data is being checked.
	ErrChecking = account.ErrChecking
	// ErrRestricted reports a confirmation from afar of an account that a recovery holds down.
	ErrRestricted = fmt.Errorf("confirm: the account is restricted after a recovery: %w", fault.Denied)
	// ErrClosed reports the account of somebody who was reported deceased.
	ErrClosed = fmt.Errorf("confirm: the account is closed: %w", fault.Denied)
	// ErrShut reports a method that the citizen has shut off.
	ErrShut = fmt.Errorf("confirm: shut off by the citizen: %w", fault.Denied)
)

// TooSoonError says from when another letter can be ordered.
type TooSoonError struct{ From time.Time }

func (e *TooSoonError) Error() string { return "confirm: another letter is too soon" }

// Unwrap gives the kind.
func (e *TooSoonError) Unwrap() error { return fault.Denied }

// A Way is one method as it stands for one citizen.
type Way struct {
	Method  account.Method
	Open    bool      // can be started now
	Live    bool      // under way: a letter whose code can be entered
	Done    bool      // this confirmation is held
	Blocked string    // why it is not open; "" when it is, or when it is live
	From    time.Time // TooSoon, WhileRestricted: from when it is
}

// Facts are all that Ways looks at.
type Facts struct {
	Account *account.Account
	Running bool    // an application is being checked
	Letter  *Letter // the last one; nil: none yet
	Rest    time.Duration
	// Offered are the methods that this installation has.
	Offered []account.Method
	Now     time.Time
}

// Ways says of every method, the strongest first, whether it can be started now and if not why.
func Ways(f Facts) []Way {
	var out []Way
	for _, m := range account.Methods() {
		w := Way{Method: m}
		for _, c := range f.Account.Confirmations {
			w.Done = w.Done || c.Method == m && c.Live()
		}
		w.Blocked = f.blocked(m)
		if m == account.MailCode && (w.Blocked == "" || w.Blocked == WhileRestricted) {
			if f.Letter != nil && f.Letter.Live(f.Now) {
				w.Live = true
			}
			if from := NextLetter(f.Letter, f.Rest); w.Blocked == "" && f.Now.Before(from) {
				w.Blocked, w.From = TooSoon, from
			}
		}
		if w.Blocked == WhileRestricted {
			w.From = f.Account.RestrictedUntil
		}
		w.Open = w.Blocked == ""
		out = append(out, w)
	}
	return out
}

func (f Facts) blocked(m account.Method) string {
	offered := false
	for _, o := range f.Offered {
		offered = offered || o == m
	}
	switch {
	case !offered:
		return NotOffered
	case f.Account.Locks.Forbids(m):
		return ShutByCitizen
	case f.Running:
		return WhileChecking
	case f.Account.Level < account.Standard:
		return NeedsStandard
	case f.Now.Before(f.Account.RestrictedUntil) && m != account.ServiceCenter:
		return WhileRestricted // a visit proves who is asking, and lifts the restriction
	}
	return ""
}

// NextLetter is from when another letter can be ordered: 30 days after the last, or at once when that came
// back, was refused by the post or recalled, or was cancelled before the post had it.
func NextLetter(last *Letter, rest time.Duration) time.Time {
	if last == nil || last.Status == Returned || last.Reason == PostRefused || last.Reason == Recalled || !last.Cancelled.IsZero() && !last.Taken() {
		return time.Time{}
	}
	return last.Ordered.Add(rest)
}

// Would judges what a party would say of this citizen once a method more was held; m 0 adds none, and
// judges them as they stand. What a demand asks of the sign-in itself is taken as met.
func Would(a *account.Account, m account.Method, ask policy.Policy, now, wall time.Time) policy.Decision {
	have := a.Assurance(now)
	if m != 0 {
		proof := account.Confirmation{ID: "offered", Method: m, At: wall}
		have = account.Assurance{Level: account.Verified, Confirmations: append([]account.Confirmation{proof}, have.Confirmations...)}
	}
	return policy.Decide(policy.Subject{Assurance: have, AMR: policy.Strongest(), Locks: a.Locks}, wall, ask)
}

// A Tx is the transaction in which confirmations are gathered.
type Tx interface {
	Store
	EnvelopeStore
	lock.Store
	session.Tx
	job.Queue
	notice.Outbox
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
}
