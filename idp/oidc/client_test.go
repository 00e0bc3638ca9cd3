package oidc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/rp"
)

func TestAPartyProvesItselfByTheWayItIsRegisteredWith(t *testing.T) {
	w := newWorld(t)
	w.register(&rp.Party{ID: "poster", AuthMethod: rp.AuthPost, Grants: []string{rp.GrantCredentials}})
	ask := func(form url.Values, header ...string) tokens {
		form.Set("grant_type", "client_credentials")
		return w.tokens(w.browser().post("/oauth2/token", form, header...))
	}
	tax, poster := w.secrets["tax"], w.secrets["poster"]
	if tok := ask(url.Values{}, "Authorization", basic("tax", tax)); tok.status != http.StatusOK || tok.ID != "" || tok.Refresh != "" {
		t.Fatalf("basic: %+v", tok)
	}
	if tok := ask(url.Values{"client_id": {"poster"}, "client_secret": {poster}}); tok.status != http.StatusOK {
		t.Fatalf("post: %+v", tok)
	}
	for what, tok := range map[string]tokens{
		"a wrong secret":                      ask(url.Values{}, "Authorization", basic("tax", tax+"x")),
		"an empty secret":                     ask(url.Values{}, "Authorization", basic("tax", "")),
		"another party's secret":              ask(url.Values{}, "Authorization", basic("tax", w.secrets["server"])),
		"post where basic is registered":      ask(url.Values{"client_id": {"tax"}, "client_secret": {tax}}),
		"basic where post is registered":      ask(url.Values{}, "Authorization", basic("poster", poster)),
		"no secret":                           ask(url.Values{"client_id": {"tax"}}),
		"an unknown client":                   ask(url.Values{}, "Authorization", basic("nobody", "x")),
		"a client_id beside another in basic": ask(url.Values{"client_id": {"server"}}, "Authorization", basic("tax", tax)),
		"the hash instead of the secret":      ask(url.Values{}, "Authorization", basic("tax", string(rp.HashSecret(tax)))),
		"a secret of one who has none":        ask(url.Values{}, "Authorization", basic("sandbox", "x")),
	} {
		if tok.Error != "invalid_client" || tok.status != http.StatusUnauthorized || !strings.HasPrefix(tok.header.Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: %d %s %q", what, tok.status, tok.Error, tok.header.Get("WWW-Authenticate"))
		}
	}
	if got := w.browser().post("/oauth2/revoke", url.Values{"token": {"x"}}, "Authorization", basic("sandbox", "")); got.Code != http.StatusOK {
		t.Errorf("a public client with an empty secret: %d %s", got.Code, got.Body)
	}
	if tok := ask(url.Values{"client_id": {"sandbox"}}); tok.status < 400 {
		t.Errorf("a public client's own token: %+v", tok)
	}
	if tok := ask(url.Values{"scope": {"openid"}}, "Authorization", basic("tax", tax)); tok.Error != "invalid_scope" {
		t.Errorf("a citizen's scope: %+v", tok)
	}
	if tok := ask(url.Values{"scope": {"documents"}}, "Authorization", basic("tax", tax)); tok.Error != "invalid_scope" {
		t.Errorf("a scope of others: %+v", tok)
	}
	w.change("tax", func(p *rp.Party) { p.Disabled = true })
	if tok := ask(url.Values{}, "Authorization", basic("tax", tax)); tok.Error != "invalid_client" {
		t.Errorf("a disabled client: %+v", tok)
	}
}

func TestWrongProofsAreSlowedDown(t *testing.T) {
	w := newWorld(t)
	var last tokens
	for range 25 {
		last = w.tokens(w.browser().post("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "Authorization", basic("tax", "wrong")))
	}
	if last.status != http.StatusTooManyRequests || last.Error != "slow_down" || last.header.Get("Retry-After") == "" {
		t.Errorf("after 25 wrong secrets: %+v", last)
	}
	if tok := w.token("tax", "grant_type", "client_credentials"); tok.status != http.StatusOK {
		t.Errorf("the right one is shut out: %+v", tok)
	}
}

// A signer is a party with private_key_jwt.
type signer struct {
	*world
	key    *ecdsa.PrivateKey
	claims map[string]any
}

func newSigner(w *world) *signer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Use: "sig", Algorithm: "ES256"}}})
	if err != nil {
		w.Fatal(err)
	}
	w.register(&rp.Party{ID: "keyed", AuthMethod: rp.AuthPrivateKey, JWKS: set, Grants: []string{rp.GrantCredentials}})
	wall := w.wall.Now()
	return &signer{w, key, map[string]any{
		"iss": "keyed", "sub": "keyed", "aud": issuer, "jti": "one", "iat": wall.Unix(), "exp": wall.Add(time.Minute).Unix(),
	}}
}

