// Package authn tells whether somebody is who they say: by a login name and a password, and by the code of an authenticator app.
//
// A wrong name and a wrong password have one answer, and cost the same work: an unknown name is counted,
// slowed down and compared with nobody's password just like a known one. A lock has that answer too; only
// the owner's message says more.
//
// Counters stand in the way of guessing, and must not stand in the owner's (OWASP, "device cookies"):
//
//	a browser that signed in before     its own counter, and no other: strangers cannot lock it out
//	a network that signed in before     the counter of this name from this network
//	anybody else                        that, in a day and in a month, and the network's
//
// What an account is tried from all unknown places together slows nobody down, or a stranger with a few
// networks could hold the turn for ever; it only bounds the guesses (mostGuesses).
//
// A browser is known by a mark, a sealed cookie with the account and a nonce. It opens nothing.
package authn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// ErrWrong is the one answer to every sign-in that fails.
	ErrWrong = fmt.Errorf("authn: wrong name or password: %w", fault.Denied)
	// ErrPassword reports a wrong password of somebody who is signed in.
	ErrPassword = fmt.Errorf("authn: wrong password: %w", fault.Denied)
)

// A Tx is what a change made here writes together.
type Tx interface {
	session.Tx
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	notice.Outbox
}

// Accounts finds accounts, and takes the events of those who were not let in.
type Accounts interface {
	audit.Log
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
}

// Config is what a Desk works with.
type Config struct {
	Accounts   Accounts
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Hasher     *password.Hasher
	Rules      password.Rules
	Notices    *notice.Notices
	Sessions   *session.Desk
	// Issuer names the accounts in authenticator apps.
	Issuer    string
	Now, Wall func() time.Time
	Log       *slog.Logger
}

// A Desk judges sign-ins.
type Desk struct {
	Config
	limits *limit.Keeper
	setups *transient.Box[setup]
}

// New makes a Desk.
func New(c Config) *Desk {
	return &Desk{
		Config: c,
		limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
		setups: transient.NewBox[setup](c.Transients, c.Ring, "authn_setup", c.Now),
	}
}

// The counters. Fifteen minutes between tries is the lock.
var (
	perKnownBrowser = limit.Rule{Name: "authn browser", Free: 5, Window: 24 * time.Hour,
		First: 5 * time.Second, Most: 5 * time.Minute, Lock: 15, LockFor: 15 * time.Minute}
	perNameAndNetwork = limit.Rule{Name: "authn name network", Free: 5, Window: 24 * time.Hour,
		First: 5 * time.Second, Most: 5 * time.Minute, Lock: 10, LockFor: 15 * time.Minute}
	// perStranger is what one unknown network may try at one name in a month. It keeps a few networks from
	// using up perUnknown.
	perStranger = limit.Rule{Name: "authn stranger", Free: 12, Window: month}
	// perUnknown and perPlace only count what an account is tried from all unknown networks together, and
	// from each known one; see spent.
	perUnknown = limit.Rule{Name: "authn unknown", Free: 1 << 30, Window: month}
	perPlace   = limit.Rule{Name: "authn place", Free: 1 << 30, Window: month}
	perNetwork = limit.Rule{Name: "authn network", Free: 200, Window: time.Hour,
		First: time.Second, Most: 30 * time.Second}
	// perAccount only counts, for the owner's notice.
	perAccount = limit.Rule{Name: "authn account", Free: 1 << 30, Window: 24 * time.Hour}
	perLocked  = limit.Rule{Name: "authn locked", Free: 1 << 30, Window: 24 * time.Hour}
	// perAgain and perCode slow down those who are in already, or have the password.
	perAgain = limit.Rule{Name: "authn again", Free: 5, Window: time.Hour,
		First: 5 * time.Second, Most: 5 * time.Minute, Lock: 10, LockFor: 15 * time.Minute}
	perCode = limit.Rule{Name: "authn code", Free: 5, Window: time.Hour,
		First: 10 * time.Second, Most: 5 * time.Minute, Lock: 10, LockFor: 15 * time.Minute}
)

const month = 30 * 24 * time.Hour

// mostGuesses is how many failures in a row an account takes from places that it is not known in (NIST SP
// 800-63B-4, 3.2.2: 100 at most). After them even the right password does not open it there, and the
// answer does not tell: a known browser does, or a recovery.
const mostGuesses = 100

// The owner is told at tellAt failures in a day, and that the way in is slowed down at lockAt.
const (
	tellAt = 5
	lockAt = 11
)

// An Attempt is somebody who wants to sign in.
type Attempt struct {
	Identifier string // phone, e-mail or SNILS, as typed
	Password   string
	Network    string // edge.Network
	Mark       string // the browser's marks, as its cookie has them
	Device     string // coarse, for the audit event
	Request    string // the request id, for the audit event
	Lang       string
}

// A name is an identifier as it is looked up.
type name struct {
	by    account.Key
	value string
}

// names parses an identifier. Eleven digits may be a phone and a SNILS; then both are tried.
func names(identifier string) []name {
	var out []name
	if strings.Contains(identifier, "@") {
		if e, err := civil.ParseEmail(identifier); err == nil {
			out = append(out, name{account.ByEmail, e.Key()})
		}
		return out
	}
	if p, err := civil.ParsePhone(identifier); err == nil {
		out = append(out, name{account.ByPhone, p.String()})
	}
	if n, err := civil.ParseSNILS(identifier); err == nil {
		out = append(out, name{account.BySNILS, n.String()})
	}
	return out
}

