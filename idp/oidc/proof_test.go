package oidc_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/rp"
)

func TestCookiesFromBeforeARenewalEndNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	tok := b.login("tax")
	stolen := w.browser()
	maps.Copy(stolen.jar, b.jar)
	w.wall.Advance(time.Minute)
	b.authorize(ask("tax", "prompt", "login")) // renews the session and replaces the browser's secret
	stolen.get("/oauth2/logout", url.Values{"id_token_hint": {tok.ID}})
	if !b.signedIn() {
		t.Error("a copy of old cookies ends the session")
	}
	maps.Copy(stolen.jar, b.jar)
	w.Clock.Advance(30 * 24 * time.Hour)
	if out := stolen.get("/oauth2/logout", nil); out.Body.String() != "logged out" {
		t.Errorf("a dead session is still asked about: %d %s", out.Code, out.Body)
	}
}

func TestAClientProvesItselfInOneWay(t *testing.T) {
	w := newWorld(t)
	right := basic("tax", w.secrets["tax"])
	for what, add := range map[string]url.Values{
		"a secret in the form":                  {"client_secret": {w.secrets["tax"]}},
		"a secret in the form with its client":  {"client_secret": {w.secrets["tax"]}, "client_id": {"tax"}},
		"an assertion":                          {"client_assertion": {"a.b.c"}},
		"an assertion with its type":            {"client_assertion": {"a.b.c"}, "client_assertion_type": {oidc.ClientAssertionTypeJWTAssertion}},
		"a secret in the form and an assertion": {"client_secret": {"x"}, "client_assertion": {"a.b.c"}},
	} {
		for _, path := range []string{"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/why/TEST-0001"} {
			form := url.Values{"grant_type": {"client_credentials"}, "token": {"t"}}
			maps.Copy(form, add)
			out := w.browser().post(path, form, "Authorization", right)
			if out.Code != http.StatusBadRequest || !strings.Contains(out.Body.String(), `"invalid_request"`) {
				t.Errorf("Basic beside %s at %s: %d %s", what, path, out.Code, out.Body)
			}
		}
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"tax"}, "client_secret": {"x"}, "client_assertion": {"a.b.c"}}
	if out := w.browser().post("/oauth2/token", form); out.Code != http.StatusBadRequest {
		t.Errorf("a secret and an assertion in the form: %d %s", out.Code, out.Body)
	}
	if got := w.token("tax", "grant_type", "client_credentials"); got.status != http.StatusOK {
		t.Errorf("one way: %+v", got)
	}
}

func TestIntrospectionAsksForProof(t *testing.T) {
	w := newWorld(t)
	for what, form := range map[string]url.Values{"nothing": {"token": {"t"}}, "a client_id": {"token": {"t"}, "client_id": {"tax"}}} {
		out := w.browser().post("/oauth2/introspect", form)
		if out.Code != http.StatusUnauthorized || !strings.HasPrefix(out.Header().Get("WWW-Authenticate"), "Basic ") || !strings.Contains(out.Body.String(), `"invalid_client"`) {
			t.Errorf("%s: %d %v %s", what, out.Code, out.Header(), out.Body)
		}
	}
}

func TestWhyTakesEveryProofThatTheTokenEndpointTakes(t *testing.T) {
	w := newWorld(t)
	secret, hash := rp.NewSecret()
	w.register(&rp.Party{ID: "poster", AuthMethod: rp.AuthPost})
	w.change("poster", func(p *rp.Party) { p.SecretHash = hash })
	s := newSigner(w)
	look := func(form url.Values, header ...string) *httptest.ResponseRecorder {
		return w.browser().post("/oauth2/why/TEST-0001", form, header...)
	}
	refuse := func(client string) { w.browser().get("/oauth2/authorize", ask(client, "scope", "everything")) }

	refuse("poster")
	if out := look(url.Values{"client_id": {"poster"}, "client_secret": {secret}}); out.Code != http.StatusOK {
		t.Errorf("client_secret_post: %d %s", out.Code, out.Body)
	}
	if out := look(url.Values{"client_id": {"poster"}, "client_secret": {"wrong"}}); out.Code != http.StatusUnauthorized || out.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("a wrong secret: %d %s", out.Code, out.Body)
	}
	if out := look(url.Values{"client_id": {"sandbox"}}); out.Code != http.StatusUnauthorized {
		t.Errorf("a client that proves nothing: %d %s", out.Code, out.Body)
	}
	for what, form := range map[string]url.Values{"nothing": {}, "a query of names": {"client_id": {"poster"}}} {
		if out := look(form); out.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", what, out.Code, out.Body)
		}
	}
	assertion := s.assertion(nil)
	out := look(url.Values{"client_assertion": {assertion}, "client_assertion_type": {oidc.ClientAssertionTypeJWTAssertion}})
	if out.Code != http.StatusNotFound { // proved, and the refusal is another's
		t.Errorf("private_key_jwt: %d %s", out.Code, out.Body)
	}
	refuse("tax")
	if out := look(nil, "Authorization", basic("tax", w.secrets["tax"])); out.Code != http.StatusOK {
		t.Errorf("Basic by POST: %d %s", out.Code, out.Body)
	}
}

func TestStrangersUseUpTheirOwnShareOfRefusals(t *testing.T) {
	w := newWorld(t)
	from := func(network string) int {
		w.Ops.Reset()
		r := httptest.NewRequest(http.MethodGet, "/oauth2/authorize?"+ask("tax", "scope", "everything").Encode(), nil)
		w.echo.ServeHTTP(httptest.NewRecorder(), r.WithContext(edge.With(r.Context(), "TEST-0001", network)))
		return len(w.Ops.Reset())
	}
	for range 400 {
		from("192.0.2.1")
	}
	if from("192.0.2.1") != 0 {
		t.Error("strangers may go on")
	}
	if from("198.51.100.7") == 0 {
		t.Error("the party's own refusal is not kept")
	}
}
