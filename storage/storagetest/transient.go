package storagetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
)

func transients(t *testing.T, s *Stores) {
	ctx, st := t.Context(), s.Transients
	now := s.Clock.Now
	soon := func() time.Time { return now().Add(time.Minute) }

	t.Run("come back until their deadline by the clock that is moved", func(t *testing.T) {
		value := append([]byte{0, 255}, strings.Repeat("ё", 200_000)...)
		ok(t, "Put", st.Put(ctx, "k", "life", value, now(), soon()))
		got, _, err := st.Get(ctx, "k", "life", now())
		if err != nil || !bytes.Equal(got, value) {
			t.Errorf("Get: got %d bytes, %v; want %d", len(got), err, len(value))
		}
		_, _, err = st.Get(ctx, "other", "life", now())
		absent(t, "Get of another kind", err)
		if _, _, err = st.Get(ctx, "k", "life", soon().Add(-time.Microsecond)); err != nil {
			t.Errorf("Get a moment before the deadline: %v", err)
		}
		_, _, err = st.Get(ctx, "k", "life", soon())
		absent(t, "Get at the deadline", err)
		_, err = st.Take(ctx, "k", "life", soon())
		absent(t, "Take at the deadline", err)
	})

	t.Run("are created once while they live", func(t *testing.T) {
		errs := parallel(8, func(int) error { return st.Create(ctx, "k", "once", []byte("v"), now(), soon()) })
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				is(t, "Create", err, fault.Exists)
			}
		}
		if made != 1 {
			t.Errorf("creations: got %d, want 1", made)
		}
		ok(t, "Create after the deadline", st.Create(ctx, "k", "once", []byte("w"), soon(), soon().Add(time.Minute)))
		ok(t, "Delete", st.Delete(ctx, "k", "once"))
		ok(t, "Delete again", st.Delete(ctx, "k", "once"))
		ok(t, "Create after deletion", st.Create(ctx, "k", "once", nil, now(), soon()))
		got, _, err := st.Get(ctx, "k", "once", now())
		if err != nil || len(got) != 0 {
			t.Errorf("an empty value: got %q, %v", got, err)
		}
	})

	t.Run("are replaced only as they were read", func(t *testing.T) {
		ok(t, "Put", st.Put(ctx, "k", "rev", []byte("1"), now(), soon()))
		_, revision, err := st.Get(ctx, "k", "rev", now())
		ok(t, "Get", err)
		ok(t, "Replace", st.Replace(ctx, "k", "rev", revision, []byte("2"), now(), soon()))
		is(t, "Replace of a revision past", st.Replace(ctx, "k", "rev", revision, []byte("3"), now(), soon()), fault.Conflict)
		_, revision, err = st.Get(ctx, "k", "rev", now())
		ok(t, "Get", err)
		absent(t, "Replace past the deadline", st.Replace(ctx, "k", "rev", revision, []byte("3"), soon(), soon().Add(time.Minute)))
		absent(t, "Replace of nothing", st.Replace(ctx, "k", "none", 1, []byte("3"), now(), soon()))
		_, err = st.Take(ctx, "k", "rev", now())
		ok(t, "Take", err)
		ok(t, "Create", st.Create(ctx, "k", "rev", []byte("another"), now(), soon()))
		is(t, "Replace of the one that was taken", st.Replace(ctx, "k", "rev", revision, []byte("3"), now(), soon()), fault.Conflict)
	})

	t.Run("are taken by one", func(t *testing.T) {
		ok(t, "Put", st.Put(ctx, "k", "take", []byte("v"), now(), soon()))
		took := 0
		for _, err := range parallel(8, func(int) error { _, err := st.Take(ctx, "k", "take", now()); return err }) {
			if err == nil {
				took++
			} else {
				absent(t, "Take", err)
			}
		}
		if took != 1 {
			t.Errorf("taken: got %d times, want 1", took)
		}
	})

	t.Run("count within a window from the first hit", func(t *testing.T) {
		begin := now()
		for i := 1; i <= 3; i++ {
			sum, ends, err := st.Count(ctx, "k", "count", 1, begin.Add(time.Duration(i-1)*time.Second), time.Minute)
			if err != nil || sum != i || !ends.Equal(begin.Add(time.Minute)) {
				t.Errorf("hit %d: got %d until %v, %v; want %d until %v", i, sum, ends, err, i, begin.Add(time.Minute))
			}
		}
		for _, c := range []struct {
			name           string
			add, want, min int
		}{{"a look", 0, 3, 0}, {"a hit given back", -1, 2, 0}, {"more given back than hit", -5, 0, 0}, {"a hit after", 2, 2, 0},
			{"a look at the end of the window", 0, 0, 1}, {"a hit after the window", 1, 1, 1}} {
			at := begin.Add(time.Duration(c.min) * time.Minute)
			if sum, _, err := st.Count(ctx, "k", "count", c.add, at, time.Minute); err != nil || sum != c.want {
				t.Errorf("%s: got %d, %v; want %d", c.name, sum, err, c.want)
			}
		}
		const n = 20
		for _, err := range parallel(n, func(int) error { _, _, err := st.Count(ctx, "k", "many", 1, begin, time.Minute); return err }) {
			ok(t, "Count", err)
		}
		if sum, _, err := st.Count(ctx, "k", "many", 0, begin, time.Minute); err != nil || sum != n {
			t.Errorf("after %d hits at once: got %d, %v", n, sum, err)
		}
		_, _, err := st.Get(ctx, "k", "many", begin)
		absent(t, "a value of the counter's name", err)
	})

	t.Run("lie in boxes sealed, typed and bound to their id", func(t *testing.T) {
		type page struct{ Phone string }
		box := transient.NewBox[page](st, s.Keyring.Ring, "page", now)
		ok(t, "Create", box.Create(ctx, "a", page{"+79000000001"}, soon()))
		is(t, "Create again", box.Create(ctx, "a", page{}, soon()), fault.Exists)
		raw, _, err := st.Get(ctx, "page", "a", now())
		if err != nil || bytes.Contains(raw, []byte("79000000001")) {
			t.Errorf("the raw value is readable, or missing: %v", err)
		}
		ok(t, "copy under another id", st.Put(ctx, "page", "b", raw, now(), soon()))
		_, err = box.Load(ctx, "b")
		absent(t, "Load of the copy", err)
		const n = 8
		for _, err := range parallel(n, func(int) error {
			_, err := box.Change(ctx, "a", func(p *page) error { p.Phone += "x"; return nil })
			return err
		}) {
			ok(t, "Change", err)
		}
		mine := errors.New("mine")
		_, err = box.Change(ctx, "a", func(p *page) error { p.Phone = ""; return mine })
		is(t, "a failing change", err, mine)
		got, err := box.Load(ctx, "a")
		if want := "+79000000001" + strings.Repeat("x", n); err != nil || got.Phone != want {
			t.Errorf("after %d changes: got %q, %v; want %q", n, got.Phone, err, want)
		}
		if _, err := box.Take(ctx, "a"); err != nil {
			t.Errorf("Take: %v", err)
		}
		_, err = box.Load(ctx, "a")
		absent(t, "Load after Take", err)
	})
}
