package tax

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/relyingparty/providertest"
)

func claims(rank int, methods ...string) relyingparty.Claims {
	c := relyingparty.Claims{Rank: rank}
	for _, m := range methods {
		c.Confirmations = append(c.Confirmations, relyingparty.Confirmation{Method: m})
	}
	return c
}

func TestTaxServiceRefusesMailCodeAlone(t *testing.T) {
	for _, c := range []struct {
		claims relyingparty.Claims
		want   string
	}{
		{claims(1), relyingparty.LevelTooLow},
		{claims(2), relyingparty.LevelTooLow},
		{claims(2, "service_center"), relyingparty.LevelTooLow},
		{claims(3, "mail_code"), relyingparty.MethodRefused},
		{claims(3, "mail_code", "mail_code"), relyingparty.MethodRefused},
		{claims(3), relyingparty.MethodRefused},
		{claims(3, "mail_code", "service_center"), ""},
		{claims(3, "service_center", "mail_code"), ""},
		{claims(3, "service_center"), ""},
		{claims(3, "bank"), ""},
		{claims(3, "qualified_signature"), ""},
		{claims(3, "electronic_card"), ""},
	} {
		if got := Judge(c.claims); got.Reason != c.want || got.Allowed != (c.want == "") {
			t.Errorf("Judge(rank %d, %v) = %+v, want reason %q", c.claims.Rank, c.claims.Confirmations, got, c.want)
		}
	}
}

func serve(t *testing.T, policy bool) (*providertest.Provider, string) {
	t.Helper()
	provider := providertest.New(t)
	return provider, providertest.Serve(t, func(ctx context.Context, l net.Listener, address string) error {
		return Run(ctx, Config{Policy: policy, Config: relyingparty.Config{
			Listeners: []net.Listener{l}, PublicURL: address, Issuer: provider.Issuer(), ClientSecret: providertest.Secret,
		}})
	})
}

func page(t *testing.T, address, language string) string {
	t.Helper()
	browser := providertest.Browser(t)
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", language)
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTheRefusalNamesTheReasonAndTheWayUp(t *testing.T) {
	provider, site := serve(t, false)
	provider.SignIn(providertest.Person("1", "verified", "mail_code"))
	for language, words := range map[string]string{"ru": "подтверждена письмом с кодом", "en": "confirmed by a letter with a code"} {
		body := page(t, site+"/login", language)
		for _, want := range []string{words, `<code id="error-code">method_refused</code>`, `href="` + provider.Issuer() + `/account/confirm"`} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the refusal lacks %s", language, want)
			}
		}
	}
	provider.SignIn(providertest.Person("2", "simplified"))
	if body := page(t, site+"/login", "ru"); !strings.Contains(body, "level_too_low") || strings.Contains(body, "/account/confirm") {
		t.Error("from simplified the way up is not a confirmation yet")
	}
}

func TestAProviderThatVouchesForNothingLetsNobodyIn(t *testing.T) {
	provider, site := serve(t, false)
	provider.SignIn(map[string]any{"sub": "1", "name": "Anna", "account_level": "gold", "account_level_rank": 9, "confirmations": []map[string]any{{"method": "handshake"}}})
	if body := page(t, site+"/login", "en"); !strings.Contains(body, "level_too_low") || !strings.Contains(body, "handshake") {
		t.Error("want a refusal that shows what came")
	}
}

func TestWithAPolicyTheProviderJudges(t *testing.T) {
	provider, site := serve(t, true)
	provider.SignIn(providertest.Person("1", "verified", "mail_code"))
	if body := page(t, site+"/login", "ru"); strings.Contains(body, "error-code") {
		t.Error("the site judged although its policy is registered")
	}
}
