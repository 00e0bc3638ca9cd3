// Package providertest is a small OpenID provider for the tests of relying parties:
// it signs in whoever the test says, at once and without pages, and can be
// told to misbehave. It checks what parties send as strictly as the real one.
package providertest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Secret is every client's secret.
const Secret = "party-secret"

// A Provider signs in one person at a time.
type Provider struct {
	t      *testing.T
	server *httptest.Server
	key    *ecdsa.PrivateKey

	mu sync.Mutex
	// person is who is signed in: claims of ID token and userinfo.
	person map[string]any
	codes  map[string]request
	tokens map[string]map[string]any

	// What the next answers are; see the setters.
	refuse   url.Values
	iss      *string
	mixedUp  bool
	status   int
	requests []url.Values
	ended    []url.Values
}

type request struct{ url.Values }

// New starts a provider for the time of the test.
func New(t *testing.T) *Provider {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &Provider{t: t, key: key, codes: map[string]request{}, tokens: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userinfo)
	mux.HandleFunc("GET /logout", p.logout)
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	return p
}

// Issuer is the provider's issuer.
func (p *Provider) Issuer() string { return p.server.URL }

// SignIn makes claims those of the person at the provider.
func (p *Provider) SignIn(claims map[string]any) { p.set(func() { p.person = claims }) }

// RefuseWith answers the following requests with an error; nil ends that.
func (p *Provider) RefuseWith(answer url.Values) { p.set(func() { p.refuse = answer }) }

// NameAs puts another iss into the following answers, or none when empty.
func (p *Provider) NameAs(iss string) { p.set(func() { p.iss = &iss }) }

// MixUpNonce puts a wrong nonce into the following ID tokens.
func (p *Provider) MixUpNonce() { p.set(func() { p.mixedUp = true }) }

// AnswerUserinfo gives userinfo a status instead of claims; 0 ends that.
func (p *Provider) AnswerUserinfo(status int) { p.set(func() { p.status = status }) }

// Requests are the authorization requests so far.
func (p *Provider) Requests() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]url.Values(nil), p.requests...)
}

// Ended are the logout requests so far.
func (p *Provider) Ended() []url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]url.Values(nil), p.ended...)
}

func (p *Provider) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	iss := p.server.URL
	write(w, http.StatusOK, map[string]any{
		"issuer": iss, "authorization_endpoint": iss + "/authorize", "token_endpoint": iss + "/token",
		"userinfo_endpoint": iss + "/userinfo", "jwks_uri": iss + "/jwks", "end_session_endpoint": iss + "/logout",
		"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true,
	})
}

func (p *Provider) jwks(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := r.URL.Query()
	p.requests = append(p.requests, asked)
	for _, need := range []string{"client_id", "redirect_uri", "state", "nonce", "code_challenge", "scope"} {
		if len(asked[need]) != 1 || asked.Get(need) == "" {
			p.t.Errorf("authorization request lacks %s", need)
		}
	}
	if asked.Get("code_challenge_method") != "S256" || asked.Get("response_type") != "code" {
		p.t.Errorf("authorization request %v: want code with S256", asked)
	}
	answer := url.Values{"state": {asked.Get("state")}, "iss": {p.server.URL}}
	if p.iss != nil {
		answer.Set("iss", *p.iss)
		if *p.iss == "" {
			answer.Del("iss")
		}
	}
	if p.refuse != nil {
		maps.Copy(answer, p.refuse)
	} else {
		code := rand.Text()
		p.codes[code] = request{asked}
		answer.Set("code", code)
	}
	http.Redirect(w, r, asked.Get("redirect_uri")+"?"+answer.Encode(), http.StatusSeeOther)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = r.ParseForm()
	asked, ok := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	id, secret, basic := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	if !ok || !basic || secret != Secret || id != asked.Get("client_id") || r.PostForm.Has("client_secret") ||
		r.PostForm.Get("redirect_uri") != asked.Get("redirect_uri") ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		write(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	access := rand.Text()
	p.tokens[access] = p.person
	now := time.Now()
	claims := map[string]any{"iss": p.server.URL, "aud": id, "azp": id, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"auth_time": now.Unix(), "nonce": asked.Get("nonce")}
	if p.mixedUp {
		claims["nonce"] = "another"
	}
	maps.Copy(claims, p.person)
	write(w, http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": p.sign("JWT", claims)})
}

func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	token, _ := cutBearer(r.Header.Get("Authorization"))
	person, ok := p.tokens[token]
	switch {
	case p.status != 0:
		write(w, p.status, map[string]string{"error": "told to"})
	case !ok:
		write(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
	default:
		claims := maps.Clone(person)
		// What the provider says of the same person now.
		if p.person["sub"] == claims["sub"] {
			claims = maps.Clone(p.person)
		}
		delete(claims, "sid")
		write(w, http.StatusOK, claims)
	}
}

func (p *Provider) logout(w http.ResponseWriter, r *http.Request) {
	p.set(func() { p.ended = append(p.ended, r.URL.Query()) })
	http.Redirect(w, r, r.URL.Query().Get("post_logout_redirect_uri"), http.StatusSeeOther)
}

// LogoutClaims are those of a good logout token, to be changed by tests.
func (p *Provider) LogoutClaims(clientID, sid string) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": p.server.URL, "aud": clientID, "iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(), "jti": rand.Text(), "sid": sid,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
}

// Sign makes a token of a type with the provider's key.
func (p *Provider) Sign(typ string, claims map[string]any) string { return p.sign(typ, claims) }

func (p *Provider) sign(typ string, claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", "k")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.key}, options)
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

func cutBearer(header string) (string, bool) {
	const scheme = "Bearer "
	if len(header) > len(scheme) && header[:len(scheme)] == scheme {
		return header[len(scheme):], true
	}
	return "", false
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Serve runs a party on a free port for the time of the test, and gives its address.
func Serve(t *testing.T, run func(ctx context.Context, l net.Listener, address string) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	address := "http://" + l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- run(ctx, l, address) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the site ended with %v", err)
		}
	})
	return address
}

// Browser keeps cookies and follows redirects.
func Browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 10 * time.Second}
}

// Person gives the claims of somebody at a level with confirmations.
func Person(sub, level string, methods ...string) map[string]any {
	rank := map[string]int{"simplified": 1, "standard": 2, "verified": 3}[level]
	confirmations := []map[string]any{}
	for _, m := range methods {
		confirmations = append(confirmations, map[string]any{"method": m, "at": "2026-11-01T10:00:00Z"})
	}
	return map[string]any{
		"sub": sub, "sid": "sid-" + sub, "account_level": level, "account_level_rank": rank, "confirmations": confirmations,
		"name": "Белоусова Анна Игоревна", "family_name": "Белоусова", "given_name": "Анна", "middle_name": "Игоревна",
		"ru_snils": "11223344595", "ru_inn": "500100732259", "phone_number": "+79000000041", "email": "anna@example.org",
	}
}
