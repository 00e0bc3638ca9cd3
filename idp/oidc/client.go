package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

// A client is a party as the protocol library wants to see it. The library's dispatcher looks at the id,
// the way of authentication and the grants; the rest is never asked behind our own endpoints.
type client struct{ *rp.Party }

func (c client) GetID() string                       { return string(c.ID) }
func (c client) RedirectURIs() []string              { return c.Redirects }
func (c client) PostLogoutRedirectURIs() []string    { return c.PostLogout }
func (c client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c client) AuthMethod() oidc.AuthMethod         { return oidc.AuthMethod(c.Party.AuthMethod) }
func (c client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c client) LoginURL(string) string                                              { return "" }
func (c client) AccessTokenType() op.AccessTokenType                                 { return op.AccessTokenTypeBearer }
func (c client) IDTokenLifetime() time.Duration                                      { return 0 }
func (c client) DevMode() bool                                                       { return false }
func (c client) RestrictAdditionalIdTokenScopes() func(scopes []string) []string     { return nil }
func (c client) RestrictAdditionalAccessTokenScopes() func(scopes []string) []string { return nil }
func (c client) IsScopeAllowed(string) bool                                          { return false }
func (c client) IDTokenUserinfoClaimsAssertion() bool                                { return false }
func (c client) ClockSkew() time.Duration                                            { return 0 }

func (c client) GrantTypes() []oidc.GrantType {
	out := make([]oidc.GrantType, len(c.Grants))
	for i, g := range c.Grants {
		out[i] = oidc.GrantType(g)
	}
	return out
}

// credentials are how a party says who it is.
type credentials struct {
	id, secret, assertion string
	basic                 bool
}

// VerifyClient authenticates a party at the library's endpoints.
func (s *server) VerifyClient(ctx context.Context, r *op.Request[op.ClientCredentials]) (op.Client, error) {
	_, _, basic := (&http.Request{Header: r.Header}).BasicAuth()
	c := credentials{id: r.Data.ClientID, secret: r.Data.ClientSecret, assertion: r.Data.ClientAssertion, basic: basic}
	if form := r.Form.Get("client_id"); basic && form != "" && form != c.id {
		return nil, library(ctx, refuse(invalidClient, "client_id differs from the one in Authorization"))
	}
	party, err := s.door.authenticate(ctx, c)
	if err != nil {
		return nil, library(ctx, err)
	}
	return client{party}, nil
}

// wrongs is how many wrong proofs a minute are answered as such, of one party and network.
const wrongs = 20

// authenticate proves who a party is, by the one way it is registered with. What is wrong is not told:
// only that it is. Secrets have 256 random bits, so they are compared in constant time and not slowed.
func (d *Door) authenticate(ctx context.Context, c credentials) (*rp.Party, error) {
	if c.assertion != "" && c.id == "" {
		c.id = claimedIssuer(c.assertion)
	}
	if c.id == "" || len(c.id) > 64 {
		return nil, refuse(invalidClient, "the client is not known")
	}
	party, err := d.Parties.Party(ctx, rp.ID(c.id))
	if errors.Is(err, fault.NotFound) {
		party, err = nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: party: %w", err)
	}
	if party == nil || party.Disabled {
		return nil, d.wrong(ctx, c.id, refuse(invalidClient, "the client is not known"))
	}
	why := ""
	switch party.AuthMethod {
	case rp.AuthNone:
		if c.secret != "" || c.assertion != "" { // an empty secret by Basic is how some libraries say "none"
			why = "the client is registered to prove nothing, and tries to"
		}
	case rp.AuthBasic, rp.AuthPost:
		hash := sha256.Sum256([]byte(c.secret))
		switch {
		case c.assertion != "" || c.secret == "" || c.basic != (party.AuthMethod == rp.AuthBasic):
			why = "the client authenticates in another way than " + party.AuthMethod
		case subtle.ConstantTimeCompare(hash[:], party.SecretHash) != 1:
			why = "the secret is wrong"
		}
	case rp.AuthPrivateKey:
		if c.secret != "" || c.assertion == "" {
			why = "the client authenticates in another way than private_key_jwt"
			break
		}
		if why, err = d.checkAssertion(ctx, party, c.assertion); err != nil {
			return nil, err
		}
	default:
		why = "the client's way of authentication is not known"
	}
	if why == "" {
		return party, nil
	}
	told := d.wrong(ctx, c.id, refuse(invalidClient, "the client is not known"))
	if told.code == invalidClient {
		d.record(ctx, edge.RequestID(ctx), party.ID, refuse(invalidClient, why))
	}
	return nil, told
}

// wrong counts wrong proofs, and beyond a number asks to slow down.
func (d *Door) wrong(ctx context.Context, id string, r *refusal) *refusal {
	key, err := d.Ring.KeyedHash("client authentication", id+"|"+edge.Network(ctx), nil)
	if err != nil {
		return r
	}
	sum, _, err := d.Transients.Count(ctx, "client_wrong", hex.EncodeToString(key.Digest), 1, d.Now(), time.Minute)
	if err != nil {
		d.Logger.WarnContext(ctx, "wrong client authentication not counted", "error", err)
		return r
	}
	if sum > wrongs {
		return refuse(slowDown, "too many wrong attempts")
	}
	return r
}

// fromRequest reads HTTP Basic credentials, as the library does for its own endpoints (RFC 6749 section
// 2.3.1: both parts are form-encoded).
func fromRequest(r *http.Request) credentials {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return credentials{}
	}
	return credentials{id: unescape(id), secret: unescape(secret), basic: true}
}

func bearerOf(h http.Header) string {
	scheme, token, ok := strings.Cut(h.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
