package oidc

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/signin"
)

// The longest values taken. state and nonce come back, or travel in the code.
const (
	maxState = 2048
	maxNonce = 512
	maxHint  = 256
)

// clean tells whether every name and value is text without controls.
func clean(q url.Values) bool {
	ok := func(s string) bool {
		for i := range len(s) { // of a rune of several bytes none is below 0x80
			if c := s[i]; c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == 0x7f {
				return false
			}
		}
		return utf8.ValidString(s)
	}
	for name, values := range q {
		if !ok(name) || slices.ContainsFunc(values, func(v string) bool { return !ok(v) }) {
			return false
		}
	}
	return true
}

var parameters = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "code_challenge",
	"code_challenge_method", "prompt", "max_age", "acr_values", "claims", "id_token_hint", "login_hint", "ui_locales",
	"display", "request", "request_uri", "registration",
}

// known keeps names of strangers out of the look-up: a name may hold anything.
func known(name string) string {
	if slices.Contains(parameters, name) {
		return name
	}
	return "another"
}

func unsupported(_ context.Context, q url.Values, _ *rp.Party, _ *signin.Request) *refusal {
	switch {
	case q.Has("request"):
		return refuse(noRequestObject, "request objects are not supported").about("request", "")
	case q.Has("request_uri"):
		return refuse(noRequestURI, "request_uri is not supported").about("request_uri", "")
	case q.Has("registration"):
		return refuse("registration_not_supported", "registration is not supported").about("registration", "")
	}
	return nil
}

func responseType(_ context.Context, q url.Values, p *rp.Party, _ *signin.Request) *refusal {
	switch t := q.Get("response_type"); {
	case t == "":
		return refuse(invalidRequest, "response_type is missing").about("response_type", "")
	case t != "code":
		return refuse(unsupportedType, "response_type is not code").about("response_type", "")
	case !p.May(rp.GrantCode):
		return refuse(unauthorizedClient, "the party is not registered for authorization_code")
	}
	return nil
}

func scopes(_ context.Context, q url.Values, p *rp.Party, r *signin.Request) *refusal {
	for _, s := range strings.Fields(q.Get("scope")) {
		if !slices.Contains(p.Scopes, s) {
			refused := refuse(invalidScope, "a scope is unknown, or the party is not registered for it")
			if slices.Contains(claims.Scopes(), s) {
				return refused.about("scope", s)
			}
			return refused.about("scope", "")
		}
		if !slices.Contains(r.Scopes, s) {
			r.Scopes = append(r.Scopes, s)
		}
	}
	if !slices.Contains(r.Scopes, claims.OpenID) {
		return refuse(invalidScope, "scope openid is missing").about("scope", claims.OpenID)
	}
	return nil
}

// challengeSize is the length of BASE64URL(SHA256(…)).
const challengeSize = 43

// made tells whether a text is of letters, digits and the given marks.
func made(s, marks string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && strings.IndexByte(marks, c) < 0 {
			return false
		}
	}
	return true
}

// challenge insists on PKCE with S256, but for confidential parties of the profile for existing software.
// A missing method means plain (RFC 7636 section 4.3), which protects from nobody who sees the request.
func challenge(_ context.Context, q url.Values, p *rp.Party, r *signin.Request) *refusal {
	r.Challenge = q.Get("code_challenge")
	switch {
	case r.Challenge == "" && q.Get("code_challenge_method") != "":
		return refuse(invalidRequest, "code_challenge is missing").about("code_challenge", "")
	case r.Challenge == "" && p.Profile == rp.Plain && p.Confidential():
		return nil
	case r.Challenge == "":
		return refuse(invalidRequest, "code_challenge is missing, and PKCE is required").about("code_challenge", "")
	case q.Get("code_challenge_method") != "S256":
		return refuse(invalidRequest, "code_challenge_method is not S256").about("code_challenge_method", "")
	case len(r.Challenge) != challengeSize || !made(r.Challenge, "-_"):
		return refuse(invalidRequest, "code_challenge is not a SHA-256 in base64url").about("code_challenge", "")
	}
	return nil
}

var promptValues = []string{"none", "login", "consent", "select_account", "create"}

