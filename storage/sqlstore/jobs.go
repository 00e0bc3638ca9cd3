package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
)

// JobOptions say how jobs are run. The zero value is right.
type JobOptions struct {
	Workers int           // at once on this node: 20, and a quarter as many for patient work
	Timeout time.Duration // of one run: 30 s
	Rescue  time.Duration // how long after its start a job of a dead node is run again: 45 s
	Poll    time.Duration // how often new jobs are looked for: 200 ms
	Sweep   time.Duration // how often deadlines are looked for: 1 s
	Stop    time.Duration // how long running jobs may go on after the end: 10 s
}

// RunJobs runs jobs until ctx ends, then lets the running ones finish. Any number of nodes may run them,
// each job running on one. A job whose node died is run again after Rescue.
func (r *Records) RunJobs(ctx context.Context, handlers job.Handlers, o JobOptions) error {
	log := r.vault.Logger
	workers := river.NewWorkers()
	for kind, h := range handlers {
		river.AddWorkerArgs(workers, work{kind: kind}, &worker{handle: h, log: log})
	}
	o.Timeout, o.Rescue = cmp.Or(o.Timeout, 30*time.Second), cmp.Or(o.Rescue, 45*time.Second)
	o.Stop = cmp.Or(o.Stop, 10*time.Second)
	client, err := river.NewClient(riverDriver(r.db), &river.Config{
		Logger:  slog.New(warnings{log.Handler()}),
		Workers: workers,
		Queues: map[string]river.QueueConfig{
			river.QueueDefault: {MaxWorkers: cmp.Or(o.Workers, 20)}, patient: {MaxWorkers: max(1, cmp.Or(o.Workers, 20)/4)},
		},
		JobTimeout:                  o.Timeout,
		RescueStuckJobsAfter:        o.Rescue,
		FetchPollInterval:           cmp.Or(o.Poll, 200*time.Millisecond),
		FetchCooldown:               20 * time.Millisecond,
		MaxAttempts:                 lastAttempt,
		RetryPolicy:                 pauses{},
		CompletedJobRetentionPeriod: 24 * time.Hour,
		CancelledJobRetentionPeriod: 7 * 24 * time.Hour,
	})
	if err != nil {
		return fmt.Errorf("sqlstore: run jobs: %w", err)
	}
	// River ends its jobs with the context it is started with; ours should finish.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("sqlstore: run jobs: %w", err)
	}
	r.tend(ctx, cmp.Or(o.Sweep, time.Second))
	soft, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Stop)
	defer cancel()
	if client.Stop(soft) != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := client.StopAndCancel(hard); err != nil {
			return fmt.Errorf("sqlstore: stop jobs: %w", err)
		}
	}
	return nil
}

// tend sweeps deadlines until ctx ends, and now and then takes out what is long over.
func (r *Records) tend(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for {
			swept, err := r.sweep(ctx, r.vault.Now())
			if err != nil && ctx.Err() == nil {
				r.vault.Logger.WarnContext(ctx, "deadlines not swept", "error", err)
			}
			if err != nil || swept == 0 {
				break
			}
		}
		if n%600 == 0 {
			if err := r.clean(ctx, r.vault.Now()); err != nil && ctx.Err() == nil {
				r.vault.Logger.WarnContext(ctx, "old rows not removed", "error", err)
			}
		}
	}
}

// worker runs the jobs of one kind.
type worker struct {
	river.WorkerDefaults[work]
	handle job.Handler
	log    *slog.Logger
}

// Work runs a job and gives river an answer that it may keep: what an error says in full could be
// personal (a mail server quotes the address), so only its kind is kept and logged.
func (w *worker) Work(ctx context.Context, j *river.Job[work]) (err error) {
	attrs := []any{"kind", j.Kind, "ref", j.Args.Ref, "attempt", j.Attempt}
	defer func() {
		if p := recover(); p != nil {
			w.log.ErrorContext(ctx, "job panicked", append(attrs, "stack", string(debug.Stack()))...)
			err = errPanicked
		}
	}()
	err = w.handle(ctx, j.Args.Ref)
	var again job.Again
	switch {
	case err == nil:
		return nil
	case errors.As(err, &again):
		return river.JobSnooze(again.After)
	case errors.Is(err, job.ErrGiveUp):
		clean := scrub(err)
		w.log.WarnContext(ctx, "job given up", append(attrs, "error", clean.Error())...)
		return river.JobCancel(clean)
	}
	clean := scrub(err)
	w.log.WarnContext(ctx, "job will be tried again", append(attrs, "error", clean.Error())...)
	return clean
}

var errPanicked = errors.New("panic")

var packageName = regexp.MustCompile(`^[a-z][a-z0-9/]{0,30}$`)

// scrub leaves of an error the package that it begins with and its kind.
func scrub(err error) error {
	kind := "failed"
	for _, k := range []error{fault.NotFound, fault.Exists, fault.Conflict, fault.Denied, fault.Invalid,
		fault.Limited, fault.Expired, fault.Unavailable, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, k) {
			kind = k.Error()
			break
		}
	}
	if where, _, ok := strings.Cut(err.Error(), ":"); ok && packageName.MatchString(where) {
		return errors.New(where + ": " + kind)
	}
	return errors.New(kind)
}

// pauses grow from a second to five minutes.
type pauses struct{}

// NextRetry tells when a failed job runs again.
func (pauses) NextRetry(j *rivertype.JobRow) time.Time {
	pause := 5 * time.Minute
	if n := len(j.Errors); n < 9 {
		pause = min(pause, time.Second<<n)
	}
	return time.Now().Add(pause)
}

// warnings lets through river's warnings and errors only.
type warnings struct{ slog.Handler }

// Enabled leaves out what is below a warning.
func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}

// WithAttrs keeps the filter.
func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }

// WithGroup keeps the filter.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }

// What is long over is taken out: refusals after the thirty days they are promised for, and the rows
// that nobody can use any more. Events are never taken out.
var over = []struct {
	what text
	days int
}{
	{both(`DELETE FROM refusal WHERE at < $1`), 30},
	{both(`DELETE FROM message WHERE sent > 0 AND sent < $1`), 30},
	{both(`DELETE FROM delivery WHERE done > 0 AND done < $1`), 30},
	{both(`DELETE FROM session WHERE expires < $1`), 30},
	// A grant that stands may be in use until its end, and one that never refreshes until its session's.
	{both(`DELETE FROM grants WHERE created < $1 AND (revoked > 0 OR offline = 0 OR expires < $1)
		AND NOT EXISTS (SELECT 1 FROM session WHERE session.id = grants.session AND session.ended = 0)`), 90},
}

func (r *Records) clean(ctx context.Context, now time.Time) error {
	for _, o := range over {
		if _, err := r.exec(ctx, o.what, micros(now.AddDate(0, 0, -o.days))); err != nil {
			return said("remove old rows", err)
		}
	}
	return nil
}
