package idp_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/rp"
)

func locksOf(t *testing.T, w *idptest.World, id account.ID) account.Locks {
	t.Helper()
	a, err := w.Records.Account(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a.Locks
}

// stopLink is the link of the newest announcement to somebody.
func stopLink(t *testing.T, w *idptest.World, to string) string {
	t.Helper()
	link := ""
	until(t, "the announcement", func() bool {
		for _, m := range w.Messages(to) {
			if link = regexp.MustCompile(`/stop/\S+`).FindString(m.Text); link != "" {
				return true
			}
		}
		return false
	})
	return link
}

func TestFrozenAccountIsLetInNowhereAndOpensAgainInTime(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		p := w.RegisterParty(&rp.Party{ID: "portal", Name: map[string]string{"ru": "Портал услуг"}})
		a := w.NewCitizen(account.Verified, account.ServiceCenter)
		tel, mail := idptest.Phone(a), idptest.Email(a)
		far, b := w.Browser(), w.Browser()
		far.SignIn(a)
		tokens := w.Redeem(p, b.Code(p, a, "scope", "openid offline_access"))
		elsewhere := w.Redeem(p, far.Code(p, a))
		code := b.Code(p, a) // a code that is not redeemed yet

		b.Get("/account/locks").Submit("freeze", "1").At("/account/locks", http.StatusOK)
		for name, access := range map[string]string{"its own": tokens.Access, "another browser's": elsewhere.Access} {
			if w.Live(p, access) {
				t.Errorf("%s access token lives on", name)
			}
		}
		if got := w.Refresh(p, tokens.Refresh); got.Status == http.StatusOK {
			t.Error("the refresh token lives on")
		}
		if got := w.Redeem(p, code); got.Status == http.StatusOK {
			t.Error("a code of before is redeemed")
		}
		if got := far.Get("/account"); got.URL.Path != "/login" {
			t.Errorf("the other browser is at %s", got.URL.Path)
		}
		for _, to := range []string{tel, mail} {
			until(t, "word of the freeze", func() bool { return told(w, to, "заморожена") })
		}

		// No party, silent or not; our own pages, yes.
		page := b.Get("/oauth2/authorize?"+p.Ask().Encode()).At("/login/refusal", http.StatusOK)
		if !strings.Contains(page.Text(), "запрет") || page.Find(`button[value="unlock"]`).Length() != 1 {
			t.Errorf("the refusal: %s", page.Text())
		}
		if got := b.Get("/oauth2/authorize?" + p.Ask("prompt", "none").Encode()); got.Answer == nil || got.Answer.Query().Get("error") == "" {
			t.Errorf("silently: %v", got.Answer)
		}
		anew := w.Browser()
		anew.SignIn(a)
		anew.Get("/oauth2/authorize?"+p.Ask().Encode()).At("/login/refusal", http.StatusOK)

		// Nothing changes.
		for path, form := range map[string]url.Values{
			"/account/contacts":      {"email": {"stranger@example.org"}, "current-password": {idptest.Password}},
			"/account/profile/check": {}, "/account/security/totp": {"code": {"123456"}},
			"/account/confirm/letter?new=1": {"postal-code": {"170100"}},
		} {
			if got := b.Post(path, form); got.URL.Path != "/account/locks" {
				t.Errorf("POST %s on a frozen account leads to %s", path, got.URL.Path)
			}
		}
		lost := w.Browser().Get("/recover").Submit("username", tel)
		if got := lost.Submit("code", "000000"); got.URL.Path == "/recover/password" {
			t.Error("a frozen account is recovered from afar")
		}
		until(t, "only in person", func() bool { return told(w, tel, "центр") })

		// Lifting takes the password and its time.
		b.Get("/account/locks/lift?kind=freeze").Submit("password", "Wrong-2026").At("/account/locks/lift", http.StatusUnprocessableEntity)
		b.Get("/account/locks/lift?kind=freeze").Submit("password", idptest.Password).At("/account/locks", http.StatusOK)
		b.Get("/account/locks/lift?kind=freeze").Submit("password", idptest.Password) // twice is once
		if got, err := w.Records.Pendings(t.Context(), a.ID); err != nil || len(got) != 1 || got[0].Kind != lock.LiftFreeze {
			t.Fatalf("waiting: %v, %v", got, err)
		}
		w.Advance(71 * time.Hour)
		b.Get("/login")
		if locksOf(t, w, a.ID).Frozen.IsZero() {
			t.Fatal("lifted an hour early")
		}
		w.Advance(time.Hour + time.Second)
		until(t, "the lifting", func() bool { return locksOf(t, w, a.ID).Frozen.IsZero() })
		until(t, "word of the lifting", func() bool { return told(w, mail, "Заморозка снята") })
		if w.Browser().Code(p, a) == "" {
			t.Error("not let in again")
		}
	})
}

