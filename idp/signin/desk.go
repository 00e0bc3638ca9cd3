package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

// transactionPurpose seals requests on their way through our pages.
const transactionPurpose seal.Purpose = "transaction"

var (
	// ErrOtherBrowser reports a request opened in another browser. Its page offers to begin anew.
	ErrOtherBrowser = fmt.Errorf("signin: the request belongs to another browser: %w", fault.Denied)
	// ErrStale reports a request that was answered, or waited too long.
	ErrStale = fmt.Errorf("signin: the request is over: %w", fault.Expired)
	// ErrOutOfTurn reports a step that is not the next one: a reload or a second tab was quicker. The
	// page goes back to the dispatcher, which names the step that is.
	ErrOutOfTurn = fmt.Errorf("signin: this is not the next step: %w", fault.Conflict)
	// ErrNoFactor reports a member of staff without a second factor.
	ErrNoFactor = fmt.Errorf("signin: staff need a second factor: %w", fault.Denied)
	// ErrLocked reports an account closed to sign-in. No page tells it from a wrong password.
	ErrLocked = fmt.Errorf("signin: the account is locked: %w", fault.Denied)
)

// A Tx is the transaction of a sign-in or a consent.
type Tx interface {
	session.Tx
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	SaveConsent(ctx context.Context, c *consent.Consent) error
}

// A Box keeps Progress under a request's id; transient.Box is one.
type Box interface {
	// Create keeps a value until the deadline; fault.Exists.
	Create(ctx context.Context, id string, p Progress, deadline time.Time) error
	// Load returns the value; fault.NotFound when absent or past its deadline.
	Load(ctx context.Context, id string) (Progress, error)
	// Change loads, applies f and writes, again after a collision; an error of f changes nothing.
	Change(ctx context.Context, id string, f func(*Progress) error) (Progress, error)
}

// A Parties finds relying parties; rp.Cache is one.
type Parties interface {
	Party(ctx context.Context, id rp.ID) (*rp.Party, error)
}

// A Config is what a Desk works with.
type Config struct {
	Ring       *seal.Ring
	Box        Box
	Records    Store
	Parties    Parties
	Sessions   *session.Desk
	Atomically func(ctx context.Context, f func(Tx) error) error
	Now, Wall  func() time.Time
	// Life is how long a request waits for its citizen: an hour, unless set.
	Life time.Duration
	// Answerers end the requests of doors by name. "web" and "operator" are there already.
	Answerers map[string]Answerer
}

// A Desk leads requests through their steps.
type Desk struct {
	Config
	answerers map[string]Answerer
}

// New makes a Desk.
func New(c Config) *Desk {
	if c.Life == 0 {
		c.Life = time.Hour
	}
	d := &Desk{Config: c, answerers: map[string]Answerer{"web": own{"/account"}, "operator": own{"/operator"}}}
	for name, a := range c.Answerers {
		d.answerers[name] = a
	}
	return d
}

// Register adds the Answerer of a door, before the first request.
func (d *Desk) Register(door string, a Answerer) { d.answerers[door] = a }

// Start fills in what every request has: id, times. browser is the browser's secret.
func (d *Desk) Start(r *Request, browser string) {
	r.ID = session.NewBrowser("")
	r.Started, r.Deadline = d.Wall(), d.Now().Add(d.Life)
	r.Browser = session.HashBrowser(browser)
}

// Open returns a started request sealed, for the address of the first page: /login?tx=…. Nothing is kept
// yet: a store would fill with what anybody asks for and nobody goes on with.
func (d *Desk) Open(_ context.Context, r *Request) (tx string, err error) {
	tx, err = seal.SealJSON(d.Ring, transactionPurpose, r)
	if err != nil {
		return "", fmt.Errorf("signin: open: %w", err)
	}
	return tx, nil
}

// NewOwn opens a request of our own pages: door "web" or "operator", path the page to go to after.
func (d *Desk) NewOwn(ctx context.Context, door, path, lang, browser string) (tx string, err error) {
	if !OwnPath(path) {
		return "", fmt.Errorf("signin: not a page of ours: %w", fault.Invalid)
	}
	r := &Request{Door: door, Return: path, Lang: lang}
	d.Start(r, browser)
	return d.Open(ctx, r)
}

// Load opens a sealed request for the browser that it belongs to, and gathers the facts; Next says what
// comes. browser and sid are what the browser's cookies say.
func (d *Desk) Load(ctx context.Context, tx, browser string, sid session.ID) (*Facts, error) {
	r, err := seal.OpenJSON[Request](d.Ring, transactionPurpose, tx)
	if err != nil {
		return nil, fmt.Errorf("signin: load: %w", err)
	}
	f := &Facts{Request: &r, Now: d.Now(), Wall: d.Wall()}
	if f.Progress, err = d.Box.Load(ctx, r.ID); err != nil && !errors.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("signin: load: %w", err)
	}
	// Once somebody signed in, only the secret given then counts: whoever planted the one before, and
	// waits with a copy of the address, gets nothing.
	switch {
	case f.Progress.Browser != nil && !session.SameBrowser(browser, f.Progress.Browser),
		f.Progress.Browser == nil && !session.OnceBrowser(browser, r.Browser):
		return nil, ErrOtherBrowser
	}
	if f.Progress.Answered || !f.Now.Before(r.Deadline) {
		return nil, ErrStale
	}
	return f, d.Gather(ctx, f, sid, browser)
}

