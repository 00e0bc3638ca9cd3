package oidc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/rp"
)

func TestErrorsBeforeTheRedirectIsVerifiedStayWithThePerson(t *testing.T) {
	w := newWorld(t)
	w.change("pension", func(p *rp.Party) { p.Disabled = true })
	doubled := func(name string) url.Values {
		q := ask("tax")
		q.Add(name, q.Get(name))
		return q
	}
	for what, tt := range map[string]struct {
		q    url.Values
		code string
	}{
		"no client_id":           {ask("tax", "client_id", ""), "party"},
		"an unknown client":      {ask("nobody"), "party"},
		"a disabled client":      {ask("pension"), "party"},
		"client_id twice":        {doubled("client_id"), "party"},
		"no redirect_uri":        {ask("tax", "redirect_uri", ""), "redirect"},
		"redirect_uri twice":     {doubled("redirect_uri"), "redirect"},
		"another redirect_uri":   {ask("tax", "redirect_uri", "https://evil.test/callback"), "redirect"},
		"a longer redirect_uri":  {ask("tax", "redirect_uri", "https://tax.test/callback/../evil"), "redirect"},
		"another's redirect_uri": {ask("tax", "redirect_uri", "https://old.test/callback"), "redirect"},
		"markup as client_id":    {ask("tax", "client_id", "<script>"), "party"},
		"a wrong encoding":       {ask("tax", "state", "\xff\xfe"), "request"},
		"a control character":    {ask("tax", "state", "a\x00b"), "request"},
		"a request without end":  {ask("tax", "state", strings.Repeat("x", 20_000)), "size"},
	} {
		out := w.browser().get("/oauth2/authorize", tt.q)
		if out.Code < 400 || out.Code > 499 || out.Header().Get("Location") != "" || out.Body.String() != "problem: "+tt.code {
			t.Errorf("%s: %d %q to %q, want problem %s", what, out.Code, out.Body, out.Header().Get("Location"), tt.code)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/oauth2/authorize?client_id=tax&state=%zz", nil)
	if out := w.browser().do(r); out.Body.String() != "problem: request" {
		t.Errorf("a broken escape: %d %s", out.Code, out.Body)
	}
}

func TestErrorsAfterwardsGoToThePartyWithStateAndIssuer(t *testing.T) {
	w := newWorld(t)
	w.register(&rp.Party{ID: "machine", Grants: []string{rp.GrantCredentials}})
	for what, tt := range map[string]struct {
		q    url.Values
		code string
	}{
		"no response_type":          {ask("tax", "response_type", ""), "invalid_request"},
		"an implicit flow":          {ask("tax", "response_type", "id_token token"), "unsupported_response_type"},
		"a hybrid flow":             {ask("tax", "response_type", "code id_token"), "unsupported_response_type"},
		"a party without the grant": {ask("machine"), "unauthorized_client"},
		"a request object":          {ask("tax", "request", "e30.e30."), "request_not_supported"},
		"a request_uri":             {ask("tax", "request_uri", "urn:x"), "request_uri_not_supported"},
		"an unknown response_mode":  {ask("tax", "response_mode", "fragment"), "invalid_request"},
		"no openid":                 {ask("tax", "scope", "profile"), "invalid_scope"},
		"no scope":                  {ask("tax", "scope", ""), "invalid_scope"},
		"an unknown scope":          {ask("tax", "scope", "openid everything"), "invalid_scope"},
		"a scope of others":         {ask("tax", "scope", "openid documents"), "invalid_scope"},
		"no PKCE":                   {ask("tax", "code_challenge", "", "code_challenge_method", ""), "invalid_request"},
		"plain PKCE":                {ask("tax", "code_challenge_method", "plain"), "invalid_request"},
		"PKCE without a method":     {ask("tax", "code_challenge_method", ""), "invalid_request"},
		"a method without PKCE":     {ask("old", "code_challenge", ""), "invalid_request"},
		"a short challenge":         {ask("tax", "code_challenge", "abc"), "invalid_request"},
		"an unknown prompt":         {ask("tax", "prompt", "dance"), "invalid_request"},
		"prompt none and login":     {ask("tax", "prompt", "none login"), "invalid_request"},
		"a max_age of words":        {ask("tax", "max_age", "soon"), "invalid_request"},
		"a negative max_age":        {ask("tax", "max_age", "-1"), "invalid_request"},
		"an endless max_age":        {ask("tax", "max_age", "99999999999999999999"), "invalid_request"},
		"claims that are no JSON":   {ask("tax", "claims", "{"), "invalid_request"},
		"claims that are a list":    {ask("tax", "claims", "[]"), "invalid_request"},
		"claims without end":        {ask("tax", "claims", `{"userinfo":{"`+strings.Repeat("x", 3000)+`":null}}`), "invalid_request"},
		"claims of a strange sub":   {ask("tax", "claims", `{"id_token":{"sub":{"value":"x"}}}`), "invalid_request"},
		"a false id_token_hint":     {ask("tax", "id_token_hint", "e30.e30.AA"), "invalid_request"},
		"a long nonce":              {ask("tax", "nonce", strings.Repeat("x", 600)), "invalid_request"},
		"a long login_hint":         {ask("tax", "login_hint", strings.Repeat("x", 600)), "invalid_request"},
		"nobody, silently":          {ask("tax", "prompt", "none"), "login_required"},
	} {
		client := tt.q.Get("client_id")
		for _, mode := range []string{"query", "form_post"} {
			if what == "an unknown response_mode" {
				mode = "fragment"
			}
			tt.q.Set("response_mode", mode)
			out := w.browser().get("/oauth2/authorize", tt.q)
			var got url.Values
			if mode == "form_post" {
				part := strings.Split(out.Body.String(), " ")
				if len(part) != 4 || part[1] != "https://"+client+".test/callback" || part[2] != "https://"+client+".test" {
					t.Errorf("%s: %d %s", what, out.Code, out.Body)
					continue
				}
				got, _ = url.ParseQuery(part[3])
			} else {
				location := out.Header().Get("Location")
				if out.Code != http.StatusSeeOther || !strings.HasPrefix(location, "https://"+client+".test/callback?") {
					t.Errorf("%s: %d to %q: %s", what, out.Code, location, out.Body)
					continue
				}
				u, _ := url.Parse(location)
				got = u.Query()
			}
			if got.Get("error") != tt.code || got.Get("iss") != issuer || got.Get("state") != "st&te" || got.Get("error_uri") != issuer+"/why/TEST-0001" {
				t.Errorf("%s (%s): %v, want %s", what, mode, got, tt.code)
			}
		}
	}
}

func TestDoubledParametersAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"scope", "response_type", "code_challenge", "prompt", "state", "claims", "unheard_of"} {
		q := ask("tax", "prompt", "none")
		q.Add(name, "openid")
		if len(q[name]) < 2 {
			q.Add(name, "openid")
		}
		out := w.browser().get("/oauth2/authorize", q)
		u, _ := url.Parse(out.Header().Get("Location"))
		if u.Query().Get("error") != "invalid_request" {
			t.Errorf("%s twice: %d %s", name, out.Code, u)
		}
	}
}

