package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/fault"
)

// cheap is the cost in tests.
var cheap = password.Params{Memory: 64, Time: 1, Threads: 1}

func newHasher() *password.Hasher { return password.NewHasher(cheap, password.Limit{}) }

// The one test that pays the real price.
func TestShippedCostIsWhatOWASPAsks(t *testing.T) {
	h := password.NewHasher(password.Params{}, password.Limit{})
	if got, want := h.Params(), (password.Params{Memory: 19456, Time: 2, Threads: 1}); got != want {
		t.Fatalf("the default cost is %+v, want %+v", got, want)
	}
	phc, err := h.Hash(t.Context(), "Propusk-2026")
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", phc, err)
	}
	if ok, rehash, err := h.Verify(t.Context(), phc, "Propusk-2026"); !ok || rehash || err != nil {
		t.Fatalf("Verify = %v, %v, %v", ok, rehash, err)
	}
}

func TestOnlyThePasswordVerifies(t *testing.T) {
	h := newHasher()
	phc, err := h.Hash(t.Context(), "Пароль-й-2026")
	if err != nil {
		t.Fatal(err)
	}
	for pw, want := range map[string]bool{
		"Пароль-й-2026":                  true,
		"Пароль-и\u0306-2026":            true, // the same letter, typed as two signs
		"пароль-й-2026":                  false,
		"Пароль-й-2026 ":                 false,
		"":                               false,
		strings.Repeat("Пароль-й-", 999): false,
	} {
		if ok, _, err := h.Verify(t.Context(), phc, pw); ok != want || err != nil {
			t.Errorf("Verify(%.30q) = %v, %v, want %v", pw, ok, err, want)
		}
	}
	again, _ := h.Hash(t.Context(), "Пароль-й-2026")
	if again == phc {
		t.Error("two hashes of one password are alike: no salt")
	}
	if _, err := h.Hash(t.Context(), strings.Repeat("x", 5000)); !errors.Is(err, password.ErrTooLong) {
		t.Errorf("a password of 5000 characters: %v", err)
	}
}

// The vector was made by the reference program: argon2 with -id -v 13.
func TestHashOfAnotherProgramVerifies(t *testing.T) {
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, rehash, err := newHasher().Verify(t.Context(), phc, "password"); !ok || !rehash || err != nil {
		t.Fatalf("Verify = %v, %v, %v, want true, true, nil", ok, rehash, err)
	}
}

func TestHashOfAnotherCostIsMadeAnew(t *testing.T) {
	old, err := password.NewHasher(password.Params{Memory: 32, Time: 1, Threads: 1}, password.Limit{}).Hash(t.Context(), "Propusk-2026")
	if err != nil {
		t.Fatal(err)
	}
	h := newHasher()
	if ok, rehash, err := h.Verify(t.Context(), old, "Propusk-2026"); !ok || !rehash || err != nil {
		t.Errorf("right password: %v, %v, %v", ok, rehash, err)
	}
	if ok, rehash, err := h.Verify(t.Context(), old, "wrong"); ok || rehash || err != nil {
		t.Errorf("wrong password: %v, %v, %v: it must not be hashed anew", ok, rehash, err)
	}
}

func TestDamagedHashIsAnErrorAndTakesNoMemory(t *testing.T) {
	for _, phc := range []string{
		"", "x", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=64,t=4000000000,p=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=64,t=1,p=0$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$c29tZXNhbHRzb21lc2FsdA",
		"$argon2id$v=19$m=64,t=1,p=1$$c29tZXNhbHRzb21lc2FsdA", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$",
	} {
		if ok, _, err := newHasher().Verify(t.Context(), phc, "x"); ok || !errors.Is(err, password.ErrHash) {
			t.Errorf("Verify(%q) = %v, %v", phc, ok, err)
		}
	}
}