func prompts(_ context.Context, q url.Values, _ *rp.Party, r *signin.Request) *refusal {
	r.Prompt = strings.Fields(q.Get("prompt"))
	for _, p := range r.Prompt {
		if !slices.Contains(promptValues, p) {
			return refuse(invalidRequest, "prompt has an unknown value").about("prompt", "")
		}
	}
	if len(r.Prompt) > 1 && r.Prompted("none") {
		return refuse(invalidRequest, "prompt has none beside another value").about("prompt", "")
	}
	if q.Has("max_age") {
		n, err := strconv.ParseUint(q.Get("max_age"), 10, 31)
		if err != nil {
			return refuse(invalidRequest, "max_age is not a whole number of seconds").about("max_age", "")
		}
		age := int(n)
		r.MaxAge = &age
	}
	return nil
}

// demands reads acr_values and claims: what is asked of the citizen besides the party's own policy.
func (d *Door) demands(_ context.Context, q url.Values, p *rp.Party, r *signin.Request) *refusal {
	asked, err := claims.ParseRequest([]byte(q.Get("claims")))
	if err != nil {
		return refuse(invalidRequest, "claims is not as OpenID Connect Core 5.5 and Identity Assurance 5 have it, or too long").about("claims", "")
	}
	if q.Get("claims") != "" {
		r.Claims = []byte(q.Get("claims"))
	}
	for _, s := range asked.Scopes(r.Scopes) {
		if slices.Contains(p.Scopes, s) {
			r.Data = append(r.Data, s)
		}
	}
	r.Data = append(r.Data, asked.VerifiedData(p.Scopes)...)
	var any policy.Policy
	values := strings.Fields(q.Get("acr_values"))
	if len(values) > claims.MostValues {
		return refuse(invalidRequest, "acr_values has too many values").about("acr_values", "")
	}
	for _, v := range values {
		if c, ok := policy.OfACR(v); ok && !slices.Contains(r.ACR, v) {
			any.Accept = append(any.Accept, c)
			r.ACR = append(r.ACR, v)
		}
	}
	r.Demanded = r.ACR
	for _, v := range asked.ACR() {
		if !slices.Contains(r.ACR, v) {
			r.ACR = append(r.ACR, v)
		}
	}
	if r.Demand, err = policy.And(any, asked.Demand()); err != nil {
		return refuse(invalidRequest, "acr_values and claims ask for too many things").about("acr_values", "")
	}
	if sub := asked.Subject(); sub != "" {
		if r.HintedFor = accountOf(sub); r.HintedFor == 0 {
			return refuse(invalidRequest, "claims asks for a sub that is none of ours").about("claims", "")
		}
	}
	return nil
}

// hints reads what helps to know the citizen again. id_token_hint must be a token that we gave this party:
// it decides who may answer.
func (d *Door) hints(_ context.Context, q url.Values, p *rp.Party, r *signin.Request) *refusal {
	r.Hint = q.Get("login_hint")
	for _, l := range strings.Fields(q.Get("ui_locales")) {
		l, _, _ = strings.Cut(strings.ToLower(l), "-")
		if l == "ru" || l == "en" {
			r.Lang = l
			break
		}
	}
	if q.Get("id_token_hint") == "" {
		return nil
	}
	hint, err := d.hint(q.Get("id_token_hint"))
	if err != nil || hint.Audience != string(p.ID) {
		return refuse(invalidRequest, "id_token_hint is not an ID token of this party").about("id_token_hint", "")
	}
	who := accountOf(hint.Subject)
	if who == 0 || r.HintedFor != 0 && r.HintedFor != who {
		return refuse(invalidRequest, "id_token_hint and claims ask for two people").about("id_token_hint", "")
	}
	r.HintedFor = who
	return nil
}

func sizes(_ context.Context, q url.Values, _ *rp.Party, r *signin.Request) *refusal {
	r.Nonce = q.Get("nonce")
	switch {
	case len(r.State) > maxState:
		r.State = "" // what is refused for its length is not sent back
		return refuse(invalidRequest, "state is too long").about("state", "")
	case len(r.Nonce) > maxNonce:
		return refuse(invalidRequest, "nonce is too long").about("nonce", "")
	case len(r.Hint) > maxHint:
		return refuse(invalidRequest, "login_hint is too long").about("login_hint", "")
	}
	return nil
}

// A hint is what we read of an ID token that a party shows us, expired or not.
type hint struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Session  string `json:"sid"`
}

func (d *Door) hint(token string) (*hint, error) {
	var h hint
	if err := d.verify(token, typeID, &h); err != nil {
		return nil, err
	}
	if h.Issuer != d.Issuer {
		return nil, errToken
	}
	return &h, nil
}
