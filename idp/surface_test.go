package idp_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/storagetest"
)

// A surface is what strangers can reach of one path: who stands there, which reference the address carries,
// which fields its form has. A route that has none here fails TestHostileInput.
type surface struct {
	as     string // "", a stranger; citizen; operator; administrator; party, by its secret
	ref    string // tx, or the flow whose ?r= it is
	fields string
	// act are fields with values that a right form has, so that hostile neighbours are read at all.
	act string
}

const request = "client_id redirect_uri response_type scope state nonce code_challenge code_challenge_method prompt max_age acr_values claims login_hint id_token_hint ui_locales response_mode request request_uri display"

// person are the fields of a form of data.
const person = "family-name given-name patronymic sex birth-day birth-month birth-year birth-place citizenship snils document-type document-number issued-day issued-month issued-year expires-day expires-month expires-year department-code issuer"

var surfaces = map[string]surface{
	"/":                  {},
	"/assets/*":          {},
	"/legal/:text":       {},
	"/centres":           {fields: "q service"},
	"/centres/map":       {fields: "q service"},
	"/why/:id":           {as: "citizen", fields: "in"},
	"/not-me/:token":     {fields: "token"},
	"/login":             {ref: "tx", fields: "username password foreign-computer notice start", act: "username=citizen@example.org&password=x"},
	"/login/certificate": {ref: "tx"}, "/login/certificate/return": {ref: "tx", fields: "code"},
	"/login/code":    {ref: "tx", fields: "code"},
	"/login/use-now": {as: "citizen", ref: "tx", fields: "password code skip"},
	"/login/consent": {as: "citizen", ref: "tx", fields: "answer"},
	"/login/refusal": {as: "citizen", ref: "tx", fields: "back way"},

	"/register":             {ref: "tx", fields: "family-name given-name tel email consent r", act: "consent=1&family-name=Калинина&given-name=Вера&email=hostile@example.org"},
	"/register/code":        {ref: "register", fields: "code again"},
	"/register/sent":        {ref: "register", fields: "again"},
	"/register/link/:token": {fields: "token"},
	"/register/password":    {ref: "register-proved", fields: "password password-again suggest"},
	"/register/done":        {as: "citizen", ref: "tx"},
	"/register/bank/:token": {fields: "snils document-number password password-again consent suggest", act: "consent=1"},

	"/partner/v1/openapi.json": {}, "/partner/v1/confirmations": {}, "/partner/v1/registrations": {},
	"/partner/v1/letters/:id/status": {},
	"/partner/v1/centre/searches":    {}, "/partner/v1/centre/registrations": {}, "/partner/v1/centre/visits": {}, "/partner/v1/centre/visits/:id": {},
	"/partner/v1/centre/visits/:id/second": {}, "/partner/v1/centre/visits/:id/settlement": {}, "/partner/v1/centre/visits/:id/refusal": {},
	"/partner/v1/centre/visits/:id/phone": {}, "/partner/v1/centre/visits/:id/phone/code": {}, "/partner/v1/centre/visits/:id/data": {},
	"/partner/v1/centre/visits/:id/form": {}, "/partner/v1/centre/visits/:id/envelope": {},
	"/partner/v1/confirmations/:reference": {}, "/partner/v1/registrations/:reference": {},

	"/recover":             {ref: "tx", fields: "username"},
	"/recover/code":        {ref: "recover", fields: "code again"},
	"/recover/sent":        {ref: "recover", fields: "again"},
	"/recover/link/:token": {fields: "token"},
	"/recover/identity":    {ref: "identity", fields: "snils document-number"},
	"/recover/password":    {ref: "identity", fields: "password password-again suggest"},
	"/recover/done":        {fields: "until tx"},
	"/recover/in-person":   {ref: "identity"},

	"/account":            {as: "citizen", fields: "notice"},
	"/account/checks":     {as: "citizen"},
	"/account/assurance":  {as: "citizen", fields: "revoke forget notice"},
	"/account/locks":      {as: "citizen", fields: "shut wait stop notice"},
	"/account/locks/lift": {as: "citizen", fields: "kind method password code"},
	"/stop/:token":        {fields: "token"},
	"/account/confirm":    {as: "citizen"}, "/account/confirm/done": {as: "citizen"}, "/account/confirm/visit": {as: "citizen", fields: "town act activation-code", act: "act=activate"},
	"/account/confirm/visit/qr.png": {as: "citizen", fields: "until"},
	"/account/confirm/letter": {as: "citizen", fields: "postal-code region locality street house flat letter-code act new ordered",
		act: "postal-code=170100&region=Тверская область&locality=Тверь&street=Советская ул.&house=11"},
	"/account/confirm/letter/check": {as: "citizen", fields: "act"},
	"/account/confirm/bank":         {as: "citizen"}, "/account/confirm/bank/go/:bank": {as: "citizen"},
	"/account/confirm/bank/return": {as: "citizen", fields: "ticket code"},
	"/account/confirm/signature":   {as: "citizen", fields: "statement signed", act: "signed=x"}, "/account/confirm/signature/statement": {as: "citizen"},
	"/account/confirm/signature/statement/:id": {as: "citizen"}, "/account/confirm/signature/present": {as: "citizen"},
	"/account/confirm/signature/return": {as: "citizen", fields: "code"},
	"/account/contacts":                 {as: "citizen", fields: "tel email current-password act remove", act: "current-password=Propusk-2026"},
	"/account/contacts/code":            {as: "citizen", fields: "code again r"},
	"/account/contacts/sent":            {as: "citizen", fields: "again r"},
	"/account/contacts/claim":           {as: "citizen", fields: "keep"},
	"/account/contacts/remove":          {as: "citizen", fields: "contact current-password", act: "current-password=Propusk-2026"},
	"/account/contacts/link/:token":     {as: "citizen", fields: "token"},
	"/account/profile": {as: "citizen", fields: "family-name given-name patronymic sex birth-day birth-month birth-year birth-place citizenship snils " +
		"document-type document-number issued-day issued-month issued-year expires-day expires-month expires-year department-code issuer"},
	"/account/profile/check":        {as: "citizen", fields: "act"},
	"/account/security":             {as: "citizen", fields: "end before all"},
	"/account/security/password":    {as: "citizen", fields: "current-password password password-again suggest"},
	"/account/security/totp":        {as: "citizen", fields: "code secret"},
	"/account/security/totp/off":    {as: "citizen", fields: "password current-password code"},
	"/account/security/totp/qr.png": {as: "citizen"},
	"/account/use-now":              {as: "citizen", fields: "password code skip"},

	"/operator":                        {as: "operator", fields: "visit-code snils document-number reason done", act: "reason=confirm&snils=90000014294&document-number=4510700142"},
	"/operator/journal":                {as: "operator", fields: "before"},
	"/operator/login":                  {ref: "operator-tx", fields: "username password start", act: "username=citizen@example.org&password=x"},
	"/operator/login/code":             {ref: "operator-tx", fields: "code"},
	"/operator/login/key":              {ref: "operator-tx", fields: "answer"},
	"/operator/shift":                  {as: "operator", fields: "act partner", act: "act=open"},
	"/operator/keys":                   {as: "operator", fields: "key-name current-password code notice", act: "key-name=x&current-password=Propusk-2026"},
	"/operator/keys/new":               {as: "operator", fields: "answer"},
	"/operator/keys/:id":               {as: "operator", fields: "current-password code"},
	"/operator/logout":                 {as: "operator", fields: "act"},
	"/operator/visit/:id":              {as: "operator", fields: "act what sure match-family-name match-snils face genuine", act: "act=confirm"},
	"/operator/visit/:id/envelope.pdf": {as: "operator"},
	"/operator/visit/:id/phone":        {as: "operator-restore", fields: "act tel code", act: "act=enter&code=000000"},
	"/operator/visit/:id/data":         {as: "operator-correct", fields: person},
	"/operator/register":               {as: "operator", fields: person},
	"/operator/visit/:id/form.pdf":     {as: "operator"},
	"/operator/recalls":                {as: "administrator"},
	"/operator/recalls/new": {as: "administrator", fields: "source from until recall-reason",
		act: "source=centre:77-001&from=2020-01-01T00:00&until=2020-02-01T00:00&recall-reason=x"},
	"/operator/recalls/:id": {as: "administrator", fields: "act version undo-reason", act: "act=undo"},

	"/oauth2/authorize":  {as: "citizen", ref: "authorize", fields: request},
	"/oauth2/logout":     {as: "citizen", fields: "id_token_hint client_id post_logout_redirect_uri state ui_locales logout_hint confirm"},
	"/oauth2/token":      {as: "party", fields: "grant_type code redirect_uri code_verifier refresh_token scope client_id client_secret client_assertion client_assertion_type", act: "grant_type=authorization_code&code=x&redirect_uri=https://tax.test/callback&code_verifier=" + idptest.Verifier},
	"/oauth2/introspect": {as: "party", fields: "token token_type_hint client_id client_secret client_assertion"},
	"/oauth2/revoke":     {as: "party", fields: "token token_type_hint client_id client_secret client_assertion"},
	"/oauth2/userinfo":   {fields: "access_token"},
	"/oauth2/why/:id":    {as: "party"},
	"/oauth2/jwks":       {}, "/.well-known/openid-configuration": {}, "/.well-known/oauth-authorization-server": {}, "/.well-known/propusk-assurance": {},
}

