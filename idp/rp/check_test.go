package rp

import (
	"errors"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/fault"
)

func good() *Party {
	return &Party{
		ID: "tax", Name: map[string]string{"ru": "Налоговая", "en": "Tax"}, Profile: Strict, AuthMethod: "client_secret_basic",
		SecretHash: []byte{1}, Redirects: []string{"https://tax.example/callback"}, Grants: []string{"authorization_code"},
		Scopes: []string{"openid"}, IDTokenAlg: "ES256",
	}
}

func TestAGoodRegistrationPasses(t *testing.T) {
	if err := good().Check(); err != nil {
		t.Error(err)
	}
}

func TestRegistrationMistakesAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Party)
		want   string
	}{
		"plain http":              {func(p *Party) { p.Redirects = []string{"http://tax.example/cb"} }, "redirect_uris"},
		"fragment":                {func(p *Party) { p.Redirects = []string{"https://tax.example/cb#x"} }, "redirect_uris"},
		"empty fragment":          {func(p *Party) { p.Redirects = []string{"https://tax.example/cb#"} }, "redirect_uris"},
		"wildcard":                {func(p *Party) { p.Redirects = []string{"https://*.tax.example/cb"} }, "redirect_uris"},
		"credentials in address":  {func(p *Party) { p.Redirects = []string{"https://a@tax.example/cb"} }, "redirect_uris"},
		"script":                  {func(p *Party) { p.Redirects = []string{"javascript:alert(1)"} }, "redirect_uris"},
		"own scheme of a website": {func(p *Party) { p.Redirects = []string{"ru.example.tax:/cb"} }, "redirect_uris"},
		"no redirect":             {func(p *Party) { p.Redirects = nil }, "redirect_uris"},
		"unknown scope":           {func(p *Party) { p.Scopes = append(p.Scopes, "everything") }, "scope"},
		"no secret":               {func(p *Party) { p.SecretHash = nil }, "token_endpoint_auth_method"},
		"no key":                  {func(p *Party) { p.AuthMethod = "private_key_jwt" }, "jwks"},
		"public and plain":        {func(p *Party) { p.AuthMethod, p.Profile = "none", Plain }, "profile"},
		"refresh alone":           {func(p *Party) { p.Grants = []string{"refresh_token"} }, "grant_types"},
		"one language":            {func(p *Party) { delete(p.Name, "en") }, "client_name"},
	} {
		t.Run(name, func(t *testing.T) {
			p := good()
			c.change(p)
			err := p.Check()
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check = %v, want fault.Invalid naming %s", err, c.want)
			}
		})
	}
}

func TestANativeApplicationMayHaveItsOwnScheme(t *testing.T) {
	p := good()
	p.Native, p.AuthMethod, p.Redirects = true, "none", []string{"ru.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]/cb"}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
}
