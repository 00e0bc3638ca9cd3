package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/propusk/propusk/storage/storagetest"
)

// The hot path. "signature" is the measure: what an operation costs is told in ES256 signatures of the
// same machine.
func BenchmarkHotPath(b *testing.B) {
	stores := []struct {
		name string
		open func(testing.TB) *storagetest.Stores
	}{{"sqlite", storagetest.New}}
	if !testing.Short() {
		stores = append(stores, struct {
			name string
			open func(testing.TB) *storagetest.Stores
		}{"postgres+redis", storagetest.Served})
	}
	for _, s := range stores {
		b.Run(s.name, func(b *testing.B) {
			w := over(b, s.open(b))
			person := w.browser()
			first := person.login("tax", "scope", "openid profile offline_access")
			b.Run("signature", func(b *testing.B) {
				for b.Loop() {
					if _, err := w.door.LogoutToken(delivery, party); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("authorize", func(b *testing.B) {
				r := person.request("/oauth2/authorize?" + ask("tax").Encode())
				b.ReportAllocs()
				for b.Loop() {
					w.must(b, r, http.StatusSeeOther)
				}
			})
			b.Run("token", func(b *testing.B) {
				r := person.request("/oauth2/authorize?" + ask("tax").Encode())
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					u, err := url.Parse(w.must(b, r, http.StatusSeeOther).Header().Get("Location"))
					if err != nil {
						b.Fatal(err)
					}
					form := url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")},
						"redirect_uri": {"https://tax.test/callback"}, "code_verifier": {verifier}}.Encode()
					b.StartTimer()
					w.must(b, w.form("/oauth2/token", form), http.StatusOK)
				}
			})
			b.Run("userinfo", func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, "/oauth2/userinfo", nil)
				r.Header.Set("Authorization", "Bearer "+first.Access)
				b.ReportAllocs()
				for b.Loop() {
					w.must(b, r, http.StatusOK)
				}
			})
			b.Run("refresh", func(b *testing.B) {
				next := first.Refresh
				b.ReportAllocs()
				for b.Loop() {
					form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {next}}.Encode()
					next = w.tokens(w.must(b, w.form("/oauth2/token", form), http.StatusOK)).Refresh
				}
			})
			b.Run("client credentials", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w.must(b, w.form("/oauth2/token", "grant_type=client_credentials"), http.StatusOK)
				}
			})
			b.Run("discovery", func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil)
				b.ReportAllocs()
				for b.Loop() {
					w.must(b, r, http.StatusOK)
				}
			})
		})
	}
}

// request is a GET with the browser's cookies.
func (b *browser) request(path string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for name, v := range b.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: v})
	}
	return r
}

func (w *world) form(path, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", basic("tax", w.secrets["tax"]))
	return r
}

func (w *world) must(b *testing.B, r *http.Request, want int) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	w.echo.ServeHTTP(out, r)
	if out.Code != want {
		b.Fatalf("%s: %d %s", r.URL.Path, out.Code, out.Body)
	}
	return out
}
