package tidings

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/session"
)

// JobRead is the kind of the job that reads a feed; its ref is the bureau. Reading puts the next one off.
const JobRead = "registry_notices"

// Config is what a Desk works with.
type Config struct {
	Store      Store
	Atomically func(ctx context.Context, f func(Tx) error) error
	Feeds      map[registry.Bureau]Feed
	Notices    *notice.Notices
	Now, Wall  func() time.Time
	Zone       *time.Location // where days begin; nil means Moscow
	Log        *slog.Logger

	Every time.Duration // between two readings of a feed; a minute
}

// A Desk reads the feeds and acts on them.
type Desk struct{ Config }

// New makes a desk.
func New(c Config) *Desk {
	if c.Every == 0 {
		c.Every = time.Minute
	}
	if c.Zone == nil {
		c.Zone = time.FixedZone("MSK", 3*60*60)
	}
	return &Desk{c}
}

// Handlers gives the jobs of feeds and of lapsing documents.
func (d *Desk) Handlers() job.Handlers {
	return job.Handlers{JobRead: d.read, registry.JobLapse: d.lapse}
}

// Start has every feed read from now on. Whoever starts beside others, or again, changes nothing by it.
func (d *Desk) Start(ctx context.Context) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		for b := range d.Feeds {
			if err := d.next(ctx, tx, b, d.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("tidings: start: %w", err)
	}
	return nil
}

func (d *Desk) next(ctx context.Context, tx job.Queue, b registry.Bureau, at time.Time) error {
	return tx.EnqueueAt(ctx, at, job.Job{Kind: JobRead, Ref: string(b)})
}

// pagesAtOnce bounds one reading: a feed that never ends must not keep a worker.
const pagesAtOnce = 20

// read reads a feed from where it was left off, to its end, and puts the next reading off.
func (d *Desk) read(ctx context.Context, ref string) error {
	b := registry.Bureau(ref)
	feed := d.Feeds[b]
	if feed == nil {
		return nil // a registry of another configuration
	}
	err := d.follow(ctx, b, feed)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	pause := d.Every
	switch {
	case errors.Is(err, fault.NotFound):
		pause = max(pause, time.Hour) // it keeps no feed, or not yet
	case errors.Is(err, fault.Unavailable):
		d.Log.WarnContext(ctx, "registry in trouble", "registry", ref, "trouble", outside.CodeOf(err))
	case err != nil:
		d.Log.ErrorContext(ctx, "notices of a registry not read", "registry", ref, "error", err)
	}
	err = d.Atomically(ctx, func(tx Tx) error { return d.next(ctx, tx, b, d.Now().Add(pause)) })
	if err != nil {
		return fmt.Errorf("tidings: put off: %w", err)
	}
	return nil
}

// follow acts on what is new. A notice that cannot be acted on now is tried again: the others are read
// nevertheless, and the next reading begins at it again, until it was tried often enough.
func (d *Desk) follow(ctx context.Context, b registry.Bureau, feed Feed) error {
	cursor, err := d.Store.FeedCursor(ctx, b)
	if err != nil {
		return err
	}
	whole := true
	for range pagesAtOnce {
		page, err := feed.Notices(ctx, cursor)
		if err != nil {
			return err
		}
		for _, n := range page.Notices {
			if err := d.take(ctx, b, n); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				d.Log.ErrorContext(ctx, "a notice could not be acted on", "registry", string(b), "notice", n.ID, "error", err)
				if !d.giveUp(ctx, b, n, err) {
					whole = false
				}
			}
		}
		moved := page.Next != "" && page.Next != cursor
		if moved && whole {
			err := d.Atomically(ctx, func(tx Tx) error { return tx.SaveFeedCursor(ctx, b, page.Next) })
			if err != nil {
				return err
			}
		}
		if !page.More || !moved {
			return nil
		}
		cursor = page.Next
	}
	return nil
}

// take acts on one notice, once.
func (d *Desk) take(ctx context.Context, b registry.Bureau, n Notice) error {
	return d.Atomically(ctx, func(tx Tx) error {
		fresh, err := tx.NoteTiding(ctx, b, n.ID, d.Now())
		if err != nil || !fresh {
			return err
		}
		outcome, err := Unread, error(nil)
		switch {
		case n.Kind == Annulled && b == registry.Interior:
			outcome, err = d.annul(ctx, tx, n)
		case n.Kind == Deceased && b == registry.Pension:
			outcome, err = d.bury(ctx, tx, n)
		}
		if err != nil {
			return err
		}
		if outcome == Mismatch || outcome == Unread {
			d.Log.WarnContext(ctx, "a notice for people to look into", "registry", string(b), "notice", n.ID, "outcome", outcome)
		}
		return tx.SettleTiding(ctx, b, n.ID, outcome)
	})
}

// mostTries is how often a notice is tried that fails. One that would always fail must not keep the feed at
// its place: what lies more than pagesAtOnce behind it would never be heard.
const mostTries = 5

