package bank

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// propusk calls the partner API as any bank would: a signed assertion for a token, a proof of possession
// with each call, the same idempotency key when a call is sent again.
type propusk struct {
	issuer, id string
	signer     jose.Signer // of assertions
	prover     jose.Signer // of proofs: its header carries the public key
	http       *http.Client

	mu      sync.Mutex
	nonce   string
	token   string
	expires time.Time
}

func newPropusk(cfg Config) (*propusk, error) {
	public := jose.JSONWebKey{Key: cfg.Key.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	kid := base64.RawURLEncoding.EncodeToString(sum[:12])
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: cfg.Key, KeyID: kid}}
	signer, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	prover, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: cfg.Key},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return &propusk{issuer: cfg.Issuer, id: cfg.PartnerID, signer: signer, prover: prover, http: cfg.HTTPClient}, nil
}

// JWKS is what the bank gives Propusk when it registers: the public key, under the kid of its assertions.
func JWKS(key crypto.Signer) (json.RawMessage, error) {
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(sum[:12])
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
}

func sign(s jose.Signer, claims any) (string, error) {
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	jws, err := s.Sign(text)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// proof makes a proof for one request (RFC 9449 section 4.2).
func (p *propusk) proof(method, address, token string) (string, error) {
	claims := map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": time.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	p.mu.Lock()
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	p.mu.Unlock()
	return sign(p.prover, claims)
}

// learn keeps the nonce for the next proof.
func (p *propusk) learn(h http.Header) {
	if n := h.Get("DPoP-Nonce"); n != "" {
		p.mu.Lock()
		p.nonce = n
		p.mu.Unlock()
	}
}

// access gives a token that lives for a while yet.
func (p *propusk) access(ctx context.Context) (string, error) {
	p.mu.Lock()
	token, expires := p.token, p.expires
	p.mu.Unlock()
	if token != "" && time.Until(expires) > 30*time.Second {
		return token, nil
	}
	address := p.issuer + "/oauth2/token"
	for range 2 { // the first time we may have no nonce
		now := time.Now()
		assertion, err := sign(p.signer, map[string]any{
			"iss": p.id, "sub": p.id, "aud": p.issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		})
		if err != nil {
			return "", err
		}
		form := url.Values{
			"grant_type": {"client_credentials"}, "scope": {"partner.bank"}, "client_id": {p.id}, "client_assertion": {assertion},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}
		proof, err := p.proof(http.MethodPost, address, "")
		if err != nil {
			return "", err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			return "", err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("DPoP", proof)
		var answer struct {
			Token   string `json:"access_token"`
			Expires int    `json:"expires_in"`
			Error   string `json:"error"`
		}
		status, _, err := p.send(r, &answer)
		switch {
		case err != nil:
			return "", err
		case answer.Error == "use_dpop_nonce":
			continue
		case status != http.StatusOK || answer.Token == "":
			return "", fmt.Errorf("token: %d %s", status, answer.Error)
		}
		p.mu.Lock()
		p.token, p.expires = answer.Token, now.Add(time.Duration(answer.Expires)*time.Second)
		p.mu.Unlock()
		return answer.Token, nil
	}
	return "", errors.New("token: no nonce is right")
}

// send sends a request once and reads a JSON answer.
func (p *propusk) send(r *http.Request, into any) (int, http.Header, error) {
	resp, err := p.http.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	p.learn(resp.Header)
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return 0, nil, err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return resp.StatusCode, resp.Header, fmt.Errorf("%s: status %d, not JSON", r.URL.Path, resp.StatusCode)
	}
	return resp.StatusCode, resp.Header, nil
}

// An Outcome is Propusk's answer.
type Outcome struct {
	Reference    string     `json:"reference"`
	Status       string     `json:"status"`
	Fields       []string   `json:"fields"`
	Confirmation string     `json:"confirmation"`
	ConfirmedAt  *time.Time `json:"confirmed_at"`
	ReturnTo     string     `json:"return_to"`
	Receipt      string     `json:"receipt"`
}

// A Problem is Propusk's refusal of a call (RFC 9457).
type Problem struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
	Request string `json:"request_id"`
}

func (p *Problem) Error() string {
	return fmt.Sprintf("propusk: %s (%s): %s", p.Code, p.Request, p.Detail)
}

// attempts is how often a call is sent whose answer did not arrive, or was a fault of Propusk's.
const attempts = 4

// call sends a request to the partner API, under one idempotency key however often it is sent.
func (p *propusk) call(ctx context.Context, method, path, key string, body any) (*Outcome, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	address := p.issuer + "/partner/v1" + path
	var last error
	for n := range attempts {
		if n > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(time.Duration(n*n) * 200 * time.Millisecond):
			}
		}
		out, wrong := &Outcome{}, &Problem{}
		status, err := p.once(ctx, method, address, key, text, out, wrong)
		switch {
		case err != nil: // the connection broke: whatever became of the call, the key keeps it single
			last = err
		case status < 300:
			return out, nil
		case status == http.StatusUnauthorized: // another nonce, or another token
			p.mu.Lock()
			if wrong.Code != "use_dpop_nonce" {
				p.token = ""
			}
			p.mu.Unlock()
			last = wrong
		case status >= 500:
			last = wrong
		default:
			return nil, wrong
		}
	}
	return nil, last
}

func (p *propusk) once(ctx context.Context, method, address, key string, body []byte, out *Outcome, wrong *Problem) (int, error) {
	token, err := p.access(ctx)
	if err != nil {
		return 0, err
	}
	proof, err := p.proof(method, address, token)
	if err != nil {
		return 0, err
	}
	var in io.Reader
	if method == http.MethodPost {
		in = bytes.NewReader(body)
	}
	r, err := http.NewRequestWithContext(ctx, method, address, in)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", key)
	}
	var raw json.RawMessage
	status, _, err := p.send(r, &raw)
	if err != nil {
		return status, err
	}
	if status < 300 {
		return status, json.Unmarshal(raw, out)
	}
	return status, json.Unmarshal(raw, wrong)
}
