package idptest

import (
	"bytes"
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/partner"
)

// A Partner is a registered partner with its private key, and a client of the partner API.
type Partner struct {
	*partner.Partner
	Key   *ecdsa.PrivateKey
	Bound *ecdsa.PrivateKey // that tokens are bound to; nil: Key too
	Nonce string            // the last that was given
	world *World
	node  *Node
}

// RegisterPartner gives a partner a key and what its registration leaves open, and saves it.
func (w *World) RegisterPartner(p *partner.Partner) *Partner {
	w.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.tb.Fatal(err)
	}
	if p.Name == nil {
		p.Name = map[string]string{"ru": "Партнёр " + string(p.ID), "en": string(p.ID)}
	}
	if p.Kind == partner.Bank && p.Number == "" {
		p.Number = "040000001"
	}
	if p.JWKS, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1"}}}); err != nil {
		w.tb.Fatal(err)
	}
	if err := p.Validate(); err != nil {
		w.tb.Fatal(err)
	}
	if err := w.Records.SavePartner(w.tb.Context(), p); err != nil {
		w.tb.Fatal(err)
	}
	return &Partner{Partner: p, Key: key, world: w, node: w.first}
}

// At is the same partner speaking to another node.
func (p *Partner) At(n *Node) *Partner { out := *p; out.node = n; return &out }

func (p *Partner) sign(options *jose.SignerOptions, key any, claims map[string]any) string {
	p.world.tb.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		p.world.tb.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		p.world.tb.Fatal(err)
	}
	jws, err := signer.Sign(text)
	if err != nil {
		p.world.tb.Fatal(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		p.world.tb.Fatal(err)
	}
	return out
}

// Assertion proves who the partner is at the token endpoint.
func (p *Partner) Assertion() string {
	now := time.Now()
	return p.sign((&jose.SignerOptions{}).WithType("JWT"), jose.JSONWebKey{Key: p.Key, KeyID: "k1"}, map[string]any{
		"iss": p.ID, "sub": p.ID, "aud": p.world.Issuer.String(), "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	})
}

// Proof makes a proof of possession; pairs replace its claims, and a nil value removes one.
func (p *Partner) Proof(method, path, token string, pairs ...any) string {
	p.world.tb.Helper()
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": p.world.Issuer.String() + path, "iat": time.Now().Unix(), "nonce": p.Nonce}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if claims[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(claims, pairs[i].(string))
		}
	}
	return p.sign((&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), cmp.Or(p.Bound, p.Key), claims)
}

// TokenForm is the body of a right token request.
func (p *Partner) TokenForm() url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "scope": {p.Kind.Scope()}, "client_id": {string(p.ID)}, "client_assertion": {p.Assertion()},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
}

// Token gets a token bound to the partner's key, asking for a nonce first where it has none.
func (p *Partner) Token() string {
	p.world.tb.Helper()
	var out Tokens
	for range 2 {
		r := p.request(http.MethodPost, "/oauth2/token", strings.NewReader(p.TokenForm().Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("DPoP", p.Proof(http.MethodPost, "/oauth2/token", ""))
		a := p.Send(r)
		out = Tokens{}
		if err := json.Unmarshal(a.Body, &out); err != nil {
			p.world.tb.Fatalf("token: %d %s", a.Status, a.Body)
		}
		if out.Error != "use_dpop_nonce" {
			break
		}
	}
	if out.Access == "" {
		p.world.tb.Fatalf("token: %+v", out)
	}
	return out.Access
}

func (p *Partner) request(method, path string, body io.Reader) *http.Request {
	p.world.tb.Helper()
	r, err := http.NewRequestWithContext(p.world.tb.Context(), method, p.world.Issuer.String()+path, body)
	if err != nil {
		p.world.tb.Fatal(err)
	}
	return r
}

// A Reply is what a partner was answered.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Into reads the body.
func (r *Reply) Into(v any) error { return json.Unmarshal(r.Body, v) }

// Request makes a right call of the partner API; body nil: a GET. It is not sent yet.
func (p *Partner) Request(token, path, key string, body any) *http.Request {
	p.world.tb.Helper()
	method, in := http.MethodGet, io.Reader(nil)
	if body != nil {
		text, ok := body.([]byte)
		if !ok {
			var err error
			if text, err = json.Marshal(body); err != nil {
				p.world.tb.Fatal(err)
			}
		}
		method, in = http.MethodPost, bytes.NewReader(text)
	}
	r := p.request(method, "/partner/v1"+path, in)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", p.Proof(method, "/partner/v1"+path, token))
	return r
}

// Send sends a request to the partner's node. An answer that did not come is status 0.
func (p *Partner) Send(r *http.Request) *Reply {
	resp, err := p.node.client.Do(r)
	if err != nil {
		return &Reply{}
	}
	defer resp.Body.Close()
	if n := resp.Header.Get("DPoP-Nonce"); n != "" {
		p.Nonce = n
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return &Reply{}
	}
	return &Reply{Status: resp.StatusCode, Header: resp.Header, Body: body}
}

// Call makes a right call with a token of its own.
func (p *Partner) Call(path, key string, body any) *Reply {
	p.world.tb.Helper()
	return p.Send(p.Request(p.Token(), path, key, body))
}

// Vouch is the body with which a bank vouches for the owner of an account.
func Vouch(a *account.Account, reference string) map[string]any {
	p := a.Profile.Person
	return map[string]any{"reference": reference, "identity": map[string]any{
		"family_name": p.FamilyName.String(), "given_name": p.GivenName.String(), "patronymic": p.Patronymic.String(),
		"birth_date": p.BirthDate.String(), "snils": p.SNILS.String(), "phone": Phone(a),
		"document": map[string]any{"type": p.Document.Type.String(), "number": p.Document.Number},
	}}
}
