package authn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

const right = "Propusk-2026"

func desk(t *testing.T) (*Desk, *storagetest.Stores) {
	t.Helper()
	s := storagetest.New(t)
	notices, err := notice.New(notice.Config{Issuer: "http://localhost", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{
		Accounts: s.Records, Transients: s.Transients, Ring: s.Keyring.Ring, Notices: notices, Now: s.Clock.Now, Wall: s.Clock.Now,
		Hasher:   password.NewHasher(password.Params{Memory: 8, Time: 1, Threads: 1}, password.Limit{}),
		Sessions: session.New(session.Config{Now: s.Clock.Now, Wall: s.Clock.Now}), Log: slog.New(slog.DiscardHandler),
		Atomically: func(ctx context.Context, f func(Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	}), s
}

// owner stores an account that signs in with right.
func owner(t *testing.T, d *Desk, s *storagetest.Stores) (*account.Account, string) {
	t.Helper()
	a := s.Simplified(t)
	hash, err := d.Hasher.Hash(t.Context(), right)
	if err != nil {
		t.Fatal(err)
	}
	a.Credential.Password = hash
	return s.Create(t, a), a.Profile.Contacts[0].Value
}

func network(n int) string { return fmt.Sprintf("198.51.100.%d", n) }

// guess tries a wrong password and tells whether it was judged.
func guess(t *testing.T, d *Desk, name, network string) bool {
	t.Helper()
	_, err := d.SignIn(t.Context(), Attempt{Identifier: name, Password: "Wrong-2026", Network: network})
	if !errors.Is(err, ErrWrong) && !errors.Is(err, fault.Limited) {
		t.Fatal(err)
	}
	return errors.Is(err, ErrWrong)
}

func TestWhoFailsContinuouslyDoesNotStopTheOwnerInANewNetwork(t *testing.T) {
	d, s := desk(t)
	_, name := owner(t, d, s)
	for day := range 8 {
		for n := range 5 {
			for tries := 0; tries < 40; tries++ {
				guess(t, d, name, network(n))
				s.Clock.Advance(time.Minute)
			}
		}
		s.Clock.Advance(12 * time.Hour)
		_, err := d.SignIn(t.Context(), Attempt{Identifier: name, Password: right, Network: network(100 + day)})
		if err != nil {
			t.Fatalf("day %d: the owner, in a new network: %v", day, err)
		}
	}
}

func TestAfterAHundredGuessesOnlyAKnownBrowserOpensTheAccount(t *testing.T) {
	d, s := desk(t)
	a, name := owner(t, d, s)
	mark, _, err := d.Mark("", a.ID)
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	for n := 0; judged < mostGuesses; n++ {
		for judged < mostGuesses && guess(t, d, name, network(n)) {
			judged++
			s.Clock.Advance(time.Second)
		}
	}
	s.Clock.Advance(24 * time.Hour)
	enter := func(mark, network string) error {
		_, err := d.SignIn(t.Context(), Attempt{Identifier: name, Password: right, Network: network, Mark: mark})
		return err
	}
	if err := enter("", network(200)); !errors.Is(err, ErrWrong) {
		t.Errorf("the right password in a place that nobody knows, after %d guesses: %v; want the answer of a wrong one", judged, err)
	}
	if err := enter(mark, network(201)); err != nil {
		t.Errorf("a known browser: %v", err)
	}
	s.Clock.Advance(month)
	if err := enter("", network(202)); err != nil {
		t.Errorf("after a month: %v", err)
	}
}

func TestSuccessGivesTheNetworkItsOwnTryBackAndNoMore(t *testing.T) {
	d, s := desk(t)
	_, victim := owner(t, d, s)
	guess(t, d, victim, network(1))
	for range 20 {
		guess(t, d, storagetest.Phone(), network(1))
	}
	for range 3 {
		_, name := owner(t, d, s)
		guess(t, d, name, network(1))
		if _, err := d.SignIn(t.Context(), Attempt{Identifier: name, Password: right, Network: network(1)}); err != nil {
			t.Fatal(err)
		}
		if n, err := d.limits.Look(t.Context(), perNameAndNetwork, counted(name, names(name)), network(1)); err != nil || n != 0 {
			t.Errorf("a success left %d failures at the name, %v", n, err)
		}
	}
	if n, err := d.limits.Look(t.Context(), perNetwork, network(1)); err != nil || n != 24 {
		t.Errorf("after 24 failures and 3 successes the network has %d, %v", n, err)
	}
}

// What is refused in one place must not use up what the owner needs in another, not even while it is refused.
func TestTriesThatAreRefusedCountNowhere(t *testing.T) {
	d, s := desk(t)
	a, name := owner(t, d, s)
	for guess(t, d, name, network(1)) {
	}
	look := func() (out [3]int) {
		for i, by := range []struct {
			rule limit.Rule
			who  []string
		}{{perStranger, []string{counted(name, names(name)), network(1)}}, {perNetwork, []string{network(1)}}, {perUnknown, []string{a.ID.String()}}} {
			n, err := d.limits.Look(t.Context(), by.rule, by.who...)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = n
		}
		return out
	}
	before := look()
	s.Ops.Reset()
	for range 30 {
		if guess(t, d, name, network(1)) {
			t.Fatal("a try in the pause was judged")
		}
	}
	for _, op := range s.Ops.Reset() {
		if op == "transients commit" {
			t.Fatal("a refused try was written")
		}
	}
	if after := look(); after != before || before[2] == 0 {
		t.Errorf("counters: got %v, before the refusals %v", after, before)
	}
}
