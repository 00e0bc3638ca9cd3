package web_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
)

// The party's side of a transaction is played by an Answerer that writes the outcome into the redirect.
type answers struct{}

func (a answers) Answer(_ context.Context, r *signin.Request, s signin.Step, signed *session.Session) (signin.Reply, error) {
	v := url.Values{"state": {r.State}}
	if s.Kind == signin.Answer {
		v.Set("level", s.Subject.Level.String())
	} else {
		v.Set("error", s.Error)
	}
	return signin.Reply{Redirect: r.Redirect + "?" + v.Encode()}, nil
}

// party registers a relying party with a policy. Its pages are the provider's own 404, which is enough to
// land on.
func (w *world) party(p policy.Policy) *rp.Party {
	w.t.Helper()
	party := &rp.Party{
		ID: "tax", Name: map[string]string{"ru": "Налоговая служба", "en": "Tax service"}, Home: w.server.URL + "/party",
		Purpose: map[string]string{"ru": "Чтобы открыть личный кабинет"}, Profile: rp.Strict, AuthMethod: "none",
		Redirects: []string{w.server.URL + "/party/callback"}, Grants: []string{"authorization_code"},
		Scopes: []string{"openid", "profile", "snils", "phone"}, IDTokenAlg: "ES256", Policy: p, Changed: w.Clock.Now(),
	}
	if err := w.SaveParty(w.t.Context(), party); err != nil {
		w.t.Fatal(err)
	}
	w.signIn.Register("oidc", answers{})
	return party
}

// ask begins a request of the party in the browser, and shows its first page.
func (w *world) ask(b *browser, p *rp.Party, scopes ...string) *page {
	w.t.Helper()
	b.get("/legal/rules") // any page
	b.get("/login")       // gives the browser its secret
	here, err := url.Parse(w.server.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	secret := ""
	for _, c := range b.http.Jar.Cookies(here) {
		if strings.HasPrefix(c.Name, "propusk-browser") {
			secret = c.Value
		}
	}
	r := &signin.Request{Door: "oidc", Client: p.ID, Redirect: p.Redirects[0], State: "xyz", Scopes: append([]string{"openid"}, scopes...)}
	w.signIn.Start(r, secret)
	tx, err := w.signIn.Open(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return b.get("/login?tx=" + tx)
}

var noLetters = policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}

func TestConsentNamesEveryFactByItsValue(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.ServiceCenter)
	party := w.party(policy.Policy{})
	b := w.browser()
	p := w.ask(b, party, "profile", "snils", "phone").at("/login", http.StatusOK).says("Налоговая служба")
	p = p.send("username", phone(a), "password", secret).at("/login/consent", http.StatusOK)
	for _, want := range []string{"Анна", "7 мая 1986", a.Profile.Person.SNILS.Format(), "Подтверждённая", "Чтобы открыть личный кабинет"} {
		if !strings.Contains(strings.ReplaceAll(p.text(), "\u00a0", " "), want) {
			t.Errorf("the consent page does not show %q:\n%s", want, p.text())
		}
	}
	if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+w.server.URL+";") {
		t.Errorf("the content policy does not let the form end at the party: %s", csp)
	}
	if got := p.send("answer", "allow"); got.url.Path != "/party/callback" || got.url.Query().Get("level") != "verified" {
		t.Fatalf("after consent at %s", got.url)
	}
	// Remembered: the next time nothing is asked.
	if got := w.ask(b, party, "profile", "snils", "phone"); got.url.Path != "/party/callback" {
		t.Errorf("the second time at %s", got.url)
	}
	// Listed, and taken back.
	b.get("/account/assurance").says("Налоговая служба").send("revoke", "tax").at("/account/assurance", http.StatusOK).says("Согласие отозвано")
	w.ask(b, party, "profile", "snils", "phone").at("/login/consent", http.StatusOK).send("answer", "deny")
	if got := w.ask(b, party, "profile").at("/login/consent", http.StatusOK).send("answer", "deny"); got.url.Query().Get("error") != "access_denied" {
		t.Errorf("after a refusal of consent at %s", got.url)
	}
}

func TestRefusalShowsWhatIsMissingAndTheWaysThatWouldDo(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.MailCode)
	party := w.party(noLetters)
	b := w.browser()
	p := w.ask(b, party).send("username", phone(a), "password", secret).at("/login/refusal", http.StatusOK)
	p.says("Осталось подтвердить личность другим способом")
	if !slices.Contains(offers(p), "service_center") {
		t.Error("the visit is not offered")
	}
	if slices.Contains(offers(p), "mail_code") {
		t.Error("a letter is offered to a service that refuses letters")
	}
	back, _ := p.Find("a.Link").Last().Attr("href")
	if got := b.get(back); got.url.Path != "/party/callback" || got.url.Query().Get("error") != "unmet_authentication_requirements" || got.url.Query().Get("state") != "xyz" {
		t.Errorf("turning back leads to %s", got.url)
	}
	b.get("/account").at("/account", http.StatusOK).says("Налоговая служба")
}

func TestWayUpFromSimplifiedIsTheProfile(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	p := w.ask(w.browser(), w.party(noLetters)).send("username", phone(a), "password", secret).at("/login/refusal", http.StatusOK)
	if got := offers(p); !slices.Equal(got, []string{"profile"}) {
		t.Errorf("the ways up: %s", p.text())
	}
}

