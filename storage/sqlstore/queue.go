package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/propusk/propusk/idp/job"
)

// queue is river's client for inserting. River does immediate work and retries; a deadline waits in the
// table due, for only we know how late it is by Now.
type queue = *river.Client[*sql.Tx]

func riverDriver(db *DB) riverdriver.Driver[*sql.Tx] {
	if db.dialect == postgresDialect {
		return riverdatabasesql.New(db.write)
	}
	return riversqlite.New(db.write)
}

func newQueue(db *DB) (queue, error) {
	return river.NewClient(riverDriver(db), &river.Config{Logger: slog.New(slog.DiscardHandler)})
}

// work is a job as river keeps it.
type work struct {
	kind string
	Ref  string `json:"ref"`
}

// Kind names the job's kind to river.
func (w work) Kind() string { return w.kind }

// patient is the queue of what comes by the thousand and may wait.
const patient = "patient"

// lastAttempt is as good as never: at five minutes a time it is three months away.
const lastAttempt = 30_000

func inserts(jobs []job.Job) []river.InsertManyParams {
	out := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		o := &river.InsertOpts{MaxAttempts: lastAttempt}
		if j.Patient {
			o.Queue = patient
		}
		out[i] = river.InsertManyParams{Args: work{j.Kind, j.Ref}, InsertOpts: o}
	}
	return out
}

// Enqueue runs jobs as soon as the transaction has committed (job.Queue).
func (s *Stores) Enqueue(ctx context.Context, jobs ...job.Job) error {
	if len(jobs) == 0 {
		return nil
	}
	var err error
	if s.tx != nil {
		_, err = s.r.queue.InsertManyFastTx(ctx, s.tx, inserts(jobs))
	} else {
		_, err = s.r.queue.InsertManyFast(ctx, inserts(jobs))
	}
	return said("enqueue", err)
}

var (
	dueSet = both(`
		INSERT INTO due (kind, ref, at) VALUES ($1, $2, $3)
		ON CONFLICT (kind, ref) DO UPDATE SET at = excluded.at`)
	dueDrop = both(`DELETE FROM due WHERE kind = $1 AND ref = $2`)
	dueNext = both(`SELECT at FROM due ORDER BY at LIMIT 1`)
	dueTake = both(`
		DELETE FROM due WHERE (kind, ref) IN (
			SELECT kind, ref FROM due WHERE at <= $1 ORDER BY at LIMIT 200 {skip})
		RETURNING kind, ref`)
)

// EnqueueAt runs a job when Now reaches at; a zero time takes the deadline away (job.Queue).
func (s *Stores) EnqueueAt(ctx context.Context, at time.Time, j job.Job) error {
	if at.IsZero() {
		_, err := s.exec(ctx, dueDrop, j.Kind, j.Ref)
		return said("drop a deadline", err)
	}
	_, err := s.exec(ctx, dueSet, j.Kind, j.Ref, micros(at))
	return said("set a deadline", err)
}

// sweep enqueues what is due by now. A node that dies in the middle has done nothing; of several nodes
// each takes what the others have not.
func (r *Records) sweep(ctx context.Context, now time.Time) (int, error) {
	// First a look, by a reader: mostly nothing is due, and a writer's place is dear.
	switch next, err := scanInt(r.row(ctx, dueNext)); {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, said("look for deadlines", err)
	case next > micros(now):
		return 0, nil
	}
	total := 0
	err := r.Atomically(ctx, func(tx *Stores) error {
		jobs, err := list(ctx, tx, func(row scanner) (job.Job, error) {
			var j job.Job
			err := row.Scan(&j.Kind, &j.Ref)
			return j, err
		}, dueTake, micros(now))
		if err != nil {
			return said("take deadlines", err)
		}
		total = len(jobs)
		return tx.Enqueue(ctx, jobs...)
	})
	return total, err
}

var (
	jobsWith = text{
		`SELECT count(*) FROM river_job WHERE instr(coalesce(CAST(errors AS TEXT), '') || CAST(args AS TEXT) || CAST(metadata AS TEXT), $1) > 0`,
		`SELECT count(*) FROM river_job WHERE position($1 in coalesce(errors::text, '') || args::text || metadata::text) > 0`,
	}
	jobsOpen = both(`SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')`)
)

// CountJobs counts the jobs, done ones too, whose arguments or errors hold a text: a test that nothing
// personal gets there.
func (db *DB) CountJobs(ctx context.Context, holding string) (int, error) {
	var n int
	err := db.read.QueryRowContext(ctx, db.dialect.text(jobsWith), holding).Scan(&n)
	return n, said("count jobs", err)
}

// OpenJobs counts the jobs that are not done.
func (db *DB) OpenJobs(ctx context.Context) (int, error) {
	var n int
	err := db.read.QueryRowContext(ctx, db.dialect.text(jobsOpen)).Scan(&n)
	return n, said("count open jobs", err)
}
