package operator_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
)

const (
	titleSignIn  = "Вход для сотрудников"
	titleSearch  = "Кто пришёл?"
	titleCompare = "Сверьте человека и документ"
	titleDone    = "Личность подтверждена"
	titleRefused = "Отказ записан"
	titleNotYou  = "Сюда вам нельзя"
)

func TestOperatorConfirmsAVisitFromSearchToPaper(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff).want(t, 200, "/operator", titleSearch)
	p := b.open()
	if p.title() != titleCompare || !strings.HasPrefix(p.path, "/operator/visit/") {
		t.Fatalf("got %d %s %q", p.status, p.path, p.title())
	}
	for _, want := range []string{"Ёлкина-Ковальчук", "Сергеевна", "женский", "7 мая 1986", "770-001", "Центр № 14"} {
		if !strings.Contains(strings.ReplaceAll(p.Text(), "\u00a0", " "), want) {
			t.Errorf("the comparison lacks %q", want)
		}
	}
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self'; frame-ancestors 'none'") || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", p.header)
	}
	case1 := p.path
	p = b.fill(p, b.answers("confirm")...).want(t, 200, case1, titleDone)
	b.post(case1, url.Values{"act": {"confirm"}}).want(t, 200, case1, titleDone) // the second submission
	href, _ := p.Find(`a[href$="form.pdf"]`).Attr("href")
	pdf := b.get(href)
	if pdf.header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(pdf.body, "%PDF-") {
		t.Errorf("form: %d %v", pdf.status, pdf.header)
	}
	a, err := w.Account(t.Context(), w.citizen.ID)
	if err != nil || a.Level != account.Verified || len(a.Confirmations) != 1 {
		t.Errorf("account %v, %v", a, err)
	}
	journal := b.get("/operator/journal").want(t, 200, "/operator/journal", "Ваши действия")
	if text := journal.Find("tbody").Text(); strings.Count(text, "Личность подтверждена") != 1 || !strings.Contains(text, "Ё•••") || strings.Contains(text, "Ёлкина") {
		t.Errorf("journal: %s", text)
	}
}

func TestALineThatDiffersCanOnlyBeRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.open()
	differs := append(b.answers("confirm"), "match-birth-date", "no")
	p = b.fill(p, differs...).want(t, 422, p.path, titleCompare)
	if !strings.Contains(p.Text(), "Есть строка, которая не совпала") {
		t.Error("the page does not say why")
	}
	if v, _ := p.Find(`input[name="match-birth-date"][checked]`).Attr("value"); v != "no" {
		t.Errorf("the answer was not kept: %q", v)
	}
	differs[1] = "refuse"
	p = b.fill(p, differs...).want(t, 200, p.path, titleRefused)
	if why := p.Find(".Marks").Text(); !strings.Contains(why, "Дата рождения") || strings.Contains(why, "Лицо") {
		t.Errorf("reasons: %s", why)
	}
	if a, _ := w.Account(t.Context(), w.citizen.ID); a.Level != account.Standard {
		t.Errorf("level %s", a.Level)
	}
}

func TestNobodyFoundSaysWhatToDo(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	snils := w.citizen.Profile.Person.SNILS.Format()
	b.fill(b.get("/operator"), "snils", snils, "document-number", "45 00 000001", "reason", "confirm").want(t, 200, "/operator", "В профиле другой документ")
	b.fill(b.get("/operator"), "snils", "112-233-445 95", "document-number", "45 00 000001", "reason", "confirm").want(t, 200, "/operator", "Никого не нашли")
	p := b.fill(b.get("/operator"), "snils", "112-233-445 96").want(t, 422, "/operator", titleSearch)
	for _, at := range []string{"#snils", "#document-number", "#reason"} {
		if p.Find(`a[href="`+at+`"]`).Length() == 0 {
			t.Errorf("no mistake is told at %s", at)
		}
	}
	if v, _ := p.Find("#snils").Attr("value"); v != "112-233-445 96" {
		t.Errorf("what was typed is lost: %q", v)
	}
}

func TestTheirOwnAccountIsClosedToThem(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	w.citizen = w.staff
	p := b.open()
	if p.title() != titleCompare || p.Find("button[name=act]").Length() != 0 || !strings.Contains(p.Text(), "Это ваша собственная учётная запись") {
		t.Errorf("page: %s", p.Text())
	}
	b.post(p.path, url.Values{"act": {"confirm"}})
	if a, _ := w.Account(t.Context(), w.staff.ID); a.Level != account.Standard {
		t.Errorf("level %s", a.Level)
	}
}

