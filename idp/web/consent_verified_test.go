package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/signin"
)

// askVerified begins a request for verified claims, as the protocol door writes it.
func (w *world) askVerified(b *browser, p *rp.Party, verified string) *page {
	w.t.Helper()
	b.get("/login")
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
	parameter := []byte(`{"userinfo":{"verified_claims":` + verified + `}}`)
	asked, err := claims.ParseRequest(parameter)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &signin.Request{Door: "oidc", Client: p.ID, Redirect: p.Redirects[0], Scopes: []string{"openid"}, Claims: parameter, Data: asked.VerifiedData(p.Scopes)}
	w.signIn.Start(r, secret)
	tx, err := w.signIn.Open(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return b.get("/login?tx=" + tx)
}

const nameByVisit = `{"verification":{"evidence":[{"type":{"value":"document"}}]},"claims":{"family_name":null,"ru_snils":null}}`

func TestConsentShowsVerifiedDataApart(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.ServiceCenter)
	party := w.party(policy.Policy{})
	b := w.browser()
	p := w.askVerified(b, party, nameByVisit).send("username", phone(a), "password", secret).at("/login/consent", http.StatusOK)
	apart := strings.ReplaceAll(p.Find("section[aria-labelledby=verified]").Text(), "\u00a0", " ")
	for _, want := range []string{"Подтверждённые сведения", "лично в центре обслуживания", a.Profile.Person.FamilyName.String(), a.Profile.Person.SNILS.Format(), "Подробности проверки"} {
		if !strings.Contains(apart, want) {
			t.Errorf("the section does not show %q:\n%s", want, apart)
		}
	}
	for _, never := range []string{a.Profile.Person.GivenName.String(), "1986", a.Profile.Person.Document.Number} {
		if strings.Contains(p.text(), never) {
			t.Errorf("the page shows %q, which nobody asked for", never)
		}
	}
	p.send("answer", "allow")
	if got := w.askVerified(b, party, nameByVisit); got.url.Path != "/party/callback" {
		t.Errorf("the second time at %s", got.url)
	}
	w.askVerified(b, party, strings.ReplaceAll(nameByVisit, "ru_snils", "birthdate")).at("/login/consent", http.StatusOK)
	b.get("/account/assurance").says("подробности проверки")
}

func TestConsentTellsThatVerifiedDataMayComeLater(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.MailCode)
	party := w.party(policy.Policy{})
	p := w.askVerified(w.browser(), party, nameByVisit).send("username", phone(a), "password", secret).at("/login/consent", http.StatusOK)
	if p.says("Сейчас под его условия ничего не подходит"); p.Find("section[aria-labelledby=verified]").Length() != 0 {
		t.Error("verified data is shown, and the party will not get it")
	}
}
