package recall

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
)

// Handlers gives the jobs of recalls.
func (d *Desk) Handlers() job.Handlers {
	return job.Handlers{JobCount: d.count, JobRun: d.run}
}

// stuckPause is after what time accounts that could not be treated are tried again.
const stuckPause = time.Minute

// A pass is one direction of a recall: which items are due, in what state of the recall, and what is done.
type pass struct {
	during State
	due    ItemState
	treat  func(ctx context.Context, tx Tx, r *Recall, i *Item) error
}

func (d *Desk) passOf(s State) (pass, bool) {
	switch s {
	case Running:
		return pass{Running, Pending, d.take}, true
	case Undoing:
		return pass{Undoing, Treated, d.giveBack}, true
	}
	return pass{}, false
}

// run carries a recall or its undo some way, and comes again until it is through. It may run twice at a
// time, after a node was given up that lives: the locks of items and their states keep every account to
// one treatment.
func (d *Desk) run(ctx context.Context, ref string) error {
	r, err := d.Store.Recall(ctx, ID(ref))
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recall: run: %w", err)
	}
	p, ok := d.passOf(r.State)
	if !ok {
		return nil
	}
	if r.State == Running {
		// Again at each coming: what was being confirmed while the window closed is there by the last one.
		err := d.Atomically(ctx, func(tx Tx) error { _, err := tx.Gather(ctx, r.ID, r.Filter); return err })
		if err != nil {
			return fmt.Errorf("recall: gather: %w", err)
		}
	}
	left, err := d.pass(ctx, r, p)
	if err != nil {
		return fmt.Errorf("recall: run: %w", err)
	}
	if left {
		return job.Again{}
	}
	if p.during == Running {
		fresh, err := d.gatherUnused(ctx, r)
		if err != nil {
			return err
		}
		if fresh > 0 {
			return job.Again{}
		}
	}
	return d.finish(ctx, r, p)
}

// pass treats up to a batch of accounts, some lanes at a time; left tells that the batch was full.
func (d *Desk) pass(ctx context.Context, r *Recall, p pass) (left bool, err error) {
	var done atomic.Int64
	var lanes sync.WaitGroup
	errs := make([]error, d.Lanes)
	for i := range d.Lanes {
		lanes.Go(func() {
			after := account.ID(0)
			for errs[i] == nil && done.Load() < int64(d.Batch) {
				n, last, err := d.chunk(ctx, r, p, after)
				if errs[i] = err; n == 0 {
					return
				}
				after = last
				done.Add(int64(n))
			}
		})
	}
	lanes.Wait()
	return done.Load() >= int64(d.Batch), errors.Join(errs...)
}

// errOver ends a lane whose recall is in another state by now.
var errOver = errors.New("recall: over")

