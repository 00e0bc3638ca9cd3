package idp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// tax demands what the tax service demands: verified, and not by letter alone.
func tax(w *idptest.World) *idptest.Party {
	return w.RegisterParty(&rp.Party{ID: "tax", Name: map[string]string{"ru": "Налоговая служба", "en": "Tax service"},
		Home: "https://tax.test", InitiateLogin: "https://tax.test/login", Backchannel: "https://tax.test/backchannel",
		Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}})
}

// until asks for something until it is so: a job does it.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return
		}
	}
	t.Fatalf("%s: not within 20 seconds", what)
}

// told tells whether a message with these words came to somebody.
func told(w *idptest.World, to, words string) bool {
	for _, m := range w.Messages(to) {
		if strings.Contains(m.Text, words) {
			return true
		}
	}
	return false
}

// refused asks for a sign-in as a citizen and ends at the refusal.
func refused(b *idptest.Browser, p *idptest.Party, a *account.Account) *idptest.Page {
	return b.Get("/oauth2/authorize?"+p.Ask().Encode()).Submit("username", idptest.Phone(a), "password", idptest.Password).At("/login/refusal", http.StatusOK)
}

// visited has an operator confirm a citizen at the window.
func visited(t *testing.T, w *idptest.World, a *account.Account) {
	t.Helper()
	b, op := w.Browser(), w.NewOperator()
	b.Get("/operator").Submit("username", idptest.Phone(op), "password", idptest.Password).Submit("code", idptest.TOTP(t)).At("/operator", http.StatusOK)
	p := b.Get("/operator").Submit("snils", a.Profile.Person.SNILS.String(), "document-number", a.Profile.Person.Document.Number, "reason", "confirm")
	fields := []string{"act", "confirm", "face", "1", "genuine", "1"}
	for _, name := range p.Find(`input[value="yes"]`).EachIter() {
		fields = append(fields, name.AttrOr("name", ""), "yes")
	}
	if done := p.Submit(fields...); !strings.Contains(done.Text(), "Личность подтверждена") {
		t.Fatalf("the visit: %d at %s: %s", done.Status, done.URL.Path, done.Text())
	}
}

// From refused at tax back into tax: a visit, which somebody else completes.
func TestVisitLeadsFromTheRefusalBackIntoTax(t *testing.T) {
	w := idptest.New(t)
	p, a := tax(w), w.NewCitizen(account.Verified, account.MailCode)
	b := w.Browser()
	page := refused(b, p, a)
	page.Submit("way", "service_center").At("/account/confirm/visit", http.StatusOK)
	if shown := b.Get("/account/assurance").Text(); !strings.Contains(shown, "Куда вы хотели войти") || !strings.Contains(shown, "Здесь не принимают способ") {
		t.Errorf("the wish is not remembered: %s", shown)
	}
	if home := b.Get("/account").Text(); strings.Contains(home, "теперь вас примут") {
		t.Errorf("offered before it is so: %s", home)
	}

	visited(t, w, a)
	tel := idptest.Phone(a)
	until(t, "the message", func() bool {
		return told(w, tel, "вы хотели войти на сайт «Налоговая служба»")
	})
	// The browser that was refused goes back into the same request: it still waits.
	done := b.Get("/account/confirm/done")
	back := done.Find(".Actions a.Button").AttrOr("href", "")
	if !strings.HasPrefix(back, "/login?tx=") {
		t.Fatalf("the confirmation leads to %q: %s", back, done.Text())
	}
	answer := b.Get(back).At("/login/use-now", http.StatusOK).Submit("password", idptest.Password).At("/login/consent", http.StatusOK).Submit("answer", "allow")
	if answer.Answer == nil || answer.Answer.Query().Get("code") == "" || answer.Answer.Query().Get("state") != "state" {
		t.Fatalf("back at the party: %d at %s, %v", answer.Status, answer.URL.Path, answer.Answer)
	}
	if got := w.Redeem(p, answer.Answer.Query().Get("code")); got.Status != http.StatusOK {
		t.Fatalf("redeem: %+v", got)
	}
	if home := b.Get("/account").Text(); strings.Contains(home, "теперь вас примут") {
		t.Errorf("the wish outlives its fulfilment: %s", home)
	}
}

