package wish

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
)

// A Reader is what a Desk reads.
type Reader interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	Party(ctx context.Context, id rp.ID) (*rp.Party, error)
	Grants(ctx context.Context, a account.ID) ([]*grant.Grant, error)
	Wishes(ctx context.Context, a account.ID) ([]*Wish, error)
}

// A Tx is what is written together.
type Tx interface {
	Store
	notice.Outbox
}

// Config is what a Desk works with.
type Config struct {
	Read       Reader
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       transient.Sealer
	Notices    *notice.Notices
	Now, Wall  func() time.Time
}

// A Desk remembers wishes and looks after them.
type Desk struct {
	Config
	waiting *transient.Box[waiting]
}

// waiting is a refused request, as its address carries it: sealed, and bound to its browser.
type waiting struct {
	Tx     string `json:"tx"`
	Client rp.ID  `json:"client"`
}

// New makes a Desk.
func New(c Config) *Desk {
	return &Desk{Config: c, waiting: transient.NewBox[waiting](c.Transients, c.Ring, "wish_waiting", c.Now)}
}

// Remember keeps a refused request for its session, and the wish behind it. The citizen has chosen a way up.
func (d *Desk) Remember(ctx context.Context, f *signin.Facts, tx string) error {
	if f.Party == nil || f.Session == nil {
		return fmt.Errorf("wish: nobody was refused anything: %w", fault.Invalid)
	}
	if err := d.waiting.Put(ctx, string(f.Session.ID), waiting{tx, f.Party.ID}, f.Request.Deadline); err != nil {
		return fmt.Errorf("wish: keep the request: %w", err)
	}
	now := d.Now()
	w := &Wish{Account: f.Session.Account, Client: f.Party.ID, Demand: f.Request.Demand, First: now, At: now}
	if err := d.Atomically(ctx, func(tx Tx) error { return tx.SaveWish(ctx, w) }); err != nil {
		return fmt.Errorf("wish: remember: %w", err)
	}
	return nil
}

// Waiting gives the sealed request that waits for a session, and whose it is; "" when none does. Whether it
// can go on is the sign-in desk's to say.
func (d *Desk) Waiting(ctx context.Context, s session.ID) (tx string, client rp.ID, err error) {
	w, err := d.waiting.Load(ctx, string(s))
	if errors.Is(err, fault.NotFound) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("wish: waiting: %w", err)
	}
	return w.Tx, w.Client, nil
}

// A Standing is a wish as it stands for its citizen now. What a demand asks of the sign-in itself is met
// there, and counts as met.
type Standing struct {
	*Wish
	Party    *rp.Party
	Decision policy.Decision
}

// Standings are the open wishes of an account, the newest first. Those that were fulfilled since, or whose
// party is gone, are left out.
func (d *Desk) Standings(ctx context.Context, a *account.Account) ([]Standing, error) {
	all, err := d.Read.Wishes(ctx, a.ID)
	if err != nil {
		return nil, fmt.Errorf("wish: standings: %w", err)
	}
	now, wall := d.Now(), d.Wall()
	var grants []*grant.Grant
	var out []Standing
	for _, w := range all {
		if !w.Open(now) {
			continue
		}
		p, err := d.Read.Party(ctx, w.Client)
		if errors.Is(err, fault.NotFound) || err == nil && p.Disabled {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("wish: standings: %w", err)
		}
		if grants == nil { // most citizens wish nothing
			if grants, err = d.Read.Grants(ctx, a.ID); err != nil {
				return nil, fmt.Errorf("wish: standings: %w", err)
			}
		}
		fulfilled := false
		for _, g := range grants {
			fulfilled = fulfilled || w.Fulfilled(g, p, wall)
		}
		if fulfilled {
			continue
		}
		s := policy.Subject{Assurance: a.Assurance(now), AMR: policy.Strongest(), Locks: a.Locks}
		out = append(out, Standing{w, p, policy.Decide(s, wall, p.Policy, w.Demand)})
	}
	return out, nil
}

// Forget closes a wish that its citizen gave up. One that is not there is forgotten.
func (d *Desk) Forget(ctx context.Context, a account.ID, client rp.ID) error {
	now := d.Now()
	err := d.Atomically(ctx, func(tx Tx) error {
		_, err := tx.ChangeWish(ctx, ID(a, client), func(w *Wish) error { w.Closed = now; return nil })
		return err
	})
	if err != nil && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("wish: forget: %w", err)
	}
	return nil
}

// Handlers gives the job that looks after a rise.
func (d *Desk) Handlers() job.Handlers { return job.Handlers{JobRose: d.rose} }

// rose tells a citizen where they wanted to go and may go now, each once.
func (d *Desk) rose(ctx context.Context, ref string) error {
	id, err := account.ParseID(ref)
	if err != nil {
		return fmt.Errorf("wish: rose: %w: %w", err, job.ErrGiveUp)
	}
	a, err := d.Read.Account(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("wish: rose: %w", err)
	}
	all, err := d.Standings(ctx, a)
	if err != nil {
		return err
	}
	for _, s := range all {
		if !s.Decision.Met || !s.Told.IsZero() {
			continue
		}
		if err := d.tell(ctx, a, s); err != nil {
			return fmt.Errorf("wish: rose: %w", err)
		}
	}
	return nil
}

// errTold ends a transaction that another one has done.
var errTold = fmt.Errorf("wish: told already: %w", fault.Conflict)

func (d *Desk) tell(ctx context.Context, a *account.Account, s Standing) error {
	now := d.Now()
	err := d.Atomically(ctx, func(tx Tx) error {
		_, err := tx.ChangeWish(ctx, ID(s.Account, s.Client), func(w *Wish) error {
			if !w.Told.IsZero() || !w.Open(now) {
				return errTold
			}
			w.Told = now
			return nil
		})
		if err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.WishOpen, notice.With{Service: s.Party.NameIn(a.Lang)})
	})
	if errors.Is(err, errTold) || errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
