package idp_test

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/storagetest"
)

// Whoever kept an earlier copy of a sealed value or cookie, and puts it back, must gain nothing: no tries,
// no steps, no sessions (design.md 3). What changes lies in the stores, so each test rolls the browser
// back and leaves the stores as they are.

// gainsNothing tells that an answer is neither a way in nor an answer to a party.
func gainsNothing(t *testing.T, what string, p *idptest.Page) {
	t.Helper()
	switch {
	case p.Answer != nil && p.Answer.Query().Get("code") != "":
		t.Errorf("%s: gave a code", what)
	case p.Status >= 500:
		t.Errorf("%s: %d", what, p.Status)
	case p.Status == http.StatusOK && strings.HasPrefix(p.URL.Path, "/account"):
		t.Errorf("%s: opened %s", what, p.URL.Path)
	}
}

// shut tells that the browser is signed in nowhere.
func shut(t *testing.T, what string, b *idptest.Browser, p *idptest.Party) {
	t.Helper()
	gainsNothing(t, what, b.Get("/account"))
	silent := b.Get("/oauth2/authorize?" + p.Ask("prompt", "none").Encode())
	if silent.Answer == nil || silent.Answer.Query().Get("error") != "login_required" {
		t.Errorf("%s: single sign-on gives %v, want login_required", what, silent.Answer)
	}
}

