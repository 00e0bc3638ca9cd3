package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

// A Proof is a factor that somebody has just passed.
type Proof struct {
	Account *account.Account // as authn judged it
	Factor  string           // the amr value: pwd, swk, hwk (first factors), otp
	Passkey bool             // Factor is a key that was pressed after the password, and begins nothing anew
	Foreign bool             // "someone else's computer", with the first factor
	Device  string           // session.Device of the user agent
	Browser string           // the browser's present secret
	// Settle is what else follows from the proof; it is written in the same trip (authn.Verdict).
	Settle []transient.Change
	// Answer ends the request at once, if nothing is left to ask.
	Answer bool
}

// SignedIn is what the browser gets: Cookies.Write(w, Session, Browser, Left).
type SignedIn struct {
	Session *session.Session
	Browser string
	Left    time.Duration
	// Reply is the end of the request, if the proof was for it and nothing is left to ask.
	Reply *Reply
}

// Passed records a factor. When it was the last one needed, a session is started, or the browser's own is
// renewed, and the browser's secret replaced; otherwise it returns nil, and Next will ask for the second.
// The second factor counts only after a first of the same account and epoch.
//
// The session is begun before the progress says so: of two tabs that race, the one whose request was
// answered meanwhile ends its session again.
func (d *Desk) Passed(ctx context.Context, f *Facts, p Proof) (*SignedIn, error) {
	if p.Account.Lock.Locked(d.Now()) {
		return nil, ErrLocked
	}
	if f.Request.Door == "operator" && !p.Account.Credential.HasSecond() {
		return nil, ErrNoFactor
	}
	if f.Request.Door == "operator" && !p.Account.Locks.Frozen.IsZero() {
		return nil, ErrLocked // a member of staff who froze their own account fears somebody in it
	}
	f.Now, f.Wall = d.Now(), d.Wall()
	record := func(g *Progress) error {
		if g.Answered {
			return ErrStale
		}
		if first(p.Factor) && !p.Passkey {
			second := p.Account.Credential.TOTP != nil || f.Request.Door == "operator" // staff has some second one, as above
			*g = Progress{Account: p.Account.ID, Epoch: p.Account.Epoch, Foreign: p.Foreign, Second: second}
		} else if g.Account != p.Account.ID || g.Epoch != p.Account.Epoch || len(g.Factors) != 1 {
			return ErrOutOfTurn
		}
		g.Factors, g.At = append(slices.Clip(g.Factors), p.Factor), f.Wall
		if p.Passkey {
			g.Factors = append(g.Factors, "user") // RFC 8176: somebody was there and touched it
		}
		return nil
	}
	after := *f
	if err := record(&after.Progress); err != nil {
		return nil, fmt.Errorf("signin: passed %s: %w", p.Factor, err)
	}
	if after.NeedsFactor() {
		if err := d.keep(ctx, f, record, p.Settle...); err != nil {
			return nil, fmt.Errorf("signin: passed %s: %w", p.Factor, err)
		}
		return nil, nil
	}
	in, err := d.begin(ctx, &after, p)
	if err != nil {
		return nil, fmt.Errorf("signin: begin the session: %w", err)
	}
	begun := func(g *Progress) { g.Session, g.Browser = in.Session.ID, in.Session.Browser }
	ends := false
	var step Step
	if begun(&after.Progress); p.Answer && after.Session == in.Session {
		step = Next(&after)
		ends = step.Kind == Answer || step.Kind == Fail
	}
	err = d.keep(ctx, f, func(g *Progress) error {
		if err := record(g); err != nil {
			return err
		}
		begun(g)
		g.Answered = ends
		return nil
	}, p.Settle...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("signin: signed in: %w", err), d.abandon(ctx, in.Session))
	}
	if ends {
		f.Session, f.Standing, f.Consent = after.Session, after.Standing, after.Consent
		reply, err := d.reply(ctx, f, step)
		if err != nil {
			return nil, err
		}
		in.Reply = &reply
	}
	return in, nil
}

// first tells whether a factor comes first: a password, or a key behind a certificate, in software or in
// hardware (RFC 8176).
func first(factor string) bool { return factor == "pwd" || factor == "swk" || factor == "hwk" }

// begin starts or renews the session of a request whose factors are passed. In a browser without a session
// that is one statement, and f then knows all that Next looks at.
func (d *Desk) begin(ctx context.Context, f *Facts, p Proof) (*SignedIn, error) {
	secret := session.NewBrowser(p.Browser)
	browser := session.HashBrowser(secret)
	kind := session.Ordinary
	switch {
	case f.Request.Door == "operator":
		kind = session.Operator
	case f.Progress.Foreign:
		kind = session.Foreign
	}
	amr := slices.Clone(f.Progress.Factors)
	if len(amr) > 1 {
		amr = append(amr, "mfa")
	}
	var s *session.Session
	var err error
	if f.Session == nil {
		s, err = d.beginFirst(ctx, f, p, kind, amr, browser)
	} else {
		s, err = d.beginAfter(ctx, f, p, kind, amr, browser)
	}
	if err != nil {
		return nil, err
	}
	return &SignedIn{Session: s, Browser: secret, Left: s.Expires.Sub(d.Now())}, nil
}

func (d *Desk) beginFirst(ctx context.Context, f *Facts, p Proof, kind session.Kind, amr []string, browser []byte) (*session.Session, error) {
	s, e, err := d.Sessions.Draft(p.Account, kind, amr, browser, p.Device)
	if err != nil {
		return nil, err
	}
	f.Standing, f.Consent, err = d.Records.SignIn(ctx, s, e, f.Request.Client)
	if errors.Is(err, fault.NotFound) {
		return nil, ErrStale // the password was changed, or the account fell, while this page stood open
	}
	f.Session = s
	return s, err
}

// beginAfter renews the session that the browser has, or ends it and begins another.
func (d *Desk) beginAfter(ctx context.Context, f *Facts, p Proof, kind session.Kind, amr []string, browser []byte) (s *session.Session, err error) {
	old := f.Session
	err = d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.Account(ctx, f.Progress.Account)
		if err != nil {
			return err
		}
		if a.Epoch != f.Progress.Epoch {
			return ErrStale
		}
		if old.Account == a.ID && old.Kind == kind && old.Alive(a.Epoch, d.Now()) {
			s, err = d.Sessions.Renew(ctx, tx, old, a, amr, browser)
			return err
		}
		if old.Ended.IsZero() {
			// Another person, or another kind: the session this browser had ends with its parties told.
			if err := session.End(ctx, tx, session.Scope{Account: old.Account, Session: old.ID}, false, d.replaced()); err != nil {
				return err
			}
		}
		s, err = d.Sessions.Begin(ctx, tx, a, kind, amr, browser, p.Device)
		return err
	})
	return s, err
}

// abandon ends a session that no browser will know of.
func (d *Desk) abandon(ctx context.Context, s *session.Session) error {
	err := d.Atomically(context.WithoutCancel(ctx), func(tx Tx) error {
		return session.End(ctx, tx, session.Scope{Account: s.Account, Session: s.ID}, false, d.replaced())
	})
	if err != nil {
		return fmt.Errorf("signin: end the session again: %w", err)
	}
	return nil
}

func (d *Desk) replaced() session.Why {
	return session.Why{Kind: audit.SignedOut, Reason: "replaced", Now: d.Now(), Wall: d.Wall()}
}
