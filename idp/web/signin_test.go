package web_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/storage/storagetest"
)

func TestSignInByPhoneMailAndCheckedSNILS(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	for _, name := range []string{phone(a), "8 (" + phone(a)[2:5] + ") " + phone(a)[5:], email(a), a.Profile.Person.SNILS.Format()} {
		w.browser().signIn(name, secret).at("/account", http.StatusOK)
	}
}

func TestFailedSignInsLookAlikeAndCostAlike(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	locked := w.simplified()
	if _, err := w.ChangeAccount(t.Context(), locked.ID, func(a *account.Account) error {
		a.Lock = account.Lock{Since: w.Clock.Now()}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		status int
		text   string
		trips  []string
	}
	try := func(name, pw string) answer {
		b := w.browser()
		p := b.get("/login")
		w.Ops.Reset()
		p = p.send("username", name, "password", pw)
		return answer{p.status, p.text(), w.Ops.Reset()}
	}
	known := try(phone(a), "Wrong-2026")
	unknown := try(storagetest.Phone(), "Wrong-2026")
	if known.status != http.StatusUnprocessableEntity || known.text != unknown.text || known.status != unknown.status {
		t.Errorf("a wrong password answers %d %q, an unknown name %d %q", known.status, known.text, unknown.status, unknown.text)
	}
	if !slices.Equal(known.trips, unknown.trips) {
		t.Errorf("trips to the stores differ:\n%v\n%v", known.trips, unknown.trips)
	}
	if l := try(phone(locked), secret); l.text != known.text || l.status != known.status {
		t.Errorf("a locked account answers %d %q", l.status, l.text)
	}
	if m := w.last(phone(locked)); !strings.Contains(m.Text, "вход закрыт") {
		t.Errorf("message to the owner of the locked account: %q", m.Text)
	}
}

func TestGuessingIsSlowedDownForKnownAndUnknownNamesAlike(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	for _, name := range []string{phone(a), storagetest.Phone()} {
		b := w.browser()
		var statuses []int
		p := b.get("/login")
		for range 7 {
			p = p.send("username", name, "password", "Wrong-2026")
			statuses = append(statuses, p.status)
		}
		want := []int{422, 422, 422, 422, 422, 422, 429}
		if !slices.Equal(statuses, want) {
			t.Errorf("statuses %v, want %v", statuses, want)
		}
		p.says("Попробуйте через 5 секунд")
		if p.header.Get("Retry-After") != "5" {
			t.Errorf("Retry-After %q", p.header.Get("Retry-After"))
		}
		w.Clock.Advance(6 * time.Second)
		if p = p.send("username", name, "password", "Wrong-2026"); p.status != 422 {
			t.Errorf("after the wait %d, want 422", p.status)
		}
		if p = p.send("username", name, "password", "Wrong-2026"); p.status != 429 || p.header.Get("Retry-After") != "10" {
			t.Errorf("the next wait: %d, %q; want 429 and 10 s", p.status, p.header.Get("Retry-After"))
		}
	}
	ms := w.messages(phone(a))
	if len(ms) != 1 || !strings.Contains(ms[0].Text, "неудачных") {
		t.Errorf("%d messages to the owner, want one about failures", len(ms))
	}
}

func TestStrangersDoNotLockOutAKnownBrowser(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	own := w.browser()
	own.signIn(phone(a), secret).at("/account", http.StatusOK)
	w.Clock.Advance(25 * time.Hour) // past the session's idle time: the owner has to sign in again
	for range 30 {
		w.browser().signIn(phone(a), "Wrong-2026")
		w.browser().from(own).signIn(phone(a), "Wrong-2026") // even from the same network
	}
	w.browser().signIn(phone(a), secret).at("/account", http.StatusOK) // nor at a new device elsewhere
	w.browser().from(own).signIn(phone(a), secret).at("/login", http.StatusTooManyRequests)
	own.get("/account").at("/login", http.StatusOK).send("username", phone(a), "password", secret).at("/account", http.StatusOK)
}

func TestAnotherAccountsMarkOpensNoCounter(t *testing.T) {
	w := newWorld(t)
	a, stranger := w.simplified(), w.simplified()
	b := w.browser()
	b.signIn(phone(stranger), secret).at("/account", http.StatusOK)
	w.Clock.Advance(25 * time.Hour)
	p := b.get("/login")
	for range 7 {
		p = p.send("username", phone(a), "password", "Wrong-2026")
	}
	if p.status != http.StatusTooManyRequests {
		t.Errorf("the seventh guess from a browser known for another account answers %d, want 429", p.status)
	}
}

func TestOldHashIsRenewedAtSignIn(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	old, err := password.NewHasher(password.Params{Memory: 16, Time: 1, Threads: 1}, password.Limit{}).Hash(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Credential.Password = old; return nil }); err != nil {
		t.Fatal(err)
	}
	w.browser().signIn(phone(a), secret).at("/account", http.StatusOK)
	got, err := w.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got.Credential.Password == old {
		t.Error("the hash of another cost is still there")
	}
	w.browser().signIn(phone(a), secret).at("/account", http.StatusOK)
}

