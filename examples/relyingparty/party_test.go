package relyingparty_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/examples/pension"
	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/relyingparty/providertest"
	"github.com/propusk/propusk/examples/tax"
)

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func serveTax(t *testing.T, issuer string, now func() time.Time) string {
	t.Helper()
	return providertest.Serve(t, func(ctx context.Context, l net.Listener, address string) error {
		return tax.Run(ctx, tax.Config{Config: relyingparty.Config{
			Listeners: []net.Listener{l}, PublicURL: address, Issuer: issuer, ClientSecret: providertest.Secret, Now: now,
		}})
	})
}

func servePension(t *testing.T, issuer string) string {
	t.Helper()
	return providertest.Serve(t, func(ctx context.Context, l net.Listener, address string) error {
		return pension.Run(ctx, pension.Config{Listeners: []net.Listener{l}, PublicURL: address, Issuer: issuer, ClientSecret: providertest.Secret})
	})
}

// secured puts TLS before a site, with a certificate that the client accepts.
func secured(t *testing.T, issuer string, run func(context.Context, relyingparty.Config) error) (string, http.RoundTripper) {
	t.Helper()
	lender := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(lender.Close)
	address := providertest.Serve(t, func(ctx context.Context, l net.Listener, address string) error {
		return run(ctx, relyingparty.Config{
			Listeners: []net.Listener{tls.NewListener(l, &tls.Config{Certificates: lender.TLS.Certificates})},
			PublicURL: strings.Replace(address, "http:", "https:", 1), Issuer: issuer, ClientSecret: providertest.Secret,
		})
	})
	return strings.Replace(address, "http:", "https:", 1), lender.Client().Transport
}

func TestOverTLSEveryCookieIsSecureAndBoundToItsParty(t *testing.T) {
	provider := providertest.New(t)
	provider.SignIn(providertest.Person("1", "verified", "bank"))
	first, transport := secured(t, provider.Issuer(), func(ctx context.Context, c relyingparty.Config) error { return tax.Run(ctx, tax.Config{Config: c}) })
	second, _ := secured(t, provider.Issuer(), pension.Run)
	browser := providertest.Browser(t)
	seen := map[string]bool{}
	browser.Transport = watch{transport, func(resp *http.Response) {
		for _, c := range resp.Cookies() {
			seen[c.Name] = true
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("cookie %s is not secure, http-only and lax", c.Name)
			}
			if c.Path != "/callback/tax" && c.Path != "/callback/pension" && !strings.HasSuffix(c.Name, "-session") {
				t.Errorf("cookie %s is for %s", c.Name, c.Path)
			}
		}
	}}
	for _, site := range []string{first, second} {
		get(t, browser, site+"/login")
	}
	for _, site := range []string{first, second} {
		if m := whoAmI(t, browser, site); !m.SignedIn || !m.Allowed {
			t.Errorf("%s /me = %+v", site, m)
		}
	}
	if !seen["tax-session"] || !seen["pension-session"] || !seen["state"] || !seen["pkce"] || !seen["nonce"] {
		t.Errorf("cookies %v", seen)
	}
}

type watch struct {
	http.RoundTripper
	saw func(*http.Response)
}

func (w watch) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err == nil {
		w.saw(resp)
	}
	return resp, err
}

func get(t *testing.T, c *http.Client, address string) (int, string) {
	t.Helper()
	resp, err := c.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

type me struct {
	SignedIn bool           `json:"signed_in"`
	Allowed  bool           `json:"allowed"`
	Reason   string         `json:"reason"`
	Claims   map[string]any `json:"claims"`
}

func whoAmI(t *testing.T, c *http.Client, site string) me {
	t.Helper()
	_, body := get(t, c, site+"/me")
	var m me
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("/me: %v in %q", err, body)
	}
	return m
}

