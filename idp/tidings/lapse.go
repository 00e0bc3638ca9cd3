package tidings

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
)

// warning is how long before the day the citizen hears of it.
const warning = 30

// lapse looks at the document of an account: it puts itself off until the day is near, warns, and on the
// day lowers the account (domain: a passport lapses at 20 and 45 years of age). It is enqueued by every
// agreement of the registries, and looks anew each time: of a changed document the earlier day means nothing.
func (d *Desk) lapse(ctx context.Context, ref string) error {
	id, err := account.ParseID(ref)
	if err != nil {
		return fmt.Errorf("tidings: lapse: %w: %w", job.ErrGiveUp, err)
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.Account(ctx, id)
		if errors.Is(err, fault.NotFound) {
			return nil // erased
		}
		if err != nil {
			return err
		}
		p := a.Profile.Person
		if a.Level < account.Standard || p.Document == nil || !a.Lock.Deceased.IsZero() {
			return nil // the next agreement looks again
		}
		day := p.Document.LapsesOn(p.BirthDate)
		if day.IsZero() {
			return nil
		}
		today := civil.DateOf(d.Now().In(d.Zone))
		switch warn := day.AddDays(-warning); {
		case today.Before(warn):
			return d.lookAgain(ctx, tx, id, warn)
		case today.Before(day):
			if err := d.warn(ctx, tx, a, day); err != nil {
				return err
			}
			return d.lookAgain(ctx, tx, id, day)
		}
		_, err = d.lower(ctx, tx, id, "document_lapsed", nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("tidings: lapse: %w", err)
	}
	return nil
}

func (d *Desk) midnight(day civil.Date) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, d.Zone)
}

func (d *Desk) lookAgain(ctx context.Context, tx job.Queue, id account.ID, on civil.Date) error {
	return tx.EnqueueAt(ctx, d.midnight(on), job.Job{Kind: registry.JobLapse, Ref: id.String()})
}

// warn tells the citizen once of each such day.
func (d *Desk) warn(ctx context.Context, tx Tx, a *account.Account, day civil.Date) error {
	if a.Profile.Lapsing == day {
		return nil
	}
	a, err := tx.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Profile.Lapsing = day; return nil })
	if err != nil {
		return err
	}
	return d.Notices.Tell(ctx, tx, a, notice.DocumentLapsing, notice.With{Until: d.midnight(day)})
}
