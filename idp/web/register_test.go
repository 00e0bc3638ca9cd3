package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/storage/storagetest"
)

// begin fills in the first page with a contact: "tel" or "email".
func begin(b *browser, field, contact string) *page {
	return b.get("/register").send("family-name", "Иванова", "given-name", "Мария", field, contact, "consent", "1")
}

func TestRegistrationByPhoneOpensASimplifiedAccount(t *testing.T) {
	w := newWorld(t)
	b, tel := w.browser(), storagetest.Phone()
	p := begin(b, "tel", tel).at("/register/code", http.StatusOK)
	if at := p.Find("#code").AttrOr("autocomplete", ""); at != "one-time-code" {
		t.Errorf("the code's autocomplete is %q", at)
	}
	p = p.send("code", w.code(tel)).at("/register/password", http.StatusOK)
	p = p.send("password", "Kolibri-2026", "password-again", "Kolibri-2026").at("/register/done", http.StatusOK)
	if p.Find(`a[href="/oauth2/logout"]`).Length() == 0 {
		t.Error("nobody is signed in after the registration")
	}
	a, err := w.FindAccount(t.Context(), account.ByPhone, tel)
	if err != nil {
		t.Fatal(err)
	}
	if a.Level != account.Simplified || a.Profile.Processing.Version != "2026-11" || a.Profile.Processing.At.IsZero() {
		t.Errorf("account %+v, %+v; want simplified with the consent to processing", a.Standing, a.Profile.Processing)
	}
	events, err := w.Events(t.Context(), a.ID, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	last := events[len(events)-1]
	if last.Kind != audit.Registered || last.Detail["processing_version"] != "2026-11" || last.Detail["processing_at"] == "" {
		t.Errorf("first event %+v; want registered with version and time of the consent", last)
	}
	if strings.Contains(p.header.Get("Set-Cookie"), tel) || strings.Contains(p.url.String(), tel[2:]) {
		t.Error("the phone stands in an address")
	}
	b.get("/account").at("/account", http.StatusOK).says("Мария")
}

func TestRegistrationLinkGoesOnInTheBrowserThatOpensIt(t *testing.T) {
	w := newWorld(t)
	desk, mobile := w.browser(), w.browser()
	sent := begin(desk, "email", "maria@example.org").at("/register/sent", http.StatusOK)
	link := w.link("maria@example.org")
	mobile.get(link).at(link, http.StatusOK)
	desk.get(sent.url.String()).at("/register/sent", http.StatusOK) // a look at the link changed nothing
	p := mobile.get(link).send().at("/register/password", http.StatusOK)
	desk.get(sent.url.String()).at("/register/sent", http.StatusForbidden).says("другом браузере")
	w.browser().get(link).send().at(link, http.StatusGone)
	p.send("password", "Kolibri-2026", "password-again", "Kolibri-2026").at("/register/done", http.StatusOK)
	mobile.get("/account").at("/account", http.StatusOK)
}

func TestRegistrationOfATakenContactLooksLikeAnyOther(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	free, taken := begin(w.browser(), "tel", storagetest.Phone()), begin(w.browser(), "tel", phone(a))
	free.at("/register/code", http.StatusOK)
	taken.at("/register/code", http.StatusOK)
	for _, p := range []*page{free, taken} {
		p.Find(".Number").Remove()
	}
	if f, k := free.text(), taken.text(); f != k {
		t.Errorf("the pages differ:\n%s\n%s", f, k)
	}
	m := w.last(phone(a))
	if !strings.Contains(m.Text, "уже привязан") || sixDigits.MatchString(m.Text) {
		t.Errorf("message to the holder %q; want that the number is taken, and no code", m.Text)
	}
	for range contact.MaxTries - 1 {
		taken = taken.send("code", "123456").at("/register/code", http.StatusUnprocessableEntity).says("Код не подошёл")
	}
	taken.send("code", "123456").at("/register/code", http.StatusTooManyRequests).says("Слишком много попыток")
}

func TestLinkOfOneMailboxDoesNotProveAnother(t *testing.T) {
	w := newWorld(t)
	mine, theirs := w.browser(), "victim@example.org"
	begin(mine, "email", "mine@example.org").at("/register/sent", http.StatusOK)
	link := w.link("mine@example.org")
	begin(mine, "email", theirs).at("/register/sent", http.StatusOK)
	p := mine.get(link).send().at("/register/password", http.StatusOK)
	p.send("password", "Kolibri-2026", "password-again", "Kolibri-2026").at("/register/done", http.StatusOK)
	if _, err := w.FindAccount(t.Context(), account.ByEmail, theirs); err == nil {
		t.Fatal("a mailbox was proved by the link of another")
	}
}

func TestNewCodeWakesWhenTheOldOneIsOver(t *testing.T) {
	w := newWorld(t)
	tel := storagetest.Phone()
	p := begin(w.browser(), "tel", tel)
	old := w.code(tel)
	if _, asleep := p.Find(`button[name=again]`).Attr("disabled"); !asleep {
		t.Error("the button for a new code is awake at once")
	}
	p.send("again", "1").at("/register/code", http.StatusTooManyRequests).says("Новый код можно попросить через")
	w.Clock.Advance(301 * time.Second)
	p.send("code", old).at("/register/code", http.StatusUnprocessableEntity).says("Время кода вышло")
	p = p.send("again", "1").at("/register/code", http.StatusOK)
	p.send("code", w.code(tel)).at("/register/password", http.StatusOK)
}

func TestMessagesToOneContactAreBounded(t *testing.T) {
	w := newWorld(t)
	tel := storagetest.Phone()
	b := w.browser()
	for range 6 {
		begin(b, "tel", tel).at("/register/code", http.StatusOK)
	}
	p := begin(b, "tel", tel).at("/register", http.StatusTooManyRequests)
	if p.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if n := len(w.messages(tel)); n != 6 {
		t.Errorf("%d messages were sent, want 6", n)
	}
}

func TestRegistrationKeepsWhatWasTypedButPasswords(t *testing.T) {
	w := newWorld(t)
	p := w.browser().get("/register").send("family-name", "Иванова", "given-name", "", "tel", "+7 495 000-00-00")
	p.at("/register", http.StatusUnprocessableEntity)
	if v := p.Find("#family-name").AttrOr("value", ""); v != "Иванова" {
		t.Errorf("the family name is %q after a mistake elsewhere", v)
	}
	if !strings.HasPrefix(p.Find("title").Text(), "Ошибка") || p.Find("[aria-invalid=true]").Length() != 3 {
		t.Errorf("title %q, %d wrong fields; want an error in three", p.Find("title").Text(), p.Find("[aria-invalid=true]").Length())
	}
	tel := storagetest.Phone()
	q := begin(w.browser(), "tel", tel).send("code", w.code(tel)).send("password", "short", "password-again", "other")
	q.at("/register/password", http.StatusUnprocessableEntity)
	if strings.Contains(q.body, `value="short"`) {
		t.Error("a password came back on the page")
	}
}

func TestRacingRegistrationsOfOneContactGiveOneAccount(t *testing.T) {
	w := newWorld(t)
	tel := storagetest.Phone()
	one := begin(w.browser(), "tel", tel)
	one = one.send("code", w.code(tel)).at("/register/password", http.StatusOK)
	two := begin(w.browser(), "tel", tel)
	two = two.send("code", w.code(tel)).at("/register/password", http.StatusOK)
	one.send("password", "Kolibri-2026", "password-again", "Kolibri-2026").at("/register/done", http.StatusOK)
	two.send("password", "Kolibri-2027", "password-again", "Kolibri-2027").at("/login", http.StatusOK)
}

func TestTakenContactCostsTheSameTrips(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	trips := func(tel string) []string {
		b := w.browser()
		p := b.get("/register")
		w.Ops.Reset()
		p.send("family-name", "Иванова", "given-name", "Мария", "tel", tel, "consent", "1").at("/register/code", http.StatusOK)
		return w.Ops.Reset()
	}
	if free, taken := trips(storagetest.Phone()), trips(phone(a)); len(free) != len(taken) {
		t.Errorf("a free contact takes %d trips to the stores, a taken one %d", len(free), len(taken))
	}
}