func TestFormPostCarriesTheCode(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	out := b.get("/oauth2/authorize", ask("tax", "response_mode", "form_post"))
	part := strings.Split(out.Body.String(), " ")
	if out.Code != http.StatusOK || len(part) != 4 {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	got, _ := url.ParseQuery(part[3])
	if tok := w.redeem("tax", got.Get("code")); tok.status != http.StatusOK || got.Get("iss") != issuer || got.Get("state") != "st&te" {
		t.Errorf("%v: %+v", got, tok)
	}
}

func TestPostToAuthorizeIsAskedAgainByGet(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	out := b.post("/oauth2/authorize", ask("tax"))
	location := out.Header().Get("Location")
	if out.Code != http.StatusSeeOther || !strings.HasPrefix(location, "/oauth2/authorize?") {
		t.Fatalf("%d to %q", out.Code, location)
	}
	u, _ := url.Parse(location)
	if got := b.authorize(u.Query()); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/authorize", strings.NewReader(`{}`))
	r.Header.Set("Content-Type", "application/json")
	if out := b.do(r); out.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", out.Code)
	}
}

func TestNativeApplicationsReturnToAnyLoopbackPort(t *testing.T) {
	w := newWorld(t)
	got := w.browser().authorize(ask("sandbox", "redirect_uri", "http://127.0.0.1:49152/cb"))
	tok := w.token("sandbox", "grant_type", "authorization_code", "code", got.Get("code"), "redirect_uri", "http://127.0.0.1:49152/cb", "code_verifier", verifier)
	if tok.status != http.StatusOK {
		t.Errorf("%v: %+v", got, tok)
	}
}