func (s *signer) token(change map[string]any) tokens {
	s.Helper()
	return s.bring(s.assertion(change))
}

func (s *signer) assertion(change map[string]any) string {
	s.Helper()
	claims := maps.Clone(s.claims)
	for k, v := range change {
		if claims[k] = v; v == nil {
			delete(claims, k)
		}
	}
	if _, ok := change["jti"]; !ok {
		claims["jti"] = rand.Text()
	}
	js, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: s.key, KeyID: "k1"}}, nil)
	if err != nil {
		s.Fatal(err)
	}
	payload, _ := json.Marshal(claims)
	jws, err := js.Sign(payload)
	if err != nil {
		s.Fatal(err)
	}
	assertion, _ := jws.CompactSerialize()
	return assertion
}

func (s *signer) bring(assertion string) tokens {
	return s.world.token("keyed", "grant_type", "client_credentials", "client_assertion", assertion,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
}

func TestAssertionsProveAPartyOnce(t *testing.T) {
	s := newSigner(newWorld(t))
	wall := s.wall.Now()
	if tok := s.token(map[string]any{"jti": "one"}); tok.status != http.StatusOK {
		t.Fatalf("a right assertion: %+v", tok)
	}
	if tok := s.token(map[string]any{"aud": []string{issuer}}); tok.status != http.StatusOK {
		t.Errorf("our issuer in a list of one: %+v", tok)
	}
	for what, change := range map[string]map[string]any{
		"the same once more":     {"jti": "one"},
		"no jti":                 {"jti": nil},
		"another issuer":         {"iss": "tax"},
		"another subject":        {"sub": "tax"},
		"another audience":       {"aud": "https://elsewhere.test"},
		"the token endpoint":     {"aud": issuer + "/oauth2/token"},
		"two audiences":          {"aud": []string{issuer, "https://elsewhere.test"}},
		"an audience of numbers": {"aud": []any{1}},
		"no audience":            {"aud": nil},
		"no exp":                 {"exp": nil},
		"an expired one":         {"exp": wall.Add(-time.Minute).Unix()},
		"one of an hour":         {"exp": wall.Add(time.Hour).Unix()},
		"one of eternity":        {"exp": 1e300},
		"one not valid yet":      {"nbf": wall.Add(2 * time.Minute).Unix()},
		"one of the future":      {"iat": wall.Add(2 * time.Minute).Unix()},
		"an exp of words":        {"exp": "tomorrow"},
	} {
		if tok := s.token(change); tok.Error != "invalid_client" || tok.status != http.StatusUnauthorized {
			t.Errorf("%s: %+v", what, tok)
		}
	}
	for what, assertion := range map[string]string{
		"garbage": "garbage", "dots": "..", "no signature": "eyJhbGciOiJub25lIn0.e30.", "a MAC": "eyJhbGciOiJIUzI1NiJ9.e30.AA",
	} {
		if tok := s.bring(assertion); tok.status < 400 || tok.status >= 500 {
			t.Errorf("%s: %+v", what, tok)
		}
	}
}

func TestIntrospectionTellsOnlyWhoMayHear(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "scope", "openid profile offline_access")
	for _, asker := range []rp.ID{"tax", "server"} {
		got := w.introspect(asker, tok.Access)
		if got["active"] != true || got["sub"] != w.citizen.ID.String() || got["account_level"] != "verified" || got["client_id"] != "tax" || got["scope"] != "openid profile offline_access" || got["auth_time"] == nil {
			t.Errorf("%s: %v", asker, got)
		}
	}
	if got := w.introspect("tax", tok.Refresh); got["active"] != true || got["account_level"] != "verified" {
		t.Errorf("the owner's refresh token: %v", got)
	}
	for what, got := range map[string]map[string]any{
		"a stranger":                w.introspect("pension", tok.Access),
		"a refresh token, a server": w.introspect("server", tok.Refresh),
		"an ID token":               w.introspect("tax", tok.ID),
		"garbage":                   w.introspect("tax", "garbage"),
	} {
		if len(got) != 1 || got["active"] != false {
			t.Errorf("%s: %v", what, got)
		}
	}
	w.wall.Advance(16 * time.Minute)
	if got := w.introspect("tax", tok.Access); got["active"] != false {
		t.Errorf("an expired token: %v", got)
	}
	if out := w.browser().post("/oauth2/introspect", url.Values{"token": {tok.Access}, "client_id": {"sandbox"}}); out.Code != http.StatusUnauthorized && out.Code != http.StatusBadRequest {
		t.Errorf("a public client: %d", out.Code)
	}
}

