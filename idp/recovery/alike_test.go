package recovery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// Whether a name has an account must not show in how long the answer takes: the trips to the stores are
// those of a name that has none.
func TestStartMakesTheSameTripsForEveryName(t *testing.T) {
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
	reachable := func() *account.Account {
		a := s.Standard(t)
		a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: fmt.Sprintf("u%s@example.org", a.ID), Proved: s.Clock.Now()})
		return s.Create(t, a)
	}
	known, staff := reachable(), reachable()
	if err := s.SaveMember(t.Context(), &centre.Member{Account: staff.ID, Centre: "77-014", Role: centre.Operator, Active: true}); err != nil {
		t.Fatal(err)
	}
	var refs []string
	trips := func(name string) []string {
		t.Helper()
		s.Ops.Reset()
		ref, err := d.Start(t.Context(), Form{Username: name, Lang: "ru", Browser: "browser", Network: "198.51.100.1"})
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
		return s.Ops.Reset()
	}
	contact := func(a *account.Account, kind account.ContactKind) string {
		c, _ := a.Profile.Contact(kind)
		return c.Value
	}
	trips(storagetest.Phone()) // the first one may open connections
	for what, want := range map[string]struct {
		nobody string
		names  []string
	}{
		"SNILS": {storagetest.SNILS(t).Format(), []string{known.Profile.Person.SNILS.Format(), staff.Profile.Person.SNILS.Format()}},
		"phone": {storagetest.Phone(), []string{contact(known, account.Phone), contact(staff, account.Phone)}},
		"email": {"nobody@example.org", []string{contact(known, account.Email), contact(staff, account.Email)}},
	} {
		nobody := trips(want.nobody)
		for i, name := range want.names {
			if got := trips(name); !slices.Equal(got, nobody) {
				t.Errorf("%s %d: %v, and of nobody %v", what, i, got, nobody)
			}
		}
	}
	// Sent again, alike too.
	s.Clock.Advance(6 * time.Minute)
	var first []string
	for i, ref := range refs[1:] {
		s.Ops.Reset()
		if err := d.Resend(t.Context(), ref, "browser", "198.51.100.2"); err != nil {
			t.Fatal(err)
		}
		if got := s.Ops.Reset(); i == 0 {
			first = got
		} else if !slices.Equal(got, first) {
			t.Errorf("sent again, name %d: %v, and the first %v", i, got, first)
		}
	}
}
