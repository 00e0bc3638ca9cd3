package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/session"
)

func TestConsentNamesWhatTheAccountHasNotYet(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	party := w.party(policy.Policy{})
	p := w.ask(w.browser(), party, "profile", "snils", "inn", "documents", "address", "phone", "email").send("username", phone(a), "password", secret)
	p.at("/login/consent", http.StatusOK)
	for _, fact := range []string{"Дата рождения", "Пол", "СНИЛС", "ИНН", "Документ", "Место рождения", "Гражданство", "Адрес"} {
		row := ""
		for _, s := range p.Find(".Facts-row").EachIter() {
			if strings.TrimSpace(s.Find("dt").Text()) == fact {
				row = s.Find("dd").Text()
			}
		}
		if !strings.Contains(strings.ReplaceAll(row, "\u00a0", " "), "ещё нет в учётной записи") {
			t.Errorf("%s: the page says %q", fact, row)
		}
	}
}

// sessionsOf are the citizen's sessions that have not ended.
func (w *world) sessionsOf(a *account.Account) []*session.Session {
	w.t.Helper()
	all, err := w.Sessions(w.t.Context(), a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func (w *world) stands(g *grant.Grant) bool {
	w.t.Helper()
	use, err := w.GrantUse(w.t.Context(), g.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return use.Stands(w.Clock.Now())
}

func TestWhoHoldsAGrantIsListedAndCanBeTurnedAway(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	party := w.party(policy.Policy{})
	b := w.browser()
	b.signIn(phone(a), secret)
	b.get("/account/assurance").says("Пока никто")
	g := w.Grant(w.sessionsOf(a)[0], party.ID, true) // without a consent, as the state's own front door has it
	g.Scopes, g.Data, g.Expires = []string{"openid"}, nil, w.Clock.Now().Add(time.Hour)
	if _, err := w.RedeemGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	p := b.get("/account/assurance").says("Налоговая служба").says("уровень")
	p.send("revoke", "tax").at("/account/assurance", http.StatusOK).says("Пока никто")
	if w.stands(g) {
		t.Error("the grant lives on")
	}
	p.send("revoke", "tax").at("/account/assurance", http.StatusNotFound)
}

func TestEndingSessionsFromAfarEndsTheirOfflineAccess(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	party := w.party(policy.Policy{})
	for _, others := range []bool{false, true} {
		there := w.browser()
		there.signIn(phone(a), secret)
		far := w.sessionsOf(a)[0]
		given := w.Granted(t, far, party.ID, true)
		here := w.browser()
		w.Clock.Advance(time.Second)
		here.signIn(phone(a), secret)
		near := w.sessionsOf(a)[0]
		mine := w.Granted(t, near, party.ID, true)
		which := string(far.ID)
		if others {
			which = "others"
		}
		here.get("/account/security").send("end", which).at("/account/security", http.StatusOK)
		if w.stands(given) {
			t.Errorf("end=%s: offline access of the ended session lives on", which)
		}
		if !w.stands(mine) {
			t.Errorf("end=%s: access of this session ended too", which)
		}
		here.get("/account/security").send("end", string(near.ID))
	}
}

func TestRedirectsAreNotKeptEither(t *testing.T) {
	w := newWorld(t)
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.Get(w.server.URL + "/account")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || len(r.Cookies()) == 0 {
		t.Fatalf("not a redirect with a cookie: %d %v", r.StatusCode, r.Header)
	}
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", r.Header)
	}
}
