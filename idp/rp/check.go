package rp

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/propusk/propusk/idp/fault"
)

var clientID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]{1,63}$`)

// Scopes lists what a party may be registered for.
func Scopes() []string {
	return []string{"openid", "profile", "email", "phone", "address", "snils", "inn", "documents", "offline_access"}
}

// Grants lists the grant types that a party may be registered for.
func Grants() []string { return []string{"authorization_code", "refresh_token", "client_credentials"} }

// AuthMethods lists how a party may prove itself at the token endpoint.
func AuthMethods() []string {
	return []string{"none", "client_secret_basic", "client_secret_post", "private_key_jwt"}
}

// Check joins every mistake of a registration. What passes is safe to follow: redirect addresses are
// exact, without fragment (RFC 6749 section 3.1.2), and encrypted except on the machine itself (RFC 9700
// section 2.6, RFC 8252 section 8.3).
func (p *Party) Check() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	known := func(what string, values, all []string) {
		for _, v := range values {
			want(slices.Contains(all, v), "%s: %q is none of %s", what, v, strings.Join(all, " "))
		}
	}
	want(clientID.MatchString(string(p.ID)), "client_id: want 2 to 64 letters, digits and ._~-")
	want(p.Name["ru"] != "" && p.Name["en"] != "", "client_name: want one in ru and one in en: citizens read it")
	known("profile", []string{string(p.Profile)}, []string{string(Strict), string(Plain)})
	known("token_endpoint_auth_method", []string{p.AuthMethod}, AuthMethods())
	known("grant_types", p.Grants, Grants())
	known("scope", p.Scopes, Scopes())
	known("id_token_signed_response_alg", []string{p.IDTokenAlg}, []string{"ES256", "RS256"})
	known("denied_error", []string{p.DeniedError}, []string{"", "access_denied"})
	want(len(p.Grants) > 0, "grant_types: want at least one")
	public := p.AuthMethod == "none"
	want(!public || p.Profile == Strict, "profile: a public client proves itself by PKCE alone, so it is strict")
	want(!public || !slices.Contains(p.Grants, "client_credentials"), "grant_types: client_credentials needs a client that proves itself")
	want(!strings.HasPrefix(p.AuthMethod, "client_secret_") || len(p.SecretHash) > 0, "token_endpoint_auth_method: there is no secret")
	want(p.AuthMethod != "private_key_jwt" || len(p.JWKS) > 0, "jwks: private_key_jwt needs the public key")
	if slices.Contains(p.Grants, "authorization_code") {
		want(len(p.Redirects) > 0, "redirect_uris: want at least one")
		want(slices.Contains(p.Scopes, "openid"), "scope: signing people in needs openid")
	}
	want(!slices.Contains(p.Grants, "refresh_token") || slices.Contains(p.Grants, "authorization_code"),
		"grant_types: refresh_token comes only from authorization_code")
	for _, r := range p.Redirects {
		want(p.mayFollow(r), "redirect_uris: %q: want https, or http on loopback, exact and without fragment", r)
	}
	for _, r := range p.PostLogout {
		want(p.mayFollow(r), "post_logout_redirect_uris: %q: want https, or http on loopback, without fragment", r)
	}
	if p.Backchannel != "" {
		want(webAddress(p.Backchannel), "backchannel_logout_uri: want https, or http on loopback, without fragment")
	}
	if p.Home != "" {
		want(webAddress(p.Home), "client_uri: want https, or http on loopback")
	}
	want(!p.AccessJWT || p.Audience != "", "audience: a JWT access token names its resource server")
	want(p.Consent >= 0, "consent_seconds: want no less than 0")
	for _, c := range p.Policy.Accept {
		want(slices.Contains([]string{"", "mfa", "phr", "phrh"}, c.Auth), "policy: auth %q is none of mfa phr phrh", c.Auth)
		want(c.MaxAge >= 0, "policy: max_age is below zero")
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("rp: registration: %w: %w", fault.Invalid, errors.Join(errs...))
}

// mayFollow tells whether a browser may be sent to the address. A native application may also have a
// scheme of its own, named after a domain so that it is no other's (RFC 8252 section 7.1).
func (p *Party) mayFollow(address string) bool {
	if webAddress(address) {
		return true
	}
	u, err := url.Parse(address)
	return p.Native && err == nil && strings.Contains(u.Scheme, ".") && u.Fragment == "" && !strings.Contains(address, "#")
}

func webAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || strings.ContainsAny(address, "#* \\") {
		return false
	}
	if u.Scheme == "https" {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && ip.IsLoopback())
}
