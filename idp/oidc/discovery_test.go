package oidc_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestDocuments(t *testing.T) {
	w := newWorld(t)
	for path, golden := range map[string]string{
		"/.well-known/openid-configuration":       "discovery.json",
		"/.well-known/oauth-authorization-server": "discovery.json",
		"/.well-known/propusk-assurance":          "assurance.json",
	} {
		out := w.browser().get(path, nil)
		if *update {
			if err := os.WriteFile("testdata/"+golden, out.Body.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), out.Body.String()); diff != "" || out.Code != http.StatusOK {
			t.Errorf("%s: %d (-want +got):\n%s", path, out.Code, diff)
		}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("If-None-Match", `"other", W/`+out.Header().Get("ETag"))
		if again := w.browser().do(r); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("%s with its ETag: %d", path, again.Code)
		}
	}
}

func TestEveryEndpointPublishedIsThere(t *testing.T) {
	w := newWorld(t)
	var published map[string]any
	if err := json.Unmarshal(w.browser().get("/.well-known/openid-configuration", nil).Body.Bytes(), &published); err != nil {
		t.Fatal(err)
	}
	for name, v := range published {
		address, _ := v.(string)
		path, ours := strings.CutPrefix(address, issuer)
		if !ours || path == "" {
			continue
		}
		get := w.browser().get(path, nil)
		post := w.browser().post(path, nil)
		if get.Code == http.StatusNotFound || get.Code == http.StatusMethodNotAllowed && (post.Code == http.StatusNotFound || post.Code == http.StatusMethodNotAllowed) {
			t.Errorf("%s: GET %d, POST %d", name, get.Code, post.Code)
		}
	}
}

func TestScriptsMayReadWhereNoCookieCounts(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]string{
		"/.well-known/openid-configuration": "*", "/oauth2/jwks": "*", "/oauth2/token": "*", "/oauth2/userinfo": "*", "/oauth2/revoke": "*",
		"/oauth2/authorize": "", "/oauth2/logout": "", "/oauth2/introspect": "",
	} {
		r := httptest.NewRequest(http.MethodOptions, path, nil)
		r.Header.Set("Origin", "https://spa.test")
		h := w.browser().do(r).Header()
		if h.Get("Access-Control-Allow-Origin") != want || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

func TestANewKeyIsPublishedBeforeItSigns(t *testing.T) {
	w := newWorld(t)
	kids := func() (out []string) {
		var set struct {
			Keys []struct{ Kid, Alg, Use, D string }
		}
		if err := json.Unmarshal(w.browser().get("/oauth2/jwks", nil).Body.Bytes(), &set); err != nil {
			t.Fatal(err)
		}
		for _, k := range set.Keys {
			if k.Alg != "ES256" || k.Use != "sig" || k.D != "" {
				t.Errorf("published: %+v", k)
			}
			out = append(out, k.Kid)
		}
		return out
	}
	w.Keyring.OnChange(w.door.Refresh)
	before := kids()
	if _, err := w.Keyring.Rotate(t.Context(), seal.UseSignES256); err != nil {
		t.Fatal(err)
	}
	if got := kids(); len(before) != 1 || len(got) != 2 {
		t.Fatalf("published %v, then %v", before, got)
	}
	b := w.browser()
	header, _ := w.claims(b.login("tax").ID)
	if header["kid"] != before[0] {
		t.Error("the new key signs at once")
	}
	w.Clock.Advance(3 * time.Minute)
	header, _ = w.claims(b.login("tax").ID)
	if header["kid"] == before[0] {
		t.Error("the new key does not sign after two minutes")
	}
}

func TestPartiesThatKnowOnlyRSAGetRS256(t *testing.T) {
	w := newWorld(t)
	w.Keyring.OnChange(w.door.Refresh)
	if _, err := w.Keyring.Rotate(t.Context(), seal.UseSignRS256); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(3 * time.Minute)
	w.change("pension", func(p *rp.Party) { p.IDTokenAlg = "RS256" })
	b := w.browser()
	if header, _ := w.claims(b.login("pension").ID); header["alg"] != "RS256" {
		t.Errorf("%v", header)
	}
	if header, _ := w.claims(b.login("tax").ID); header["alg"] != "ES256" {
		t.Errorf("%v", header)
	}
}
