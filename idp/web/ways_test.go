package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
)

// offers are the ways of a refusal, by name.
func offers(p *page) []string {
	var out []string
	p.Find(`main button[name=way]`).Each(func(_ int, s *goquery.Selection) { out = append(out, s.AttrOr("value", "")) })
	return out
}

func TestRefusalNeverOffersWhatIsImpossibleNow(t *testing.T) {
	anyMethod := policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}
	const visit, order, follow = "service_center", "mail_code", "letter"
	for name, test := range map[string]struct {
		prepare func(*world, *account.Account)
		want    []string
	}{
		"nothing stands in the way": {func(*world, *account.Account) {}, []string{visit, order}},
		"a letter is on its way": {func(w *world, a *account.Account) {
			w.letter(a, confirm.Letter{ID: "live", Status: confirm.InTransit, Track: "80081200000017"})
		}, []string{visit, follow}},
		"a letter was cancelled after the post had it": {func(w *world, a *account.Account) {
			w.letter(a, confirm.Letter{ID: "cancelled", Status: confirm.InTransit, Track: "80081200000017", Cancelled: w.Clock.Now(), Reason: "citizen"})
		}, []string{visit}},
		"a letter came back": {func(w *world, a *account.Account) {
			w.letter(a, confirm.Letter{ID: "back", Status: confirm.Returned, Track: "80081200000017", Cancelled: w.Clock.Now(), Reason: "returned"})
		}, []string{visit, order}},
		"new data is being checked": {func(w *world, a *account.Account) {
			if err := w.FileApplication(w.t.Context(), &registry.Application{ID: "a1", Account: a.ID, Person: storagetest.Person(w.t),
				State: registry.Running, Filed: w.Clock.Now(), Deadline: w.Clock.Now().Add(time.Hour)}); err != nil {
				w.t.Fatal(err)
			}
		}, []string{"checks"}},
		"restricted, and would not be enough": {func(w *world, a *account.Account) { w.restrict(a) }, []string{visit}},
		"restricted, and else enough": {func(w *world, a *account.Account) {
			w.restrict(a)
			w.change(a, func(a *account.Account) error {
				return a.Confirm(account.Confirmation{ID: "letter", Method: account.MailCode, At: w.Clock.Now()})
			})
		}, []string{"second_contact", visit}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.standard()
			test.prepare(w, a)
			p := w.ask(w.browser(), w.party(anyMethod)).send("username", phone(a), "password", secret).at("/login/refusal", http.StatusOK)
			if got := offers(p); !slices.Equal(got, test.want) {
				t.Errorf("offered: %v, want %v\n%s", got, test.want, p.text())
			}
		})
	}
}

func (w *world) letter(a *account.Account, l confirm.Letter) {
	w.t.Helper()
	l.Account, l.Ordered = a.ID, w.Clock.Now().Add(-time.Hour)
	if err := w.SaveLetter(w.t.Context(), &l); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) change(a *account.Account, f func(*account.Account) error) {
	w.t.Helper()
	if _, err := w.ChangeAccount(w.t.Context(), a.ID, f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) restrict(a *account.Account) {
	w.change(a, func(a *account.Account) error { a.RestrictedUntil = w.Clock.Now().Add(72 * time.Hour); return nil })
}
