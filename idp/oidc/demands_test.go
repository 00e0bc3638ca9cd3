package oidc_test

import (
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
)

func TestNoRequestMultipliesItsDemands(t *testing.T) {
	w := newWorld(t)
	list := func(v string, n int) string { return `["` + strings.Repeat(v+`","`, n-1) + v + `"]` }
	for what, q := range map[string]url.Values{
		"one value many times": ask("tax", "acr_values", strings.Repeat("phr ", 3000),
			"claims", `{"id_token":{"acr":{"essential":true,"values":`+list("phr", 100)+`},"account_level":{"essential":true,"values":`+list("standard", 100)+`}}}`),
		"acr_values alone":  ask("tax", "acr_values", strings.Repeat("phr ", 17)),
		"claims alone":      ask("tax", "claims", `{"id_token":{"acr":{"values":`+list("phr", 17)+`}}}`),
		"confirmation ways": ask("tax", "claims", `{"id_token":{"confirmation_method":{"essential":true,"values":`+list("bank", 17)+`}}}`),
	} {
		b := w.browser()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		out := b.get("/oauth2/authorize", q)
		runtime.ReadMemStats(&after)
		if to, _ := url.Parse(out.Header().Get("Location")); out.Code != http.StatusSeeOther || to.Query().Get("error") != "invalid_request" {
			t.Errorf("%s: %d to %s", what, out.Code, out.Header().Get("Location"))
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s takes %d bytes", what, n)
		}
	}
	repeated := ask("tax", "acr_values", strings.Repeat("urn:propusk:loa:standard ", 16),
		"claims", `{"id_token":{"acr":{"essential":true,"values":`+list("urn:propusk:loa:standard", 16)+`}}}`)
	if got := w.browser().authorize(repeated); got.Get("code") == "" {
		t.Errorf("a value repeated within the bound: %v", got)
	}
}