// What outlives the request is the wish: another browser, another day, begins anew at the party.
func TestWishOutlivesItsRequest(t *testing.T) {
	w := idptest.New(t)
	p, a := tax(w), w.NewCitizen(account.Verified, account.MailCode)
	refused(w.Browser(), p, a).Submit("way", "service_center")
	w.Advance(26 * time.Hour)
	visited(t, w, a)
	b := w.Browser()
	home := b.SignIn(a)
	link := home.Find(`a[href^="https://tax.test/login?iss="]`)
	if link.Length() != 1 || !strings.Contains(home.Text(), "Налоговая служба") {
		t.Fatalf("the home page leads nowhere: %s", home.Text())
	}
	if iss, _ := url.QueryUnescape(strings.TrimPrefix(link.AttrOr("href", ""), "https://tax.test/login?iss=")); iss != strings.TrimSuffix(w.Issuer.String(), "/") {
		t.Errorf("the party is told %q starts it, want %s", iss, w.Issuer)
	}
	gone := b.Post("/account/assurance", url.Values{"forget": {"tax"}}).At("/account/assurance", http.StatusOK)
	if strings.Contains(gone.Text(), "Куда вы хотели войти") || strings.Contains(b.Get("/account").Text(), "теперь вас примут") {
		t.Error("what was given up is still shown")
	}
}

// A letter to a party that takes letters: the code is entered while the request still waits.
func TestLetterCodeLeadsBackIntoTheWaitingRequest(t *testing.T) {
	w := idptest.New(t)
	p := w.RegisterParty(&rp.Party{ID: "pension", Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}})
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	refused(b, p, a).Submit("way", "mail_code").At("/account/confirm/letter", http.StatusOK)
	b.Post("/account/confirm/letter?new=1", url.Values{"postal-code": {"170100"}, "region": {"Тверская область"}, "locality": {"Тверь"}, "street": {"Советская ул."}, "house": {"11"}}).
		At("/account/confirm/letter/check", http.StatusOK).Submit()
	until(t, "the letter", func() bool { return len(w.Letters(idptest.Phone(a))) == 1 && w.Letters(idptest.Phone(a))[0].Code != "" })
	wrong := b.Get("/account/confirm/letter").Submit("act", "enter", "letter-code", "AAAA")
	if wrong.URL.Path != "/account/confirm/letter" {
		t.Errorf("a slip leads to %s", wrong.URL.Path)
	}
	page := b.Get("/account/confirm/letter").Submit("act", "enter", "letter-code", w.Letters(idptest.Phone(a))[0].Code)
	answer := page.At("/login/use-now", http.StatusOK).Submit("password", idptest.Password).At("/login/consent", http.StatusOK).Submit("answer", "allow")
	if answer.Answer == nil || answer.Answer.Query().Get("code") == "" {
		t.Fatalf("back at the party: %d at %s", answer.Status, answer.URL.Path)
	}
	if told(w, idptest.Phone(a), "вы хотели войти") {
		t.Error("who was led back is told so")
	}
}

// A stale or foreign page of ways, and a way that is none, keep nothing and lead nowhere new.
func TestWaysThatAreNoneAreNotTaken(t *testing.T) {
	w := idptest.New(t)
	p, a := tax(w), w.NewCitizen(account.Verified, account.MailCode)
	b := w.Browser()
	page := refused(b, p, a)
	for _, way := range []string{"", "bank!", "mail_code", "profile", "/evil"} {
		page.Submit("way", way).At("/login/refusal", http.StatusOK)
	}
	if all, err := w.Records.Wishes(t.Context(), a.ID); err != nil || len(all) != 0 {
		t.Errorf("kept: %v, %v", all, err)
	}
	action, form := page.Form()
	form.Set("way", "service_center")
	if got := w.Browser().Post(action, form); got.URL.Path == "/account/confirm/visit" {
		t.Error("another browser takes the way")
	}
	page.Submit("way", "service_center")
	page.Submit("way", "service_center") // twice is one wish
	if all, err := w.Records.Wishes(t.Context(), a.ID); err != nil || len(all) != 1 {
		t.Errorf("wishes: %v, %v", all, err)
	}
	b.Get(page.Find(".Sheet-tail a.Link").AttrOr("href", "")) // back to the party: the request is over
	if got := b.Get("/account/confirm/done"); strings.Contains(got.Text(), "Вернуться на сайт") {
		t.Error("a request that was answered is offered")
	}
}