func TestLiftingIsStoppedByTheLinkFromAnyContact(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	thief := w.Browser()
	thief.SignIn(a)
	thief.Get("/account/locks").Submit("shut", "bank").At("/account/locks", http.StatusOK)
	if got := locksOf(t, w, a.ID); !got.Forbids(account.Bank) || got.Forbids(account.MailCode) {
		t.Fatalf("locks %+v", got)
	}
	thief.Get("/account/locks/lift?kind=never&method=bank").Submit("password", idptest.Password).At("/account/locks", http.StatusOK)
	link := stopLink(t, w, idptest.Email(a))
	stranger := w.Browser()
	page := stranger.Get(link).At(link, http.StatusOK)
	if again := stranger.Get(link); again.Status != http.StatusOK || len(page.Text()) == 0 {
		t.Error("looking at the page stops something")
	}
	if bad := stranger.Get(link[:len(link)-1] + "1"); !strings.Contains(bad.Text(), "Останавливать нечего") {
		t.Errorf("a wrong secret: %d %s", bad.Status, bad.Text())
	}
	if done := page.Submit(); done.Status != http.StatusOK || !strings.Contains(done.Text(), "Остановлено") {
		t.Errorf("stopped: %d %s", done.Status, done.Text())
	}
	if twice := stranger.Get(link); !strings.Contains(twice.Text(), "Останавливать нечего") {
		t.Errorf("a used link: %d %s", twice.Status, twice.Text())
	}
	w.Advance(100 * time.Hour)
	time.Sleep(1500 * time.Millisecond)
	if !locksOf(t, w, a.ID).Forbids(account.Bank) {
		t.Error("lifted although it was stopped")
	}
}

func TestVisitLiftsAtOnceWhatTheCitizenAskedToLift(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	b.Get("/account/locks").Submit("wait", "168")
	b.Get("/account/locks").Submit("shut", "mail_code")
	b.Get("/account/locks").Submit("freeze", "1")
	b.Get("/account/locks/lift?kind=freeze").Submit("password", idptest.Password)
	visited(t, w, a)
	if got := locksOf(t, w, a.ID); !got.Frozen.IsZero() || got.Wait != 168*time.Hour || !got.Forbids(account.MailCode) {
		t.Errorf("after the visit %+v; want the freeze lifted, and nothing else", got)
	}
	now, err := w.Records.Account(t.Context(), a.ID)
	if err != nil || now.Level != account.Verified || !now.Assurance(w.Clock.Now()).Confirmations[0].Live() {
		t.Errorf("a visit waits for nobody: %s, %v", now.Level, err)
	}
}

