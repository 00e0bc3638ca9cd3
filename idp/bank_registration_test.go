package idp_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/idptest"
)

// someone is a person whom the registries know and who has no account.
func someone(t *testing.T, w *idptest.World) *account.Account {
	t.Helper()
	a := idptest.Citizen(t, w.Clock.Now(), account.Standard)
	w.Enter(idptest.Registered(a.Profile.Person, idptest.Phone(a)))
	return a
}

// linked waits for the message with the link and returns its path.
func linked(t *testing.T, w *idptest.World, phone string) string {
	t.Helper()
	u, err := url.Parse(w.Message(phone, 0).Link)
	if err != nil || !strings.HasPrefix(u.Path, "/register/bank/") {
		t.Fatalf("got the link %v, %v", u, err)
	}
	return u.Path
}

// taking is the last page, as its person fills it in.
func taking(a *account.Account, pairs ...string) url.Values {
	p := a.Profile.Person
	out := url.Values{
		"snils": {p.SNILS.String()}, "document-number": {p.Document.Number}, "password": {idptest.Password}, "password-again": {idptest.Password}, "consent": {"1"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// holder finds who holds the checked SNILS of a person, or nil.
func holder(t *testing.T, w *idptest.World, snils civil.SNILS) *account.Account {
	t.Helper()
	a, err := w.Records.FindAccount(t.Context(), account.BySNILS, snils.String())
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestABankRegistersAWholeAccount(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		b, a := aBank(w), someone(t, w)
		if out := judged(t, b.Call("/registrations", "key-register", newcomer(a, "ZR-6001")), http.StatusAccepted); out.Status != bank.Accepted {
			t.Fatalf("got %+v", out)
		}
		path := linked(t, w, idptest.Phone(a))
		waiting := holder(t, w, a.Profile.Person.SNILS)
		if waiting == nil || waiting.Level != account.Verified || len(waiting.Confirmations) != 1 || waiting.Confirmations[0].Serial != "ZR-6001" {
			t.Fatalf("the account that waits is %+v", waiting)
		}
		// Nobody signs in to it before its person has it.
		for _, name := range []string{idptest.Phone(a), a.Profile.Person.SNILS.String()} {
			for _, password := range []string{"", idptest.Password} {
				p := w.Browser().Post("/login", url.Values{"username": {name}, "password": {password}})
				if strings.HasPrefix(p.URL.Path, "/account") {
					t.Errorf("%q with %q is let in", name, password)
				}
			}
		}
		// The link alone is not enough: the bank may have mistyped the phone.
		person := w.Browser()
		person.Get(path).At(path, http.StatusOK)
		person.Post(path, taking(a, "document-number", "4500000001")).At(path, http.StatusUnprocessableEntity)
		person.Post(path, taking(a, "consent", "")).At(path, http.StatusUnprocessableEntity)
		person.Post(path, taking(a, "password-again", "other")).At(path, http.StatusUnprocessableEntity)
		person.Post(path, taking(a)).At("/account", http.StatusOK)
		w.Browser().Get(path).At(path, http.StatusGone) // the link is spent
		if out := judged(t, b.Call("/registrations/ZR-6001", "", nil), http.StatusOK); out.Status != bank.Completed {
			t.Errorf("the bank sees %+v", out)
		}
		w.Browser().SignIn(holder(t, w, a.Profile.Person.SNILS)).At("/account", http.StatusOK)
		until(t, "the person is told", func() bool { return len(w.Messages(idptest.Phone(a))) >= 2 })
	})
}

func TestFiveWrongPapersEndTheLink(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), someone(t, w)
	judged(t, b.Call("/registrations", "key-register", newcomer(a, "ZR-6101")), http.StatusAccepted)
	path := linked(t, w, idptest.Phone(a))
	for i := range 5 {
		want := http.StatusUnprocessableEntity
		if i == 4 {
			want = http.StatusGone
		}
		w.Browser().Post(path, taking(a, "document-number", "4500000001")).At(path, want)
	}
	w.Browser().Post(path, taking(a)).At(path, http.StatusGone)
	if got := holder(t, w, a.Profile.Person.SNILS); got.Credential.Password != "" || len(got.Profile.Contacts) != 0 {
		t.Error("the account has an owner")
	}
}

func TestABankHearsTheSameWhoeverHasAnAccount(t *testing.T) {
	w := idptest.New(t)
	b := aBank(w)
	phoneTaken, snilsTaken, refused, late := someone(t, w), someone(t, w), idptest.Citizen(t, w.Clock.Now(), account.Standard), someone(t, w)
	w.NewCitizen(account.Simplified)
	owner := idptest.Citizen(t, w.Clock.Now(), account.Simplified)
	owner.Profile.Contacts[0].Value = idptest.Phone(phoneTaken)
	other := idptest.Citizen(t, w.Clock.Now(), account.Standard)
	other.Profile.Person = snilsTaken.Profile.Person
	for _, a := range []*account.Account{owner, other} {
		if err := w.Records.CreateAccount(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range []struct {
		who  *account.Account
		told string
	}{{phoneTaken, "она уже есть"}, {snilsTaken, "она уже есть"}, {refused, "не открыта"}, {late, "/register/bank/"}} {
		reference := "ZR-700" + string(rune('0'+i))
		first := judged(t, b.Call("/registrations", "key-"+reference, newcomer(c.who, reference)), http.StatusAccepted)
		if m := w.Message(idptest.Phone(c.who), 0); !strings.Contains(m.Text, c.told) {
			t.Errorf("%s: told %q, want %q", reference, m.Text, c.told)
		}
		if now := judged(t, b.Call("/registrations/"+reference, "", nil), http.StatusOK); first.Status != bank.Accepted || now.Status != bank.Accepted {
			t.Errorf("%s: the bank hears %s, then %s", reference, first.Status, now.Status)
		}
	}
	if got := holder(t, w, snilsTaken.Profile.Person.SNILS); got == nil || got.ID != other.ID {
		t.Error("the SNILS has another holder now")
	}
	if holder(t, w, refused.Profile.Person.SNILS) != nil || holder(t, w, late.Profile.Person.SNILS) == nil {
		t.Error("who was refused has an account, or who may still finish has none")
	}
	// A month later all is over, and the bank hears that of all at the same time; what was never finished is gone.
	w.Advance(31 * 24 * time.Hour)
	for i := range 4 {
		reference := "ZR-700" + string(rune('0'+i))
		if out := judged(t, b.Call("/registrations/"+reference, "", nil), http.StatusOK); out.Status != bank.Closed {
			t.Errorf("%s: the bank hears %s", reference, out.Status)
		}
	}
	until(t, "the account that nobody took is gone", func() bool { return holder(t, w, late.Profile.Person.SNILS) == nil })
	w.Browser().Get(linked(t, w, idptest.Phone(late))).At(linked(t, w, idptest.Phone(late)), http.StatusGone)
}
