package storage_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

const killed = 40

// The node that is killed runs in a process of its own: this program, run anew with the data source in
// its environment.
func TestMain(m *testing.M) {
	if records := os.Getenv("PROPUSK_TEST_KILL"); records != "" {
		if err := node(context.Background(), records); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// node runs jobs until it is killed. Each leaves one mark and one count, in one transaction.
func node(ctx context.Context, records string) error {
	db, err := sqlstore.Connect(ctx, records, sqlstore.Options{})
	if err != nil {
		return err
	}
	now := func() time.Time { return storagetest.Start }
	s, err := sqlstore.NewRecords(db, sqlstore.Vault{Now: now})
	if err != nil {
		return err
	}
	return s.RunJobs(ctx, job.Handlers{"mark": func(ctx context.Context, ref string) error {
		time.Sleep(100 * time.Millisecond)
		err := s.Atomically(ctx, func(tx *sqlstore.Stores) error {
			if _, err := tx.Centre(ctx, ref); !errors.Is(err, fault.NotFound) {
				return err // the mark is there already, or the store does not answer
			}
			if err := tx.SaveCentre(ctx, &centre.Centre{ID: ref}); err != nil {
				return err
			}
			return tx.SaveParty(ctx, &rp.Party{ID: "counted"})
		})
		// Killed here, the job has done its work and nobody knows.
		time.Sleep(100 * time.Millisecond)
		return err
	}}, sqlstore.JobOptions{Workers: 8, Timeout: 2 * time.Second, Rescue: 3 * time.Second, Sweep: 50 * time.Millisecond})
}

func TestJobsOfAKilledNodeAreDoneAndTheirEffectsStandOnce(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *storagetest.Stores{"sqlite": storagetest.New, "postgres": storagetest.Served} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := open(t)
			for i := range killed {
				j := job.Job{Kind: "mark", Ref: fmt.Sprint(i)}
				err := s.Enqueue(ctx, j)
				if i%2 == 1 {
					err = s.EnqueueAt(ctx, s.Clock.Now(), j)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			before := version(t, s)
			for range 2 {
				running := start(t, s)
				for v := version(t, s); version(t, s) < v+6 && version(t, s) < before+killed; {
					time.Sleep(20 * time.Millisecond)
				}
				if err := running.Process.Kill(); err != nil {
					t.Fatal(err)
				}
				_ = running.Wait() // it says that it was killed
			}
			start(t, s)
			for begin := time.Now(); ; time.Sleep(200 * time.Millisecond) {
				n, err := s.DB.OpenJobs(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 && version(t, s) == before+killed {
					t.Logf("all done %v after the last kill", time.Since(begin).Round(time.Second))
					break
				}
				if time.Since(begin) > 2*time.Minute {
					t.Fatalf("two minutes after the kill: %d jobs open, %d of %d effects", n, version(t, s)-before, killed)
				}
			}
			for i := range killed {
				if _, err := s.Centre(ctx, fmt.Sprint(i)); err != nil {
					t.Errorf("job %d: %v", i, err)
				}
			}
		})
	}
}

func version(t *testing.T, s *storagetest.Stores) int64 {
	t.Helper()
	v, err := s.PartyVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func start(t *testing.T, s *storagetest.Stores) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	records, _ := s.Sources()
	cmd.Env = append(os.Environ(), "PROPUSK_TEST_KILL="+records)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return cmd
}