func TestNewContactWaitsIsToldEverywhereAndIsMadeOnce(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	b.Get("/account/locks").Submit("wait", "24").At("/account/locks", http.StatusOK)
	w.Advance(2 * time.Minute)
	fresh := "+79161112233"
	b.Get("/account/contacts").Submit("tel", fresh, "current-password", idptest.Password).At("/account/contacts/code", http.StatusOK).
		Submit("code", w.Message(fresh, 0).Code).At("/account/locks", http.StatusOK)
	phoneNow := func() string { x, _ := w.Records.Account(t.Context(), a.ID); return idptest.Phone(x) }
	if phoneNow() != idptest.Phone(a) {
		t.Fatal("changed at once")
	}
	stopLink(t, w, idptest.Phone(a))
	stopLink(t, w, idptest.Email(a))
	if told(w, fresh, "/stop/") {
		t.Error("the contact that waits can stop others")
	}
	w.Advance(24*time.Hour + time.Second)
	until(t, "the change", func() bool { return phoneNow() == fresh })

	// The removal of a contact waits as well, and its owner stops it from the page.
	w.Advance(time.Hour)
	b = w.Browser()
	b.Get("/login").Submit("username", fresh, "password", idptest.Password).At("/account", http.StatusOK)
	b.Get("/account/contacts/remove?contact=email").Submit("current-password", idptest.Password).At("/account/locks", http.StatusOK)
	page := b.Get("/account/locks")
	id := page.Find("button[name=stop]").AttrOr("value", "")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { b.Post("/account/locks", url.Values{"stop": {id}}) })
	}
	all.Wait()
	other := w.Browser()
	other.SignIn(w.NewCitizen(account.Standard))
	if got := other.Post("/account/locks", url.Values{"stop": {id}}); got.Status >= 500 {
		t.Errorf("another citizen: %d", got.Status)
	}
	w.Advance(48 * time.Hour)
	time.Sleep(1500 * time.Millisecond)
	if x, err := w.Records.Account(t.Context(), a.ID); err != nil || idptest.Email(x) == "" {
		t.Errorf("removed although it was stopped: %v", err)
	}
}

func TestRecoveryWaitsAndTheOwnerStopsIt(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Simplified)
	b := w.Browser()
	b.SignIn(a)
	b.Get("/account/locks").Submit("wait", "24")
	recover := func() *idptest.Page {
		w.Advance(10 * time.Minute)
		codes := func() (out []string) {
			for _, m := range w.Messages(idptest.Phone(a)) {
				if m.Code != "" {
					out = append(out, m.Code)
				}
			}
			return out
		}
		seen := len(codes())
		p := w.Browser().Get("/recover").Submit("username", idptest.Phone(a))
		until(t, "the code", func() bool { return len(codes()) > seen })
		p = p.Submit("code", codes()[0]).At("/recover/password", http.StatusOK)
		return p.Submit("password", "Novyj-parol-77", "password-again", "Novyj-parol-77").At("/recover/done", http.StatusOK)
	}
	if got := recover().Text(); !strings.Contains(got, "Новый пароль пока ждёт") {
		t.Fatalf("the last page: %s", got)
	}
	w.Browser().SignIn(a) // the old password still works
	w.Browser().Get(stopLink(t, w, idptest.Email(a))).Submit()
	w.Advance(25 * time.Hour)
	time.Sleep(1500 * time.Millisecond)
	w.Browser().SignIn(a)

	recover()
	w.Advance(24*time.Hour + time.Second)
	until(t, "the new password", func() bool {
		w.Advance(time.Minute)
		return w.Browser().Get("/login").Submit("username", idptest.Phone(a), "password", "Novyj-parol-77").URL.Path == "/account"
	})
}

