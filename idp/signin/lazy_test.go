package signin_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/propusk/propusk/idp/signin"
)

func TestRequestsThatAreOnlyOpenedAndShownWriteNothing(t *testing.T) {
	h := newHall(t)
	h.Ops.Reset()
	for range 50 {
		if got := signin.Next(h.load(h.open(nil))).Kind; got != signin.SignIn {
			t.Fatalf("at %s", got)
		}
		tx, err := h.desk.NewOwn(t.Context(), "web", "/account", "ru", h.browser)
		if err != nil {
			t.Fatal(err)
		}
		h.load(tx)
	}
	for _, op := range h.Ops.Reset() {
		if strings.HasSuffix(op, "exec") || strings.HasSuffix(op, "begin") {
			t.Fatalf("a store was written: %s", op)
		}
	}
}

func TestOfFirstStepsAtOnceOneAnswers(t *testing.T) {
	h := newHall(t)
	a := h.Create(t, h.Standard(t))
	first := h.open(nil)
	if err := h.desk.Allow(t.Context(), h.sign(first, a)); err != nil {
		t.Fatal(err)
	}
	tx := h.open(nil) // signed in, allowed: the answer is its first step
	tabs := make([]*signin.Facts, 8)
	for i := range tabs {
		tabs[i] = h.load(tx)
	}
	var answered atomic.Int32
	var wg sync.WaitGroup
	for _, f := range tabs {
		wg.Go(func() {
			switch _, err := h.desk.Answer(t.Context(), f); {
			case err == nil:
				answered.Add(1)
			case !errors.Is(err, signin.ErrStale):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := answered.Load(); n != 1 {
		t.Errorf("%d of 8 got an answer, want 1", n)
	}
}
