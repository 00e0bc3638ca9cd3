package oidc_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/oidc"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

const issuer = "http://id.test"

// The protocol library logs to the default logger, and tests have nothing to read there.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// A world is the door over real stores, with pages as plain as can be.
type world struct {
	testing.TB
	*storagetest.Stores
	wall    *storagetest.Clock
	door    *oidc.Door
	desk    *signin.Desk
	cookies session.Cookies
	echo    *echo.Echo
	parties *rp.Cache
	secrets map[rp.ID]string
	citizen *account.Account
	problem *oidc.Problem // the last one shown
}

func newWorld(t testing.TB) *world { return over(t, storagetest.New(t)) }

func over(t testing.TB, s *storagetest.Stores) *world {
	t.Helper()
	w := &world{TB: t, Stores: s, wall: storagetest.NewClock(storagetest.Start), secrets: map[rp.ID]string{}}
	w.cookies = session.Cookies{Port: "8080", Ring: s.Keyring.Ring}
	w.parties = &rp.Cache{Store: s.Records}
	sessions := session.New(session.Config{Now: s.Clock.Now, Wall: w.wall.Now})
	sealer := s.Keyring.Ring
	w.desk = signin.New(signin.Config{
		Ring: s.Keyring.Ring, Box: transient.NewBox[signin.Progress](s.Transients, sealer, "signin", s.Clock.Now),
		Records: s.Records, Parties: w.parties, Sessions: sessions, Now: s.Clock.Now, Wall: w.wall.Now,
		Atomically: func(ctx context.Context, f func(signin.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
	w.door = oidc.New(oidc.Config{
		Issuer: issuer, Ring: s.Keyring.Ring, Cookies: w.cookies, SignIn: w.desk, Parties: w.parties, Records: s.Records,
		Transients: s.Transients, Now: s.Clock.Now, Wall: w.wall.Now,
		Atomically: func(ctx context.Context, f func(session.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
		ErrorPage: func(c echo.Context, p *oidc.Problem) error {
			w.problem = p
			return c.String(p.Status, "problem: "+p.Code)
		},
		FormPost: func(c echo.Context, f oidc.FormPost) error {
			q := url.Values{}
			for _, x := range f.Fields {
				q.Set(x.Name, x.Value)
			}
			return c.String(http.StatusOK, "POST "+f.Action+" "+f.Origin+" "+q.Encode())
		},
		LogoutPage:    func(c echo.Context, p oidc.LogoutPage) error { return c.String(http.StatusOK, p.Confirm) },
		LoggedOutPage: func(c echo.Context, p oidc.LoggedOutPage) error { return c.String(http.StatusOK, "logged out") },
	})
	w.echo = echo.New()
	w.door.Mount(w.echo)

	w.citizen = s.Create(t, verified(t, s, account.MailCode))
	w.register(&rp.Party{ID: "tax", Backchannel: "https://tax.test/backchannel", PostLogout: []string{"https://tax.test/bye"},
		Grants: []string{rp.GrantCode, rp.GrantRefresh, rp.GrantCredentials},
		Scopes: []string{"openid", "profile", "email", "phone", "snils", "offline_access"}})
	w.register(&rp.Party{ID: "pension"})
	w.register(&rp.Party{ID: "old", Profile: rp.Plain})
	w.register(&rp.Party{ID: "server", Introspection: true, Grants: []string{rp.GrantCredentials}})
	w.register(&rp.Party{ID: "api", AccessJWT: true, Audience: "https://api.test", Grants: []string{rp.GrantCode, rp.GrantCredentials}})
	w.register(&rp.Party{ID: "sandbox", Native: true, AuthMethod: rp.AuthNone, Redirects: []string{"http://127.0.0.1/cb"}})
	return w
}

// verified makes an account confirmed by methods.
func verified(t testing.TB, s *storagetest.Stores, methods ...account.Method) *account.Account {
	a := s.Standard(t)
	for _, m := range methods {
		if err := a.Confirm(account.Confirmation{ID: m.String(), Method: m, At: s.Clock.Now().Add(-time.Hour).Truncate(time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// register saves a party, with a secret where it needs one.
func (w *world) register(p *rp.Party) *rp.Party {
	w.Helper()
	p.Name = map[string]string{"ru": string(p.ID)}
	if p.AuthMethod != rp.AuthNone && p.AuthMethod != rp.AuthPrivateKey {
		w.secrets[p.ID], p.SecretHash = rp.NewSecret()
	}
	if p.Redirects == nil {
		p.Redirects = []string{"https://" + string(p.ID) + ".test/callback"}
	}
	p.Default()
	if err := p.Validate(); err != nil {
		w.Fatal(err)
	}
	w.save(p)
	return p
}

func (w *world) save(p *rp.Party) {
	w.Helper()
	if err := w.SaveParty(w.Context(), p); err != nil {
		w.Fatal(err)
	}
	w.parties.Forget()
}

func (w *world) change(id rp.ID, f func(*rp.Party)) {
	w.Helper()
	p, err := w.Records.Party(w.Context(), id)
	if err != nil {
		w.Fatal(err)
	}
	f(p)
	w.save(p)
}

// A browser keeps cookies and follows nothing by itself.
type browser struct {
	*world
	jar map[string]string
}

func (w *world) browser() *browser { return &browser{w, map[string]string{}} }

func (b *browser) do(r *http.Request) *httptest.ResponseRecorder {
	for name, v := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	r = r.WithContext(edge.With(r.Context(), "TEST-0001", "192.0.2.1"))
	out := httptest.NewRecorder()
	b.echo.ServeHTTP(out, r)
	b.keep(out)
	if out.Code >= 500 {
		b.Errorf("%s %s: %d %s (%v)", r.Method, r.URL.Path, out.Code, out.Body, b.problem)
	}
	return out
}

func (b *browser) keep(out *httptest.ResponseRecorder) {
	for _, c := range out.Result().Cookies() {
		b.jar[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
}

func (b *browser) get(path string, q url.Values) *httptest.ResponseRecorder {
	return b.do(httptest.NewRequest(http.MethodGet, path+"?"+q.Encode(), nil))
}

func (b *browser) post(path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return b.do(r)
}

const verifier = "a-verifier-of-more-than-forty-three-characters"

// ask are the parameters of a right request; pairs replace or, empty, remove.
func ask(client string, pairs ...string) url.Values {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {client}, "redirect_uri": {"https://" + client + ".test/callback"}, "response_type": {"code"},
		"scope": {"openid"}, "state": {"st&te"}, "nonce": {"n0nce"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// cookiesOf are what the browser's cookies say.
func (b *browser) read() (session.ID, string) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, v := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	return b.cookies.Read(r)
}

// facts loads a transaction as a page does.
func (b *browser) facts(tx string) (*signin.Facts, error) {
	sid, secret := b.read()
	return b.desk.Load(b.Context(), tx, secret, sid)
}

// pass enters the password of an account.
func (b *browser) pass(f *signin.Facts, a *account.Account) {
	b.Helper()
	_, secret := b.read()
	for _, factor := range []string{"pwd", "otp"} {
		signed, err := b.desk.Passed(b.Context(), f, signin.Proof{Account: a, Factor: factor, Browser: secret})
		if err != nil {
			b.Fatal(err)
		}
		if signed != nil {
			out := httptest.NewRecorder()
			b.cookies.Write(out, signed.Session, signed.Browser, signed.Left)
			b.keep(out)
			return
		}
	}
	b.Fatal("two factors are not enough")
}

// walk leads a transaction through its pages as a willing citizen, and returns where the answer goes.
func (b *browser) walk(location string) url.Values {
	b.Helper()
	for range 8 {
		u, err := url.Parse(location)
		if err != nil {
			b.Fatal(err)
		}
		if u.Path != "/login" {
			return u.Query()
		}
		f, err := b.facts(u.Query().Get("tx"))
		if err != nil {
			b.Fatal(err)
		}
		switch step := signin.Next(f); step.Kind {
		case signin.SignIn, signin.UseNow:
			b.pass(f, b.citizen)
		case signin.Consent:
			err = b.desk.Allow(b.Context(), f)
		case signin.Refusal:
			err = b.desk.Decline(b.Context(), f)
		case signin.Answer, signin.Fail:
			var reply signin.Reply
			reply, err = b.desk.Answer(b.Context(), f)
			location = reply.Redirect
		default:
			b.Fatalf("at %s", step.Kind)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.Fatal("no answer after eight steps")
	return nil
}

// authorize asks and walks; the result is what the party is told.
func (b *browser) authorize(q url.Values) url.Values {
	b.Helper()
	out := b.get("/oauth2/authorize", q)
	if out.Code != http.StatusSeeOther {
		b.Fatalf("authorize: %d %s", out.Code, out.Body)
	}
	got := b.walk(out.Header().Get("Location"))
	if got.Get("iss") != issuer {
		b.Errorf("iss = %q in %v", got.Get("iss"), got)
	}
	return got
}

type tokens struct {
	Access, Refresh, ID, Type, Scope string
	Expires                          int64
	Error                            string
	status                           int
	header                           http.Header
}

// token calls the token endpoint as a party.
func (w *world) token(client rp.ID, pairs ...string) tokens {
	w.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	var header []string
	if secret, ok := w.secrets[client]; ok {
		header = []string{"Authorization", basic(client, secret)}
	} else if !form.Has("client_assertion") {
		form.Set("client_id", string(client))
	}
	return w.tokens(w.browser().post("/oauth2/token", form, header...))
}

func (w *world) tokens(out *httptest.ResponseRecorder) tokens {
	w.Helper()
	var body struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
		Type    string `json:"token_type"`
		Scope   string `json:"scope"`
		Expires int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal(out.Body.Bytes(), &body); err != nil {
		w.Fatalf("not JSON: %s", out.Body)
	}
	if out.Header().Get("Cache-Control") != "no-store" {
		w.Error("a token answer may be cached")
	}
	return tokens{body.Access, body.Refresh, body.ID, body.Type, body.Scope, body.Expires, body.Error, out.Code, out.Header()}
}

func basic(client rp.ID, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(string(client))+":"+url.QueryEscape(secret)))
}

func (w *world) redeem(client rp.ID, code string) tokens {
	w.Helper()
	return w.token(client, "grant_type", "authorization_code", "code", code,
		"redirect_uri", "https://"+string(client)+".test/callback", "code_verifier", verifier)
}

// login is a whole sign-in of a party, with tokens.
func (b *browser) login(client string, pairs ...string) tokens {
	b.Helper()
	got := b.authorize(ask(client, pairs...))
	t := b.redeem(rp.ID(client), got.Get("code"))
	if t.status != http.StatusOK {
		b.Fatalf("token: %d %s (asked: %v)", t.status, t.Error, got)
	}
	return t
}

// claims verifies a JWT with the published keys.
func (w *world) claims(token string) (header map[string]any, claims map[string]any) {
	w.Helper()
	out := w.browser().get("/oauth2/jwks", nil)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(out.Body.Bytes(), &set); err != nil {
		w.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		w.Fatal(err)
	}
	keys := set.Key(jws.Signatures[0].Protected.KeyID)
	if len(keys) != 1 {
		w.Fatalf("kid %q is published %d times", jws.Signatures[0].Protected.KeyID, len(keys))
	}
	payload, err := jws.Verify(keys[0].Key)
	if err != nil {
		w.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		w.Fatal(err)
	}
	protected, _, _ := strings.Cut(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(protected)
	if err := json.Unmarshal(raw, &header); err != nil {
		w.Fatal(err)
	}
	return header, claims
}

// userinfo calls userinfo with a bearer token.
func (w *world) userinfo(token string) (int, map[string]any) {
	w.Helper()
	r := httptest.NewRequest(http.MethodGet, "/oauth2/userinfo", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	out := w.browser().do(r)
	var body map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &body); err != nil {
		w.Fatalf("not JSON: %s", out.Body)
	}
	if out.Code == http.StatusUnauthorized && !strings.HasPrefix(out.Header().Get("WWW-Authenticate"), "Bearer ") {
		w.Error("a 401 without WWW-Authenticate")
	}
	return out.Code, body
}

// introspect asks about a token as a party.
func (w *world) introspect(client rp.ID, token string) map[string]any {
	w.Helper()
	out := w.browser().post("/oauth2/introspect", url.Values{"token": {token}}, "Authorization", basic(client, w.secrets[client]))
	var body map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &body); err != nil || out.Code != http.StatusOK {
		w.Fatalf("introspect: %d %s", out.Code, out.Body)
	}
	return body
}

// fall lowers or renews the citizen's account.
func (w *world) fall(f func(*account.Account) error) {
	w.Helper()
	err := w.Atomically(w.Context(), func(tx *sqlstore.Stores) error {
		a, err := session.Fall(w.Context(), tx, w.citizen.ID, f, session.Why{Kind: "lowered", Now: w.Clock.Now(), Wall: w.wall.Now()})
		if err == nil {
			w.citizen = a
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func refuseMail() policy.Policy {
	return policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}
}

func mustBe(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func text(v any) string { return fmt.Sprint(v) }
