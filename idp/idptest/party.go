package idptest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/propusk/propusk/idp/rp"
)

// A Party is a registered relying party with its secret.
type Party struct {
	*rp.Party
	Secret string
}

// RegisterParty fills in what the registration leaves open, and saves it. Redirects go to an address that
// nobody serves, where browsers stop.
func (w *World) RegisterParty(p *rp.Party) *Party {
	w.tb.Helper()
	out := &Party{Party: p}
	if p.Name == nil {
		p.Name = map[string]string{"ru": string(p.ID), "en": string(p.ID)}
	}
	if p.AuthMethod != rp.AuthNone && p.AuthMethod != rp.AuthPrivateKey {
		out.Secret, p.SecretHash = rp.NewSecret()
	}
	if p.Redirects == nil {
		p.Redirects = []string{"https://" + string(p.ID) + ".test/callback"}
	}
	if p.Grants == nil {
		p.Grants = []string{rp.GrantCode, rp.GrantRefresh, rp.GrantCredentials}
	}
	if p.Scopes == nil {
		p.Scopes = []string{"openid", "profile", "email", "phone", "offline_access"}
	}
	p.Introspection = p.Confidential()
	p.Default()
	if err := p.Validate(); err != nil {
		w.tb.Fatal(err)
	}
	w.SaveParty(p)
	return out
}

// Verifier is the PKCE verifier of every request.
const Verifier = "a-verifier-of-more-than-forty-three-characters"

// Ask are the parameters of a right request; pairs replace or, empty, remove.
func (p *Party) Ask(pairs ...string) url.Values {
	sum := sha256.Sum256([]byte(Verifier))
	q := url.Values{
		"client_id": {string(p.ID)}, "redirect_uri": {p.Redirects[0]}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"state"}, "nonce": {"nonce"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if q.Del(pairs[i]); pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// Tokens is what the token endpoint answered.
type Tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
	Scope   string `json:"scope"`
	Expires int64  `json:"expires_in"`
	Error   string `json:"error"`
	Status  int    `json:"-"`
}

// call sends a form as the party, or a bearer token alone, and reads JSON. It does not end the test, so
// that goroutines may call it.
func (n *Node) call(method, path string, p *Party, bearer string, form url.Values, into any) int {
	t := n.world.tb
	t.Helper()
	if p != nil && p.Secret == "" {
		form.Set("client_id", string(p.ID))
	}
	r, err := http.NewRequestWithContext(t.Context(), method, n.world.Issuer.String()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Error(err)
		return 0
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	switch {
	case bearer != "":
		r.Header.Set("Authorization", "Bearer "+bearer)
	case p != nil && p.Secret != "":
		r.SetBasicAuth(url.QueryEscape(string(p.ID)), url.QueryEscape(p.Secret))
	}
	resp, err := n.client.Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && into != nil && len(body) > 0 {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		t.Errorf("%s %s: %v: %s", method, path, err, body)
	}
	return resp.StatusCode
}

// Token calls the token endpoint as a party, parameters by name and value.
func (n *Node) Token(p *Party, pairs ...string) (out Tokens) {
	n.world.tb.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	out.Status = n.call(http.MethodPost, "/oauth2/token", p, "", form, &out)
	return out
}

// Redeem redeems a code.
func (n *Node) Redeem(p *Party, code string) Tokens {
	n.world.tb.Helper()
	return n.Token(p, "grant_type", rp.GrantCode, "code", code, "redirect_uri", p.Redirects[0], "code_verifier", Verifier)
}

// Refresh rotates a refresh token.
func (n *Node) Refresh(p *Party, token string) Tokens {
	n.world.tb.Helper()
	return n.Token(p, "grant_type", rp.GrantRefresh, "refresh_token", token)
}

// Userinfo asks with an access token.
func (n *Node) Userinfo(access string) (status int, claims map[string]any) {
	n.world.tb.Helper()
	status = n.call(http.MethodGet, "/oauth2/userinfo", nil, access, nil, &claims)
	return status, claims
}

// Introspect asks about a token as a party.
func (n *Node) Introspect(p *Party, token string) (claims map[string]any) {
	n.world.tb.Helper()
	if status := n.call(http.MethodPost, "/oauth2/introspect", p, "", url.Values{"token": {token}}, &claims); status != http.StatusOK {
		n.world.tb.Errorf("introspect: %d %v", status, claims)
	}
	return claims
}

// Live tells whether an access token counts at userinfo; a party asks introspection too, and both must agree.
func (n *Node) Live(p *Party, access string) bool {
	n.world.tb.Helper()
	status, _ := n.Userinfo(access)
	active := n.Introspect(p, access)["active"] == true
	if (status == http.StatusOK) != active {
		n.world.tb.Errorf("userinfo answers %d and introspection active=%v for one token", status, active)
	}
	return active
}
