package idp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/propusk/propusk/idp/rp"
)

// The hot path through the whole provider, without a network: what the operations of docs/performance.md
// cost the provider and what they make it wait for. BenchmarkSignature is their measure.
func BenchmarkHotPath(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			c := count(b, k.world)
			first := c.tokens(b, c.redemption(c.code(b, c.authorize("scope", "openid profile offline_access"))))
			b.Run("authorize", func(b *testing.B) {
				r := c.authorize()
				b.ReportAllocs()
				for b.Loop() {
					c.must(b, r, http.StatusSeeOther)
				}
			})
			b.Run("token", func(b *testing.B) {
				r := c.authorize()
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					code := c.code(b, r)
					b.StartTimer()
					c.must(b, c.redemption(code), http.StatusOK)
				}
			})
			b.Run("userinfo", func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, "/oauth2/userinfo", nil)
				r.Header.Set("Authorization", "Bearer "+first.Access)
				b.ReportAllocs()
				for b.Loop() {
					c.must(b, r, http.StatusOK)
				}
			})
			next := first.Refresh
			b.Run("refresh", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					next = c.tokens(b, c.token("grant_type", rp.GrantRefresh, "refresh_token", next)).Refresh
				}
			})
			b.Run("client credentials", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.must(b, c.token("grant_type", rp.GrantCredentials), http.StatusOK)
				}
			})
			b.Run("discovery", func(b *testing.B) {
				r := httptest.NewRequest(http.MethodGet, "/.well-known/openid-configuration", nil)
				b.ReportAllocs()
				for b.Loop() {
					c.must(b, r, http.StatusOK)
				}
			})
			c.spent()
		})
	}
}

// BenchmarkSignature is one ES256 signature over about an ID token.
func BenchmarkSignature(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	text := bytes.Repeat([]byte{'a'}, 600)
	for b.Loop() {
		sum := sha256.Sum256(text)
		if _, err := ecdsa.SignASN1(rand.Reader, key, sum[:]); err != nil {
			b.Fatal(err)
		}
	}
}