func TestSignInAndSignOut(t *testing.T) {
	provider := providertest.New(t)
	provider.SignIn(providertest.Person("1", "verified", "service_center"))
	site, browser := serveTax(t, provider.Issuer(), nil), providertest.Browser(t)

	if m := whoAmI(t, browser, site); m.SignedIn || m.Allowed || m.Claims != nil {
		t.Fatalf("before signing in /me = %+v", m)
	}
	if status, body := get(t, browser, site+"/login"); status != http.StatusOK || !strings.Contains(body, "Анна Игоревна") {
		t.Fatalf("after signing in: %d, want the cabinet of Анна Игоревна", status)
	}
	if m := whoAmI(t, browser, site); !m.SignedIn || !m.Allowed || m.Reason != "" || m.Claims["ru_inn"] != "500100732259" {
		t.Fatalf("signed in /me = %+v", m)
	}
	asked := provider.Requests()[0]
	if asked.Get("scope") != "openid profile inn snils" || asked.Get("redirect_uri") != site+"/callback/tax" || asked.Get("ui_locales") != "ru" {
		t.Errorf("asked %v", asked)
	}
	get(t, browser, site+"/logout")
	if whoAmI(t, browser, site).SignedIn {
		t.Error("still signed in after /logout")
	}
	ended := provider.Ended()
	if len(ended) != 1 || ended[0].Get("id_token_hint") == "" || ended[0].Get("post_logout_redirect_uri") != site+"/" {
		t.Errorf("the provider was asked to end %v", ended)
	}
}

func TestASiteElsewhereCannotSignPeopleOut(t *testing.T) {
	provider := providertest.New(t)
	provider.SignIn(providertest.Person("1", "verified", "bank"))
	site, browser := serveTax(t, provider.Issuer(), nil), providertest.Browser(t)
	get(t, browser, site+"/login")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		req, _ := http.NewRequest(method, site+"/logout", nil)
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if !whoAmI(t, browser, site).SignedIn {
			t.Fatalf("a cross-site %s signed the person out", method)
		}
	}
}

func TestTwoPartiesInOneJarInterleaved(t *testing.T) {
	provider := providertest.New(t)
	provider.SignIn(providertest.Person("1", "verified", "mail_code"))
	first, second := serveTax(t, provider.Issuer(), nil), servePension(t, provider.Issuer())
	browser := providertest.Browser(t)
	hold := *browser
	hold.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	// Both sign-ins are begun before either is finished.
	begin := func(site string) string {
		resp, err := hold.Get(site + "/login")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.Header.Get("Location")
	}
	toTax, toPension := begin(first), begin(second)
	if status, _ := get(t, browser, toTax); status != http.StatusOK {
		t.Errorf("finishing at tax: %d", status)
	}
	if status, _ := get(t, browser, toPension); status != http.StatusOK {
		t.Errorf("finishing at pension: %d", status)
	}
	if m := whoAmI(t, browser, first); !m.SignedIn || m.Allowed || m.Reason != relyingparty.MethodRefused {
		t.Errorf("tax /me = %+v", m)
	}
	if m := whoAmI(t, browser, second); !m.SignedIn || !m.Allowed {
		t.Errorf("pension /me = %+v", m)
	}
	get(t, browser, first+"/logout")
	if !whoAmI(t, browser, second).SignedIn {
		t.Error("signing out at tax took the pension fund's own session along")
	}
}

func TestAnswersThatMustNotSignIn(t *testing.T) {
	for name, spoil := range map[string]func(*providertest.Provider){
		"another issuer":      func(p *providertest.Provider) { p.NameAs("http://evil.example") },
		"no issuer":           func(p *providertest.Provider) { p.NameAs("") },
		"another nonce":       func(p *providertest.Provider) { p.MixUpNonce() },
		"userinfo of another": func(p *providertest.Provider) { p.AnswerUserinfo(http.StatusUnauthorized) },
	} {
		t.Run(name, func(t *testing.T) {
			provider := providertest.New(t)
			provider.SignIn(providertest.Person("1", "verified", "bank"))
			spoil(provider)
			site, browser := serveTax(t, provider.Issuer(), nil), providertest.Browser(t)
			status, body := get(t, browser, site+"/login")
			if status != http.StatusBadRequest || !strings.Contains(body, "Вход не завершён") || strings.Contains(body, "evil") {
				t.Errorf("got %d, want the calm page of an unfinished sign-in", status)
			}
			if whoAmI(t, browser, site).SignedIn {
				t.Error("signed in all the same")
			}
		})
	}
}

func TestACallbackOfAnotherBrowserIsRefused(t *testing.T) {
	provider := providertest.New(t)
	provider.SignIn(providertest.Person("attacker", "verified", "bank"))
	site := serveTax(t, provider.Issuer(), nil)
	attacker := providertest.Browser(t)
	var callback string
	attacker.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.Path, "/callback/") {
			callback = req.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	get(t, attacker, site+"/login")
	victim := providertest.Browser(t)
	if status, _ := get(t, victim, callback); status != http.StatusBadRequest {
		t.Errorf("callback without this browser's state: %d", status)
	}
	if whoAmI(t, victim, site).SignedIn {
		t.Error("the victim is signed in as the attacker")
	}
}

