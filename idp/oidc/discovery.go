package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// The documents of the door.
const (
	jwks = iota
	discovery
	assurance
)

// A document is bytes made once.
type document struct {
	body  []byte
	etag  string
	media string
	cache string
}

type documents [3]document

// Refresh makes the documents anew; call it when the keys have changed. A new key is published before it
// signs (seal.Keyring), and the cache time of the JWKS is shorter than that.
func (d *Door) Refresh() {
	var out documents
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range d.Ring.SigningKeys() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: k.Alg, Use: "sig"})
	}
	out[jwks] = newDocument(set, "application/jwk-set+json", "public, max-age=60")
	out[discovery] = newDocument(d.metadata(), "application/json", "public, max-age=3600")
	out[assurance] = newDocument(d.vocabulary(), "application/json", "public, max-age=3600")
	d.documents.Store(&out)
}

func newDocument(v any, media, cache string) document {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // the values are ours, and marshal
	}
	body = append(body, '\n')
	sum := sha256.Sum256(body)
	return document{body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, media, cache}
}

func (d *Door) document(which int) echo.HandlerFunc {
	return func(c echo.Context) error {
		doc := &d.documents.Load()[which]
		h := c.Response().Header()
		h.Set("ETag", doc.etag)
		h.Set("Cache-Control", doc.cache)
		for _, tag := range strings.Split(c.Request().Header.Get("If-None-Match"), ",") {
			if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == doc.etag || tag == "*" {
				return c.NoContent(http.StatusNotModified)
			}
		}
		return c.Blob(http.StatusOK, doc.media, doc.body)
	}
}

// metadata describes the provider (OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2). It says
// what there is, and leaves out what is not.
type metadata struct {
	Issuer             string   `json:"issuer"`
	Authorize          string   `json:"authorization_endpoint"`
	Token              string   `json:"token_endpoint"`
	Userinfo           string   `json:"userinfo_endpoint"`
	JWKS               string   `json:"jwks_uri"`
	Introspect         string   `json:"introspection_endpoint"`
	Revoke             string   `json:"revocation_endpoint"`
	EndSession         string   `json:"end_session_endpoint"`
	Scopes             []string `json:"scopes_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	ResponseModes      []string `json:"response_modes_supported"`
	Grants             []string `json:"grant_types_supported"`
	ACR                []string `json:"acr_values_supported"`
	SubjectTypes       []string `json:"subject_types_supported"`
	IDTokenAlgs        []string `json:"id_token_signing_alg_values_supported"`
	TokenAuth          []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	DPoPAlgs           []string `json:"dpop_signing_alg_values_supported"`
	IntrospectAuth     []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectAuthAlgs []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevokeAuth         []string `json:"revocation_endpoint_auth_methods_supported"`
	RevokeAuthAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	Display            []string `json:"display_values_supported"`
	ClaimTypes         []string `json:"claim_types_supported"`
	Claims             []string `json:"claims_supported"`
	UILocales          []string `json:"ui_locales_supported"`
	Prompts            []string `json:"prompt_values_supported"`
	PKCE               []string `json:"code_challenge_methods_supported"`
	ClaimsParameter    bool     `json:"claims_parameter_supported"`
	RequestParameter   bool     `json:"request_parameter_supported"`
	RequestURI         bool     `json:"request_uri_parameter_supported"`
	RequireRequestURI  bool     `json:"require_request_uri_registration"`
	IssParameter       bool     `json:"authorization_response_iss_parameter_supported"`
	Backchannel        bool     `json:"backchannel_logout_supported"`
	BackchannelSession bool     `json:"backchannel_logout_session_supported"`
	Assurance          string   `json:"propusk_assurance_uri"`
	// RFC 8705 sections 3.3 and 5; only where certificates are asked for.
	CertificateBound bool              `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	Aliases          map[string]string `json:"mtls_endpoint_aliases,omitempty"`
	claims.VerifiedSupport
}

