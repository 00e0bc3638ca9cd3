package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/propusk/propusk/idp/transient"
)

// Transients keep what has a deadline in a SQLite file of their own, so that a page in progress never
// waits for Records, nor the other way round. They are lost with less regret: a power cut may take the
// last of them, never the file (synchronous=NORMAL).
type Transients struct {
	db   *DB
	log  *slog.Logger
	now  func() time.Time
	stop context.CancelFunc
	done sync.WaitGroup
}

const transientSchema = `
CREATE TABLE IF NOT EXISTS transient (
  kind     TEXT   NOT NULL,
  id       TEXT   NOT NULL,
  value    BLOB,
  revision BIGINT NOT NULL,
  deadline BIGINT NOT NULL,
  PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS transient_deadline ON transient (deadline);
`

// OpenTransients opens the file ("sqlite:/path/transients.db") and removes garbage every minute, judged
// by now.
func OpenTransients(ctx context.Context, dsn string, o Options, now func() time.Time, log *slog.Logger) (*Transients, error) {
	db, err := connectSQLite(ctx, dsn, o, "normal")
	if err != nil {
		return nil, err
	}
	if _, err := db.write.ExecContext(ctx, transientSchema); err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("sqlstore: make the table of transients: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &Transients{db: db, log: log, now: now, stop: stop}
	t.done.Go(func() { t.tend(run) })
	return t, nil
}

// Close stops the sweeping and closes the file.
func (t *Transients) Close() error {
	t.stop()
	t.done.Wait()
	return t.db.Close()
}

// Ping tells whether the file answers.
func (t *Transients) Ping(ctx context.Context) error { return t.db.Ping(ctx) }

func (t *Transients) tend(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := t.Sweep(ctx, t.now()); err != nil && ctx.Err() == nil {
				t.log.WarnContext(ctx, "transients not swept", "error", err)
			}
		}
	}
}

// Sweep removes what is past its deadline, some at a time, so that nobody waits long.
func (t *Transients) Sweep(ctx context.Context, now time.Time) error {
	for {
		res, err := t.db.write.ExecContext(ctx, `
			DELETE FROM transient WHERE (kind, id) IN (SELECT kind, id FROM transient WHERE deadline <= $1 LIMIT 1000)`, micros(now))
		if err != nil {
			return said("sweep transients", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
}

const (
	transientPut = `
		INSERT INTO transient (kind, id, value, revision, deadline) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (kind, id) DO UPDATE SET value = excluded.value, revision = excluded.revision, deadline = excluded.deadline`
	transientCreate  = transientPut + ` WHERE transient.deadline <= $6`
	transientReplace = `
		UPDATE transient SET value = $5, revision = revision + 1, deadline = $6
		WHERE kind = $1 AND id = $2 AND revision = $3 AND deadline > $4`
	transientThere  = `SELECT 1 FROM transient WHERE kind = $1 AND id = $2 AND deadline > $3`
	transientDelete = `DELETE FROM transient WHERE kind = $1 AND id = $2`
)

// Put keeps a value, whatever was there (transient.Store).
func (t *Transients) Put(ctx context.Context, kind, id string, value []byte, now, deadline time.Time) error {
	return write(ctx, t.db.write, now, transient.Change{Do: transient.Put, Kind: kind, ID: id, Value: value, Deadline: deadline})
}

// Create keeps a value if nothing alive is there (transient.Store). A revision begins at random: who read
// a value before it was taken must not replace the one made after.
func (t *Transients) Create(ctx context.Context, kind, id string, value []byte, now, deadline time.Time) error {
	return write(ctx, t.db.write, now, transient.Change{Do: transient.Create, Kind: kind, ID: id, Value: value, Deadline: deadline})
}

// Get returns a value and its revision (transient.Store).
func (t *Transients) Get(ctx context.Context, kind, id string, now time.Time) ([]byte, int64, error) {
	var value []byte
	var revision int64
	err := t.db.read.QueryRowContext(ctx, `SELECT value, revision FROM transient WHERE kind = $1 AND id = $2 AND deadline > $3`,
		kind, id, micros(now)).Scan(&value, &revision)
	return value, revision, said("get", err)
}

// Replace keeps a value if the revision is still the one given (transient.Store).
func (t *Transients) Replace(ctx context.Context, kind, id string, revision int64, value []byte, now, deadline time.Time) error {
	return write(ctx, t.db.write, now, transient.Change{Do: transient.Replace, Kind: kind, ID: id, Revision: revision, Value: value, Deadline: deadline})
}

// Take returns a value and removes it (transient.Store).
func (t *Transients) Take(ctx context.Context, kind, id string, now time.Time) ([]byte, error) {
	var value []byte
	err := t.db.write.QueryRowContext(ctx, `DELETE FROM transient WHERE kind = $1 AND id = $2 AND deadline > $3 RETURNING value`,
		kind, id, micros(now)).Scan(&value)
	return value, said("take", err)
}

// Delete removes a value (transient.Store).
func (t *Transients) Delete(ctx context.Context, kind, id string) error {
	return write(ctx, t.db.write, time.Time{}, transient.Change{Do: transient.Delete, Kind: kind, ID: id})
}

// Count adds to a counter (transient.Store). A counter is a row without a value, its sum the revision.
func (t *Transients) Count(ctx context.Context, kind, id string, add int, now time.Time, window time.Duration) (int, time.Time, error) {
	var sum int
	var ends int64
	var err error
	if add == 0 {
		err = t.db.read.QueryRowContext(ctx, `SELECT revision, deadline FROM transient WHERE kind = $1 AND id = $2 AND deadline > $3`,
			"count|"+kind, id, micros(now)).Scan(&sum, &ends)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, now.Add(window), nil
		}
	} else {
		err = t.db.write.QueryRowContext(ctx, `
			INSERT INTO transient (kind, id, value, revision, deadline) VALUES ($1, $2, NULL, max($3, 0), $4)
			ON CONFLICT (kind, id) DO UPDATE SET
				revision = CASE WHEN transient.deadline > $5 THEN max(transient.revision + $3, 0) ELSE max($3, 0) END,
				deadline = CASE WHEN transient.deadline > $5 THEN transient.deadline ELSE excluded.deadline END
			RETURNING revision, deadline`,
			"count|"+kind, id, add, micros(now.Add(window)), micros(now)).Scan(&sum, &ends)
	}
	if err != nil {
		return 0, time.Time{}, said("count", err)
	}
	return sum, moment(ends), nil
}
