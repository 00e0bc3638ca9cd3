package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
)

// run runs jobs until the test ends.
func (s *Stores) run(t *testing.T, h job.Handlers, o sqlstore.JobOptions) (stop func()) {
	t.Helper()
	if o.Sweep == 0 {
		o.Sweep = 20 * time.Millisecond
	}
	o.Poll = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.RunJobs(ctx, h, o) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("RunJobs: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// seen notes which jobs ran.
type seen struct {
	mu   sync.Mutex
	runs map[string]int
}

func (r *seen) note(ref string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runs == nil {
		r.runs = map[string]int{}
	}
	r.runs[ref]++
	return r.runs[ref]
}

func (r *seen) count(ref string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs[ref]
}

// eventually waits for something that jobs do.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 1000 {
		if cond() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 10 s: %s", what)
}

func jobs(t *testing.T, s *Stores) {
	ctx := t.Context()
	var ran seen
	mine := errors.New("mine")
	stop := s.run(t, job.Handlers{
		"plain": func(_ context.Context, ref string) error { ran.note(ref); return nil },
		"later": func(_ context.Context, ref string) error { ran.note(ref); return nil },
		"again": func(_ context.Context, ref string) error {
			if ran.note(ref) < 3 {
				return job.Again{After: 10 * time.Millisecond}
			}
			return nil
		},
		"flaky": func(_ context.Context, ref string) error {
			if ran.note(ref) == 1 {
				return errors.New("mail: 550 no such user ivanov@example.ru")
			}
			return nil
		},
		"hopeless": func(_ context.Context, ref string) error {
			ran.note(ref)
			return fmt.Errorf("registry: Ivanov: %w", job.ErrGiveUp)
		},
		"panics": func(_ context.Context, ref string) error {
			if ran.note(ref) == 1 {
				panic("Ivanov")
			}
			return nil
		},
		// The handler uses the stores while it runs: on SQLite no worker may hold the one writer.
		"nested": func(ctx context.Context, ref string) error {
			ran.note(ref)
			return s.Atomically(ctx, func(tx *tx) error { return tx.Enqueue(ctx, job.Job{Kind: "plain", Ref: "from-" + ref}) })
		},
		notice.JobSend: func(ctx context.Context, ref string) error {
			m, err := s.Message(ctx, ref)
			if err == nil {
				ran.note(m.Text)
				err = s.MessageSent(ctx, ref, s.Clock.Now())
			}
			return err
		},
	}, sqlstore.JobOptions{})

	t.Run("run once their transaction has committed, and not without it", func(t *testing.T) {
		ok(t, "Enqueue", s.Enqueue(ctx, job.Job{Kind: "plain", Ref: "alone"}))
		ok(t, "Atomically", s.Atomically(ctx, func(tx *tx) error {
			return tx.Enqueue(ctx, job.Job{Kind: "plain", Ref: "one"}, job.Job{Kind: "plain", Ref: "two"})
		}))
		err := s.Atomically(ctx, func(tx *tx) error {
			if err := tx.Enqueue(ctx, job.Job{Kind: "plain", Ref: "never"}); err != nil {
				return err
			}
			return mine
		})
		is(t, "Atomically", err, mine)
		eventually(t, "all three ran", func() bool { return ran.count("alone") == 1 && ran.count("one") == 1 && ran.count("two") == 1 })
		if ran.count("never") != 0 {
			t.Error("a job of a transaction that failed ran")
		}
	})

	t.Run("with a message run after it is posted", func(t *testing.T) {
		ok(t, "PostMessage", s.PostMessage(ctx, notice.Message{ID: "m-1", Channel: notice.SMS, To: Phone(), Text: "text of m-1", Created: s.Clock.Now()}))
		eventually(t, "the message went out", func() bool { return ran.count("text of m-1") == 1 })
	})

	t.Run("wait, fail, panic and give up", func(t *testing.T) {
		for _, kind := range []string{"again", "flaky", "panics", "hopeless", "nested"} {
			ok(t, "Enqueue", s.Enqueue(ctx, job.Job{Kind: kind, Ref: kind}))
		}
		for kind, n := range map[string]int{"again": 3, "flaky": 2, "panics": 2, "hopeless": 1, "nested": 1, "from-nested": 1} {
			eventually(t, fmt.Sprintf("%s ran %d times", kind, n), func() bool { return ran.count(kind) == n })
		}
	})

	t.Run("wait for Now to reach their deadline", func(t *testing.T) {
		at := s.Clock.Now().Add(48 * time.Hour)
		set := func(ref string, at time.Time) {
			ok(t, "EnqueueAt", s.EnqueueAt(ctx, at, job.Job{Kind: "later", Ref: ref}))
		}
		set("due", at)
		set("moved", at)
		set("moved", at.Add(time.Hour))
		set("dropped", at)
		set("dropped", time.Time{})
		time.Sleep(100 * time.Millisecond)
		if ran.count("due") != 0 {
			t.Fatal("a job ran two days before its deadline")
		}
		s.Clock.Advance(48 * time.Hour)
		eventually(t, "the job that is due ran", func() bool { return ran.count("due") == 1 })
		if ran.count("moved") != 0 {
			t.Error("a job ran at the deadline from which it was moved")
		}
		s.Clock.Advance(time.Hour)
		eventually(t, "the moved job ran", func() bool { return ran.count("moved") == 1 })
		if ran.count("dropped") != 0 {
			t.Error("a job ran whose deadline was taken away")
		}
	})

	t.Run("keep nothing personal of their errors", func(t *testing.T) {
		stop()
		for _, word := range []string{"ivanov", "Ivanov"} {
			n, err := s.DB.CountJobs(ctx, word)
			ok(t, "CountJobs", err)
			if n != 0 {
				t.Errorf("%d rows of jobs hold %q", n, word)
			}
		}
		if n, err := s.DB.CountJobs(ctx, "mail: failed"); err != nil || n != 1 {
			t.Errorf("rows with the scrubbed error: got %d, %v; want 1", n, err)
		}
	})
}

func nodes(t *testing.T, s *Stores) {
	ctx := t.Context()
	var ran seen
	h := job.Handlers{"shared": func(_ context.Context, ref string) error { ran.note(ref); return nil }}
	other := s.Reopen(t)
	const n = 40
	for i := range n {
		ok(t, "EnqueueAt", s.EnqueueAt(ctx, s.Clock.Now().Add(time.Minute), job.Job{Kind: "shared", Ref: fmt.Sprint(i)}))
	}
	s.run(t, h, sqlstore.JobOptions{})
	other.run(t, h, sqlstore.JobOptions{})
	s.Clock.Advance(time.Minute)
	eventually(t, "all ran", func() bool {
		for i := range n {
			if ran.count(fmt.Sprint(i)) == 0 {
				return false
			}
		}
		return true
	})
	for i := range n {
		if got := ran.count(fmt.Sprint(i)); got != 1 {
			t.Errorf("job %d ran %d times on two nodes, want once", i, got)
		}
	}
}
