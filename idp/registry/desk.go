package registry

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

var (
	// ErrUnchanged reports an application with data that the registries have agreed with already.
	ErrUnchanged = fmt.Errorf("registry: the data is checked already: %w", fault.Exists)
	// ErrRestricted reports an application from an account that a recovery through one contact holds down:
	// whoever recovered it must not change who it belongs to.
	ErrRestricted = fmt.Errorf("registry: the account is restricted after a recovery: %w", fault.Denied)
	// ErrTooMany reports more applications than a citizen needs: the registries are no oracle.
	ErrTooMany = errors.New("registry: too many applications")
)

// The kinds of jobs. The ref of each is an application's id.
const (
	JobPension  = "registry_pension"
	JobInterior = "registry_interior"
	JobTax      = "registry_tax"
	JobSettle   = "registry_settle"  // a refusal has waited long enough for the other registry
	JobDelayed  = "registry_delayed" // hours have passed: explain
	JobOverdue  = "registry_overdue" // five days have passed: close
)

// JobLapse is the kind of the job that watches the day on which an agreed document lapses; its ref is the
// account. Package tidings does it, and whoever has an account agree enqueues it.
const JobLapse = "document_lapse"

// A Tx is the transaction in which an application changes.
type Tx interface {
	Store
	session.Tx
	job.Queue
	notice.Outbox
	Account(ctx context.Context, id account.ID) (*account.Account, error)
}

// A Counter counts hits within a window; transient.Store is one.
type Counter interface {
	Count(ctx context.Context, kind, id string, add int, now time.Time, window time.Duration) (sum int, ends time.Time, err error)
}

// Config is what a Desk works with. Durations that are zero take the values of the domain.
type Config struct {
	Store interface {
		Store
		Account(ctx context.Context, id account.ID) (*account.Account, error)
	}
	Atomically func(ctx context.Context, f func(Tx) error) error
	Counter    Counter // nil: applications are not counted
	Pension    Checker
	Interior   Checker
	Tax        Checker
	Notices    *notice.Notices
	Now, Wall  func() time.Time
	Zone       *time.Location // where the citizens are; nil means Moscow
	Log        *slog.Logger

	Term         time.Duration // until an application is overdue; 5 days
	DelayedAfter time.Duration // until a silence is explained; 3 hours
	Gather       time.Duration // how long a refusal waits for the other registry's answer; 10 seconds
	FirstPause   time.Duration // between the first two questions to a registry; 2 seconds
	LongestPause time.Duration // the pauses double up to this; 10 minutes
	PerDay       int           // applications an account may file in a day; 10
	AtOnce       int           // questions to one registry at a time, on a node; 4
}

// A Desk takes applications and sees them through.
type Desk struct {
	Config
	gates map[Bureau]job.Gate
}

// New makes a desk.
func New(c Config) *Desk {
	usual := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	usual(&c.Term, 5*24*time.Hour)
	usual(&c.DelayedAfter, 3*time.Hour)
	usual(&c.Gather, 10*time.Second)
	usual(&c.FirstPause, 2*time.Second)
	usual(&c.LongestPause, 10*time.Minute)
	if c.PerDay == 0 {
		c.PerDay = 10
	}
	if c.Zone == nil {
		c.Zone = moscow
	}
	if c.AtOnce == 0 {
		c.AtOnce = 4
	}
	gates := map[Bureau]job.Gate{}
	for _, b := range []Bureau{Pension, Interior, Tax} {
		gates[b] = job.NewGate(c.AtOnce)
	}
	return &Desk{c, gates}
}

