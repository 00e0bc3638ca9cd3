package storagetest

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/wish"
)

func pendings(t *testing.T, s *Stores) {
	ctx := t.Context()
	a, other := s.Create(t, s.Simplified(t)), s.Create(t, s.Simplified(t))
	pending := func(id account.ID) *lock.Pending {
		now := s.Clock.Now()
		p := &lock.Pending{
			ID: rand.Text(), Account: id, Kind: lock.Contact, Opened: now, Due: now.Add(24 * time.Hour), Stop: []byte("hash"),
			Contact:  &account.Contact{Kind: account.Phone, Value: Phone(), Proved: now},
			Password: &lock.Password{Hash: "hash", Epoch: 3, Through: account.Contact{Kind: account.Email, Value: "a@example.org", Proved: now}},
		}
		ok(t, "SavePending", s.SavePending(ctx, p))
		return p
	}

	t.Run("come back as they were saved", func(t *testing.T) {
		p := pending(a.ID)
		got, err := s.Pending(ctx, p.ID)
		ok(t, "Pending", err)
		same(t, "change", got, p)
		_, err = s.Pending(ctx, "unknown")
		absent(t, "Pending", err)
		_, err = s.ChangePending(ctx, "unknown", func(*lock.Pending) error { return nil })
		absent(t, "ChangePending", err)
	})

	t.Run("are listed while they are open, the newest first", func(t *testing.T) {
		s.Clock.Advance(time.Minute)
		newest := pending(a.ID)
		pending(other.ID)
		got, err := s.Pendings(ctx, a.ID)
		if err != nil || len(got) != 2 || got[0].ID != newest.ID {
			t.Fatalf("Pendings: %v, %v", got, err)
		}
		_, err = s.ChangePending(ctx, newest.ID, func(p *lock.Pending) error { p.Closed, p.Outcome = s.Clock.Now(), lock.Made; return nil })
		ok(t, "ChangePending", err)
		if got, err := s.Pendings(ctx, a.ID); err != nil || len(got) != 1 || got[0].ID == newest.ID {
			t.Errorf("Pendings after one was closed: %v, %v", got, err)
		}
	})

	t.Run("are closed once, however many try", func(t *testing.T) {
		p := pending(a.ID)
		over := errors.New("over")
		won := 0
		for _, err := range parallel(6, func(int) error {
			_, err := s.ChangePending(ctx, p.ID, func(p *lock.Pending) error {
				if !p.Open() {
					return over
				}
				p.Closed = s.Clock.Now()
				return nil
			})
			return err
		}) {
			if err == nil {
				won++
			} else if !errors.Is(err, over) {
				t.Errorf("ChangePending: %v", err)
			}
		}
		if won != 1 {
			t.Errorf("closed %d times, want once", won)
		}
	})
}

func wishes(t *testing.T, s *Stores) {
	ctx := t.Context()
	a := s.Create(t, s.Simplified(t))
	demand := policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}, MaxAge: time.Hour}}}
	made := func() *wish.Wish {
		now := s.Clock.Now()
		return &wish.Wish{Account: a.ID, Client: "tax", Demand: demand, First: now, At: now}
	}

	t.Run("of one party are one, which a later one renews", func(t *testing.T) {
		if none, err := s.Wishes(ctx, a.ID); err != nil || len(none) != 0 {
			t.Errorf("Wishes before any: %v, %v", none, err)
		}
		first := made()
		ok(t, "SaveWish", s.SaveWish(ctx, first))
		_, err := s.ChangeWish(ctx, wish.ID(a.ID, "tax"), func(w *wish.Wish) error { w.Told, w.Closed = s.Clock.Now(), s.Clock.Now(); return nil })
		ok(t, "ChangeWish", err)
		if got, err := s.Wishes(ctx, a.ID); err != nil || len(got) != 0 {
			t.Errorf("Wishes after it was closed: %v, %v", got, err)
		}
		s.Clock.Advance(time.Hour)
		again := made()
		ok(t, "SaveWish", s.SaveWish(ctx, again))
		got, err := s.Wishes(ctx, a.ID)
		if err != nil || len(got) != 1 {
			t.Fatalf("Wishes: %v, %v", got, err)
		}
		again.First, again.Version = first.First, got[0].Version
		same(t, "wish", got[0], again)
		_, err = s.ChangeWish(ctx, wish.ID(a.ID, "unknown"), func(*wish.Wish) error { return nil })
		absent(t, "ChangeWish", err)
	})

	t.Run("saved at once by many are one", func(t *testing.T) {
		b := s.Create(t, s.Simplified(t))
		for _, err := range parallel(6, func(int) error {
			w := made()
			w.Account = b.ID
			return s.SaveWish(ctx, w)
		}) {
			ok(t, "SaveWish", err)
		}
		if got, err := s.Wishes(ctx, b.ID); err != nil || len(got) != 1 {
			t.Errorf("Wishes: %v, %v", got, err)
		}
	})
}