func events(t *testing.T, w *idptest.World, id account.ID, kind audit.Kind) (n int) {
	t.Helper()
	all, err := w.Records.Events(t.Context(), id, 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestAnAnsweredRequestAnswersNoMore(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	p := w.RegisterParty(&rp.Party{ID: "tax"})
	b := w.Browser()
	login := b.Get("/oauth2/authorize?"+p.Ask(offline...).Encode()).At("/login", http.StatusOK)
	beforeSignIn := b.Copy()
	action, form := login.Form()
	form.Set("username", idptest.Phone(a))
	form.Set("password", idptest.Password)
	consent := b.Post(action, form).At("/login/consent", http.StatusOK)
	beforeConsent := b.Copy()
	consentAction, _ := consent.Form()
	allow := url.Values{"answer": {"allow"}}
	if answer := b.Post(consentAction, allow); answer.Answer == nil || answer.Answer.Query().Get("code") == "" {
		t.Fatalf("no code: %d %v", answer.Status, answer.Answer)
	}
	for name, old := range map[string]*idptest.Browser{"of before the sign-in": beforeSignIn, "of before the consent": beforeConsent, "as it is": b} {
		gainsNothing(t, "the address, with cookies "+name, old.Copy().Get(login.URL.String()))
		gainsNothing(t, "the password form, with cookies "+name, old.Copy().Post(action, form))
		gainsNothing(t, "the consent page, with cookies "+name, old.Copy().Get(consent.URL.String()))
		gainsNothing(t, "the consent form, with cookies "+name, old.Copy().Post(consentAction, allow))
	}
	gainsNothing(t, "the address in another browser", w.Browser().Get(login.URL.String()))
	if n := events(t, w, a.ID, audit.ConsentGiven); n != 1 {
		t.Errorf("consent was recorded %d times", n)
	}
}

func TestTheBrowserSecretOfBeforeASignInOpensNothingAfterIt(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	p := w.RegisterParty(&rp.Party{ID: "tax"})
	b := w.Browser()
	login := b.Get("/oauth2/authorize?"+p.Ask(offline...).Encode()).At("/login", http.StatusOK)
	planted := b.Copy()
	consent := login.Submit("username", idptest.Phone(a), "password", idptest.Password).At("/login/consent", http.StatusOK)
	// Whoever planted the cookie has a copy of the request's address too.
	if got := planted.Get(login.URL.String()); got.Status != http.StatusForbidden {
		t.Errorf("the request in the browser of before: %d, want 403", got.Status)
	}
	action, _ := consent.Form()
	gainsNothing(t, "consent in the browser of before", planted.Copy().Post(action, url.Values{"answer": {"allow"}}))
	shut(t, "the browser of before", planted.Copy(), p)
	// The new session cookie beside the old secret opens nothing either.
	mixed := b.Copy()
	for name, v := range planted.Jar {
		mixed.Jar[name] = v
	}
	shut(t, "the new session with the old secret", mixed, p)
}

func TestTheSessionCookieOfBeforeASignOutOpensNothing(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	p := w.RegisterParty(&rp.Party{ID: "tax"})
	b := w.Browser()
	b.SignIn(a)
	kept := b.Copy()
	signOut(t, b)
	shut(t, "the cookies of before the sign-out", kept.Copy(), p)
	b.SignIn(a)
	shut(t, "they, after another sign-in", kept.Copy(), p)
}

func TestTheSessionCookieOfBeforeARenewalOpensNothing(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	p := w.RegisterParty(&rp.Party{ID: "tax"})
	b := w.Browser()
	b.SignIn(a)
	kept := b.Copy()
	if code := b.Code(p, a, "prompt", "login"); code == "" {
		t.Fatal("no code")
	}
	shut(t, "the cookies of before the renewal", kept, p)
	b.Get("/account").At("/account", http.StatusOK)
}

func TestTheWordThatSignedOutOneSessionDoesNotEndTheNext(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	action, word := b.Get("/oauth2/logout").Form()
	b.Post(action, word)
	b.SignIn(a)
	if p := b.Post(action, word); p.Status != http.StatusForbidden {
		t.Errorf("the word of another session: %d, want 403", p.Status)
	}
	b.Get("/account").At("/account", http.StatusOK)
}

// wrong is a code that differs from the right one.
func wrong(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func TestTriesOfARegistrationCodeStandWhateverCopyIsPutBack(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		b := w.Browser()
		tel := storagetest.Phone()
		page := b.Get("/register").Submit("family-name", "Калинина", "given-name", "Вера", "tel", tel, "consent", "1").At("/register/code", http.StatusOK)
		code := w.Message(tel, 0).Code
		action, form := page.Form()
		kept := b.Copy()
		for range 5 {
			form.Set("code", wrong(code))
			kept.Copy().Post(action, form)
		}
		form.Set("code", code)
		for name, old := range map[string]*idptest.Browser{"first": kept, "present": b} {
			if got := old.Copy().Post(action, form); got.URL.Path != "/register/code" || got.Status != http.StatusTooManyRequests {
				t.Errorf("the right code after five wrong ones, with the %s cookies: %d at %s", name, got.Status, got.URL.Path)
			}
		}
	})
}

func TestAFinishedRegistrationIsNotFinishedAgain(t *testing.T) {
	w := idptest.New(t)
	b := w.Browser()
	tel := storagetest.Phone()
	page := b.Get("/register").Submit("family-name", "Калинина", "given-name", "Вера", "tel", tel, "consent", "1").At("/register/code", http.StatusOK)
	page = page.Submit("code", w.Message(tel, 0).Code).At("/register/password", http.StatusOK)
	action, form := page.Form()
	kept := b.Copy()
	form.Set("password", idptest.Password)
	form.Set("password-again", idptest.Password)
	b.Post(action, form).At("/register/done", http.StatusOK)
	other := url.Values{"password": {"Zimorodok-2026"}, "password-again": {"Zimorodok-2026"}}
	for name, old := range map[string]*idptest.Browser{"of before": kept, "as they are": b} {
		gainsNothing(t, "the last page with cookies "+name, old.Copy().Post(action, other))
	}
	a, err := w.Records.FindAccount(t.Context(), account.ByPhone, tel)
	if err != nil {
		t.Fatal(err)
	}
	if n := events(t, w, a.ID, audit.Registered); n != 1 {
		t.Errorf("registered %d times", n)
	}
	w.Browser().Get("/login").Submit("username", tel, "password", idptest.Password).At("/account", http.StatusOK)
}

func TestTriesOfARecoveryStandWhateverCopyIsPutBack(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		a := w.NewCitizen(account.Standard)
		b := w.Browser()
		page := b.Get("/recover").Submit("username", idptest.Phone(a)).At("/recover/code", http.StatusOK)
		code := w.Message(idptest.Phone(a), 0).Code
		action, form := page.Form()
		kept := b.Copy()
		for range 5 {
			form.Set("code", wrong(code))
			kept.Copy().Post(action, form)
		}
		form.Set("code", code)
		if got := kept.Copy().Post(action, form); got.URL.Path != "/recover/code" || got.Status != http.StatusTooManyRequests {
			t.Errorf("the right code after five wrong ones: %d at %s", got.Status, got.URL.Path)
		}
		// A new code can be had; the questions after it have tries of their own.
		w.Advance(301 * time.Second)
		form.Del("code")
		form.Set("again", "1")
		b.Post(action, form).At("/recover/code", http.StatusOK)
		identity := b.Get(page.URL.String()).Submit("code", w.Message(idptest.Phone(a), 1).Code).At("/recover/identity", http.StatusOK)
		action, form = identity.Form()
		kept = b.Copy()
		form.Set("snils", a.Profile.Person.SNILS.Format())
		for range 5 {
			form.Set("document-number", "4500000000")
			kept.Copy().Post(action, form)
		}
		form.Set("document-number", a.Profile.Person.Document.Number)
		if got := kept.Copy().Post(action, form); got.URL.Path != "/recover/in-person" {
			t.Errorf("the right document after five wrong ones: %d at %s", got.Status, got.URL.Path)
		}
	})
}