func TestDemandsOfTheRequest(t *testing.T) {
	w := newWorld(t) // the citizen is verified by mail code, signed in by password
	b := w.browser()
	b.login("tax")
	for what, tt := range map[string]struct {
		pairs []string
		err   string
	}{
		"a level that is reached":            {[]string{"acr_values", "urn:propusk:loa:verified"}, ""},
		"one of two":                         {[]string{"acr_values", "phrh urn:propusk:loa:standard"}, ""},
		"an unknown acr value":               {[]string{"acr_values", "elsewhere"}, ""},
		"authentication that was not made":   {[]string{"acr_values", "phr"}, "unmet_authentication_requirements"},
		"an essential acr that is met":       {[]string{"claims", `{"id_token":{"acr":{"essential":true,"values":["urn:propusk:loa:standard"]}}}`}, ""},
		"an essential acr that nobody knows": {[]string{"claims", `{"id_token":{"acr":{"essential":true,"value":"elsewhere"}}}`}, "unmet_authentication_requirements"},
		"a voluntary acr that nobody knows":  {[]string{"claims", `{"id_token":{"acr":{"value":"elsewhere"}}}`}, ""},
		"an essential method that is there":  {[]string{"claims", `{"id_token":{"confirmation_method":{"essential":true,"values":["mail_code","bank"]}}}`}, ""},
		"an essential method that is not":    {[]string{"claims", `{"id_token":{"confirmation_method":{"essential":true,"value":"service_center"}}}`}, "unmet_authentication_requirements"},
		"an essential level":                 {[]string{"claims", `{"userinfo":{"account_level":{"essential":true,"value":"verified"}}}`}, ""},
		"an essential level of fairy tales":  {[]string{"claims", `{"userinfo":{"account_level":{"essential":true,"value":"king"}}}`}, "unmet_authentication_requirements"},
	} {
		got := b.authorize(ask("tax", append(tt.pairs, "prompt", "none")...))
		if got.Get("error") != tt.err {
			t.Errorf("%s: %v, want %q", what, got, tt.err)
		}
	}
}

func TestTheClaimsParameterNamesWhatIsGiven(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	asked := `{"userinfo":{"ru_snils":null,"documents":null},"id_token":{"family_name":{"essential":true}}}`
	if got := b.authorize(ask("tax", "claims", asked, "prompt", "none")); got.Get("error") != "login_required" {
		t.Fatalf("%v", got)
	}
	tok := b.login("tax", "claims", asked)
	_, id := w.claims(tok.ID)
	if id["family_name"] != w.citizen.Profile.Person.FamilyName.String() || id["given_name"] != nil || id["ru_snils"] != nil {
		t.Errorf("ID token %v", id)
	}
	_, user := w.userinfo(tok.Access)
	if user["ru_snils"] != w.citizen.Profile.Person.SNILS.String() || user["family_name"] != nil {
		t.Errorf("userinfo %v", user)
	}
	if user["documents"] != nil {
		t.Error("a claim was given whose scope the party may not have")
	}
	if got := b.authorize(ask("tax", "scope", "openid email", "prompt", "none")); got.Get("error") != "consent_required" {
		t.Errorf("more than was allowed, silently: %v", got)
	}
}

