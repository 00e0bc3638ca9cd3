package idp_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/idptest"
)

// patient has an account's changes wait a day.
func patient(t *testing.T, w *idptest.World, a *account.Account) {
	t.Helper()
	if _, err := w.Records.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Locks.Wait = 24 * time.Hour; return nil }); err != nil {
		t.Fatal(err)
	}
}

// waitsFor tells whether an outcome and its receipt say that the confirmation does not count yet, and name none.
func waitsFor(t *testing.T, out bank.Outcome) bool {
	t.Helper()
	parts := strings.Split(out.Receipt, ".")
	if len(parts) != 3 {
		t.Fatalf("the receipt is %q", out.Receipt)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var r bank.Receipt
	if err != nil || json.Unmarshal(text, &r) != nil {
		t.Fatalf("the receipt is %q", text)
	}
	return out.Status == bank.Waiting && out.Confirmation == "" && out.ConfirmedAt == nil && r.Status == bank.Waiting && r.Confirmation == "" && r.ConfirmedAt == 0
}

func TestABankIsToldConfirmedWhenItCounts(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	patient(t, w, a)
	for i := range 5 {
		reference := fmt.Sprintf("ZR-800%d", i)
		if out := judged(t, b.Call("/confirmations", "key-"+reference, idptest.Vouch(a, reference)), http.StatusCreated); !waitsFor(t, out) {
			t.Fatalf("%s: got %+v", reference, out)
		}
	}
	if all, err := w.Records.Pendings(t.Context(), a.ID); err != nil || len(all) != 1 {
		t.Errorf("%d changes wait, %v; want one", len(all), err)
	}
	w.Advance(2 * time.Hour) // longer than a journey to the bank and back
	if out := judged(t, b.Call("/confirmations/ZR-8004", "", nil), http.StatusOK); !waitsFor(t, out) {
		t.Errorf("two hours later: %+v", out)
	}
	w.Advance(23 * time.Hour)
	until(t, "it counts", func() bool { return level(t, w, a) == account.Verified })
	got, err := w.Records.Account(t.Context(), a.ID)
	if err != nil || len(got.Confirmations) != 1 {
		t.Fatalf("%d confirmations, %v", len(got.Confirmations), err)
	}
	first := judged(t, b.Call("/confirmations/ZR-8004", "", nil), http.StatusOK)
	if first.Status != bank.Confirmed || first.Confirmation != got.Confirmations[0].ID || first.ConfirmedAt == nil {
		t.Errorf("once it counts: %+v", first)
	}
	if again := judged(t, b.Call("/confirmations/ZR-8004", "", nil), http.StatusOK); again.Receipt != first.Receipt {
		t.Error("another receipt for the same")
	}
	if out := judged(t, b.Call("/confirmations/ZR-8000", "", nil), http.StatusOK); out.Status != bank.Closed || out.Confirmation != "" {
		t.Errorf("what a newer one took the place of: %+v", out)
	}
}

func TestWhoAgreesAndHasTimeToObjectIsToldThatItWaits(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	patient(t, w, a)
	citizen := w.Browser()
	citizen.SignIn(a)
	body := idptest.Vouch(a, "ZR-8101")
	body["identity"].(map[string]any)["phone"] = "+79001112233"
	body["ticket"] = leave(t, citizen)
	back, err := url.Parse(judged(t, b.Call("/confirmations", "key-ticket", body), http.StatusCreated).ReturnTo)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice is once
		citizen.Post(back.RequestURI(), nil).At("/account/locks", http.StatusOK)
	}
	citizen.Get(back.RequestURI()).At("/account/locks", http.StatusOK)
	all, err := w.Records.Pendings(t.Context(), a.ID)
	if err != nil || len(all) != 1 || level(t, w, a) != account.Standard {
		t.Fatalf("%d changes wait, %v", len(all), err)
	}
	if out := judged(t, b.Call("/confirmations/ZR-8101", "", nil), http.StatusOK); !waitsFor(t, out) {
		t.Errorf("the bank hears %+v", out)
	}
	citizen.Get("/account/locks")
	citizen.Post("/account/locks", url.Values{"stop": {all[0].ID}}).At("/account/locks", http.StatusOK)
	if out := judged(t, b.Call("/confirmations/ZR-8101", "", nil), http.StatusOK); out.Status != bank.Closed {
		t.Errorf("once the citizen objected the bank hears %+v", out)
	}
}

func TestARegistrationOfABankThatIsSwitchedOffEnds(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), someone(t, w)
	w.SetRegistry("pension", "slow", 2*time.Second)
	judged(t, b.Call("/registrations", "key-register", newcomer(a, "ZR-8201")), http.StatusAccepted)
	off := *b.Partner
	off.Disabled = true
	if err := w.Records.SavePartner(t.Context(), &off); err != nil {
		t.Fatal(err)
	}
	if m := w.Message(idptest.Phone(a), 0); !strings.Contains(m.Text, "не открыта") {
		t.Errorf("the person was told %q", m.Text)
	}
	if got := holder(t, w, a.Profile.Person.SNILS); got != nil {
		t.Errorf("there is an account, %s", got.Level)
	}
}

func TestABanksWordIsAsOldAsItsRequest(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), someone(t, w)
	w.SetRegistry("pension", "slow", 2*time.Second)
	judged(t, b.Call("/registrations", "key-register", newcomer(a, "ZR-8301")), http.StatusAccepted)
	linked(t, w, idptest.Phone(a))
	got := holder(t, w, a.Profile.Person.SNILS)
	if got == nil || len(got.Confirmations) != 1 || !got.Confirmations[0].At.Equal(got.Created.Truncate(time.Second)) {
		t.Errorf("asked at %v, and got %+v", got.Created, got.Confirmations)
	}
}