func TestConfirmationFromAfarWaits(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	b.Get("/account/locks").Submit("wait", "24")
	b.Post("/account/confirm/letter?new=1", url.Values{"postal-code": {"170100"}, "region": {"Тверская область"}, "locality": {"Тверь"}, "street": {"Советская ул."}, "house": {"11"}}).Submit()
	until(t, "the letter", func() bool { return len(w.Letters(idptest.Phone(a))) == 1 && w.Letters(idptest.Phone(a))[0].Code != "" })
	b.Get("/account/confirm/letter").Submit("act", "enter", "letter-code", w.Letters(idptest.Phone(a))[0].Code).At("/account/locks", http.StatusOK)
	level := func() account.Level {
		x, err := w.Records.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return x.Level
	}
	if got := level(); got != account.Standard {
		t.Fatalf("%s at once", got)
	}
	if shown := b.Get("/account/assurance").Text(); !strings.Contains(shown, "Начнёт действовать") {
		t.Errorf("the page about assurance: %s", shown)
	}
	w.Advance(24*time.Hour + time.Second)
	until(t, "the level", func() bool { return level() == account.Verified })
	until(t, "word of it", func() bool { return told(w, idptest.Phone(a), "ичность подтверждена") })
}

func TestLockOnAMethodHolds(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	b.Get("/account/locks").Submit("shut", "mail_code")
	b.Get("/account/confirm/letter?new=1").At("/account/confirm", http.StatusOK)
	if got := b.Post("/account/locks", url.Values{"shut": {"service_center"}}); got.Status < 400 {
		t.Errorf("a visit is shut off: %d", got.Status)
	}
	if got := b.Post("/account/locks", url.Values{"wait": {"1"}}); got.Status < 400 {
		t.Errorf("a waiting period nobody offers: %d", got.Status)
	}
	b.Get("/account/locks").Submit("wait", "72")
	if b.Get("/account/locks").Submit("wait", "24"); locksOf(t, w, a.ID).Wait != 72*time.Hour {
		t.Error("a waiting period is made shorter without asking")
	}
}

func TestLiftingAsksForTheSecondFactorToo(t *testing.T) {
	w := idptest.New(t)
	a := w.NewOperator()
	b := w.Browser()
	b.Get("/login").Submit("username", idptest.Phone(a), "password", idptest.Password).Submit("code", idptest.TOTP(t)).At("/account", http.StatusOK)
	b.Get("/account/locks").Submit("freeze", "1")
	page := b.Get("/account/locks/lift?kind=freeze")
	for _, code := range []string{"", "000000"} {
		page.Submit("password", idptest.Password, "code", code).At("/account/locks/lift", http.StatusUnprocessableEntity)
	}
	if all, err := w.Records.Pendings(t.Context(), a.ID); err != nil || len(all) != 0 {
		t.Errorf("waiting: %v, %v", all, err)
	}
	console := w.Browser().Get("/operator").Submit("username", idptest.Phone(a), "password", idptest.Password)
	if console.URL.Path == "/operator" || console.URL.Path == "/operator/login/code" {
		t.Errorf("a member of staff whose account is frozen is let to %s", console.URL.Path)
	}
}

// What was so at the beginning must still be so when a recovery's time comes: the owner who was quicker with a
// new password keeps it.
func TestRecoveryThatWaitedLapsesWhenThePasswordChanged(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Simplified)
	b := w.Browser()
	b.SignIn(a)
	b.Get("/account/locks").Submit("wait", "24")
	p := w.Browser().Get("/recover").Submit("username", idptest.Phone(a))
	code := ""
	until(t, "the code", func() bool {
		for _, m := range w.Messages(idptest.Phone(a)) {
			if m.Code != "" {
				code = m.Code
			}
		}
		return code != ""
	})
	p.Submit("code", code).Submit("password", "Novyj-parol-77", "password-again", "Novyj-parol-77").At("/recover/done", http.StatusOK)
	b.Get("/account/security/password").Submit("current-password", idptest.Password, "password", "Hozyain-2026-les", "password-again", "Hozyain-2026-les").
		At("/account/security", http.StatusOK)
	w.Advance(24*time.Hour + time.Second)
	until(t, "word that nothing came of it", func() bool { return told(w, idptest.Email(a), "Ничего не изменилось") })
	if got := w.Browser().Get("/login").Submit("username", idptest.Phone(a), "password", "Hozyain-2026-les"); got.URL.Path != "/account" {
		t.Errorf("the owner is at %s", got.URL.Path)
	}
}