// chunk treats the next accounts in one transaction. If that fails for another reason than the end of the
// run, each is tried by itself, so that one broken account does not keep the others; it stays due.
func (d *Desk) chunk(ctx context.Context, r *Recall, p pass, after account.ID) (n int, last account.ID, err error) {
	var taken []account.ID
	err = d.Atomically(ctx, func(tx Tx) error {
		taken = nil
		if err := stands(ctx, tx, r, p); err != nil {
			return err
		}
		items, err := tx.TakeItems(ctx, r.ID, p.due, after, d.Chunk)
		if err != nil {
			return err
		}
		for _, i := range items {
			taken = append(taken, i.Account)
		}
		for _, i := range items {
			if err := d.settle(ctx, tx, r, p, i); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, errOver):
		return 0, 0, nil
	case ctx.Err() != nil:
		return 0, 0, ctx.Err()
	case err != nil && len(taken) == 0:
		return 0, 0, err
	case err != nil:
		if err := d.singly(ctx, r, p, taken); err != nil {
			return 0, 0, err
		}
	}
	if len(taken) == 0 {
		return 0, 0, nil
	}
	return len(taken), taken[len(taken)-1], nil
}

// stands makes sure that the recall is still in the state that this pass is for, and stays so.
func stands(ctx context.Context, tx Tx, r *Recall, p pass) error {
	s, err := tx.StandRecall(ctx, r.ID)
	if err == nil && s != p.during {
		return errOver
	}
	return err
}

func (d *Desk) settle(ctx context.Context, tx Tx, r *Recall, p pass, i Item) error {
	if err := p.treat(ctx, tx, r, &i); err != nil {
		return err
	}
	return tx.SettleItem(ctx, r.ID, i)
}

func (d *Desk) singly(ctx context.Context, r *Recall, p pass, accounts []account.ID) error {
	for _, a := range accounts {
		err := d.Atomically(ctx, func(tx Tx) error {
			if err := stands(ctx, tx, r, p); err != nil {
				return err
			}
			items, err := tx.TakeItems(ctx, r.ID, p.due, a-1, 1)
			if err != nil || len(items) == 0 || items[0].Account != a {
				return err
			}
			return d.settle(ctx, tx, r, p, items[0])
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !errors.Is(err, errOver) {
			d.Log.ErrorContext(ctx, "an account could not be treated", "recall", string(r.ID), "account", a.String(), "error", err)
		}
	}
	return nil
}

// take holds what the recall takes of an account, and makes its unused code void. The event and the messages are written with it.
func (d *Desk) take(ctx context.Context, tx Tx, r *Recall, i *Item) error {
	i.State = Treated
	order := confirm.Order{
		Account: i.Account, Actor: r.Approved.By, Why: notice.WhyRecall, Reason: "recall", Detail: map[string]string{"recall": string(r.ID)},
		Patient: true, Now: d.Now(), Wall: d.Wall(),
	}
	a, held, err := confirm.HoldBack(ctx, tx, d.Notices, confirm.Holding{Order: order, By: r.ID.Holder(), Which: r.Takes})
	if errors.Is(err, fault.NotFound) {
		return nil // erased since
	}
	if err != nil {
		return err
	}
	if len(held.Confirmations) > 0 {
		i.Outcome = Outcome{Held: held.Confirmations, From: held.From, To: a.Level, VerifiedAt: held.VerifiedAt, Fell: held.Fell}
	}
	i.Voided, err = d.void(ctx, tx, r, order)
	return err
}

// giveBack releases what the recall held of an account.
func (d *Desk) giveBack(ctx context.Context, tx Tx, r *Recall, i *Item) error {
	i.State = Back
	if len(i.Held) == 0 {
		return nil
	}
	_, _, err := confirm.Release(ctx, tx, d.Notices, confirm.Releasing{
		Order: confirm.Order{
			Account: i.Account, Actor: r.Undo.By, Reason: "recall_undone", Detail: map[string]string{"recall": string(r.ID)},
			Patient: true, Now: d.Now(), Wall: d.Wall(),
		},
		By: r.ID.Holder(), VerifiedAt: i.VerifiedAt,
	})
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// finish closes a recall or its undo when nothing is due any more, and otherwise comes again later.
func (d *Desk) finish(ctx context.Context, r *Recall, p pass) error {
	var due int
	err := d.Atomically(ctx, func(tx Tx) error {
		due = 0
		_, err := tx.ChangeRecall(ctx, r.ID, func(r *Recall) error {
			if r.State != p.during {
				return errOver
			}
			if p.during == Running {
				if _, err := tx.Gather(ctx, r.ID, r.Filter); err != nil {
					return err
				}
			}
			n, err := tx.Progress(ctx, r.ID)
			if err != nil {
				return err
			}
			if due = n.Pending; p.during == Undoing {
				due = n.Treated
			}
			if due > 0 {
				return errOver
			}
			if p.during == Running {
				r.State, r.Finished = Done, d.Wall()
			} else {
				r.State, r.UndoneAt = Undone, d.Wall()
			}
			return nil
		})
		if err != nil {
			return err
		}
		step := "finished"
		if p.during == Undoing {
			step = "undone"
		}
		return d.record(ctx, tx, r, step, 0)
	})
	switch {
	case errors.Is(err, errOver) && due > 0:
		d.Log.WarnContext(ctx, "a recall is not through yet", "recall", string(r.ID), "accounts", due)
		return job.Again{After: stuckPause}
	case errors.Is(err, errOver):
		return nil
	case err != nil:
		return fmt.Errorf("recall: finish: %w", err)
	}
	return nil
}
