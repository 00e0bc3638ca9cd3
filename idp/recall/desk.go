package recall

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/rp"
)

// The kinds of jobs. The ref of each is a recall's id.
const (
	JobCount = "recall_count"
	JobRun   = "recall_run" // the recall or its undo, whichever the state says
)

// Config is what a Desk works with.
type Config struct {
	Store interface {
		Store
		Member(ctx context.Context, a account.ID) (*centre.Member, error)
	}
	Atomically func(ctx context.Context, f func(Tx) error) error
	Parties    interface {
		Parties(ctx context.Context) ([]*rp.Party, error)
	}
	Notices   *notice.Notices
	Now, Wall func() time.Time
	Log       *slog.Logger

	Chunk int // accounts in a transaction; 10
	Lanes int // transactions at a time, on a node; 2
	Batch int // accounts until the job lets others run; 2000
}

// A Desk drafts, counts and runs recalls.
type Desk struct{ Config }

// New makes a desk.
func New(c Config) *Desk {
	usual := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	usual(&c.Chunk, 10)
	usual(&c.Lanes, 2)
	usual(&c.Batch, 2000)
	return &Desk{c}
}

// A Plan is what a recall is drafted from.
type Plan struct {
	Filter
	Reason string
}

const longestReason = 300

// check says what is wrong with a plan. A window must be over: whoever still confirms is stopped first, or
// the count would grow under the eyes of who approves it.
func (d *Desk) check(p *Plan) error {
	var wrong fault.Fields
	p.Value, p.Reason = strings.TrimSpace(p.Value), strings.TrimSpace(p.Reason)
	known := false
	for _, k := range Kinds() {
		known = known || k == p.Kind
	}
	switch {
	case !known || p.Value == "":
		wrong.Add("source", "recall.source")
	case p.Kind == Operator:
		if _, err := account.ParseID(p.Value); err != nil {
			wrong.Add("source", "recall.source")
		}
	}
	switch {
	case p.From.IsZero():
		wrong.Add("from", "date.required")
	case p.Until.IsZero():
		wrong.Add("until", "date.required")
	case !p.From.Before(p.Until):
		wrong.Add("until", "recall.window")
	case p.Until.After(d.Wall()):
		wrong.Add("until", "recall.future")
	}
	switch n := utf8.RuneCountInString(p.Reason); {
	case n == 0:
		wrong.Add("reason", "recall.reason")
	case n > longestReason || !utf8.ValidString(p.Reason):
		wrong.Add("reason", "recall.reason_long")
	}
	return wrong.Err()
}

// Draft writes a recall down, and has its dry run made. A wrong plan is fault.Fields: source, from, until, reason.
func (d *Desk) Draft(ctx context.Context, by account.ID, p Plan) (*Recall, error) {
	if err := d.check(&p); err != nil {
		return nil, err
	}
	r := &Recall{ID: ID(rand.Text()[:12]), Filter: p.Filter, Reason: p.Reason, State: Draft, Drafted: Step{by, d.Wall()}}
	err := d.Atomically(ctx, func(tx Tx) error {
		if err := may(ctx, tx, by, r.Filter); err != nil {
			return err
		}
		if err := tx.SaveRecall(ctx, r); err != nil {
			return err
		}
		if err := tx.Enqueue(ctx, job.Job{Kind: JobCount, Ref: string(r.ID), Patient: true}); err != nil {
			return err
		}
		return d.record(ctx, tx, r, "drafted", by)
	})
	if err != nil {
		return nil, fmt.Errorf("recall: draft: %w", err)
	}
	return r, nil
}

// may tells whether an administrator can take a step: one who is in office, and is not who is judged.
func may(ctx context.Context, tx interface {
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}, by account.ID, f Filter) error {
	m, err := tx.Member(ctx, by)
	switch {
	case errors.Is(err, fault.NotFound):
		return ErrNotAdministrator
	case err != nil:
		return err
	case !m.Active || m.Role != centre.Administrator:
		return ErrNotAdministrator
	case f.Kind == Operator && f.Value == by.String():
		return ErrConcerned
	}
	return nil
}

// Serves tells whether somebody is an administrator in office; ErrNotAdministrator.
func (d *Desk) Serves(ctx context.Context, by account.ID) error {
	return may(ctx, d.Store, by, Filter{})
}

func (d *Desk) record(ctx context.Context, tx Tx, r *Recall, step string, by account.ID) error {
	return tx.RecordEvent(ctx, audit.Event{At: d.Wall(), Kind: audit.RecallChanged, Actor: by, Reason: step, Detail: map[string]string{
		"recall": string(r.ID), "kind": string(r.Kind), "source": r.Value,
		"from": r.From.UTC().Format(time.RFC3339), "until": r.Until.UTC().Format(time.RFC3339),
	}})
}

