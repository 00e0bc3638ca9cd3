package limit_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/storage/storagetest"
)

func keeper(t *testing.T) (*limit.Keeper, *storagetest.Stores) {
	s := storagetest.New(t)
	return &limit.Keeper{Store: s.Transients, Digest: s.Keyring.Ring, Now: s.Clock.Now}, s
}

var growing = limit.Rule{Name: "test", Free: 2, Window: time.Hour, First: 5 * time.Second, Most: 20 * time.Second, Lock: 6, LockFor: time.Minute}

func TestPausesGrowAndEndInALock(t *testing.T) {
	k, s := keeper(t)
	var waits []time.Duration
	for len(waits) < 7 {
		_, err := k.Take(t.Context(), growing, "somebody")
		if err == nil {
			continue
		}
		wait, ok := fault.Wait(err)
		if !ok || !errors.Is(err, limit.ErrLimited) {
			t.Fatalf("Take = %v", err)
		}
		waits = append(waits, wait)
		s.Clock.Advance(wait)
	}
	want := []time.Duration{5, 10, 20, 20, 60, 60, 60}
	for i := range want {
		if waits[i] != want[i]*time.Second {
			t.Fatalf("waits %v, want seconds %d", waits, want)
		}
	}
}

func TestImpatienceMakesNothingWorse(t *testing.T) {
	k, s := keeper(t)
	for range 3 {
		if _, err := k.Take(t.Context(), growing, "somebody"); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if _, err := k.Take(t.Context(), growing, "somebody"); !errors.Is(err, fault.Limited) {
			t.Fatalf("Take in the pause = %v, want Limited", err)
		}
	}
	s.Clock.Advance(5 * time.Second)
	if h, err := k.Take(t.Context(), growing, "somebody"); err != nil || h.Sum != 4 {
		t.Fatalf("Take after the pause = %+v, %v; want the fourth try", h, err)
	}
}

func TestOfManyTriesAtOnceOneGetsTheTurn(t *testing.T) {
	k, _ := keeper(t)
	for range growing.Free {
		if _, err := k.Take(t.Context(), growing, "somebody"); err != nil {
			t.Fatal(err)
		}
	}
	var passed atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := k.Take(t.Context(), growing, "somebody"); err == nil {
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 1 {
		t.Fatalf("%d of 20 tries at once passed, want 1", passed.Load())
	}
}

func TestSuccessForgetsFailures(t *testing.T) {
	k, _ := keeper(t)
	var last *limit.Hit
	for range 3 {
		h, err := k.Take(t.Context(), growing, "somebody")
		if err != nil {
			t.Fatal(err)
		}
		last = h
	}
	if err := last.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	if h, err := k.Take(t.Context(), growing, "somebody"); err != nil || h.Sum != 1 {
		t.Fatalf("after a success %+v, %v; want the first try", h, err)
	}
}

func TestCountersOfOthersAreTheirOwn(t *testing.T) {
	k, _ := keeper(t)
	for range 3 {
		if _, err := k.Take(t.Context(), growing, "a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	for _, who := range [][]string{{"a"}, {"ab"}, {"a", "c"}} {
		if h, err := k.Take(t.Context(), growing, who...); err != nil || h.Sum != 1 {
			t.Errorf("%v: %+v, %v; want the first try", who, h, err)
		}
	}
}

func TestQuotaWaitsForTheEndOfItsWindow(t *testing.T) {
	k, s := keeper(t)
	quota := limit.Rule{Name: "quota", Free: 1, Window: time.Hour}
	if _, err := k.Take(t.Context(), quota, "x"); err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(20 * time.Minute)
	_, err := k.Take(t.Context(), quota, "x")
	if wait, _ := fault.Wait(err); wait != 40*time.Minute {
		t.Fatalf("wait %v, want 40m (%v)", wait, err)
	}
	s.Clock.Advance(40 * time.Minute)
	if _, err := k.Take(t.Context(), quota, "x"); err != nil {
		t.Fatalf("after the window: %v", err)
	}
}
