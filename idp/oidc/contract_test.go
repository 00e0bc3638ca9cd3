package oidc_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// These tests pin what we lean on in the protocol library, so that an upgrade tells at once what moved.

type pinned struct {
	op.UnimplementedServer
	verify   func(*op.Request[op.ClientCredentials]) (op.Client, error)
	exchange func(*op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error)
	calls    []string
}

func (p *pinned) VerifyClient(_ context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	p.calls = append(p.calls, "verify")
	return p.verify(r)
}

func (p *pinned) CodeExchange(_ context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	p.calls = append(p.calls, "exchange")
	return p.exchange(r)
}

type pinnedClient struct{ op.Client }

func (pinnedClient) GetID() string                { return "tax" }
func (pinnedClient) AuthMethod() oidc.AuthMethod  { return oidc.AuthMethodBasic }
func (pinnedClient) GrantTypes() []oidc.GrantType { return []oidc.GrantType{oidc.GrantTypeCode} }

func pin() (*pinned, http.Handler) {
	p := &pinned{
		verify: func(*op.Request[op.ClientCredentials]) (op.Client, error) { return pinnedClient{}, nil },
		exchange: func(*op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
			return op.NewResponse(map[string]string{"a": "b"}), nil
		},
	}
	return p, op.RegisterServer(p, op.Endpoints{Token: op.NewEndpoint("/oauth2/token")}, op.WithServerCORSOptions(nil))
}

func call(h http.Handler, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	h.ServeHTTP(out, r)
	return out
}

var exchange = url.Values{"grant_type": {"authorization_code"}, "code": {"c"}, "redirect_uri": {"https://tax.test/"}}

func TestLibraryServesNoEndpointThatIsNil(t *testing.T) {
	_, h := pin()
	for _, path := range []string{"/authorize", "/oauth2/authorize", "/userinfo", "/end_session", "/keys", "/revoke", "/oauth/introspect"} {
		if out := call(h, path, nil); out.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, out.Code)
		}
	}
	if out := call(h, "/.well-known/openid-configuration", nil); out.Code != http.StatusNotFound {
		t.Errorf("its own discovery: %d", out.Code)
	}
}

func TestLibraryAuthenticatesBeforeItExchanges(t *testing.T) {
	p, h := pin()
	p.verify = func(*op.Request[op.ClientCredentials]) (op.Client, error) {
		return nil, op.NewStatusError(oidc.ErrInvalidClient().WithDescription("no"), http.StatusUnauthorized)
	}
	out := call(h, "/oauth2/token", exchange, "Authorization", basic("tax", "s"))
	if out.Code != http.StatusUnauthorized || !strings.Contains(out.Body.String(), `"error":"invalid_client"`) || strings.Join(p.calls, " ") != "verify" {
		t.Errorf("%d %s after %v", out.Code, out.Body, p.calls)
	}
}

func TestLibraryDecodesBasicCredentialsAndTheForm(t *testing.T) {
	p, h := pin()
	p.verify = func(r *op.Request[op.ClientCredentials]) (op.Client, error) {
		if r.Data.ClientID != "a b" || r.Data.ClientSecret != "s:%" || r.Header.Get("Authorization") == "" {
			t.Errorf("credentials %+v", r.Data)
		}
		return pinnedClient{}, nil
	}
	p.exchange = func(r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
		if r.Data.Code != "c" || r.Data.RedirectURI != "https://tax.test/" {
			t.Errorf("request %+v", r.Data)
		}
		if _, ours := r.Client.(pinnedClient); !ours {
			t.Errorf("client %T", r.Client)
		}
		return &op.Response{Header: http.Header{"X-Ours": {"1"}}, Data: map[string]string{"token_type": "DPoP"}}, nil
	}
	out := call(h, "/oauth2/token", exchange, "Authorization", basic("a b", "s:%"))
	if out.Code != http.StatusOK || out.Header().Get("X-Ours") != "1" || strings.TrimSpace(out.Body.String()) != `{"token_type":"DPoP"}` {
		t.Errorf("%d %v %s", out.Code, out.Header(), out.Body)
	}
}

func TestLibraryRefusesTwoWaysOfAuthentication(t *testing.T) {
	p, h := pin()
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"tax"}, "client_secret": {"s"}}
	if out := call(h, "/oauth2/token", form, "Authorization", basic("tax", "s")); out.Code != http.StatusBadRequest || len(p.calls) != 0 {
		t.Errorf("basic and post: %d after %v", out.Code, p.calls)
	}
	form.Set("client_assertion", "a.b.c")
	form.Set("client_assertion_type", oidc.ClientAssertionTypeJWTAssertion)
	if out := call(h, "/oauth2/token", form); out.Code != http.StatusBadRequest || len(p.calls) != 0 {
		t.Errorf("post and assertion: %d after %v", out.Code, p.calls)
	}
}

func TestLibraryHoldsGrantsToTheRegistration(t *testing.T) {
	p, h := pin()
	for grant, want := range map[string]string{
		"refresh_token": "unauthorized_client", "client_credentials": "unauthorized_client", "password": "unsupported_grant_type", "": "invalid_request",
	} {
		form := url.Values{"refresh_token": {"r"}}
		if grant != "" {
			form.Set("grant_type", grant)
		}
		out := call(h, "/oauth2/token", form, "Authorization", basic("tax", "s"))
		if !strings.Contains(out.Body.String(), `"error":"`+want+`"`) {
			t.Errorf("%q: %d %s", grant, out.Code, out.Body)
		}
	}
	for _, c := range p.calls {
		if c == "exchange" {
			t.Error("a code was exchanged")
		}
	}
}

// The gaps that the guard closes: if the library closes one itself, the guard may drop it.
func TestGuardStandsBeforeTheLibrary(t *testing.T) {
	w := newWorld(t)
	for what, r := range map[string]*http.Request{
		"GET":              httptest.NewRequest(http.MethodGet, "/oauth2/token?grant_type=client_credentials", nil),
		"JSON":             httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader("{}")),
		"a query":          form("/oauth2/token?grant_type=client_credentials", "x=1"),
		"a doubled name":   form("/oauth2/token", "grant_type=client_credentials&scope=a&scope=b"),
		"a broken escape":  form("/oauth2/token", "grant_type=%zz"),
		"a huge body":      form("/oauth2/token", "x="+strings.Repeat("x", 70_000)),
		"a huge parameter": form("/oauth2/token", "x="+strings.Repeat("x", 20_000)),
	} {
		r.SetBasicAuth("tax", w.secrets["tax"])
		out := w.browser().do(r)
		if out.Code < 400 || out.Code > 499 {
			t.Errorf("%s: %d %s", what, out.Code, out.Body)
		}
	}
}

func form(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}