func TestIDTokenHintDecidesWhoMayAnswer(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	tok := b.login("tax")
	if got := b.authorize(ask("tax", "id_token_hint", tok.ID, "prompt", "none")); got.Get("code") == "" {
		t.Errorf("the same person: %v", got)
	}
	if got := b.authorize(ask("pension", "id_token_hint", tok.ID, "prompt", "none")); got.Get("error") != "invalid_request" {
		t.Errorf("another party's token: %v", got)
	}
	api := b.login("api")
	if got := b.authorize(ask("api", "id_token_hint", api.Access, "prompt", "none")); got.Get("error") != "invalid_request" {
		t.Errorf("a JWT access token as a hint: %v", got)
	}
	first := w.citizen
	w.citizen = w.Create(t, w.Standard(t))
	other := w.browser()
	other.login("tax")
	if got := other.authorize(ask("tax", "id_token_hint", tok.ID, "prompt", "none")); got.Get("error") != "login_required" {
		t.Errorf("another person, silently: %v", got)
	}
	if got := other.authorize(ask("tax", "id_token_hint", tok.ID)); got.Get("error") != "login_required" {
		t.Errorf("another person signs in: %v", got)
	}
	w.citizen = first
	if got := other.authorize(ask("tax", "id_token_hint", tok.ID)); got.Get("code") == "" {
		t.Errorf("the right person signs in: %v", got)
	}
}

func TestWhyTellsThePartyTheExactReason(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	w.change("tax", func(p *rp.Party) { p.Policy = refuseMail() })
	got := b.authorize(ask("tax", "prompt", "none"))
	if got.Get("error_description") != "" || !strings.HasSuffix(got.Get("error_uri"), "/why/TEST-0001") {
		t.Errorf("the browser carries the reason: %v", got)
	}
	look := func(client rp.ID, secret string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/oauth2/why/TEST-0001", nil)
		if client != "" {
			r.Header.Set("Authorization", basic(client, secret))
		}
		return w.browser().do(r)
	}
	var why struct {
		Error   string   `json:"error"`
		Reasons []string `json:"policy_reasons"`
	}
	out := look("tax", w.secrets["tax"])
	if err := json.Unmarshal(out.Body.Bytes(), &why); err != nil || why.Error != "unmet_authentication_requirements" || len(why.Reasons) != 1 || why.Reasons[0] != "method_refused" {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	if out := look("pension", w.secrets["pension"]); out.Code != http.StatusNotFound {
		t.Errorf("another party: %d", out.Code)
	}
	if out := look("", ""); out.Code != http.StatusUnauthorized || out.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("nobody: %d", out.Code)
	}
	if out := look("tax", "wrong"); out.Code != http.StatusUnauthorized {
		t.Errorf("a wrong secret: %d", out.Code)
	}
}

func TestBeforeConsentAPartyHearsNothingOfTheCitizen(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("pension")
	met := b.authorize(ask("tax", "prompt", "none"))
	w.change("tax", func(p *rp.Party) { p.Policy = refuseMail() })
	unmet := b.authorize(ask("tax", "prompt", "none"))
	demanded := b.authorize(ask("tax", "prompt", "none", "acr_values", "phrh"))
	for what, got := range map[string]url.Values{"met": met, "unmet": unmet, "demanded": demanded} {
		if got.Get("error") != "consent_required" || got.Get("code") != "" {
			t.Errorf("a policy that is %s: %v", what, got)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/oauth2/why/TEST-0001", nil)
	r.Header.Set("Authorization", basic("tax", w.secrets["tax"]))
	if out := w.browser().do(r); strings.Contains(out.Body.String(), "policy_reasons") {
		t.Errorf("the look-up tells what the page does not: %s", out.Body)
	}
}

func TestStrangersCannotFillTheDiskWithRefusals(t *testing.T) {
	w := newWorld(t)
	w.Ops.Reset()
	for range 400 {
		w.browser().get("/oauth2/authorize", ask("tax", "scope", "everything"))
	}
	if writes := len(w.Ops.Reset()); writes > 310 {
		t.Errorf("%d trips for 400 refusals in a minute", writes)
	}
	w.wall.Advance(time.Minute)
	w.browser().get("/oauth2/authorize", ask("tax", "scope", "everything"))
	if len(w.Ops.Reset()) == 0 {
		t.Error("nothing is kept a minute later")
	}
}