// A stand is a browser, or a party, where a surface begins: signed in as need be, its references right.
type stand struct {
	browser *idptest.Browser
	party   *idptest.Party
	ref     url.Values
	id      string // for :id
}

// A ground makes stands. Flows that wait for a message are made once.
type ground struct {
	*idptest.World
	t     *testing.T
	party *idptest.Party
	flows map[string]*stand
	// values are the hostile ones to strike with, by kind.
	values map[string]string
}

func newGround(t *testing.T, w *idptest.World) *ground {
	return &ground{World: w, t: t, party: w.RegisterParty(&rp.Party{ID: "tax"}), flows: map[string]*stand{}, values: hostile}
}

func (g *ground) stand(s surface) *stand {
	g.t.Helper()
	if made := g.flows[s.ref]; made != nil {
		return made
	}
	out := &stand{browser: g.Browser(), ref: url.Values{}, id: "unknown"}
	b := out.browser
	switch s.as {
	case "citizen":
		b.SignIn(g.NewCitizen(account.Standard))
	case "operator", "operator-restore", "operator-correct":
		why := map[string]string{"operator": "confirm", "operator-restore": "restore", "operator-correct": "correct"}[s.as]
		op := g.NewOperator()
		b.Get("/operator").Submit("username", idptest.Phone(op), "password", idptest.Password).Submit("code", idptest.TOTP(g.t)).At("/operator", http.StatusOK)
		visitor := g.NewCitizen(account.Standard).Profile.Person
		visit := b.Get("/operator").Submit("snils", visitor.SNILS.String(), "document-number", visitor.Document.Number, "reason", why)
		if !strings.HasPrefix(visit.URL.Path, "/operator/visit/") {
			g.t.Fatalf("no visit: %d at %s: %s", visit.Status, visit.URL.Path, visit.Text())
		}
		out.id, _, _ = strings.Cut(strings.TrimPrefix(visit.URL.Path, "/operator/visit/"), "/")
	case "administrator":
		a := g.NewAdministrator()
		b.Get("/operator").Submit("username", idptest.Phone(a), "password", idptest.Password).Submit("code", idptest.TOTP(g.t)).At("/operator/recalls", http.StatusOK)
		p := b.Post("/operator/recalls/new", url.Values{"source": {"centre:77-001"}, "from": {"2020-01-01T00:00"}, "until": {"2020-02-01T00:00"}, "recall-reason": {"x"}})
		if !strings.HasPrefix(p.URL.Path, "/operator/recalls/") {
			g.t.Fatalf("no recall: %d at %s: %s", p.Status, p.URL.Path, p.Text())
		}
		out.id = strings.TrimPrefix(p.URL.Path, "/operator/recalls/")
	case "party":
		out.party = g.party
	}
	refer := func(p *idptest.Page, name string) {
		g.t.Helper()
		if p.URL.Query().Get(name) == "" {
			g.t.Fatalf("no %s: %d at %s: %s", name, p.Status, p.URL.Path, p.Text())
		}
		out.ref.Set(name, p.URL.Query().Get(name))
	}
	tel := storagetest.Phone()
	switch s.ref {
	case "tx":
		refer(b.Get("/oauth2/authorize?"+g.party.Ask(offline...).Encode()), "tx")
	case "authorize":
		out.ref = g.party.Ask(offline...)
	case "operator-tx":
		refer(b.Get("/operator"), "tx")
	case "register", "register-proved":
		p := b.Get("/register").Submit("family-name", "Калинина", "given-name", "Вера", "tel", tel, "consent", "1")
		if s.ref == "register-proved" {
			p = p.Submit("code", g.Message(tel, 0).Code).At("/register/password", http.StatusOK)
		}
		refer(p, "r")
		g.flows[s.ref] = out
	case "recover", "identity":
		tel = idptest.Phone(g.NewCitizen(account.Standard))
		p := b.Get("/recover").Submit("username", tel)
		if s.ref == "identity" {
			p = p.Submit("code", g.Message(tel, 0).Code).At("/recover/identity", http.StatusOK)
		}
		refer(p, "r")
		g.flows[s.ref] = out
	}
	return out
}
