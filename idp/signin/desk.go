package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
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
	// See returns the value and the mark of its state, or the zero value and the zero Mark.
	See(ctx context.Context, id string) (Progress, transient.Mark, error)
	// Save keeps a value if the state is still the marked one; otherwise fault.Conflict. What has to be
	// written also goes in the same trip, whatever becomes of the value.
	Save(ctx context.Context, id string, p Progress, seen transient.Mark, deadline time.Time, also ...transient.Change) error
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
	if f.Progress, f.seen, err = d.Box.See(ctx, r.ID); err != nil {
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

// collisions is how often a change of progress is tried against others: tabs of one browser.
const collisions = 50

// keep changes the progress of a request, in one trip unless another tab changed it since it was read: then
// set runs again on what stands now, so it must be pure. The first change makes the row, which stays until
// the request's deadline. An error of set changes nothing.
func (d *Desk) keep(ctx context.Context, f *Facts, set func(*Progress) error, also ...transient.Change) error {
	p, seen := f.Progress, f.seen
	for range collisions {
		if err := set(&p); err != nil {
			return err
		}
		err := d.Box.Save(ctx, f.Request.ID, p, seen, f.Request.Deadline, also...)
		if err == nil {
			f.Progress, f.seen = p, transient.Mark{} // what it is now the next change will see
			return nil
		}
		if !errors.Is(err, fault.Conflict) {
			return err
		}
		also = nil // written
		if p, seen, err = d.Box.See(ctx, f.Request.ID); err != nil {
			return err
		}
	}
	return fmt.Errorf("signin: too many tabs at once: %w", fault.Conflict)
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