func TestAFinishedRecoveryIsNotFinishedAgain(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Simplified)
	b := w.Browser()
	page := b.Get("/recover").Submit("username", idptest.Phone(a)).At("/recover/code", http.StatusOK)
	page = page.Submit("code", w.Message(idptest.Phone(a), 0).Code).At("/recover/password", http.StatusOK)
	kept := b.Copy()
	action, _ := page.Form()
	set := func(pw string) url.Values { return url.Values{"password": {pw}, "password-again": {pw}} }
	b.Post(action, set("Kolibri-2026")).At("/recover/done", http.StatusOK)
	for name, old := range map[string]*idptest.Browser{"of before": kept, "as they are": b} {
		if got := old.Copy().Post(action, set("Zimorodok-2026")); got.Status != http.StatusGone {
			t.Errorf("the last page with cookies %s: %d, want 410", name, got.Status)
		}
	}
	in := w.Browser().Get("/login").Submit("username", idptest.Phone(a), "password", "Zimorodok-2026")
	in.At("/login", http.StatusUnprocessableEntity)
	w.Browser().Get("/login").Submit("username", idptest.Phone(a), "password", "Kolibri-2026").At("/account", http.StatusOK)
}

// letterTo orders a letter and waits until the post has it.
func letterTo(t *testing.T, w *idptest.World, b *idptest.Browser, a *account.Account) idptest.Letter {
	t.Helper()
	b.Get("/account/confirm/letter").Submit("postal-code", "170100", "region", "Тверская область", "locality", "Тверь",
		"street", "Советская ул.", "house", "11").At("/account/confirm/letter/check", http.StatusOK).
		Submit().At("/account/confirm/letter", http.StatusOK)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ls := w.Letters(idptest.Phone(a)); len(ls) == 1 {
			return ls[0]
		}
	}
	t.Fatal("the letter did not reach the post")
	return idptest.Letter{}
}