// Submit files an application with a citizen's data. It ends the running one; the account's own data
// stays as it is until the verdict.
func (d *Desk) Submit(ctx context.Context, id account.ID, p account.Person, lang string) (*Application, error) {
	if err := Whole(p, d.today()); err != nil {
		return nil, err
	}
	now := d.Now()
	if d.Counter != nil {
		sum, ends, err := d.Counter.Count(ctx, "applications", id.String(), 1, now, 24*time.Hour)
		if err != nil {
			return nil, fmt.Errorf("registry: submit: %w", err)
		}
		if sum > d.PerDay {
			return nil, fault.RetryAfter{Err: ErrTooMany, After: ends.Sub(now)}
		}
	}
	p.INN = civil.INN{} // never the citizen's to say
	app := &Application{
		ID: rand.Text(), Number: number(), Account: id, Person: p, State: Running, Filed: now, Deadline: now.Add(d.Term),
		Checks: map[Bureau]Check{Pension: {}, Interior: {}, Tax: {}},
	}
	err := d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.Account(ctx, id)
		if err != nil {
			return err
		}
		if now.Before(a.RestrictedUntil) {
			return ErrRestricted
		}
		if !a.Locks.Frozen.IsZero() {
			return lock.ErrFrozen
		}
		if a.Level >= account.Standard && samePaper(a.Profile.Person, p) {
			return ErrUnchanged
		}
		if err := tx.FileApplication(ctx, app); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, job.Job{Kind: JobPension, Ref: app.ID}, job.Job{Kind: JobInterior, Ref: app.ID}); err != nil {
			return err
		}
		if err := tx.EnqueueAt(ctx, app.Deadline, job.Job{Kind: JobOverdue, Ref: app.ID}); err != nil {
			return err
		}
		if d.DelayedAfter < d.Term {
			if err := tx.EnqueueAt(ctx, now.Add(d.DelayedAfter), job.Job{Kind: JobDelayed, Ref: app.ID}); err != nil {
				return err
			}
		}
		if err := d.record(ctx, tx, app, audit.ApplicationFiled, ""); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.ApplicationFiled, notice.With{Number: app.Number, Until: app.Deadline, Lang: lang})
	})
	if err != nil {
		return nil, fmt.Errorf("registry: submit: %w", err)
	}
	return app, nil
}

// samePaper tells whether two sets of data are equal in all that the registries compare.
func samePaper(a, b account.Person) bool {
	if a.Document == nil || b.Document == nil || *a.Document != *b.Document {
		return false
	}
	a.Document, b.Document, a.INN, b.INN = nil, nil, civil.INN{}, civil.INN{}
	return a == b
}

// Handlers gives the jobs of applications.
func (d *Desk) Handlers() job.Handlers {
	return job.Handlers{
		JobPension:  d.asks(Pension),
		JobInterior: d.asks(Interior),
		JobTax:      d.asks(Tax),
		JobSettle:   d.settleRefusal,
		JobDelayed:  d.explain,
		JobOverdue:  d.overdue,
	}
}

// asks is the job that asks one registry, through its gate.
func (d *Desk) asks(b Bureau) job.Handler {
	return func(ctx context.Context, ref string) error {
		return d.gates[b].Pass(func() error { return d.check(ctx, ref, b) })
	}
}

func (d *Desk) checker(b Bureau) (Checker, string) {
	switch b {
	case Pension:
		return d.Pension, JobPension
	case Interior:
		return d.Interior, JobInterior
	}
	return d.Tax, JobTax
}

// pause doubles with every attempt.
func (d *Desk) pause(attempts int) time.Duration {
	p := d.FirstPause
	for range attempts - 1 {
		if p *= 2; p >= d.LongestPause {
			return d.LongestPause
		}
	}
	return p
}

func (d *Desk) record(ctx context.Context, tx Tx, app *Application, kind audit.Kind, reason string) error {
	return tx.RecordEvent(ctx, audit.Event{At: d.Wall(), Kind: kind, Account: app.Account, Reason: reason, Detail: map[string]string{"application": app.ID}})
}

// number draws the number that people use, such as 4417-0926.
func number() string {
	var b [8]byte
	rand.Read(b[:])
	hi, _ := bits.Mul64(binary.BigEndian.Uint64(b[:]), 100_000_000)
	return fmt.Sprintf("%04d-%04d", hi/10_000, hi%10_000)
}