// step changes a recall by a decision of an administrator, who was shown its version (0: whatever it is).
func (d *Desk) step(ctx context.Context, id ID, by account.ID, version int64, name string, f func(*Recall) error, jobs ...job.Job) (*Recall, error) {
	var out *Recall
	err := d.Atomically(ctx, func(tx Tx) error {
		r, err := tx.ChangeRecall(ctx, id, func(r *Recall) error {
			if err := may(ctx, tx, by, r.Filter); err != nil {
				return err
			}
			if version != 0 && r.Version != version {
				return ErrMoved
			}
			return f(r)
		})
		if err != nil {
			return err
		}
		for i := range jobs {
			jobs[i].Ref, jobs[i].Patient = string(id), true
		}
		if err := tx.Enqueue(ctx, jobs...); err != nil {
			return err
		}
		out = r
		return d.record(ctx, tx, r, name, by)
	})
	if err != nil {
		return nil, fmt.Errorf("recall: %s: %w", name, err)
	}
	return out, nil
}

// Recount has the dry run made anew; what was counted before can no longer be approved.
func (d *Desk) Recount(ctx context.Context, id ID, by account.ID) (*Recall, error) {
	return d.step(ctx, id, by, 0, "recounted", func(r *Recall) error {
		if r.State != Draft && r.State != Counted {
			return ErrState
		}
		r.State, r.Counts, r.Counted = Draft, nil, time.Time{}
		return nil
	}, job.Job{Kind: JobCount})
}

// Drop gives a recall up that was not approved.
func (d *Desk) Drop(ctx context.Context, id ID, by account.ID) (*Recall, error) {
	return d.step(ctx, id, by, 0, "dropped", func(r *Recall) error {
		if r.State != Draft && r.State != Counted {
			return ErrState
		}
		r.State = Dropped
		return nil
	})
}

// Approve is the second administrator's decision, and starts the recall. version is that of the recall as
// it was shown, its counts included: of two who approve at once one is told that it has moved.
func (d *Desk) Approve(ctx context.Context, id ID, by account.ID, version int64) (*Recall, error) {
	return d.step(ctx, id, by, version, "approved", func(r *Recall) error {
		switch {
		case r.State != Counted || r.Counts == nil:
			return ErrState
		case by == r.Drafted.By:
			return ErrSamePerson
		case d.Now().Sub(r.Counted) > CountLife:
			return ErrStale
		case r.Counts.Accounts == 0 && r.Counts.Unused == 0:
			return ErrNobody
		}
		r.State, r.Approved = Running, Step{by, d.Wall()}
		return nil
	}, job.Job{Kind: JobRun})
}

// AskUndo asks for an undo, of a recall that is done or that runs. It goes on until the undo is approved.
func (d *Desk) AskUndo(ctx context.Context, id ID, by account.ID, reason string) (*Recall, error) {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n == 0 || n > longestReason || !utf8.ValidString(reason) {
		var wrong fault.Fields
		wrong.Add("reason", "recall.reason")
		return nil, wrong.Err()
	}
	return d.step(ctx, id, by, 0, "undo_asked", func(r *Recall) error {
		if r.State != Running && r.State != Done || !r.UndoAsked.At.IsZero() {
			return ErrState
		}
		r.UndoAsked, r.UndoReason = Step{by, d.Wall()}, reason
		return nil
	})
}

// KeepRecalled turns a request to undo down.
func (d *Desk) KeepRecalled(ctx context.Context, id ID, by account.ID) (*Recall, error) {
	return d.step(ctx, id, by, 0, "undo_refused", func(r *Recall) error {
		if r.State != Running && r.State != Done || r.UndoAsked.At.IsZero() {
			return ErrState
		}
		r.UndoAsked, r.UndoReason = Step{}, ""
		return nil
	})
}

// ApproveUndo is the decision of an administrator other than the one who asked, and starts the undo.
func (d *Desk) ApproveUndo(ctx context.Context, id ID, by account.ID, version int64) (*Recall, error) {
	return d.step(ctx, id, by, version, "undo_approved", func(r *Recall) error {
		switch {
		case r.State != Running && r.State != Done, r.UndoAsked.At.IsZero():
			return ErrState
		case by == r.UndoAsked.By:
			return ErrSamePerson
		}
		r.State, r.Undo = Undoing, Step{by, d.Wall()}
		return nil
	}, job.Job{Kind: JobRun})
}