func TestForeignComputerKeepsNothing(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.browser()
	p := b.get("/login")
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p = p.send("username", phone(a), "password", secret, "foreign-computer", "1")
	for _, c := range p.header.Values("Set-Cookie") {
		if strings.Contains(c, "Max-Age") {
			t.Errorf("cookie outlives the browser: %s", strings.SplitN(c, "=", 2)[0])
		}
		if strings.HasPrefix(c, "propusk-known") {
			t.Error("somebody else's computer is remembered as known")
		}
	}
}

// app connects an authenticator app and returns its secret.
func (w *world) app(b *browser) string {
	w.t.Helper()
	p := b.get("/account/security/totp").at("/account/security/totp", http.StatusOK)
	key := strings.ReplaceAll(p.Find("#secret").Text(), " ", "")
	if q := b.get("/account/security/totp/qr.png"); q.header.Get("Content-Type") != "image/png" || q.header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("the QR code is %q, %q", q.header.Get("Content-Type"), q.header.Get("Cache-Control"))
	}
	p.send("code", "000000").at("/account/security/totp", http.StatusUnprocessableEntity)
	p.send("code", w.otp(key)).at("/account/security", http.StatusOK).says("Приложение с кодами подключено")
	return key
}

func (w *world) otp(key string) string {
	w.t.Helper()
	code, err := totp.GenerateCode(key, w.Clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

func TestSecondFactorCountsOnceAndOnlyAfterTheFirst(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	own := w.browser()
	own.signIn(phone(a), secret)
	key := w.app(own)
	w.Clock.Advance(time.Minute)

	b := w.browser()
	p := b.signIn(phone(a), secret).at("/login/code", http.StatusOK)
	b.get("/account").at("/login", http.StatusOK) // the password alone opens nothing
	p.send("code", "000000").at("/login/code", http.StatusUnprocessableEntity)
	code := w.otp(key)
	p.send("code", code).at("/account", http.StatusOK)
	w.browser().signIn(phone(a), secret).at("/login/code", http.StatusOK).send("code", code).at("/login/code", http.StatusUnprocessableEntity)

	w.Clock.Advance(time.Minute)
	off := own.get("/account/security/totp/off")
	off.send("current-password", "Wrong-2026", "code", w.otp(key)).at("/account/security/totp/off", http.StatusUnprocessableEntity).says("Пароль не подошёл")
	off.send("current-password", secret, "code", w.otp(key)).at("/account/security", http.StatusOK).says("отключено")
	w.browser().signIn(phone(a), secret).at("/account", http.StatusOK)
}

func TestPasswordChangeEndsEveryOtherSession(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	one, two := w.browser(), w.browser()
	one.signIn(phone(a), secret).at("/account", http.StatusOK)
	two.signIn(phone(a), secret).at("/account", http.StatusOK)
	p := one.get("/account/security/password")
	p.send("current-password", "Wrong-2026", "password", "Kolibri-2026", "password-again", "Kolibri-2026").
		at("/account/security/password", http.StatusUnprocessableEntity).says("Пароль не подошёл")
	p.send("current-password", secret, "password", "Kolibri-2026", "password-again", "Kolibri-2026").
		at("/account/security", http.StatusOK).says("Пароль изменён")
	one.get("/account").at("/account", http.StatusOK)
	two.get("/account").at("/login", http.StatusOK)
	w.browser().signIn(phone(a), secret).at("/login", http.StatusUnprocessableEntity)
	w.browser().signIn(phone(a), "Kolibri-2026").at("/account", http.StatusOK)
	if m := w.last(email(a)); !strings.Contains(m.Subject, "Пароль изменён") && !strings.Contains(w.messages(email(a))[len(w.messages(email(a)))-2].Subject, "Пароль изменён") {
		t.Errorf("nobody told the mailbox: %q", m.Subject)
	}
}

func TestSessionsCanBeEndedOneByOneAndAllOthers(t *testing.T) {
	w := newWorld(t)
	a, stranger := w.simplified(), w.simplified()
	here, there, else_ := w.browser(), w.browser(), w.browser()
	for _, b := range []*browser{here, there, else_} {
		b.signIn(phone(a), secret).at("/account", http.StatusOK)
	}
	p := here.get("/account/security")
	buttons := p.Find(`button[name=end]`)
	if buttons.Length() != 3 { // two sessions, and all the others
		t.Fatalf("%d buttons, want 3", buttons.Length())
	}
	id := buttons.First().AttrOr("value", "")
	other := w.browser()
	other.signIn(phone(stranger), secret)
	other.get("/account/security").send("end", id).at("/account/security", http.StatusNotFound)
	p.send("end", id).at("/account/security", http.StatusOK).says("Сеанс закончен")
	p.send("end", "others").at("/account/security", http.StatusOK).says("Все остальные сеансы закончены")
	there.get("/account").at("/login", http.StatusOK)
	else_.get("/account").at("/login", http.StatusOK)
	here.get("/account").at("/account", http.StatusOK)
}

func TestHistoryTellsFailuresInOneLine(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	for range 3 {
		w.browser().signIn(phone(a), "Wrong-2026")
	}
	b := w.browser()
	b.signIn(phone(a), secret)
	b.get("/account/security").says("3 раза")
	events, err := w.Events(context.Background(), a.ID, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == audit.SignInFailed && e.Request == "" {
			t.Error("a failure without its request id")
		}
	}
}

func TestSignInReturnsToThePageThatWasWanted(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	w.browser().get("/account/security?before=9").at("/login", http.StatusOK).
		send("username", phone(a), "password", secret).at("/account/security", http.StatusOK)
}

func TestTransactionOpensOnlyInItsBrowser(t *testing.T) {
	w := newWorld(t)
	p := w.browser().get("/login")
	w.browser().get(p.url.String()).at("/login", http.StatusForbidden).says("другом браузере")
}

func TestLanguageSwitchKeepsThePageAndSurvives(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	p := b.get("/login")
	to := p.Find(".Top-link--language").AttrOr("href", "")
	p = b.get(to).at("/login", http.StatusOK)
	if l := p.Find("html").AttrOr("lang", ""); l != "en" || p.url.Query().Get("tx") == "" {
		t.Fatalf("language %q at %s", l, p.url)
	}
	p = p.send("username", "", "password", "")
	if l := p.Find("html").AttrOr("lang", ""); l != "en" {
		t.Errorf("the next page speaks %q", l)
	}
	a := w.simplified()
	p.send("username", phone(a), "password", secret).at("/account", http.StatusOK)
	if m := w.last(email(a)); !strings.Contains(m.Subject, "new device") {
		t.Errorf("the message speaks another language: %q", m.Subject)
	}
}
