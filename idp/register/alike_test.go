package register

import (
	"context"
	"slices"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

func TestStartMakesTheSameTripsForTakenAndFreeContacts(t *testing.T) {
	s := storagetest.New(t)
	notices, err := notice.New(notice.Config{Issuer: "http://localhost", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	d := New(Config{
		Accounts: s.Records, Transients: s.Transients, Ring: s.Keyring.Ring, Notices: notices, Now: s.Clock.Now, Wall: s.Clock.Now,
		Atomically: func(ctx context.Context, f func(Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
	a := s.Simplified(t)
	tel, mail := a.Profile.Contacts[0].Value, "taken@example.org"
	a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: mail, Proved: s.Clock.Now()})
	s.Create(t, a)
	trips := func(f Form) []string {
		t.Helper()
		f.FamilyName, f.GivenName, f.Consent, f.Lang, f.Browser, f.Network = "Иванова", "Мария", true, "ru", "browser", "198.51.100.1"
		s.Ops.Reset()
		if _, err := d.Start(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		return s.Ops.Reset()
	}
	trips(Form{Tel: storagetest.Phone()}) // the first one may open connections
	for _, c := range []struct{ taken, free Form }{
		{Form{Tel: tel}, Form{Tel: storagetest.Phone()}},
		{Form{Email: "Taken@example.org"}, Form{Email: "free@example.org"}},
	} {
		if taken, free := trips(c.taken), trips(c.free); !slices.Equal(taken, free) {
			t.Errorf("taken %v, free %v", taken, free)
		}
	}
}
