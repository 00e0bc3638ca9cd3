package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

var quick = sqlstore.JobOptions{Poll: 20 * time.Millisecond, Sweep: 20 * time.Millisecond}

// until waits for a condition of the stores, moving the clock as it goes.
func (w *world) until(what string, step time.Duration, is func() bool) {
	w.t.Helper()
	for range 300 {
		if is() {
			return
		}
		w.Clock.Advance(step)
		time.Sleep(20 * time.Millisecond)
	}
	w.t.Fatalf("never: %s", what)
}

func (w *world) jobs() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.RunJobs(ctx, w.desk.Handlers(), quick) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	}
}

func TestApplicationOutlivesRestartsAndASilentRegistry(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("pension", down)
	a := w.Create(t, w.Simplified(t))
	stop := w.jobs()
	app := w.submit(a, storagetest.Person(t))
	w.until("two attempts", time.Second, func() bool { return w.application(app.ID).Checks[registry.Pension].Attempts >= 2 })
	stop()
	w.regs.set("pension", pending)
	stop = w.jobs()
	n := w.application(app.ID).Checks[registry.Pension].Attempts
	w.until("asked again after the restart", time.Second, func() bool { return w.application(app.ID).Checks[registry.Pension].Attempts > n })
	w.regs.set("pension", agrees)
	w.until("agreed", 10*time.Second, func() bool { return w.account(a.ID).Level == account.Standard })
	w.until("the INN", time.Second, func() bool { return !w.account(a.ID).Profile.Person.INN.IsZero() })
	stop()
	if es := w.events(a.ID); es["application_agreed "] != 1 {
		t.Errorf("events %v", es)
	}
}

func TestDeadlinesComeByThemselves(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	w.regs.set("interior", pending)
	a := w.Create(t, w.Simplified(t))
	defer w.jobs()()
	app := w.submit(a, storagetest.Person(t))
	w.until("overdue", time.Hour, func() bool { return w.application(app.ID).State == registry.Overdue })
	got := w.application(app.ID)
	if got.Checks[registry.Interior].Told.IsZero() || got.Closed.Before(got.Deadline) {
		t.Errorf("told at %v, closed at %v", got.Checks[registry.Interior].Told, got.Closed)
	}
}

func TestCrashBeforeTheVerdictIsWrittenOnlyRepeatsTheQuestion(t *testing.T) {
	w := newWorld(t, storagetest.New(t))
	a := w.Create(t, w.Simplified(t))
	app := w.submit(a, storagetest.Person(t))
	w.run(app, registry.JobInterior)
	whole := w.desk.Atomically
	crash := errors.New("killed")
	w.desk.Atomically = func(ctx context.Context, f func(registry.Tx) error) error {
		return whole(ctx, func(tx registry.Tx) error { return errors.Join(f(tx), crash) })
	}
	if err := w.desk.Handlers()[registry.JobPension](t.Context(), app.ID); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if got := w.account(a.ID).Level; got != account.Simplified {
		t.Errorf("half a transaction stands: %s", got)
	}
	w.desk.Atomically = whole
	w.run(app, registry.JobPension)
	if es := w.events(a.ID); es["application_agreed "] != 1 || w.account(a.ID).Level != account.Standard {
		t.Errorf("events %v", es)
	}
}
