package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
)

// A meter is a counter's row whose value, if it has one, is when the next turn comes.
const (
	// meterFree counts a hit that passes freely; otherwise it touches nothing.
	meterFree = `
		INSERT INTO transient (kind, id, value, revision, deadline) SELECT $1, $2, NULL, 1, $3 WHERE $5 > 0
		ON CONFLICT (kind, id) DO UPDATE SET
			value = CASE WHEN transient.deadline > $4 THEN transient.value ELSE NULL END,
			revision = CASE WHEN transient.deadline > $4 THEN transient.revision + 1 ELSE 1 END,
			deadline = CASE WHEN transient.deadline > $4 THEN transient.deadline ELSE excluded.deadline END
		WHERE transient.deadline <= $4 OR transient.revision < $5
		RETURNING revision, deadline`
	meterRead = `SELECT revision, deadline, value FROM transient WHERE kind = $1 AND id = $2 AND deadline > $3`
	meterTurn = `
		INSERT INTO transient (kind, id, value, revision, deadline) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value, revision = excluded.revision, deadline = excluded.deadline`
	// meterRelease ends a counter without hits: the next hit begins anew.
	meterRelease = `
		UPDATE transient SET revision = max(revision - $4, 0), value = CASE WHEN $5 = 1 THEN NULL ELSE value END,
			deadline = CASE WHEN revision > $4 THEN deadline ELSE $3 END
		WHERE kind = $1 AND id = $2 AND deadline > $3`
)

// A runner is a connection or a transaction.
type runner interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Admit counts a hit at every meter or at none (transient.Store).
func (t *Transients) Admit(ctx context.Context, kind string, meters []transient.Meter, now time.Time) ([]transient.Tally, *transient.Refusal, error) {
	kind = "count|" + kind
	out := make([]transient.Tally, len(meters))
	if len(meters) == 1 {
		free, err := passFree(ctx, t.db.write, kind, meters[0], now, &out[0])
		if free || err != nil {
			return out, nil, err
		}
	}
	var refused *transient.Refusal
	err := t.within(ctx, func(tx *sql.Tx) error {
		for i, m := range meters {
			free, err := passFree(ctx, tx, kind, m, now, &out[i])
			if err != nil {
				return err
			}
			if free {
				continue
			}
			wait, err := passTurn(ctx, tx, kind, m, now, &out[i])
			if err != nil {
				return err
			}
			if wait > 0 {
				refused = &transient.Refusal{Meter: i, Wait: wait}
				return errRefused
			}
		}
		return nil
	})
	if errors.Is(err, errRefused) {
		return nil, refused, nil
	}
	return out, nil, err
}

// errRefused rolls the other meters back.
var errRefused = errors.New("sqlstore: a meter refused")

func passFree(ctx context.Context, r runner, kind string, m transient.Meter, now time.Time, out *transient.Tally) (bool, error) {
	var ends int64
	err := r.QueryRowContext(ctx, meterFree, kind, m.ID, micros(now.Add(m.Window)), micros(now), m.Free).Scan(&out.Sum, &ends)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	out.Ends = moment(ends)
	return true, said("admit", err)
}

// passTurn takes the turn, or returns how long until the next one.
func passTurn(ctx context.Context, r runner, kind string, m transient.Meter, now time.Time, out *transient.Tally) (time.Duration, error) {
	var sum int
	ends := micros(now.Add(m.Window))
	var value []byte
	err := r.QueryRowContext(ctx, meterRead, kind, m.ID, micros(now)).Scan(&sum, &ends, &value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, said("admit", err)
	}
	sum++
	if len(m.Pauses) == 0 {
		return moment(ends).Sub(now), nil
	}
	if turn, err := strconv.ParseInt(string(value), 10, 64); err == nil && turn > micros(now) {
		return moment(turn).Sub(now), nil
	}
	next := strconv.FormatInt(micros(now.Add(m.Pause(sum))), 10)
	if _, err := r.ExecContext(ctx, meterTurn, kind, m.ID, []byte(next), sum, ends); err != nil {
		return 0, said("admit", err)
	}
	*out = transient.Tally{Sum: sum, Ends: moment(ends)}
	return 0, nil
}

// Write makes several changes in one transaction; one that does not apply does not stop the others
// (transient.Store).
func (t *Transients) Write(ctx context.Context, now time.Time, changes ...transient.Change) []error {
	out := make([]error, len(changes))
	if len(changes) == 1 {
		out[0] = write(ctx, t.db.write, now, changes[0])
		return out
	}
	err := t.within(ctx, func(tx *sql.Tx) error {
		for i, c := range changes {
			out[i] = write(ctx, tx, now, c)
		}
		return nil
	})
	if err != nil {
		for i := range out {
			out[i] = err
		}
	}
	return out
}

func write(ctx context.Context, r runner, now time.Time, c transient.Change) error {
	switch c.Do {
	case transient.Put:
		_, err := r.ExecContext(ctx, transientPut, c.Kind, c.ID, c.Value, rand.Int64N(1<<50), micros(c.Deadline))
		return said("put", err)
	case transient.Create:
		res, err := r.ExecContext(ctx, transientCreate, c.Kind, c.ID, c.Value, rand.Int64N(1<<50), micros(c.Deadline), micros(now))
		return affected(res, err, "create", fault.Exists)
	case transient.Replace:
		res, err := r.ExecContext(ctx, transientReplace, c.Kind, c.ID, c.Revision, micros(now), c.Value, micros(c.Deadline))
		if err = affected(res, err, "replace", fault.Conflict); !errors.Is(err, fault.Conflict) {
			return err
		}
		var there int
		if gone := r.QueryRowContext(ctx, transientThere, c.Kind, c.ID, micros(now)).Scan(&there); gone != nil {
			return said("replace", gone)
		}
		return err
	case transient.Delete:
		_, err := r.ExecContext(ctx, transientDelete, c.Kind, c.ID)
		return said("delete", err)
	case transient.Release:
		_, err := r.ExecContext(ctx, meterRelease, "count|"+c.Kind, c.ID, micros(now), c.Hits, number(c.Turn))
		return said("release", err)
	}
	return fmt.Errorf("sqlstore: no such change: %w", fault.Invalid)
}

// within runs f in a transaction of the file's one writer.
func (t *Transients) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := t.db.write.BeginTx(ctx, nil)
	if err != nil {
		return said("begin", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return said("commit", tx.Commit())
}
