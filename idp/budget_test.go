package idp_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

// A counted is a provider that answers requests and does nothing besides, so that every round trip it makes
// belongs to a request. The world around it runs the jobs on the same stores, uncounted.
type counted struct {
	*idp.Provider
	world *idptest.World
	party *idptest.Party
	jar   map[string]string
	phone string // whose session is in the jar

	mu  sync.Mutex
	ops []string
}

// count makes a counted provider with somebody signed in at a party that they allowed everything.
func count(t testing.TB, world func(testing.TB, ...idptest.Option) *idptest.World) *counted {
	var config idp.Config
	c := &counted{world: world(t, idptest.Configure(func(c *idp.Config) { config = *c }))}
	config.Issuer = c.world.Issuer
	config.Observe = c.saw
	var err error
	if c.Provider, err = idp.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	c.party = c.world.RegisterParty(&rp.Party{ID: "tax"})
	citizen := c.world.NewCitizen(account.Verified, account.MailCode, account.ServiceCenter)
	b := c.world.Browser()
	b.Code(c.party, citizen, "scope", "openid profile offline_access")
	c.jar, c.phone = b.Jar, idptest.Phone(citizen)
	return c
}

func (c *counted) saw(op string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops = append(c.ops, op)
}

// spent forgets and returns what was seen.
func (c *counted) spent() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ops := c.ops
	c.ops = nil
	return ops
}

func (c *counted) must(t testing.TB, r *http.Request, status int) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, r)
	if w.Code != status {
		t.Fatalf("%s %s: %d, want %d: %s", r.Method, r.URL.Path, w.Code, status, w.Body)
	}
	return w
}

// authorize is the request of a browser with a session.
func (c *counted) authorize(pairs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/oauth2/authorize?"+c.party.Ask(pairs...).Encode(), nil)
	for name, v := range c.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	return r
}

// code sends it, and reads the code from the answer.
func (c *counted) code(t testing.TB, r *http.Request) string {
	t.Helper()
	to, err := url.Parse(c.must(t, r, http.StatusSeeOther).Header().Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("authorize: answered with %v, %v", to, err)
	}
	return to.Query().Get("code")
}

// token is a request of the party, parameters by name and value.
func (c *counted) token(pairs ...string) *http.Request {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(url.QueryEscape(string(c.party.ID)), url.QueryEscape(c.party.Secret))
	return r
}

func (c *counted) redemption(code string) *http.Request {
	return c.token("grant_type", rp.GrantCode, "code", code, "redirect_uri", c.party.Redirects[0], "code_verifier", idptest.Verifier)
}

func (c *counted) tokens(t testing.TB, r *http.Request) (out idptest.Tokens) {
	t.Helper()
	if err := json.Unmarshal(c.must(t, r, http.StatusOK).Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// kinds are the two ways to keep things: one node's, and that of many nodes.
var kinds = []struct {
	name  string
	world func(testing.TB, ...idptest.Option) *idptest.World
}{{"sqlite", idptest.New}, {"postgres+redis", idptest.Served}}

func TestASingleSignOnIsThreeTripsAndOneSignature(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			c := count(t, k.world)
			login := func() (trips, signatures []string) {
				c.spent()
				if got := c.tokens(t, c.redemption(c.code(t, c.authorize()))); got.ID == "" || got.Access == "" {
					t.Fatalf("tokens: got %+v", got)
				}
				for _, op := range c.spent() {
					if strings.HasPrefix(op, "sign ") {
						signatures = append(signatures, op)
					} else {
						trips = append(trips, op)
					}
				}
				return trips, signatures
			}
			login() // the connection learns its statements
			for what, most := range map[string]int{"warm": 2, "cold": 3} {
				if what == "cold" {
					c.Parties.Forget()
				}
				trips, signatures := login()
				if len(trips) > most || len(trips) < 2 {
					t.Errorf("%s client cache: trips %q, want at most %d", what, trips, most)
				}
				if !slices.Equal(signatures, []string{"sign " + seal.ES256}) {
					t.Errorf("%s client cache: signatures %q, want one", what, signatures)
				}
			}
		})
	}
}

func TestEveryAnswerOfTheHotPathHasItsBudget(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			c := count(t, k.world)
			got := c.tokens(t, c.redemption(c.code(t, c.authorize("scope", "openid profile offline_access"))))
			userinfo := httptest.NewRequest(http.MethodGet, "/oauth2/userinfo", nil)
			userinfo.Header.Set("Authorization", "Bearer "+got.Access)
			for _, call := range []struct {
				name string
				call func()
				want []string
			}{
				{"userinfo", func() { c.must(t, userinfo, http.StatusOK) }, []string{"records query"}},
				{"refresh", func() { got = c.tokens(t, c.token("grant_type", rp.GrantRefresh, "refresh_token", got.Refresh)) },
					[]string{"records query", "sign ES256"}},
				{"client credentials", func() { c.tokens(t, c.token("grant_type", rp.GrantCredentials)) }, nil},
				{"discovery", func() {
					c.must(t, httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil), http.StatusOK)
				}, nil},
			} {
				call.call() // the connection learns its statements
				c.spent()
				call.call()
				if ops := c.spent(); !slices.Equal(ops, call.want) {
					t.Errorf("%s: %q, want %q", call.name, ops, call.want)
				}
			}
		})
	}
}
