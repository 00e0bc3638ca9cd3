package seed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// Addresses are where the sites of the demo are, without closing slashes.
type Addresses struct {
	Provider string `json:"provider"`
	Portal   string `json:"portal"`
	Tax      string `json:"tax"`
	Pension  string `json:"pension"`
	Voting   string `json:"voting"`
	Bank     string `json:"bank"`
	Admin    string `json:"admin"`
	World    string `json:"world"`
}

// A Client is a relying party and the secret that only it and the demo know.
type Client struct {
	Party  rp.Party
	Secret string
}

// Secrets are the clients' secrets, by client id.
type Secrets map[string]string

// LoadSecrets reads the file of secrets, or draws them and writes it. The provider keeps only their
// hashes, and the sites of the demo must know theirs at the next start.
func LoadSecrets(path string) (Secrets, error) {
	out := Secrets{}
	text, err := os.ReadFile(path)
	if err == nil {
		if err := json.Unmarshal(text, &out); err != nil {
			return nil, fmt.Errorf("seed: %s: %w", path, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("seed: %w", err)
	}
	drew := false
	for _, id := range []string{"portal", "tax", "pension", "voting", "bank"} {
		if out[id] == "" {
			out[id], _ = rp.NewSecret()
			drew = true
		}
	}
	if !drew {
		return out, nil
	}
	if text, err = json.MarshalIndent(out, "", "  "); err != nil {
		return nil, err
	}
	return out, os.WriteFile(path, text, 0o600)
}

// TaxPolicy is what the tax service demands when it leaves judging to the provider: tax secrecy forbids
// it to trust a posted code.
var TaxPolicy = policy.Policy{Accept: []policy.Combination{
	{Level: account.Verified, Refuse: []account.Method{account.MailCode}},
}}

// Clients returns the relying parties. With taxPolicy the demands of the tax service are registered;
// without it the site reads the claims and judges for itself.
func Clients(a Addresses, secrets Secrets, taxPolicy bool) []Client {
	site := func(id, home, ru, en, purposeRu, purposeEn string, scopes ...string) Client {
		p := rp.Party{
			ID: rp.ID(id), Name: map[string]string{"ru": ru, "en": en}, Purpose: map[string]string{"ru": purposeRu, "en": purposeEn},
			Home: home, InitiateLogin: home + "/login", Profile: rp.Strict, AuthMethod: "client_secret_basic", SecretHash: rp.HashSecret(secrets[id]),
			Redirects: []string{home + "/callback/" + id}, PostLogout: []string{home + "/"}, Backchannel: home + "/backchannel-logout",
			Grants: []string{"authorization_code", "refresh_token", "client_credentials"},
			Scopes: append([]string{"openid"}, scopes...), IDTokenAlg: "ES256",
		}
		return Client{p, secrets[id]}
	}
	tax := site("tax", a.Tax, "Налоговая служба", "Tax service",
		"чтобы показать ваши начисления и вычеты", "to show what you owe and what you are owed", "profile", "inn", "snils", "offline_access")
	portal := site("portal", a.Portal, "Портал услуг", "Services portal",
		"чтобы заполнить за вас заявления", "to fill in forms for you", "profile", "email", "phone", "address", "offline_access")
	portal.Party.Announced = policy.Policy{Accept: []policy.Combination{{Level: account.Simplified}}}
	pension := site("pension", a.Pension, "Пенсионный фонд", "Pension fund",
		"чтобы найти ваш лицевой счёт", "to find your account", "profile", "snils", "phone", "offline_access")
	voting := site("voting", a.Voting, "Общественные инициативы", "Public initiatives",
		"чтобы один человек голосовал один раз", "so that one person votes once", "profile", "offline_access")
	tax.Party.Announced = TaxPolicy
	pension.Party.Announced = policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}
	voting.Party.Announced = policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Methods: []account.Method{account.ServiceCenter}}}}
	if taxPolicy {
		tax.Party.Policy = TaxPolicy
	}
	return []Client{
		portal, tax, pension, voting,
		site("bank", a.Bank, "Онлайн-банк", "Online bank",
			"чтобы узнать в вас клиента банка", "to recognise you as the bank's client", "profile", "phone", "snils", "inn", "documents", "offline_access"),
		sandbox(),
	}
}

// sandbox is for whoever tries Propusk from a program of their own: no registration, no secret, PKCE, any
// port of the loopback interface (RFC 8252 section 7.3).
func sandbox() Client {
	p := rp.Party{
		ID: "sandbox", Name: map[string]string{"ru": "Песочница", "en": "Sandbox"},
		Purpose: map[string]string{"ru": "чтобы разработчик проверил вход", "en": "so that a developer can try signing in"},
		Profile: rp.Strict, AuthMethod: "none", Native: true,
		Grants: []string{"authorization_code", "refresh_token"},
		Scopes: []string{"openid", "profile", "email", "phone", "address", "snils", "inn", "documents", "offline_access"}, IDTokenAlg: "ES256",
	}
	for _, host := range []string{"http://127.0.0.1", "http://[::1]", "http://localhost"} {
		for _, path := range []string{"/callback", "/cb", "/callback/sandbox", "/"} {
			p.Redirects = append(p.Redirects, host+path)
		}
		p.PostLogout = append(p.PostLogout, host+"/")
	}
	return Client{Party: p}
}