func TestTriesOfALetterStandWhateverCopyIsPutBack(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		a := w.NewCitizen(account.Standard)
		b := w.Browser()
		b.SignIn(a)
		letter := letterTo(t, w, b, a)
		kept := b.Copy()
		try := func(b *idptest.Browser, code string) *idptest.Page {
			return b.Post("/account/confirm/letter", url.Values{"act": {"enter"}, "letter-code": {code}})
		}
		for range 5 {
			other, err := civil.NewLetterCode(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			try(kept.Copy(), other.Format())
		}
		for name, old := range map[string]*idptest.Browser{"kept": kept, "present": b} {
			if got := try(old.Copy(), letter.Code); got.URL.Path == "/account/confirm/done" {
				t.Errorf("the right code after five wrong ones, with the %s cookies: %d at %s", name, got.Status, got.URL.Path)
			}
		}
		if now, err := w.Records.Account(t.Context(), a.ID); err != nil || now.Level != account.Standard {
			t.Errorf("level %v, want standard: %v", now.Level, err)
		}
	})
}

func TestALetterConfirmsOnceWhateverCopyIsPutBack(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	letter := letterTo(t, w, b, a)
	form := url.Values{"act": {"enter"}, "letter-code": {letter.Code}}
	kept := b.Copy()
	b.Post("/account/confirm/letter", form).At("/account/confirm/done", http.StatusOK)
	w.Fall(a.ID, func(a *account.Account) error { return a.Lower(account.Standard, w.Clock.Now()) })
	gainsNothing(t, "the code with the cookies of before the fall", kept.Copy().Post("/account/confirm/letter", form))
	again := w.Browser()
	again.SignIn(a)
	if p := again.Post("/account/confirm/letter", form); p.URL.Path == "/account/confirm/done" {
		t.Error("a spent letter confirmed again after a fall")
	}
	now, err := w.Records.Account(t.Context(), a.ID)
	if err != nil || now.Level != account.Standard || events(t, w, a.ID, audit.Confirmed) != 1 {
		t.Errorf("level %v, %d confirmations recorded: %v", now.Level, events(t, w, a.ID, audit.Confirmed), err)
	}
}

func TestACodeOfTheAppCountsOnceWhateverCopyIsPutBack(t *testing.T) {
	w := idptest.New(t)
	op := w.NewOperator()
	b := w.Browser()
	code := b.Get("/operator").At("/operator/login", http.StatusOK).
		Submit("username", idptest.Phone(op), "password", idptest.Password).At("/operator/login/code", http.StatusOK)
	action, form := code.Form()
	kept := b.Copy()
	form.Set("code", idptest.TOTP(t))
	b.Post(action, form).At("/operator", http.StatusOK)
	if p := kept.Copy().Post(action, form); p.URL.Path == "/operator" {
		t.Errorf("the used code with the cookies of before: %d at %s", p.Status, p.URL.Path)
	}
	// Nor does it serve another request.
	other := w.Browser()
	second := other.Get("/operator").Submit("username", idptest.Phone(op), "password", idptest.Password)
	if second.URL.Path != "/operator/login/code" {
		t.Fatalf("at %s: %s", second.URL.Path, second.Text())
	}
	if p := second.Submit("code", form.Get("code")); p.URL.Path == "/operator" {
		t.Error("the used code opened a second session")
	}
}

func TestPasswordTriesStandWhateverCopyIsPutBack(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		a := w.NewCitizen(account.Standard)
		b := w.Browser()
		action, form := b.Get("/login").Form()
		kept := b.Copy()
		form.Set("username", idptest.Phone(a))
		form.Set("password", "wrong")
		slowed := false
		for range 15 {
			slowed = slowed || kept.Copy().Post(action, form).Status == http.StatusTooManyRequests
		}
		if !slowed {
			t.Error("fifteen wrong passwords with the same rolled-back request and cookies were never slowed down")
		}
		form.Set("password", idptest.Password)
		if p := kept.Copy().Post(action, form); p.Status != http.StatusTooManyRequests {
			t.Errorf("the right one within the wait: %d at %s, want 429", p.Status, p.URL.Path)
		}
	})
}