func (d *Door) metadata() metadata {
	proofs := []string{rp.AuthBasic, rp.AuthPost, rp.AuthPrivateKey}
	var algs []string
	for _, a := range assertionAlgorithms {
		algs = append(algs, string(a))
	}
	m := metadata{
		Issuer: d.Issuer, Authorize: d.Issuer + "/oauth2/authorize", Token: d.Issuer + "/oauth2/token",
		Userinfo: d.Issuer + "/oauth2/userinfo", JWKS: d.Issuer + "/oauth2/jwks", Introspect: d.Issuer + "/oauth2/introspect",
		Revoke: d.Issuer + "/oauth2/revoke", EndSession: d.Issuer + "/oauth2/logout",
		Scopes: claims.Scopes(), ResponseTypes: []string{"code"}, ResponseModes: []string{"query", "form_post"},
		Grants: []string{rp.GrantCode, rp.GrantRefresh, rp.GrantCredentials},
		ACR:    policy.ACRValues(), SubjectTypes: []string{"public"}, IDTokenAlgs: []string{"ES256", "RS256"},
		TokenAuth: append(proofs[:3:3], rp.AuthNone), TokenAuthAlgs: algs, DPoPAlgs: dpop.Algorithms(),
		IntrospectAuth: proofs, IntrospectAuthAlgs: algs, RevokeAuth: append(proofs[:3:3], rp.AuthNone), RevokeAuthAlgs: algs,
		Display: []string{"page"}, ClaimTypes: []string{"normal"}, Claims: append(claims.Names(), "verified_claims"), UILocales: []string{"ru", "en"},
		Prompts: promptValues, PKCE: []string{"S256"}, ClaimsParameter: true, IssParameter: true,
		Backchannel: true, BackchannelSession: true, Assurance: d.Issuer + "/.well-known/propusk-assurance",
		VerifiedSupport: claims.SupportedVerified(),
	}
	if d.CertificateHost != nil {
		m.CertificateBound = true
		m.Aliases = map[string]string{"token_endpoint": strings.TrimSuffix(d.CertificateHost.String(), "/") + "/oauth2/token"}
	}
	return m
}

// vocabulary publishes the words of the assurance claims, so that a party can compare them without
// knowing them by heart.
type vocabulary struct {
	Issuer  string       `json:"issuer"`
	Levels  []levelWord  `json:"account_levels"`
	Methods []methodWord `json:"confirmation_methods"`
	Reasons []string     `json:"policy_reasons"`
}

type levelWord struct {
	Value string            `json:"value"`
	Rank  int               `json:"rank"`
	ACR   string            `json:"acr"`
	Name  map[string]string `json:"name"`
}

type methodWord struct {
	Value       string            `json:"value"`
	Strength    int               `json:"strength"` // compare, do not store: a new method may come between
	Aliases     []string          `json:"aliases,omitempty"`
	IssuedUntil string            `json:"issued_until,omitempty"` // no new means of this kind since; old ones work to their end
	Name        map[string]string `json:"name"`
}

func (d *Door) vocabulary() vocabulary {
	v := vocabulary{Issuer: d.Issuer}
	levels := map[account.Level]map[string]string{
		account.Simplified: {"ru": "упрощённая учётная запись", "en": "simplified account"},
		account.Standard:   {"ru": "стандартная учётная запись", "en": "standard account"},
		account.Verified:   {"ru": "подтверждённая учётная запись", "en": "verified account"},
	}
	for l := account.Simplified; l <= account.Verified; l++ {
		v.Levels = append(v.Levels, levelWord{l.String(), int(l), policy.LevelACR(l), levels[l]})
	}
	methods := map[account.Method]methodWord{
		account.MailCode:           {Name: map[string]string{"ru": "код из заказного письма", "en": "code from a registered letter"}},
		account.Bank:               {Name: map[string]string{"ru": "через банк", "en": "through a bank"}},
		account.ElectronicCard:     {Aliases: []string{"uec"}, IssuedUntil: "2016-12-31", Name: map[string]string{"ru": "универсальная электронная карта", "en": "universal electronic card"}},
		account.QualifiedSignature: {Aliases: []string{"qes"}, Name: map[string]string{"ru": "квалифицированная электронная подпись", "en": "qualified electronic signature"}},
		account.ServiceCenter:      {Name: map[string]string{"ru": "визит в центр обслуживания", "en": "visit to a service centre"}},
	}
	for _, m := range account.Methods() {
		w := methods[m]
		w.Value, w.Strength = m.String(), int(m)
		v.Methods = append(v.Methods, w)
	}
	for _, r := range policy.Reasons() {
		v.Reasons = append(v.Reasons, string(r))
	}
	return v
}