func TestRisenLevelIsUsedNowAndTheRequestResumes(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	party := w.party(noLetters)
	b := w.browser()
	b.signIn(phone(a), secret).at("/account", http.StatusOK)
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: w.Clock.Now()})
	}); err != nil {
		t.Fatal(err)
	}
	p := w.ask(b, party).at("/login/use-now", http.StatusOK)
	p.send("password", "Wrong-2026").at("/login/use-now", http.StatusUnprocessableEntity)
	p = p.send("password", secret).at("/login/consent", http.StatusOK).says("Уровень и способ").says("лично в центре обслуживания")
	if got := p.send("answer", "allow"); got.url.Path != "/party/callback" || got.url.Query().Get("level") != "verified" {
		t.Errorf("after using the level now at %s: %s", got.url, got.text())
	}
}

func TestPuttingOffTheRisenLevelLeadsToTheRefusal(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	b := w.browser()
	b.signIn(phone(a), secret)
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: w.Clock.Now()})
	}); err != nil {
		t.Fatal(err)
	}
	p := w.ask(b, w.party(noLetters)).at("/login/use-now", http.StatusOK)
	skip := ""
	p.Find("a.Link").Each(func(_ int, s *goquery.Selection) {
		if h := s.AttrOr("href", ""); strings.Contains(h, "skip=1") {
			skip = h
		}
	})
	b.get(skip).at("/login/refusal", http.StatusOK)
}

func TestRegistrationReturnsToTheWaitingParty(t *testing.T) {
	w := newWorld(t)
	party := w.party(policy.Policy{})
	b := w.browser()
	p := w.ask(b, party, "profile")
	to := p.Find(`a[href^="/register?tx="]`).AttrOr("href", "")
	tel := "+79161234567"
	p = b.get(to).says("Налоговая служба").send("family-name", "Иванова", "given-name", "Мария", "tel", tel, "consent", "1")
	p = p.send("code", w.code(tel)).send("password", fresh, "password-again", fresh).at("/register/done", http.StatusOK).says("Налоговая служба")
	on := p.Find(`a[href^="/login?tx="]`).AttrOr("href", "")
	if got := b.get(on).at("/login/consent", http.StatusOK).send("answer", "allow"); got.url.Query().Get("level") != "simplified" {
		t.Errorf("after the registration at %s", got.url)
	}
}

func TestAnsweredTransactionIsStale(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.browser()
	first := w.ask(b, w.party(policy.Policy{}))
	first.send("username", phone(a), "password", secret).at("/login/consent", http.StatusOK).send("answer", "allow")
	b.get(first.url.String()).at("/login", http.StatusGone).says("Начните ещё раз")
}

func TestWhyTellsReasonsOnlyToWhomTheyConcern(t *testing.T) {
	w := newWorld(t)
	w.party(noLetters)
	if err := w.SaveRefusal(t.Context(), rp.Refusal{ID: "7F3K-92QD", Client: "tax", Error: "unmet_authentication_requirements",
		Reason: "method refused", Reasons: []string{"method_refused"}, At: w.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
	p := w.browser().get("/why/7F3K-92QD").at("/why/7F3K-92QD", http.StatusOK).says("Налоговая служба")
	if strings.Contains(p.text(), "Сайт не принимает тот способ") {
		t.Error("a stranger reads the reason")
	}
	a := w.verified(account.MailCode)
	b := w.browser()
	b.signIn(phone(a), secret)
	b.get("/why/7F3K-92QD").says("Сайт не принимает тот способ")
	w.browser().get("/why/0000-0000").at("/why/0000-0000", http.StatusNotFound)
}

func TestPagesAreNotKeptNotFramedAndTellNoAddress(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	for _, path := range []string{"/login", "/register", "/recover", "/recover/in-person", "/legal/data", "/legal/processing", "/legal/rules", "/legal/accessibility", "/nowhere"} {
		h := b.get(path).header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"frame-ancestors 'none'", "form-action 'self'", "default-src 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the content policy %q lacks %q", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the content policy has an exception: %s", path, csp)
		}
	}
}

func TestEveryPageBodyIsFreeOfInlineScriptAndStyle(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.MailCode)
	w.party(noLetters)
	b := w.browser()
	pages := []*page{b.get("/login"), b.get("/register"), b.get("/recover")}
	b.signIn(phone(a), secret)
	for _, path := range []string{"/account", "/account/security", "/account/contacts", "/account/security/password", "/account/security/totp"} {
		pages = append(pages, b.get(path).at(path, http.StatusOK))
	}
	for _, p := range pages {
		if n := p.Find("style, [style], script:not([src])").Length(); n != 0 {
			t.Errorf("%s has %d inline scripts or styles", p.url.Path, n)
		}
		if len(p.body) > 60<<10 {
			t.Errorf("%s is %d bytes long, more than 60 KB", p.url.Path, len(p.body))
		}
	}
}

func TestSessionEndsWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.browser()
	b.signIn(phone(a), secret)
	w.Clock.Advance(25 * time.Hour)
	b.get("/account").at("/login", http.StatusOK)
}