func TestAnAccountThatChangedMustBeOpenedAgain(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.open()
	if _, err := w.ChangeAccount(t.Context(), w.citizen.ID, func(a *account.Account) error {
		a.Profile.Person.BirthPlace = "г. Кимры"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.fill(p, b.answers("confirm")...).want(t, 409, p.path, "Страница устарела")
	p = b.open()
	b.fill(p, b.answers("confirm")...).want(t, 200, p.path, titleDone)
}

func TestCitizenSessionDoesNotOpenTheConsole(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	start := func(kind session.Kind, c session.Cookies) {
		secret := session.NewBrowser("")
		rec := &recorder{http.Header{}}
		err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
			a, err := tx.Account(t.Context(), w.staff.ID)
			if err != nil {
				return err
			}
			s, err := w.sessions.Begin(t.Context(), tx, a, kind, []string{"pwd", "otp", "mfa"}, session.HashBrowser(secret), "")
			if err != nil {
				return err
			}
			c.Write(rec, s, secret, time.Hour)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		b.client.Jar.SetCookies(ok(url.Parse(w.server.URL))(t), (&http.Response{Header: rec.h}).Cookies())
	}
	start(session.Ordinary, w.cookies)
	b.get("/operator").want(t, 200, "/operator/login", titleSignIn)
	start(session.Ordinary, w.cookies.ForStaff()) // even behind the console's own cookie
	b.get("/operator/journal").want(t, 200, "/operator/login", titleSignIn)
	start(session.Operator, w.cookies.ForStaff())
	b.get("/operator").want(t, 200, "/operator", titleSearch)
}

type recorder struct{ h http.Header }

func (r *recorder) Header() http.Header       { return r.h }
func (*recorder) Write(b []byte) (int, error) { return len(b), nil }
func (*recorder) WriteHeader(int)             {}

func TestOnlyActiveOperatorsWithASecondFactorSignIn(t *testing.T) {
	t.Run("a citizen", func(t *testing.T) {
		w := newWorld(t)
		w.browser().signIn(w.citizen).want(t, 403, "/operator/login", titleNotYou)
		if all, err := w.Sessions(t.Context(), w.citizen.ID); err != nil || len(all) != 0 {
			t.Errorf("%d sessions, %v", len(all), err)
		}
	})
	t.Run("an administrator serves at no window", func(t *testing.T) {
		w := newWorld(t)
		w.employ(centre.Administrator, true)
		b := w.browser()
		b.signIn(w.staff)
		b.get("/operator/journal").want(t, 403, "/operator/journal", titleNotYou)
	})
	t.Run("one who left", func(t *testing.T) {
		w := newWorld(t)
		w.employ(centre.Operator, false)
		w.browser().signIn(w.staff).want(t, 403, "/operator/login", titleNotYou)
	})
	t.Run("without an app", func(t *testing.T) {
		w := newWorld(t)
		if _, err := w.ChangeAccount(t.Context(), w.staff.ID, func(a *account.Account) error { a.Credential.TOTP = nil; return nil }); err != nil {
			t.Fatal(err)
		}
		p := w.browser().signIn(w.staff).want(t, 403, "/operator/login", titleNotYou)
		if p.Find(`a[href="/account/security"]`).Length() == 0 {
			t.Error("the page does not lead to where the app is connected")
		}
	})
	t.Run("a wrong code", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser()
		p := b.fill(b.get("/operator"), "username", phone(w.staff), "password", secret)
		if p = b.fill(p, "code", "000000"); p.status != 422 || p.path != "/operator/login/code" {
			t.Errorf("got %d %s", p.status, p.path)
		}
		b.get("/operator").want(t, 200, "/operator/login", titleSignIn)
	})
	t.Run("a wrong password", func(t *testing.T) {
		w := newWorld(t)
		b := w.browser()
		b.fill(b.get("/operator"), "username", phone(w.staff), "password", "Wrong-2026").want(t, 422, "/operator/login", titleSignIn)
	})
}

func TestWhoLeavesTheCentreIsOutWithTheNextClick(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff).want(t, 200, "/operator", titleSearch)
	w.employ(centre.Operator, false)
	b.get("/operator").want(t, 403, "/operator", titleNotYou)
	b.post("/operator", url.Values{"snils": {"1"}}).want(t, 403, "/operator", titleNotYou)
}

func TestSessionEndsAfterFifteenIdleMinutes(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	for range 4 { // clicks keep it alive, up to the last second
		w.Clock.Advance(15*time.Minute - time.Second)
		b.get("/operator").want(t, 200, "/operator", titleSearch)
	}
	w.Clock.Advance(15 * time.Minute)
	b.get("/operator").want(t, 200, "/operator/login", titleSignIn)
}

func TestSessionEndsAfterTwelveHours(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	for range 71 {
		w.Clock.Advance(10 * time.Minute)
		b.get("/operator").want(t, 200, "/operator", titleSearch)
	}
	w.Clock.Advance(10 * time.Minute)
	b.get("/operator").want(t, 200, "/operator/login", titleSignIn)
}

func TestEverySignInAsksForBothFactors(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.fill(b.get("/operator/logout"))
	p.want(t, 200, "/operator/login", titleSignIn)
	if p = b.fill(p, "username", phone(w.staff), "password", secret); p.path != "/operator/login/code" {
		t.Errorf("after the password: %s", p.path)
	}
	b.get("/operator").want(t, 200, "/operator/login", titleSignIn)
	events, err := w.Events(t.Context(), w.staff.ID, 0, 10)
	if err != nil || len(events) == 0 || events[0].Kind != audit.SignedOut {
		t.Errorf("events %v, %v", events, err)
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	r := ok(http.NewRequest(http.MethodPost, w.server.URL+"/operator", strings.NewReader("reason=confirm")))(t)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := b.do(r); p.status != 403 {
		t.Errorf("got %d", p.status)
	}
	b.post("/operator", url.Values{"snils": {"1", "2"}}).want(t, 400, "/operator", "Сайт прислал неверный запрос")
	b.get("/operator/visit/unknown").want(t, 404, "/operator/visit/unknown", "Такой страницы нет")
}

func TestNothingPersonalStandsInAddresses(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.open()
	for _, secret := range []string{w.citizen.ID.String(), w.citizen.Profile.Person.SNILS.String(), w.citizen.Profile.Person.Document.Number} {
		if strings.Contains(p.path, secret) {
			t.Errorf("the address %s says %s", p.path, secret)
		}
	}
}