// counted is by what an identifier is counted: one spelling for all of one name, also of none.
func counted(identifier string, ns []name) string {
	if len(ns) > 0 {
		return string(ns[0].by) + " " + ns[0].value
	}
	if len(identifier) > 254 {
		identifier = identifier[:254]
	}
	return "text " + strings.ToLower(strings.Join(strings.Fields(identifier), " "))
}

// A Verdict is a password that was right.
type Verdict struct {
	Account *account.Account
	// Settle is what follows from it and is not yet written: the tries before are forgotten, the network is
	// known. Who has more to write in Transients takes it along.
	Settle []transient.Change
}

// SignIn judges the first factor, and writes what follows. Its errors are those of Judge.
func (d *Desk) SignIn(ctx context.Context, t Attempt) (*account.Account, error) {
	v, err := d.Judge(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.Transients.Write(ctx, d.Now(), v.Settle...)...); err != nil {
		return nil, fmt.Errorf("authn: settle the sign-in: %w", err)
	}
	return v.Account, nil
}

// Judge judges the first factor. Its errors are ErrWrong and a fault.RetryAfter, alike for names that
// exist and names that do not; anything else is a fault of ours. What is right and not settled stays
// counted as a try.
func (d *Desk) Judge(ctx context.Context, t Attempt) (*Verdict, error) {
	ns := names(t.Identifier)
	a, err := d.find(ctx, ns)
	if err != nil {
		return nil, err
	}
	try, err := d.admit(ctx, t, counted(t.Identifier, ns), a)
	if err != nil {
		return nil, err
	}
	ok, rehash, err := d.check(ctx, a, t.Password)
	if err != nil {
		if back := d.limits.Back(ctx, try.hits...); back != nil { // no judgement was made: the try is not theirs to lose
			return nil, back
		}
		return nil, err
	}
	if until, closed := d.closed(try, a); ok && closed {
		ok = false
		if err := d.tellLocked(ctx, a, until); err != nil {
			return nil, err
		}
	}
	if !ok {
		return nil, d.failed(ctx, t, a)
	}
	known, err := d.knownNetwork(a.ID, t.Network)
	if err != nil {
		return nil, err
	}
	if rehash {
		d.rehash(ctx, a, t.Password)
	}
	return &Verdict{a, append(try.succeeded(), known)}, nil
}

// find looks the names up; nil when none has an account.
func (d *Desk) find(ctx context.Context, ns []name) (*account.Account, error) {
	for _, n := range ns {
		a, err := d.Accounts.FindAccount(ctx, n.by, n.value)
		if err == nil {
			return a, nil
		}
		if !errors.Is(err, fault.NotFound) {
			return nil, fmt.Errorf("authn: find the account: %w", err)
		}
	}
	return nil, nil
}

// check compares the password with the account's, or with nobody's.
func (d *Desk) check(ctx context.Context, a *account.Account, pw string) (ok, rehash bool, err error) {
	if a == nil || a.Credential.Password == "" {
		err = d.Hasher.VerifyNobody(ctx, pw)
	} else {
		ok, rehash, err = d.Hasher.Verify(ctx, a.Credential.Password, pw)
	}
	if err != nil {
		return false, false, fmt.Errorf("authn: compare: %w", err)
	}
	return ok, rehash, nil
}

// failed records the failure, tells the owner when there were many, and answers ErrWrong. An event is
// written for unknown names too, of nobody: without it the answer would come sooner.
func (d *Desk) failed(ctx context.Context, t Attempt, a *account.Account) error {
	e := audit.Event{At: d.Wall(), Kind: audit.SignInFailed, Device: t.Device, Request: t.Request}
	who := "nobody"
	if a != nil {
		e.Account, who = a.ID, a.ID.String()
	}
	h, err := d.limits.Take(ctx, perAccount, who)
	if err != nil {
		return err
	}
	if a == nil || h.Sum != tellAt && h.Sum != lockAt { // nearly always; one statement, as for nobody
		if err := d.Accounts.RecordEvent(ctx, e); err != nil {
			return fmt.Errorf("authn: record the failure: %w", err)
		}
		return ErrWrong
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		if h.Sum == tellAt {
			return d.Notices.Tell(ctx, tx, a, notice.SignInFailures, notice.With{Count: h.Sum})
		}
		locked := e
		locked.Kind = audit.LockedOut
		if err := tx.RecordEvent(ctx, locked); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.SignInLocked, notice.With{Until: d.Now().Add(perNameAndNetwork.LockFor)})
	})
	if err != nil {
		return fmt.Errorf("authn: record the failure: %w", err)
	}
	return ErrWrong
}

// tellLocked tells the owner, once a day, that the right password met a lock: nobody else is told.
func (d *Desk) tellLocked(ctx context.Context, a *account.Account, until time.Time) error {
	h, err := d.limits.Take(ctx, perLocked, a.ID.String())
	if err != nil || h.Sum > 1 {
		return err
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		return d.Notices.Tell(ctx, tx, a, notice.SignInLocked, notice.With{Until: until})
	})
	if err != nil {
		return fmt.Errorf("authn: tell of the lock: %w", err)
	}
	return nil
}

// rehash brings an old hash up to the present cost. It is a convenience: a failure is for the log only.
func (d *Desk) rehash(ctx context.Context, a *account.Account, pw string) {
	old := a.Credential.Password
	fresh, err := d.Hasher.Hash(ctx, pw)
	if err == nil {
		err = d.Atomically(ctx, func(tx Tx) error {
			_, err := tx.ChangeAccount(ctx, a.ID, func(a *account.Account) error {
				if a.Credential.Password == old {
					a.Credential.Password = fresh
				}
				return nil
			})
			return err
		})
	}
	if err != nil {
		d.Log.WarnContext(ctx, "old password hash kept", "error", err)
	}
}
