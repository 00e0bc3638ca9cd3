package idp_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/idptest"
)

// visit is what the counted browser does besides asking for a code: it shows a page, or sends its form.
func (c *counted) visit(t testing.TB, method, address string, form url.Values, status int) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, address, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", strings.TrimSuffix(c.world.Issuer.String(), "/"))
	}
	for name, v := range c.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	w := c.must(t, r, status)
	for _, cookie := range w.Result().Cookies() {
		c.jar[cookie.Name] = cookie.Value
	}
	return w
}

// login signs in with the password in a browser that knows its owner and whose session has ended, and
// redeems the code.
func (c *counted) login(t testing.TB) idptest.Tokens {
	t.Helper()
	maps.DeleteFunc(c.jar, func(name, _ string) bool { return strings.Contains(name, "propusk-session") })
	page := c.visit(t, http.MethodGet, "/oauth2/authorize?"+c.party.Ask().Encode(), nil, http.StatusSeeOther).Header().Get("Location")
	c.visit(t, http.MethodGet, page, nil, http.StatusOK)
	w := c.visit(t, http.MethodPost, page, url.Values{"username": {c.phone}, "password": {idptest.Password}}, http.StatusSeeOther)
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || to.Query().Get("code") == "" {
		t.Fatalf("the password is answered with %v, %v; want a code", to, err)
	}
	return c.tokens(t, c.redemption(to.Query().Get("code")))
}

// What is left is reads that must come one after the other, the progress, the account and the counters, and one
// write to each store, the second to Records being the token's.
func TestAFullLoginInAKnownBrowserHasItsBudget(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			c := count(t, k.world)
			c.login(t) // the connections learn their statements
			c.spent()
			if got := c.login(t); got.ID == "" || got.Access == "" {
				t.Fatalf("tokens: got %+v", got)
			}
			ops := c.spent()
			trips := map[string]int{}
			for _, op := range ops {
				store, _, _ := strings.Cut(op, " ")
				trips[store]++
			}
			// A transaction of SQLite is a begin, its statements and a commit, and no trip of it leaves the process.
			most := map[string]int{"records": 3, "transients": 4, "sign": 1}
			if k.name == "sqlite" {
				most["records"], most["transients"] = 8, 8
			}
			for store, n := range trips {
				if n > most[store] {
					t.Errorf("%s: %d, want at most %d; all were %q", store, n, most[store], ops)
				}
			}
			if trips["records"] < 3 || trips["transients"] < 4 || trips["sign"] != 1 {
				t.Errorf("not all was counted: %q", ops)
			}
		})
	}
}

// BenchmarkFullLogin is a full login with a password hash that costs next to nothing, so that the rest can be
// seen.
func BenchmarkFullLogin(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			c := count(b, k.world)
			c.login(b)
			b.ReportAllocs()
			for b.Loop() {
				c.login(b)
			}
			c.spent()
		})
	}
}
