package relyingparty_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/propusk/propusk/examples/relyingparty/providertest"
)

func sendLogout(t *testing.T, site, token string) int {
	t.Helper()
	resp, err := http.PostForm(site+"/backchannel-logout", url.Values{"logout_token": {token}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("the answer may be stored")
	}
	return resp.StatusCode
}

func TestBackchannelLogoutEndsTheSessionsOfTheSid(t *testing.T) {
	provider := providertest.New(t)
	site := serveTax(t, provider.Issuer(), nil)
	provider.SignIn(providertest.Person("1", "verified", "bank"))
	one := providertest.Browser(t)
	get(t, one, site+"/login")
	provider.SignIn(providertest.Person("2", "verified", "bank"))
	other := providertest.Browser(t)
	get(t, other, site+"/login")

	token := provider.Sign("logout+jwt", provider.LogoutClaims("tax", "sid-1"))
	if status := sendLogout(t, site, token); status != http.StatusOK {
		t.Fatalf("a good logout token: %d", status)
	}
	if whoAmI(t, one, site).SignedIn {
		t.Error("the session named by sid goes on")
	}
	if !whoAmI(t, other, site).SignedIn {
		t.Error("somebody else's session was ended")
	}
	if status := sendLogout(t, site, token); status != http.StatusBadRequest {
		t.Errorf("the same jti again: %d", status)
	}
	bySubject := provider.LogoutClaims("tax", "")
	delete(bySubject, "sid")
	bySubject["sub"] = "2"
	if status := sendLogout(t, site, provider.Sign("logout+jwt", bySubject)); status != http.StatusOK || whoAmI(t, other, site).SignedIn {
		t.Errorf("logout by sub: %d", status)
	}
}

func TestBackchannelLogoutRefusesWhatIsNoLogoutToken(t *testing.T) {
	provider, stranger := providertest.New(t), providertest.New(t)
	provider.SignIn(providertest.Person("1", "verified", "bank"))
	site, browser := serveTax(t, provider.Issuer(), nil), providertest.Browser(t)
	get(t, browser, site+"/login")
	with := func(change func(map[string]any)) string {
		claims := provider.LogoutClaims("tax", "sid-1")
		change(claims)
		return provider.Sign("logout+jwt", claims)
	}
	foreign := stranger.LogoutClaims("tax", "sid-1")
	foreign["iss"] = provider.Issuer()
	for name, token := range map[string]string{
		"typ of an ID token":  provider.Sign("JWT", provider.LogoutClaims("tax", "sid-1")),
		"another's signature": stranger.Sign("logout+jwt", foreign),
		"another issuer":      with(func(c map[string]any) { c["iss"] = "http://evil.example" }),
		"another audience":    with(func(c map[string]any) { c["aud"] = "pension" }),
		"old":                 with(func(c map[string]any) { c["iat"] = time.Now().Add(-time.Hour).Unix() }),
		"from the future":     with(func(c map[string]any) { c["iat"] = time.Now().Add(time.Hour).Unix() }),
		"expired":             with(func(c map[string]any) { c["exp"] = time.Now().Add(-2 * time.Minute).Unix() }),
		"no expiry":           with(func(c map[string]any) { delete(c, "exp") }),
		"no events":           with(func(c map[string]any) { delete(c, "events") }),
		"another event":       with(func(c map[string]any) { c["events"] = map[string]any{"urn:other": map[string]any{}} }),
		"with a nonce":        with(func(c map[string]any) { c["nonce"] = "n" }),
		"neither sid nor sub": with(func(c map[string]any) { delete(c, "sid") }),
		"no jti":              with(func(c map[string]any) { delete(c, "jti") }),
		"unsigned":            "eyJhbGciOiJub25lIiwidHlwIjoibG9nb3V0K2p3dCJ9.e30.",
		"not a token":         "hello",
		"nothing":             "",
	} {
		if status := sendLogout(t, site, token); status != http.StatusBadRequest {
			t.Errorf("%s: %d, want 400", name, status)
		}
	}
	if !whoAmI(t, browser, site).SignedIn {
		t.Error("one of them ended the session")
	}
}