func TestRevokedTokensAreWorthNothing(t *testing.T) {
	w := newWorld(t)
	revoke := func(client rp.ID, token string) int {
		return w.browser().post("/oauth2/revoke", url.Values{"token": {token}}, "Authorization", basic(client, w.secrets[client])).Code
	}
	b := w.browser()
	tok := b.login("tax", "scope", "openid offline_access")
	if got := revoke("pension", tok.Refresh); got != http.StatusOK {
		t.Errorf("another party's token: %d", got)
	}
	if got := revoke("tax", "garbage"); got != http.StatusOK {
		t.Errorf("garbage: %d", got)
	}
	if status, _ := w.userinfo(tok.Access); status != http.StatusOK {
		t.Fatalf("another party revoked it: %d", status)
	}
	if got := revoke("tax", tok.Refresh); got != http.StatusOK {
		t.Errorf("%d", got)
	}
	if status, _ := w.userinfo(tok.Access); status != http.StatusUnauthorized {
		t.Errorf("the access token lives on: %d", status)
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.Error != "invalid_grant" {
		t.Errorf("the refresh token lives on: %+v", got)
	}
	jwt := b.login("api")
	revoke("api", jwt.Access)
	if status, _ := w.userinfo(jwt.Access); status != http.StatusUnauthorized {
		t.Errorf("a JWT lives on: %d", status)
	}
	for _, client := range []rp.ID{"tax", "api"} {
		own := w.token(client, "grant_type", "client_credentials")
		if got := w.introspect(client, own.Access); got["active"] != true || got["sub"] != string(client) || got["account_level"] != nil {
			t.Errorf("%s's own token: %v", client, got)
		}
		revoke(client, own.Access)
		if got := w.introspect(client, own.Access); got["active"] != false {
			t.Errorf("%s's own token lives on: %v", client, got)
		}
	}
}

func TestJWTAccessTokensFollowRFC9068(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("api")
	header, claims := w.claims(tok.Access)
	if header["typ"] != "at+jwt" || claims["aud"] != "https://api.test" || claims["client_id"] != "api" || claims["jti"] == nil ||
		claims["account_level"] != "verified" || claims["acr"] == nil || claims["auth_time"] == nil {
		t.Errorf("%v %v", header, claims)
	}
	if life := claims["exp"].(float64) - claims["iat"].(float64); life > 300 || tok.Expires > 300 {
		t.Errorf("it lives %v s", life)
	}
	if status, user := w.userinfo(tok.Access); status != http.StatusOK || user["sub"] != claims["sub"] {
		t.Errorf("userinfo: %d %v", status, user)
	}
}

func TestUserinfoTakesATokenOnlyWhereItBelongs(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax")
	form := w.browser().post("/oauth2/userinfo", url.Values{"access_token": {tok.Access}})
	if form.Code != http.StatusOK {
		t.Errorf("in the form: %d %s", form.Code, form.Body)
	}
	if out := w.browser().get("/oauth2/userinfo", url.Values{"access_token": {tok.Access}}); out.Code != http.StatusBadRequest {
		t.Errorf("in the address: %d", out.Code)
	}
	if out := w.browser().post("/oauth2/userinfo", url.Values{"access_token": {tok.Access}}, "Authorization", "Bearer "+tok.Access); out.Code != http.StatusBadRequest {
		t.Errorf("twice: %d", out.Code)
	}
	if out := w.browser().get("/oauth2/userinfo", nil); out.Code != http.StatusUnauthorized || strings.Contains(out.Header().Get("WWW-Authenticate"), "error=") {
		t.Errorf("none: %d %q", out.Code, out.Header().Get("WWW-Authenticate"))
	}
	for what, token := range map[string]string{"an ID token": tok.ID, "garbage": "garbage", "a long one": strings.Repeat("x", 20_000)} {
		if status, body := w.userinfo(token); status != http.StatusUnauthorized || body["error"] != "invalid_token" {
			t.Errorf("%s: %d %v", what, status, body)
		}
	}
	if status, body := w.userinfo(w.token("tax", "grant_type", "client_credentials").Access); status != http.StatusForbidden || body["error"] != "insufficient_scope" {
		t.Errorf("a party's own token: %d %v", status, body)
	}
	w.wall.Advance(15 * time.Minute)
	if status, _ := w.userinfo(tok.Access); status != http.StatusUnauthorized {
		t.Errorf("an expired token: %d", status)
	}
}

// Nothing that strangers send makes us fail: every answer is a refusal that the sender understands.
func TestHostileInputIsNeverOurFailure(t *testing.T) {
	w := newWorld(t)
	hostile := []string{
		"", " ", "\x00", "\xff", "<script>alert(1)</script>", "' OR 1=1 --", strings.Repeat("A", 10_000), "..", "a.b.c", "%00", "{}", "[]", "null",
		"eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOlsxXX0.AA", "🦊", "\r\nSet-Cookie: x=y", "-1", "9999999999999999999999",
	}
	names := []string{
		"grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "client_id", "client_secret", "client_assertion",
		"client_assertion_type", "token", "token_type_hint", "access_token", "id_token_hint", "post_logout_redirect_uri", "state", "confirm",
		"claims", "acr_values", "prompt", "max_age", "ui_locales", "login_hint", "nonce", "request",
	}
	check := func(what string, out *httptest.ResponseRecorder) {
		if out.Code >= 500 || strings.Contains(out.Body.String(), "<script>") {
			t.Errorf("%s: %d %s", what, out.Code, out.Body)
		}
		for _, v := range out.Header().Values("Set-Cookie") {
			if strings.HasPrefix(v, "x=y") {
				t.Errorf("%s set a cookie", what)
			}
		}
	}
	for _, bad := range hostile {
		for _, name := range names {
			q := ask("tax", "prompt", "none")
			q.Set(name, bad)
			check("authorize "+name, w.browser().get("/oauth2/authorize", q))
			check("logout "+name, w.browser().get("/oauth2/logout", url.Values{name: {bad}}))
			check("logout post "+name, w.browser().post("/oauth2/logout", url.Values{name: {bad}}))
			for _, grant := range []string{"authorization_code", "refresh_token", "client_credentials", bad} {
				form := url.Values{"grant_type": {grant}, name: {bad}}
				check("token "+name, w.browser().post("/oauth2/token", form, "Authorization", basic("tax", w.secrets["tax"])))
			}
			for _, path := range []string{"/oauth2/introspect", "/oauth2/revoke"} {
				check(path+" "+name, w.browser().post(path, url.Values{name: {bad}}, "Authorization", basic("tax", w.secrets["tax"])))
			}
			check("userinfo "+name, w.browser().post("/oauth2/userinfo", url.Values{name: {bad}}))
		}
		if !strings.ContainsAny(bad, "\x00\r\n") {
			for _, scheme := range []string{"", "Basic ", "Bearer "} {
				check("header", w.browser().post("/oauth2/token", url.Values{"grant_type": {"authorization_code"}}, "Authorization", scheme+bad))
				check("header", w.browser().post("/oauth2/userinfo", nil, "Authorization", scheme+bad))
			}
		}
	}
}