// keep changes the progress of a request. The first change makes its row, which stays until the request's
// deadline; of two first changes at once the second finds the row of the other.
func (d *Desk) keep(ctx context.Context, r *Request, f func(*Progress) error) (p Progress, err error) {
	for range 3 {
		if p, err = d.Box.Change(ctx, r.ID, f); !errors.Is(err, fault.NotFound) {
			return p, err
		}
		p = Progress{}
		if err := f(&p); err != nil {
			return Progress{}, err
		}
		if err = d.Box.Create(ctx, r.ID, p, r.Deadline); !errors.Is(err, fault.Exists) {
			return p, err
		}
	}
	return Progress{}, err
}

// Gather reads the party, the session, its account's standing and the consent: for a session, one trip. A
// session counts only beside the browser's present secret: cookies kept from before a renewal are nobody's.
func (d *Desk) Gather(ctx context.Context, f *Facts, sid session.ID, browser string) (err error) {
	if f.Request.Client != "" && f.Party == nil {
		if f.Party, err = d.Parties.Party(ctx, f.Request.Client); err != nil {
			return fmt.Errorf("signin: party: %w", err)
		}
	}
	if sid == "" {
		return nil
	}
	f.Session, f.Standing, f.Consent, err = d.Records.SignOn(ctx, sid, f.Request.Client)
	if errors.Is(err, fault.NotFound) || err == nil && !session.SameBrowser(browser, f.Session.Browser) {
		f.Session, f.Standing, f.Consent = nil, account.Standing{}, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("signin: session: %w", err)
	}
	return nil
}

// A Proof is a factor that somebody has just passed.
type Proof struct {
	Account *account.Account // as authn judged it
	Factor  string           // the amr value: pwd, otp
	Foreign bool             // "someone else's computer", with the first factor
	Device  string           // session.Device of the user agent
	Browser string           // the browser's present secret
}

// SignedIn is what the browser gets: Cookies.Write(w, Session, Browser, Left).
type SignedIn struct {
	Session *session.Session
	Browser string
	Left    time.Duration
}

// Passed records a factor. When it was the last one needed, a session is started, or the browser's own is
// renewed, and the browser's secret replaced; otherwise it returns nil, and Next will ask for the second.
// The second factor counts only after a first of the same account and epoch.
func (d *Desk) Passed(ctx context.Context, f *Facts, p Proof) (*SignedIn, error) {
	if p.Account.Lock.Locked(d.Now()) {
		return nil, ErrLocked
	}
	staff := f.Request.Door == "operator"
	if staff && p.Account.Credential.TOTP == nil {
		return nil, ErrNoFactor
	}
	progress, err := d.keep(ctx, f.Request, func(g *Progress) error {
		if g.Answered {
			return ErrStale
		}
		if p.Factor == "pwd" {
			*g = Progress{Account: p.Account.ID, Epoch: p.Account.Epoch, Foreign: p.Foreign, Second: p.Account.Credential.TOTP != nil}
		} else if g.Account != p.Account.ID || g.Epoch != p.Account.Epoch || len(g.Factors) != 1 {
			return ErrOutOfTurn
		}
		g.Factors, g.At = append(g.Factors, p.Factor), d.Wall()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("signin: passed %s: %w", p.Factor, err)
	}
	f.Progress = progress
	if f.NeedsFactor() {
		return nil, nil
	}
	return d.begin(ctx, f, p)
}

// begin starts or renews the session of a request whose factors are passed.
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
	err := d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.Account(ctx, f.Progress.Account)
		if err != nil {
			return err
		}
		if a.Epoch != f.Progress.Epoch {
			return ErrStale // the password was changed, or the account fell, while this page stood open
		}
		old := f.Session
		if old != nil && old.Account == a.ID && old.Kind == kind && old.Alive(a.Epoch, d.Now()) {
			s, err = d.Sessions.Renew(ctx, tx, old, a, amr, browser)
			return err
		}
		if old != nil && old.Ended.IsZero() {
			// Another person, or another kind: the session this browser had ends with its parties told.
			why := session.Why{Kind: audit.SignedOut, Reason: "replaced", Now: d.Now(), Wall: d.Wall()}
			if err := session.End(ctx, tx, session.Scope{Account: old.Account, Session: old.ID}, false, why); err != nil {
				return err
			}
		}
		s, err = d.Sessions.Begin(ctx, tx, a, kind, amr, browser, p.Device)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signin: begin the session: %w", err)
	}
	f.Progress, err = d.keep(ctx, f.Request, func(g *Progress) error {
		if g.Answered {
			return ErrStale
		}
		g.Session, g.Browser = s.ID, browser
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("signin: signed in: %w", err)
	}
	return &SignedIn{Session: s, Browser: secret, Left: s.Expires.Sub(d.Now())}, nil
}
