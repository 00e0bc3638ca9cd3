package rp

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
)

// The ways in which a party proves itself at the token endpoint.
const (
	AuthNone       = "none"
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthPrivateKey = "private_key_jwt"
)

// The grants.
const (
	GrantCode        = "authorization_code"
	GrantRefresh     = "refresh_token"
	GrantCredentials = "client_credentials"
)

// ErrParty wraps all that is wrong with a registration.
var ErrParty = fmt.Errorf("rp: registration: %w", fault.Invalid)

// Confidential tells whether the party proves itself at all.
func (p *Party) Confidential() bool { return p.AuthMethod != AuthNone }

// May tells whether the party is registered for a grant.
func (p *Party) May(grant string) bool { return slices.Contains(p.Grants, grant) }

// NameIn gives the party's name in a language, or in another it has, or its id.
func (p *Party) NameIn(lang string) string {
	for _, l := range []string{lang, "ru", "en"} {
		if n := p.Name[l]; n != "" {
			return n
		}
	}
	return string(p.ID)
}

// Default fills in what a registration left open, with the strictest choice.
func (p *Party) Default() {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	if p.Profile == "" {
		p.Profile = Strict
	}
	set(&p.AuthMethod, AuthBasic)
	set(&p.IDTokenAlg, "ES256")
	if len(p.Grants) == 0 {
		p.Grants = []string{GrantCode}
	}
	if len(p.Scopes) == 0 {
		p.Scopes = []string{claims.OpenID}
	}
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Validate tells everything that is wrong with a registration, all together.
func (p *Party) Validate() error {
	var errs []error
	wrong := func(bad bool, format string, a ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrParty}, a...)...))
		}
	}
	wrong(!idForm.MatchString(string(p.ID)), "client_id is letters, digits, dots and hyphens, at most 64")
	wrong(p.Name["ru"] == "" && p.Name["en"] == "", "client_name is missing")
	wrong(p.Profile != Strict && p.Profile != Plain, "profile %q is none of ours", p.Profile)
	wrong(p.IDTokenAlg != "ES256" && p.IDTokenAlg != "RS256", "id_token_signed_response_alg %q is neither ES256 nor RS256", p.IDTokenAlg)
	wrong(p.DeniedError != "" && p.DeniedError != "access_denied", "denied_error %q is not access_denied", p.DeniedError)
	wrong(p.Consent < 0, "consent_seconds is negative")

	code := p.May(GrantCode)
	wrong(len(p.Grants) == 0, "grant_types is empty")
	for _, g := range p.Grants {
		wrong(!slices.Contains([]string{GrantCode, GrantRefresh, GrantCredentials}, g), "grant_type %q is none of ours", g)
	}
	wrong(p.May(GrantRefresh) && !code, "refresh_token needs authorization_code")
	for _, s := range p.Scopes {
		wrong(!slices.Contains(claims.Scopes(), s), "scope %q is none of ours", s)
	}
	wrong(code && !slices.Contains(p.Scopes, claims.OpenID), "scope openid is missing")

	for _, list := range []struct {
		field string
		uris  []string
	}{{"redirect_uris", p.Redirects}, {"post_logout_redirect_uris", p.PostLogout}} {
		for _, u := range list.uris {
			if err := checkAddress(u); err != nil {
				wrong(true, "%s: %s %w", list.field, u, err)
			}
		}
	}
	wrong(code && len(p.Redirects) == 0, "redirect_uris is empty")
	for field, u := range map[string]string{"backchannel_logout_uri": p.Backchannel, "client_uri": p.Home, "initiate_login_uri": p.InitiateLogin} {
		if u != "" {
			if err := checkAddress(u); err != nil {
				wrong(true, "%s: %s %w", field, u, err)
			}
		}
	}
	errs = append(errs, p.validateProof()...)
	errs = append(errs, validatePolicy(p.Policy)...)
	return errors.Join(errs...)
}

// validateProof checks how the party proves itself, and what only proved parties may.
func (p *Party) validateProof() (errs []error) {
	wrong := func(bad bool, text string) {
		if bad {
			errs = append(errs, fmt.Errorf("%w: %s", ErrParty, text))
		}
	}
	switch p.AuthMethod {
	case AuthNone:
		wrong(p.May(GrantCredentials), "client_credentials needs a party that proves itself")
		wrong(p.Introspection, "introspection needs a party that proves itself")
		wrong(len(p.SecretHash) > 0, "a secret beside token_endpoint_auth_method none")
	case AuthBasic, AuthPost:
		wrong(len(p.SecretHash) != sha256.Size, "the secret is missing")
	case AuthPrivateKey:
		wrong(len(p.JWKS) == 0, "jwks is missing")
	default:
		wrong(true, fmt.Sprintf("token_endpoint_auth_method %q is none of ours", p.AuthMethod))
	}
	wrong(len(p.JWKS) > 0 && !json.Valid(p.JWKS), "jwks is not JSON")
	wrong(p.Native && p.AuthMethod != AuthNone, "a native application keeps no secret")
	wrong(p.AccessJWT && p.Audience == "", "access_token_jwt needs the audience")
	return errs
}

func validatePolicy(p policy.Policy) (errs []error) {
	for i, c := range p.Accept {
		if !slices.Contains([]string{"", "mfa", "phr", "phrh"}, c.Auth) {
			errs = append(errs, fmt.Errorf("%w: policy.accept[%d].auth %q is none of ours", ErrParty, i, c.Auth))
		}
		if c.MaxAge < 0 {
			errs = append(errs, fmt.Errorf("%w: policy.accept[%d].max_age is negative", ErrParty, i))
		}
	}
	if d := policy.Decide(policy.Best(), time.Time{}, p); !d.Met {
		errs = append(errs, fmt.Errorf("%w: policy is met by nobody", ErrParty))
	}
	return errs
}

// NewSecret draws a client secret of 256 bits and returns it with what is kept of it. It is shown once.
func NewSecret() (secret string, hash []byte) {
	b := make([]byte, 32)
	rand.Read(b)
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, HashSecret(secret)
}

// HashSecret is what is kept of a secret. SHA-256 is enough for a value that is random itself.
func HashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
