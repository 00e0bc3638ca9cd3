package storagetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
)

// meters are the operations on Transients that are several in one trip.
func meters(t *testing.T, s *Stores) {
	ctx, st := t.Context(), s.Transients
	begin := s.Clock.Now()
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	growing := func(id string) transient.Meter {
		return transient.Meter{ID: id, Free: 2, Window: time.Hour, Pauses: []time.Duration{5 * time.Second, 20 * time.Second}}
	}
	quota := func(id string, free int) transient.Meter {
		return transient.Meter{ID: id, Free: free, Window: time.Minute}
	}
	admit := func(t *testing.T, now time.Time, ms ...transient.Meter) ([]transient.Tally, *transient.Refusal) {
		t.Helper()
		tallies, refused, err := st.Admit(ctx, "m", ms, now)
		ok(t, "Admit", err)
		return tallies, refused
	}
	sum := func(t *testing.T, id string, now time.Time) int {
		t.Helper()
		n, _, err := st.Count(ctx, "m", id, 0, now, time.Hour)
		ok(t, "Count", err)
		return n
	}

	t.Run("let hits pass in their turn", func(t *testing.T) {
		for _, c := range []struct {
			second, sum int // when, and the sum then; 0: refused
			wait        time.Duration
		}{{0, 1, 0}, {1, 2, 0}, {2, 3, 0}, {3, 0, 4 * time.Second}, {6, 0, time.Second}, {7, 4, 0}, {8, 0, 19 * time.Second},
			{27, 5, 0}, {46, 0, time.Second}, {47, 6, 0}, {3600, 1, 0}, {3601, 2, 0}, {3602, 3, 0}} {
			tallies, refused := admit(t, at(c.second), growing("turns"))
			switch {
			case c.sum == 0 && (refused == nil || refused.Wait != c.wait || refused.Meter != 0):
				t.Errorf("second %d: got %+v, %+v; want %v to wait", c.second, tallies, refused, c.wait)
			case c.sum > 0 && (refused != nil || tallies[0].Sum != c.sum):
				t.Errorf("second %d: got %+v, %+v; want %d", c.second, tallies, refused, c.sum)
			}
			if c.sum > 0 && c.second < 3600 && refused == nil && !tallies[0].Ends.Equal(begin.Add(time.Hour)) {
				t.Errorf("second %d: the window ends at %v", c.second, tallies[0].Ends)
			}
		}
	})

	t.Run("without turns wait for the end of the window", func(t *testing.T) {
		admit(t, begin, quota("quota", 1))
		if _, refused := admit(t, at(20), quota("quota", 1)); refused == nil || refused.Wait != 40*time.Second {
			t.Errorf("above the quota: got %+v, want 40 s to wait", refused)
		}
		if tallies, refused := admit(t, at(60), quota("quota", 1)); refused != nil || tallies[0].Sum != 1 {
			t.Errorf("after the window: got %+v, %+v", tallies, refused)
		}
		if _, refused := admit(t, begin, quota("nothing", 0)); refused == nil {
			t.Error("a hit passed where none is free")
		}
	})

	t.Run("count at all places or at none", func(t *testing.T) {
		wide, narrow := quota("wide", 100), quota("narrow", 2)
		for i := 1; i <= 2; i++ {
			tallies, refused := admit(t, begin, wide, growing("middle"), narrow)
			if refused != nil || tallies[0].Sum != i || tallies[1].Sum != i || tallies[2].Sum != i {
				t.Fatalf("hit %d: got %+v, %+v", i, tallies, refused)
			}
		}
		if _, refused := admit(t, at(1), wide, growing("middle"), narrow); refused == nil || refused.Meter != 2 || refused.Wait != 59*time.Second {
			t.Errorf("the third: got %+v, want a refusal of the last", refused)
		}
		for _, id := range []string{"wide", "middle", "narrow"} {
			if got := sum(t, id, at(1)); got != 2 {
				t.Errorf("%s: a refused hit counted: got %d, want 2", id, got)
			}
		}
		// And it took no turn in the middle.
		if tallies, refused := admit(t, at(1), growing("middle")); refused != nil || tallies[0].Sum != 3 {
			t.Errorf("the meter in the middle: got %+v, %+v", tallies, refused)
		}
	})

	t.Run("give one of many hits at once the turn", func(t *testing.T) {
		for range 2 {
			admit(t, begin, growing("race"))
		}
		var passed atomic.Int32
		for _, err := range parallel(16, func(int) error {
			_, refused, err := st.Admit(ctx, "m", []transient.Meter{growing("race")}, begin)
			if err == nil && refused == nil {
				passed.Add(1)
			}
			return err
		}) {
			ok(t, "Admit", err)
		}
		if passed.Load() != 1 || sum(t, "race", begin) != 3 {
			t.Errorf("%d of 16 hits passed, %d counted; want 1 and 3", passed.Load(), sum(t, "race", begin))
		}
	})

	t.Run("take hits back, and the turn", func(t *testing.T) {
		for range 3 {
			admit(t, begin, growing("back"))
		}
		release := func(now time.Time, hits int, turn bool) {
			t.Helper()
			c := transient.Change{Do: transient.Release, Kind: "m", ID: "back", Hits: hits, Turn: turn}
			ok(t, "Release", st.Write(ctx, now, c)[0])
		}
		release(begin, 1, false)
		if _, refused := admit(t, at(1), growing("back")); refused == nil {
			t.Error("a hit given back gave the turn back")
		}
		release(begin, 0, true)
		if tallies, refused := admit(t, at(1), growing("back")); refused != nil || tallies[0].Sum != 3 {
			t.Errorf("after the turn: got %+v, %+v", tallies, refused)
		}
		release(at(2), 9, true)
		if got := sum(t, "back", at(2)); got != 0 {
			t.Errorf("more given back than hit: got %d", got)
		}
		if tallies, refused := admit(t, at(3), growing("back")); refused != nil || !tallies[0].Ends.Equal(at(3603)) {
			t.Errorf("after all were given back: got %+v, %+v; want a window of its own", tallies, refused)
		}
		release(at(3).Add(time.Hour), 1, true) // after its window: nothing happens
		if got := sum(t, "back", at(4)); got != 1 {
			t.Errorf("a release after the window: got %d, want 1", got)
		}
	})

	t.Run("are written together with values, in one trip", func(t *testing.T) {
		later := begin.Add(time.Minute)
		admit(t, begin, quota("with", 5))
		ok(t, "Put", st.Put(ctx, "k", "old", []byte("1"), begin, later))
		ok(t, "Put", st.Put(ctx, "k", "gone", nil, begin, later))
		_, revision, err := st.Get(ctx, "k", "old", begin)
		ok(t, "Get", err)
		all := []transient.Change{
			{Do: transient.Release, Kind: "m", ID: "with", Hits: 1},
			{Do: transient.Put, Kind: "k", ID: "put", Value: []byte("p"), Deadline: later},
			{Do: transient.Create, Kind: "k", ID: "made", Value: []byte("c"), Deadline: later},
			{Do: transient.Replace, Kind: "k", ID: "old", Value: []byte("2"), Revision: revision, Deadline: later},
			{Do: transient.Replace, Kind: "k", ID: "absent", Revision: 1, Deadline: later},
			{Do: transient.Delete, Kind: "k", ID: "gone"},
		}
		s.Ops.Reset()
		errs := st.Write(ctx, begin, all...)
		if ops := s.Ops.Reset(); s.DB.Dialect() == "postgres" && len(ops) != 1 {
			t.Errorf("trips: got %v, want one", ops)
		}
		for i, want := range []error{nil, nil, nil, nil, fault.NotFound, nil} {
			if want == nil {
				ok(t, "change", errs[i])
			} else {
				is(t, "Replace of nothing", errs[i], want)
			}
		}
		errs = st.Write(ctx, begin, all...)
		is(t, "Create again", errs[2], fault.Exists)
		is(t, "Replace again", errs[3], fault.Conflict)
		ok(t, "Put again", errs[1])
		for id, want := range map[string]string{"put": "p", "made": "c", "old": "2"} {
			if got, _, err := st.Get(ctx, "k", id, begin); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v; want %q", id, got, err, want)
			}
		}
		_, _, err = st.Get(ctx, "k", "gone", begin)
		absent(t, "the deleted one", err)
		if got := sum(t, "with", begin); got != 0 {
			t.Errorf("the meter: got %d, want 0", got)
		}
	})

	t.Run("lie in boxes beside the mark of what was seen", func(t *testing.T) {
		box := transient.NewBox[string](st, s.Keyring.Ring, "seen", s.Clock.Now)
		later := begin.Add(time.Minute)
		v, nothing, err := box.See(ctx, "a")
		if err != nil || v != "" {
			t.Fatalf("See of nothing: got %q, %v", v, err)
		}
		also := transient.Change{Do: transient.Put, Kind: "k", ID: "also", Value: []byte("1"), Deadline: later}
		ok(t, "Save", box.Save(ctx, "a", "one", nothing, later))
		is(t, "Save over what was not seen", box.Save(ctx, "a", "two", nothing, later, also), fault.Conflict)
		if _, _, err := st.Get(ctx, "k", "also", begin); err != nil {
			t.Errorf("what was to be written besides: %v", err)
		}
		v, mark, err := box.See(ctx, "a")
		if err != nil || v != "one" {
			t.Fatalf("See: got %q, %v", v, err)
		}
		ok(t, "Save over what was seen", box.Save(ctx, "a", "three", mark, later))
		is(t, "Save over it again", box.Save(ctx, "a", "four", mark, later), fault.Conflict)
		if v, err := box.Load(ctx, "a"); err != nil || v != "three" {
			t.Errorf("Load: got %q, %v", v, err)
		}
	})
}