// giveUp counts a try that failed, and tells whether it was the last. Trouble of somebody else, our database
// included, is not the notice's and counts for nothing.
func (d *Desk) giveUp(ctx context.Context, b registry.Bureau, n Notice, why error) bool {
	if errors.Is(why, fault.Unavailable) {
		return false
	}
	over := false
	err := d.Atomically(ctx, func(tx Tx) error {
		over = true
		open, err := tx.NoteTiding(ctx, b, n.ID, d.Now())
		if err != nil || !open { // somebody else was luckier
			return err
		}
		so, err := tx.Tiding(ctx, b, n.ID)
		if err != nil {
			return err
		}
		tries, _ := strconv.Atoi(strings.TrimPrefix(so, Trying)) // none: it is new
		if tries++; tries < mostTries {
			over = false
			return tx.SettleTiding(ctx, b, n.ID, Trying+strconv.Itoa(tries))
		}
		d.Log.ErrorContext(ctx, "a notice for people to look into", "registry", string(b), "notice", n.ID, "outcome", Failed)
		return tx.SettleTiding(ctx, b, n.ID, Failed)
	})
	if err != nil {
		d.Log.ErrorContext(ctx, "a notice could not be written down", "registry", string(b), "notice", n.ID, "error", err)
	}
	return err == nil && over
}

// sameDocument is how many accounts may have one document: unchecked ones copy it freely.
const sameDocument = 50

// annul lowers whoever has the document. An account below standard has nothing that rests on it.
func (d *Desk) annul(ctx context.Context, tx Tx, n Notice) (string, error) {
	ids, err := tx.FindAccounts(ctx, account.ByDocument, n.Document.Key(), sameDocument)
	if err != nil {
		return "", err
	}
	outcome := Nobody
	for _, id := range ids {
		lowered, err := d.lower(ctx, tx, id, "document_annulled", map[string]string{"registry": string(registry.Interior), "notice": n.ID})
		if err != nil {
			return "", err
		}
		if lowered {
			outcome = Lowered
		} else if outcome == Nobody {
			outcome = Standing
		}
	}
	return outcome, nil
}

// lower takes an account down for its document's sake, unless it is down already.
func (d *Desk) lower(ctx context.Context, tx Tx, id account.ID, reason string, detail map[string]string) (bool, error) {
	a, err := tx.Account(ctx, id)
	if err != nil || a.Level < account.Standard {
		return false, err
	}
	_, err = confirm.Lower(ctx, tx, d.Notices, confirm.Lowering{
		Account: id, To: account.Simplified, Why: notice.WhyDocument, Reason: reason, Detail: detail, Now: d.Now(), Wall: d.Wall(),
	})
	return err == nil, err
}

// Holder is under which name the confirmations of a closed account are held.
const Holder = "deceased"

// bury closes the accounts of somebody who has died, those too whose document was annulled before: the
// registries do not tell us in the order of life. Nobody is written to: the contacts were the person's.
func (d *Desk) bury(ctx context.Context, tx Tx, n Notice) (string, error) {
	ids, err := tx.FindAccounts(ctx, account.BySNILS, n.SNILS.String(), sameDocument)
	if err != nil {
		return "", err
	}
	// What is for people to look into is not lost behind what was done.
	rank := map[string]int{Nobody: 0, Standing: 1, Closed: 2, Mismatch: 3}
	outcome := Nobody
	for _, id := range ids {
		one, err := d.close(ctx, tx, id, n)
		if err != nil {
			return "", err
		}
		if rank[one] > rank[outcome] {
			outcome = one
		}
	}
	return outcome, nil
}

// close closes one account of somebody who has died. The birth date must be the person's.
func (d *Desk) close(ctx context.Context, tx Tx, id account.ID, n Notice) (string, error) {
	a, err := tx.Account(ctx, id)
	switch {
	case err != nil:
		return "", err
	case a.Profile.Person.BirthDate != n.BirthDate:
		return Mismatch, nil
	case !a.Lock.Deceased.IsZero():
		return Standing, nil
	}
	wall := d.Wall()
	a, err = session.Fall(ctx, tx, a.ID, func(a *account.Account) error {
		epoch := a.Epoch
		a.Lock.Deceased = wall
		for _, c := range a.Confirmations {
			if err := a.Hold(c.ID, Holder, wall); err != nil {
				return err
			}
		}
		if a.Epoch == epoch { // it had nothing to lose, and what was issued ends all the same
			a.Renew()
		}
		return nil
	}, session.Why{
		Kind: audit.Deceased, Reason: "registry", Detail: map[string]string{"registry": string(registry.Pension), "notice": n.ID}, Now: d.Now(), Wall: wall,
	})
	if err != nil {
		return "", err
	}
	return Closed, confirm.Fallen(ctx, tx, a.ID, d.Now(), wall)
}

// Reopen opens the account of somebody who was reported deceased and is not, in the transaction tx: an
// administrator's decision. Its confirmations count again, all contacts are told; what had ended stays
// ended. ErrOpen if it is not closed.
func Reopen(ctx context.Context, tx Tx, n *notice.Notices, o confirm.Order) (*account.Account, error) {
	a, err := tx.ChangeAccount(ctx, o.Account, func(a *account.Account) error {
		if a.Lock.Deceased.IsZero() {
			return ErrOpen
		}
		a.Lock.Deceased = time.Time{}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("tidings: reopen: %w", err)
	}
	e := audit.Event{At: o.Wall, Kind: audit.Reopened, Account: a.ID, Actor: o.Actor, Reason: o.Reason, Detail: o.Detail, Request: o.Request}
	if err := tx.RecordEvent(ctx, e); err != nil {
		return nil, fmt.Errorf("tidings: reopen: %w", err)
	}
	o.Quietly = true
	if a, _, err = confirm.Release(ctx, tx, n, confirm.Releasing{Order: o, By: Holder}); err != nil {
		return nil, fmt.Errorf("tidings: reopen: %w", err)
	}
	if err := n.Tell(ctx, tx, a, notice.Reopened, notice.With{Level: a.Level}); err != nil {
		return nil, fmt.Errorf("tidings: reopen: %w", err)
	}
	return a, nil
}
