package lock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// A world is the desk over real stores.
type world struct {
	*storagetest.Stores
	desk     *lock.Desk
	notices  *notice.Notices
	sessions *session.Desk
	made     int
	fails    error // what the maker of contacts says
}

func newWorld(t *testing.T, s *storagetest.Stores) *world {
	t.Helper()
	w := &world{Stores: s}
	var err error
	if w.notices, err = notice.New(notice.Config{Issuer: "https://propusk.test", Now: s.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	w.sessions = session.New(session.Config{Now: s.Clock.Now, Wall: s.Clock.Now})
	w.desk = lock.New(lock.Config{
		Read: s.Records, Sessions: w.sessions, Notices: w.notices, Now: s.Clock.Now, Wall: s.Clock.Now, LiftAfter: 48 * time.Hour,
		Atomically: func(ctx context.Context, f func(lock.DeskTx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	}, map[lock.Kind]lock.Maker{lock.Contact: func(ctx context.Context, p *lock.Pending) error {
		return s.Atomically(ctx, func(tx *sqlstore.Stores) error {
			if _, err := lock.Close(ctx, tx, p.ID, lock.Made, s.Clock.Now()); err != nil {
				return err
			}
			_, err := tx.ChangeAccount(ctx, p.Account, func(a *account.Account) error { a.Lang = "en"; return w.fails })
			if err == nil {
				w.made++
			}
			return err
		})
	}})
	return w
}

func (w *world) due(t *testing.T, id string) error {
	t.Helper()
	return w.desk.Handlers()[lock.JobDue](t.Context(), id)
}

func (w *world) waits(t *testing.T, a *account.Account) *lock.Pending {
	t.Helper()
	var p *lock.Pending
	err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) (err error) {
		p, err = lock.Announce(t.Context(), tx, w.notices, a, lock.Pending{Kind: lock.Contact, Contact: &account.Contact{Kind: account.Phone, Value: storagetest.Phone()}},
			lock.Wait{For: 24 * time.Hour, Now: w.Clock.Now(), Wall: w.Clock.Now()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) account(t *testing.T, id account.ID) *account.Account {
	t.Helper()
	a, err := w.Account(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestChangeIsMadeOnceAndNotBeforeItsTime(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newWorld(t, s)
		p := w.waits(t, s.Create(t, s.Standard(t)))
		if err := w.due(t, p.ID); err != nil || w.made != 0 {
			t.Fatalf("asked early: %v, made %d times", err, w.made)
		}
		s.Clock.Advance(24 * time.Hour)
		// What fails half way leaves it waiting, with nothing changed, and is tried again.
		w.fails = errors.New("the disk is full")
		if err := w.due(t, p.ID); !errors.Is(err, w.fails) || w.account(t, p.Account).Lang == "en" {
			t.Fatalf("a maker that fails: %v", err)
		}
		if got, err := s.Pending(t.Context(), p.ID); err != nil || !got.Open() {
			t.Fatalf("after it failed: %+v, %v", got, err)
		}
		w.fails = nil
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if err := w.due(t, p.ID); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if w.made != 1 {
			t.Errorf("made %d times", w.made)
		}
	})
}

func TestStoppingAndMakingRaceAndOneWins(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newWorld(t, s)
		for range 5 {
			w.made = 0
			p := w.waits(t, s.Create(t, s.Standard(t)))
			s.Clock.Advance(24 * time.Hour)
			var all sync.WaitGroup
			var stopped error
			all.Go(func() { stopped = w.desk.Stop(t.Context(), p.Account, p.ID, "") })
			all.Go(func() {
				if err := w.due(t, p.ID); err != nil {
					t.Error(err)
				}
			})
			all.Wait()
			if (stopped == nil) == (w.made == 1) || stopped != nil && !errors.Is(stopped, lock.ErrOver) {
				t.Fatalf("stopped: %v, made %d times", stopped, w.made)
			}
		}
	})
}

func TestWhatHasNothingLeftToChangeLapses(t *testing.T) {
	s := storagetest.New(t)
	w := newWorld(t, s)
	p := w.waits(t, s.Create(t, s.Standard(t)))
	s.Clock.Advance(24 * time.Hour)
	w.fails = lock.ErrLapsed
	if err := w.due(t, p.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Pending(t.Context(), p.ID); err != nil || got.Outcome != lock.Lapsed {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestOnlyItsOwnCitizenStopsAChange(t *testing.T) {
	s := storagetest.New(t)
	w := newWorld(t, s)
	p, other := w.waits(t, s.Create(t, s.Standard(t))), s.Create(t, s.Standard(t))
	for name, err := range map[string]error{
		"another citizen": w.desk.Stop(t.Context(), other.ID, p.ID, ""), "no such change": w.desk.Stop(t.Context(), p.Account, "unknown", ""),
	} {
		if !errors.Is(err, lock.ErrOver) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, token := range []string{"", ".", p.ID, p.ID + ".", p.ID + ".AAAA", "unknown.AAAA"} {
		if _, err := w.desk.StopByLink(t.Context(), token, ""); !errors.Is(err, lock.ErrOver) {
			t.Errorf("link %q: %v", token, err)
		}
	}
}

func TestLongerIsAtOnceAndShorterIsALifting(t *testing.T) {
	s := storagetest.New(t)
	w := newWorld(t, s)
	ctx, id := t.Context(), s.Create(t, s.Standard(t)).ID
	set := func(d time.Duration) error { return w.desk.Wait(ctx, id, d, "") }
	if err := set(time.Hour); !errors.Is(err, fault.Invalid) {
		t.Errorf("a period nobody offers: %v", err)
	}
	for _, d := range []time.Duration{72 * time.Hour, 24 * time.Hour} {
		if err := set(d); err != nil || w.account(t, id).Locks.Wait != 72*time.Hour {
			t.Fatalf("set %v: %v, waits %v", d, err, w.account(t, id).Locks.Wait)
		}
	}
	if _, err := w.desk.Lift(ctx, id, lock.LiftFreeze, 0, ""); !errors.Is(err, lock.ErrOpen) {
		t.Errorf("thawing what is not frozen: %v", err)
	}
	p, err := w.desk.Lift(ctx, id, lock.LiftWait, 0, "")
	if err != nil || !p.Due.Equal(s.Clock.Now().Add(72*time.Hour)) {
		t.Fatalf("the lifting waits until %v, %v; want the account's own three days", p, err)
	}
	if _, err := w.desk.Lift(ctx, id, lock.LiftWait, 0, ""); !errors.Is(err, lock.ErrAlready) {
		t.Errorf("twice: %v", err)
	}
	for _, wrong := range []error{
		func() error { _, err := w.desk.Lift(ctx, id, lock.Contact, 0, ""); return err }(),
		func() error { _, err := w.desk.Lift(ctx, id, lock.LiftNever, 0, ""); return err }(),
		func() error { _, err := w.desk.Lift(ctx, id, lock.LiftWait, account.Bank, ""); return err }(),
		w.desk.Never(ctx, id, account.ServiceCenter, ""), w.desk.Never(ctx, id, 0, ""),
	} {
		if !errors.Is(wrong, fault.Invalid) {
			t.Errorf("no such lock: %v", wrong)
		}
	}
	s.Clock.Advance(72 * time.Hour)
	if err := w.due(t, p.ID); err != nil || w.account(t, id).Locks.Any() {
		t.Errorf("lifted: %v, %+v", err, w.account(t, id).Locks)
	}
}

func TestFreezingStopsWhatWaitsAndProvesNothing(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := newWorld(t, s)
		ctx := t.Context()
		a := s.Create(t, s.Standard(t))
		browser := session.NewBrowser("")
		var old *session.Session
		err := s.Atomically(ctx, func(tx *sqlstore.Stores) (err error) {
			old, err = w.sessions.Begin(ctx, tx, a, session.Ordinary, []string{"pwd"}, session.HashBrowser(browser), "Firefox")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p := w.waits(t, a)
		if err := w.desk.Never(ctx, a.ID, account.Bank, ""); err != nil {
			t.Fatal(err)
		}
		s.Clock.Advance(time.Hour)
		// The account rose since; freezing must not carry that into the session.
		if _, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error {
			return a.Confirm(account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: s.Clock.Now()})
		}); err != nil {
			t.Fatal(err)
		}
		next, secret, err := w.desk.Freeze(ctx, lock.Freezing{Session: old, Browser: browser})
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Session(ctx, next.ID)
		now := w.account(t, a.ID)
		switch {
		case err != nil:
			t.Fatal(err)
		case !kept.Alive(now.Epoch, s.Clock.Now()) || !session.SameBrowser(secret, kept.Browser) || kept.ID == old.ID:
			t.Errorf("the new session %+v does not stand", kept)
		case !kept.AuthTime.Equal(old.AuthTime), kept.Snapshot.Level != account.Standard, !slices.Equal(kept.AMR, old.AMR):
			t.Errorf("the new session says more than the old one: %+v", kept)
		case now.Epoch == a.Epoch, now.Locks.Frozen.IsZero(), !slices.Equal(now.Locks.Never, []account.Method{account.Bank}), now.Level != account.Verified:
			t.Errorf("the account: epoch %d, %s, %+v", now.Epoch, now.Level, now.Locks)
		}
		if got, err := s.Pending(ctx, p.ID); err != nil || got.Outcome != lock.Shut {
			t.Errorf("what waited: %+v, %v", got, err)
		}
		if before, err := s.Session(ctx, old.ID); err != nil || before.Alive(now.Epoch, s.Clock.Now()) {
			t.Errorf("the old session: %v", err)
		}
		if _, _, err := w.desk.Freeze(ctx, lock.Freezing{Session: kept, Browser: secret}); !errors.Is(err, lock.ErrFrozen) {
			t.Errorf("twice: %v", err)
		}
	})
}