func TestRefusalsOfTheProviderAreExplained(t *testing.T) {
	provider := providertest.New(t)
	site := serveTax(t, provider.Issuer(), nil)
	for _, c := range []struct {
		name   string
		answer url.Values
		status int
		has    string
		hasNot string
	}{
		{"unmet, with a page that says why", url.Values{"error": {"unmet_authentication_requirements"}, "error_uri": {provider.Issuer() + "/why/abc"}}, 200, `href="` + provider.Issuer() + `/why/abc"`, "/account/confirm"},
		{"unmet, without", url.Values{"error": {"unmet_authentication_requirements"}}, 200, `/account/confirm"`, "/why/"},
		{"a page elsewhere is not linked", url.Values{"error": {"unmet_authentication_requirements"}, "error_uri": {"http://evil.example/why"}}, 200, `/account/confirm"`, "evil.example"},
		{"denied", url.Values{"error": {"access_denied"}}, 200, "Вы не разрешили", "evil"},
		{"a failure between the sites", url.Values{"error": {"invalid_scope"}, "error_description": {"<b>bad</b>"}}, 502, "не поняли друг друга", "<b>bad"},
		{"hostile code", url.Values{"error": {"<script>alert(1)</script>"}}, 502, "&lt;script&gt;", "<script>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			provider.RefuseWith(c.answer)
			browser := providertest.Browser(t)
			status, body := get(t, browser, site+"/login")
			if status != c.status || !strings.Contains(body, c.has) || strings.Contains(body, c.hasNot) {
				t.Errorf("got %d, want %d with %q and without %q:\n%s", status, c.status, c.has, c.hasNot, body)
			}
			if whoAmI(t, browser, site).SignedIn {
				t.Error("signed in all the same")
			}
		})
	}
}

func TestAFallIsFeltWithinFiveMinutes(t *testing.T) {
	provider, at := providertest.New(t), &clock{t: time.Now()}
	provider.SignIn(providertest.Person("1", "verified", "service_center", "mail_code"))
	site, browser := serveTax(t, provider.Issuer(), at.now), providertest.Browser(t)
	get(t, browser, site+"/login")
	provider.SignIn(providertest.Person("1", "verified", "mail_code"))
	if m := whoAmI(t, browser, site); !m.Allowed {
		t.Fatalf("asked too early: %+v", m)
	}
	at.advance(5*time.Minute + time.Second)
	if m := whoAmI(t, browser, site); !m.SignedIn || m.Allowed || m.Reason != relyingparty.MethodRefused {
		t.Errorf("after the fall /me = %+v", m)
	}
	provider.AnswerUserinfo(http.StatusServiceUnavailable)
	at.advance(6 * time.Minute)
	if !whoAmI(t, browser, site).SignedIn {
		t.Error("a provider out of order for a moment ended the session")
	}
	at.advance(30 * time.Minute)
	if whoAmI(t, browser, site).SignedIn {
		t.Error("half an hour without the provider's word, and still signed in")
	}
}

func TestUserinfo401EndsTheSession(t *testing.T) {
	provider, at := providertest.New(t), &clock{t: time.Now()}
	provider.SignIn(providertest.Person("1", "verified", "bank"))
	site, browser := serveTax(t, provider.Issuer(), at.now), providertest.Browser(t)
	get(t, browser, site+"/login")
	provider.AnswerUserinfo(http.StatusUnauthorized)
	at.advance(5 * time.Minute)
	if whoAmI(t, browser, site).SignedIn {
		t.Error("signed in though userinfo says 401")
	}
}

func TestTheProviderMayComeLater(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	issuer := "http://" + l.Addr().String()
	l.Close() // nobody answers there
	site := serveTax(t, issuer, nil)
	status, body := get(t, providertest.Browser(t), site+"/login")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "Вход сейчас недоступен") {
		t.Errorf("without the provider /login is %d", status)
	}
}

func TestReturningToThePageAskedFor(t *testing.T) {
	provider := providertest.New(t)
	provider.SignIn(providertest.Person("1", "verified", "bank"))
	site, browser := serveTax(t, provider.Issuer(), nil), providertest.Browser(t)
	for next, want := range map[string]string{"/certificate": "/certificate", "//evil.example/": "/", "http://evil.example": "/", `/\evil.example`: "/"} {
		resp, err := browser.Get(site + "/login?next=" + url.QueryEscape(next))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Request.URL.String(); got != site+want {
			t.Errorf("next=%q led to %s, want %s", next, got, want)
		}
	}
}