func TestNobodyCostsWhatSomebodyDoes(t *testing.T) {
	// Dear enough to stand out of the noise of a busy machine.
	h := password.NewHasher(password.Params{Memory: 8192, Time: 2, Threads: 1}, password.Limit{})
	phc, err := h.Hash(t.Context(), "Propusk-2026")
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(f func() error) time.Duration {
		best := time.Hour
		for range 7 {
			begin := time.Now()
			if err := f(); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(begin))
		}
		return best
	}
	somebody := fastest(func() error { _, _, err := h.Verify(t.Context(), phc, "wrong"); return err })
	nobody := fastest(func() error { return h.VerifyNobody(t.Context(), "wrong") })
	if nobody*3 < somebody || somebody*3 < nobody {
		t.Errorf("somebody takes %v, nobody %v", somebody, nobody)
	}
}

func TestFloodIsTurnedAwayAndNeverRunsMoreThanAdmitted(t *testing.T) {
	h := password.NewHasher(password.Params{Memory: 4096, Time: 3, Threads: 1}, password.Limit{Concurrent: 2, Waiting: 5, Patience: time.Minute})
	stop := make(chan struct{})
	most := make(chan [2]int)
	go func() {
		var m [2]int
		for {
			running, waiting := h.InFlight()
			m = [2]int{max(m[0], running), max(m[1], waiting)}
			select {
			case <-stop:
				most <- m
				return
			case <-time.After(100 * time.Microsecond):
			}
		}
	}()
	var mu sync.Mutex
	var done, refused int
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			err := h.VerifyNobody(t.Context(), "x")
			mu.Lock()
			defer mu.Unlock()
			var retry fault.RetryAfter
			switch {
			case err == nil:
				done++
			case errors.Is(err, fault.Limited) && errors.Is(err, password.ErrBusy) && errors.As(err, &retry) && retry.After > 0:
				refused++
			default:
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	close(stop)
	if m := <-most; m[0] > 2 || m[0] < 1 || m[1] > 6 {
		t.Errorf("at most %d ran and %d waited, want 2 and 5", m[0], m[1])
	}
	if done+refused != 200 || done < 7 || refused == 0 {
		t.Errorf("%d done and %d refused of 200", done, refused)
	}
	if running, waiting := h.InFlight(); running != 0 || waiting != 0 {
		t.Errorf("%d and %d are left behind", running, waiting)
	}
	if err := h.VerifyNobody(t.Context(), "x"); err != nil {
		t.Errorf("after the flood: %v", err)
	}
}

func TestWaitingEndsWithThePersonOrThePatience(t *testing.T) {
	h := password.NewHasher(password.Params{Memory: 65536, Time: 8, Threads: 1}, password.Limit{Concurrent: 1, Waiting: 5, Patience: time.Millisecond})
	first := make(chan error)
	go func() { first <- h.VerifyNobody(context.Background(), "x") }()
	for running := 0; running == 0; running, _ = h.InFlight() {
		time.Sleep(50 * time.Microsecond)
	}
	if err := h.VerifyNobody(t.Context(), "x"); !errors.Is(err, fault.Limited) {
		t.Errorf("patience is over: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.VerifyNobody(gone, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("the person is gone: %v", err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}

func BenchmarkDefaultHash(b *testing.B) {
	h := password.NewHasher(password.Params{}, password.Limit{})
	for b.Loop() {
		if err := h.VerifyNobody(b.Context(), "Propusk-2026"); err != nil {
			b.Fatal(err)
		}
	}
}

func TestNoHasherMakesWhatItCannotVerify(t *testing.T) {
	for _, p := range []password.Params{
		{Memory: 64, Time: password.MaxTime + 1, Threads: 1}, {Memory: password.MaxMemory + 1, Time: 1, Threads: 1},
		{Memory: 1024, Time: 1, Threads: password.MaxThreads + 1}, {Memory: 7, Time: 1, Threads: 1}, {Memory: 64, Time: 0, Threads: 1},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a hasher of %+v was made", p)
				}
			}()
			password.NewHasher(p, password.Limit{})
		}()
	}
	h := password.NewHasher(password.Params{Memory: 8 * password.MaxThreads, Time: password.MaxTime, Threads: password.MaxThreads}, password.Limit{})
	phc, err := h.Hash(t.Context(), "Propusk-2026")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.Verify(t.Context(), phc, "Propusk-2026"); !ok || err != nil {
		t.Errorf("at the bounds: %v, %v", ok, err)
	}
}
