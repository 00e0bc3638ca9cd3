package confirm_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// waiting is a standard account that has changes wait a day, and how banks confirm it.
func waiting(t *testing.T, s *storagetest.Stores) (w confirm.Waits, a *account.Account, prove func(serial string)) {
	t.Helper()
	notices, err := notice.New(notice.Config{Issuer: "https://propusk.test", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w = confirm.Waits{Notices: notices, Now: s.Clock.Now, Wall: s.Clock.Now, Atomically: func(ctx context.Context, f func(confirm.Tx) error) error {
		return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
	}}
	a = s.Standard(t)
	a.Locks.Wait = 24 * time.Hour
	s.Create(t, a)
	return w, a, func(serial string) {
		t.Helper()
		err := w.Atomically(t.Context(), func(tx confirm.Tx) error {
			_, _, err := confirm.Prove(t.Context(), tx, notices, confirm.Proof{
				Account: a.ID, Judged: a.Profile.Person, Confirmation: account.Confirmation{Method: account.Bank, Serial: serial}, Now: s.Clock.Now(), Wall: s.Clock.Now(),
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAConfirmationThatWaitsLapsesWhenItsMethodIsShutOff(t *testing.T) {
	for name, c := range map[string]struct {
		shut func(*account.Locks)
		want error
	}{
		"shut off":            {func(l *account.Locks) { l.Never = []account.Method{account.Bank} }, lock.ErrLapsed},
		"another is shut off": {func(l *account.Locks) { l.Never = []account.Method{account.MailCode} }, nil},
		"frozen":              {func(l *account.Locks) { l.Frozen = time.Now() }, lock.ErrLapsed},
	} {
		t.Run(name, func(t *testing.T) {
			s := storagetest.New(t)
			w, a, prove := waiting(t, s)
			prove("one")
			if _, err := s.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { c.shut(&a.Locks); return nil }); err != nil {
				t.Fatal(err)
			}
			all, err := s.Pendings(t.Context(), a.ID)
			if err != nil || len(all) != 1 {
				t.Fatalf("%d wait, %v", len(all), err)
			}
			s.Clock.Advance(24 * time.Hour)
			if err := w.Make(t.Context(), all[0]); !errors.Is(err, c.want) {
				t.Errorf("Make: %v, want %v", err, c.want)
			}
			got, err := s.Account(t.Context(), a.ID)
			if err != nil || (got.Level == account.Verified) != (c.want == nil) {
				t.Errorf("the account is %s, %v", got.Level, err)
			}
		})
	}
}

func TestOfConfirmationsByOneMethodTheNewestAloneWaits(t *testing.T) {
	s := storagetest.New(t)
	_, a, prove := waiting(t, s)
	for _, serial := range []string{"one", "two", "three", "four", "five"} {
		prove(serial)
	}
	got, err := s.Account(t.Context(), a.ID)
	if err != nil || len(got.Confirmations) != 1 || got.Confirmations[0].Serial != "five" {
		t.Fatalf("the account has %+v, %v", got.Confirmations, err)
	}
	all, err := s.Pendings(t.Context(), a.ID)
	if err != nil || len(all) != 1 || all[0].Confirmation != got.Confirmations[0].ID {
		t.Errorf("%d changes wait, %+v, %v", len(all), all, err)
	}
}
