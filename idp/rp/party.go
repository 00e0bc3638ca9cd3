// Package rp keeps relying parties: who may ask for sign-ins, where answers go, and how they prove themselves.
package rp

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/propusk/propusk/idp/policy"
)

// An ID is an OAuth client_id.
type ID string

// A Profile is the set of protocol rules a party is held to (design.md 4).
type Profile string

// The profiles.
const (
	Strict Profile = "strict" // PKCE S256, exact redirect, rotated refresh; the default
	Plain  Profile = "oidc"   // for existing software: PKCE optional for confidential clients
)

// A Party is a registered relying party. Field names on the wire follow RFC 7591 where it has them.
type Party struct {
	ID      ID                `json:"client_id"`
	Name    map[string]string `json:"client_name"`       // by language
	Purpose map[string]string `json:"purpose,omitempty"` // why it asks for data, by language
	Home    string            `json:"client_uri"`        // where a citizen who turns back goes
	Profile Profile           `json:"profile"`
	// InitiateLogin is where a sign-in begins that somebody else starts (OpenID Connect Core 1.0 section 4):
	// citizens who were turned away, and would be let in now, are led there.
	InitiateLogin string `json:"initiate_login_uri,omitempty"`

	AuthMethod  string          `json:"token_endpoint_auth_method"` // none, client_secret_basic, client_secret_post, private_key_jwt
	SecretHash  []byte          `json:"secret_hash,omitempty"`      // SHA-256 of a secret that we made: 256 random bits
	JWKS        json.RawMessage `json:"jwks,omitempty"`
	Native      bool            `json:"native,omitempty"` // RFC 8252: any port of a loopback redirect
	Redirects   []string        `json:"redirect_uris"`
	PostLogout  []string        `json:"post_logout_redirect_uris,omitempty"`
	Backchannel string          `json:"backchannel_logout_uri,omitempty"`

	Grants        []string `json:"grant_types"`
	Scopes        []string `json:"scopes"`
	IDTokenAlg    string   `json:"id_token_signed_response_alg"` // ES256 or RS256
	AccessJWT     bool     `json:"access_token_jwt,omitempty"`   // RFC 9068 instead of opaque
	Audience      string   `json:"audience,omitempty"`           // the resource server of such tokens
	Introspection bool     `json:"introspection,omitempty"`      // may ask about any token, as a resource server
	// Bound lets the party's own tokens out only to a key that it holds: by DPoP (RFC 9449) or by the
	// certificate of its TLS connection (RFC 8705).
	Bound bool `json:"sender_constrained,omitempty"`

	Policy policy.Policy `json:"policy"`
	// Announced is what the party demands when it judges by the claims it reads: citizens are told of it
	// beforehand, and nothing is decided by it.
	Announced   policy.Policy `json:"announced_policy,omitzero"`
	DeniedError string        `json:"denied_error,omitempty"` // "access_denied" instead of unmet_authentication_requirements
	// Consent says for how long a citizen's consent is remembered; 0 is the default of a year.
	Consent time.Duration `json:"consent_seconds,omitempty"`
	// Trusted parties are the state's own front doors: no consent page. None of the demo's is.
	Trusted  bool      `json:"trusted,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Changed  time.Time `json:"changed"`
}

// wire is a Party with its times in seconds, as RFC 7591 counts.
type wire struct {
	*plain
	Consent int64 `json:"consent_seconds,omitempty"`
}

type plain Party

// MarshalJSON writes the wire form.
func (p Party) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{(*plain)(&p), int64(p.Consent / time.Second)})
}

// UnmarshalJSON reads the wire form.
func (p *Party) UnmarshalJSON(b []byte) error {
	w := wire{plain: (*plain)(p)}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	p.Consent = time.Duration(w.Consent) * time.Second
	return nil
}

// A Store keeps relying parties.
type Store interface {
	// Party returns a relying party; fault.NotFound.
	Party(ctx context.Context, id ID) (*Party, error)
	Parties(ctx context.Context) ([]*Party, error)
	// SaveParty writes a party, new or changed, and moves the one version row that caches watch.
	SaveParty(ctx context.Context, p *Party) error
	DeleteParty(ctx context.Context, id ID) error
	// PartyVersion is the version row: it changes with every SaveParty and DeleteParty.
	PartyVersion(ctx context.Context) (int64, error)
}

// Entrance is where a citizen goes to sign in at the party: its address for sign-ins that others start, which is
// told who does (OpenID Connect Core 1.0 section 4), or its home; "" for one that has neither.
func (p *Party) Entrance(issuer string) string {
	if p.InitiateLogin == "" {
		return p.Home
	}
	u, err := url.Parse(p.InitiateLogin)
	if err != nil {
		return p.Home
	}
	q := u.Query()
	q.Set("iss", issuer)
	u.RawQuery = q.Encode()
	return u.String()
}
