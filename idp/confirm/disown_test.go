package confirm_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// disowning is letters whose news carry the link.
func disowning(t *testing.T, s *storagetest.Stores) (*letters, *confirm.Disowner) {
	t.Helper()
	w := newLetters(t, s)
	return w, confirm.NewDisowner(confirm.DisownConfig{
		Read: s.Records, Atomically: w.atomically, Ring: s.Keyring.Ring, Notices: w.mail.Notices, Now: s.Clock.Now, Wall: s.Clock.Now,
	})
}

// twoContacts is a standard account with a phone and an address.
func (w *letters) twoContacts() *account.Account {
	w.t.Helper()
	a := w.Standard(w.t)
	other := account.Contact{Kind: account.Email, Value: "other-" + a.ID.String() + "@example.org", Proved: w.Clock.Now()}
	if _, ok := a.Profile.Contact(account.Email); ok {
		other = account.Contact{Kind: account.Phone, Value: "+79" + a.ID.String()[:9], Proved: w.Clock.Now()}
	}
	a.Profile.Contacts = append(a.Profile.Contacts, other)
	return w.Create(w.t, a)
}

// confirmed enters the code of a letter and gives the token of the link that every contact got.
func (w *letters) confirmed(a *account.Account) (token string) {
	w.t.Helper()
	l, code := w.posted(a)
	w.moves(l, confirm.HandedOver)
	w.told = nil
	if _, err := w.mail.Enter(w.t.Context(), a.ID, code); err != nil {
		w.t.Fatal(err)
	}
	if len(w.told) != len(a.Profile.Contacts) || len(w.told) < 2 {
		w.t.Fatalf("%d of %d contacts were told", len(w.told), len(a.Profile.Contacts))
	}
	for _, m := range w.told {
		_, after, ok := strings.Cut(m.Text, "https://propusk.example/not-me/")
		if !ok {
			w.t.Fatalf("no link in %q", m.Text)
		}
		token = strings.Fields(after)[0]
	}
	return token
}

func TestDisownedConfirmationCountsNoMoreAndEverythingEnds(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w, d := disowning(t, s)
		a := w.twoContacts()
		token := w.confirmed(a)
		desk := session.New(session.Config{Now: s.Clock.Now, Wall: s.Clock.Now})
		var in *session.Session
		err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) (err error) {
			a, err := tx.Account(t.Context(), a.ID)
			if err != nil {
				return err
			}
			in, err = desk.Begin(t.Context(), tx, a, session.Ordinary, []string{"pwd"}, nil, "Firefox")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		claim, err := d.Look(t.Context(), token)
		if err != nil || claim.State != confirm.ClaimLive || claim.Confirmation.Method != account.MailCode || w.level(a.ID) != account.Verified {
			t.Fatalf("Look: %+v, %v, level %s", claim, err, w.level(a.ID))
		}
		w.told = nil
		var all sync.WaitGroup
		for range 4 { // pressed on the phone and on the computer
			all.Go(func() {
				if claim, err := d.Disown(t.Context(), token, "REQ1-0001"); err != nil || claim.State != confirm.ClaimFrozen {
					t.Errorf("Disown: %+v, %v", claim, err)
				}
			})
		}
		all.Wait()
		got, err := w.Account(t.Context(), a.ID)
		if err != nil || got.Level != account.Standard || len(got.Confirmations) != 1 || !got.Confirmations[0].HeldBy(confirm.Disowned) {
			t.Errorf("afterwards: %s, %+v, %v", got.Level, got.Confirmations, err)
		}
		if s, err := w.Session(t.Context(), in.ID); err == nil && s.Ended.IsZero() {
			t.Error("the session goes on")
		}
		if w.count(a.ID, "confirmation_held") != 1 {
			t.Errorf("%d events", w.count(a.ID, "confirmation_held"))
		}
		if len(w.told) != len(a.Profile.Contacts) {
			t.Errorf("%d messages for %d contacts", len(w.told), len(a.Profile.Contacts))
		}
		for _, m := range w.told {
			if !strings.Contains(m.Text, "заморо") {
				t.Errorf("message %q", m.Text)
			}
		}
		// By mistake: an administrator gives it back.
		err = w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
			_, rose, err := confirm.Release(t.Context(), tx, w.mail.Notices, confirm.Releasing{
				Order: confirm.Order{Account: a.ID, Now: s.Clock.Now(), Wall: s.Clock.Now()}, By: confirm.Disowned,
			})
			if !rose {
				t.Error("not given back")
			}
			return err
		})
		if err != nil || w.level(a.ID) != account.Verified {
			t.Errorf("Release: %v, level %s", err, w.level(a.ID))
		}
	})
}

func TestLinkThatIsNoneTellsNothing(t *testing.T) {
	w, d := disowning(t, storagetest.New(t))
	a := w.twoContacts()
	token := w.confirmed(a)
	elsewhere := w.Keyring.Ring.Seal("registration", []byte("x"), nil)
	nobody := strings.TrimPrefix(d.Path(a.ID+1, "none"), "/not-me/")
	for name, v := range map[string]string{
		"nothing": "", "junk": "junk", "cut": token[:len(token)-2], "longer": token + "AA", "of another purpose": elsewhere, "of nobody's account": nobody,
	} {
		if _, err := d.Disown(t.Context(), v, ""); !errors.Is(err, confirm.ErrDisownLink) {
			t.Errorf("%s: %v", name, err)
		}
	}
	gone := strings.TrimPrefix(d.Path(a.ID, "another confirmation"), "/not-me/")
	if claim, err := d.Disown(t.Context(), gone, ""); err != nil || claim.State != confirm.ClaimGone || w.level(a.ID) != account.Verified {
		t.Errorf("a confirmation that is gone: %+v, %v", claim, err)
	}
	w.Clock.Advance(30*24*time.Hour + time.Second)
	if _, err := d.Disown(t.Context(), token, ""); !errors.Is(err, confirm.ErrDisownLink) || w.level(a.ID) != account.Verified {
		t.Errorf("after 30 days: %v", err)
	}
}

func TestDisowningOneConfirmationLeavesTheOthers(t *testing.T) {
	w, d := disowning(t, storagetest.New(t))
	a := w.twoContacts()
	token := w.confirmed(a)
	err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
		a, err := tx.Account(t.Context(), a.ID)
		if err != nil {
			return err
		}
		_, _, err = confirm.Prove(t.Context(), tap{tx, w}, w.mail.Notices, confirm.Proof{
			Account: a.ID, Judged: a.Profile.Person, Now: w.Clock.Now(), Wall: w.Clock.Now(),
			Confirmation: account.Confirmation{Method: account.Bank, Organization: "Банк"},
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := w.told[len(w.told)-1]; !strings.Contains(m.Text, "/not-me/") || m.Channel == notice.SMS && len([]rune(m.Text)) > 201 {
		t.Errorf("the news of a bank's confirmation: %q", m.Text)
	}
	before, _ := w.Account(t.Context(), a.ID)
	if _, err := d.Disown(t.Context(), token, ""); err != nil {
		t.Fatal(err)
	}
	got, _ := w.Account(t.Context(), a.ID)
	if have := got.Assurance(w.Clock.Now()); have.Level != account.Verified || len(have.Confirmations) != 1 || have.Confirmations[0].Method != account.Bank {
		t.Errorf("left: %+v", have)
	}
	if got.Epoch == before.Epoch {
		t.Error("losing one of two confirmations is a fall, and nothing ended")
	}
}
