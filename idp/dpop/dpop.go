// Package dpop checks proofs of possession (RFC 9449): that whoever sends a request holds the key that a
// token is bound to.
//
// A proof is a JWS over the method and address of one request, signed with a key that stands in its header.
// It is worth something once, for a minute, and only under a nonce that we gave out: a proof made in advance,
// or taken from a log, opens nothing. The nonce is a sealed time, so any node knows those of all others.
package dpop

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

// Header carries the proof in a request, NonceHeader the nonce for the next one in an answer.
const (
	Header      = "DPoP"
	NonceHeader = "DPoP-Nonce"
)

var (
	// ErrProof reports a proof that proves nothing; the OAuth error is invalid_dpop_proof.
	ErrProof = fmt.Errorf("dpop: %w", fault.Denied)
	// ErrNonce reports a proof without a live nonce of ours; the OAuth error is use_dpop_nonce. The sender
	// makes another proof with the nonce of the answer.
	ErrNonce = fmt.Errorf("dpop: a fresh nonce is wanted: %w", fault.Expired)
)

// Algorithms are those that proofs may be signed with.
func Algorithms() []string {
	out := make([]string, len(algorithms))
	for i, a := range algorithms {
		out[i] = string(a)
	}
	return out
}

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA, jose.RS256}

const (
	typ       = "dpop+jwt"
	longest   = 8 << 10
	window    = time.Minute     // of iat, either way
	nonceLife = 5 * time.Minute // and a minute more for whoever was given an old one
	weakRSA   = 2048
	longestID = 256
)

// What nonces are sealed for, and the kind of the replay marks in Transients.
const (
	nonces   seal.Purpose = "dpop nonce"
	replayed string       = "dpop"
)

// A Verifier checks proofs.
type Verifier struct {
	Store transient.Store
	Ring  *seal.Ring
	Wall  func() time.Time
}

// A Call is a request as its proof must speak of it.
type Call struct {
	Method string
	// URL is the address that the sender knows, without its query.
	URL string
	// Proofs are the values of the request's DPoP headers.
	Proofs []string
	// Token is the access token that the request carries; "" at the token endpoint.
	Token string
	// Key is the thumbprint that the token is bound to; "" at the token endpoint.
	Key string
}

// claims are the proof's (RFC 9449 section 4.2).
type claims struct {
	ID     string   `json:"jti"`
	Method string   `json:"htm"`
	URL    string   `json:"htu"`
	Issued *float64 `json:"iat"`
	Hash   string   `json:"ath"`
	Nonce  string   `json:"nonce"`
}

func wrong(why string) error { return fmt.Errorf("%w: %s", ErrProof, why) }

// Check checks a proof in the order of RFC 9449 section 4.3 and returns the thumbprint of its key (RFC
// 7638). Whatever costs a write, the replay mark, comes last: a stranger must not fill the store.
func (v *Verifier) Check(ctx context.Context, c Call) (thumbprint string, err error) {
	if len(c.Proofs) != 1 {
		return "", wrong("there is not exactly one proof")
	}
	if len(c.Proofs[0]) > longest {
		return "", wrong("the proof is too long")
	}
	jws, err := jose.ParseSignedCompact(c.Proofs[0], algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return "", wrong("the proof is not a JWS of an algorithm we take")
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typ {
		return "", wrong("typ is not " + typ)
	}
	key := header.JSONWebKey
	if key == nil || !key.Valid() || !key.IsPublic() {
		return "", wrong("the header has no public jwk")
	}
	if k, ok := key.Key.(*rsa.PublicKey); ok && k.N.BitLen() < weakRSA {
		return "", wrong("the key is too short")
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return "", wrong("the signature is not of the key in the header")
	}
	var p claims
	if json.Unmarshal(payload, &p) != nil {
		return "", wrong("the claims are not as RFC 9449 has them")
	}
	if err := v.judge(c, p); err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", wrong("the key has no thumbprint")
	}
	thumbprint = base64.RawURLEncoding.EncodeToString(sum)
	if c.Key != "" && subtle.ConstantTimeCompare([]byte(c.Key), []byte(thumbprint)) != 1 {
		return "", wrong("the token is bound to another key")
	}
	if !v.fresh(p.Nonce) {
		return "", ErrNonce
	}
	return thumbprint, v.mark(ctx, thumbprint, p.ID)
}

// judge holds the claims against the request.
func (v *Verifier) judge(c Call, p claims) error {
	wall := v.Wall()
	hash := sha256.Sum256([]byte(c.Token))
	switch {
	case p.ID == "" || len(p.ID) > longestID:
		return wrong("jti is missing or too long")
	case p.Method != c.Method:
		return wrong("htm is not the request's method")
	case !sameAddress(p.URL, c.URL):
		return wrong("htu is not the request's address")
	case p.Issued == nil || *p.Issued <= 0 || *p.Issued >= 1<<40:
		return wrong("iat is missing")
	case c.Token != "" && subtle.ConstantTimeCompare([]byte(p.Hash), []byte(base64.RawURLEncoding.EncodeToString(hash[:]))) != 1:
		return wrong("ath is not the token's hash")
	}
	if off := wall.Sub(time.Unix(int64(*p.Issued), 0)); off > window || off < -window {
		return wrong("iat is more than a minute from now")
	}
	return nil
}

// sameAddress compares after the normalisation of RFC 3986 section 6.2.2 and 6.2.3; query and fragment play
// no part.
func sameAddress(a, b string) bool {
	x, ok := address(a)
	y, also := address(b)
	return ok && also && x == y
}

func address(s string) (string, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", false
	}
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		port = ""
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + ":" + port + path, scheme == "https" || scheme == "http"
}

// Nonce makes a nonce for the next proof.
func (v *Verifier) Nonce() string {
	return v.Ring.Seal(nonces, binary.BigEndian.AppendUint64(nil, uint64(v.Wall().Unix())), nil)
}

func (v *Verifier) fresh(nonce string) bool {
	if nonce == "" || len(nonce) > longestID {
		return false
	}
	b, err := v.Ring.Open(nonces, nonce, nil)
	if err != nil || len(b) != 8 {
		return false
	}
	age := v.Wall().Sub(time.Unix(int64(binary.BigEndian.Uint64(b)), 0))
	return age <= nonceLife+window && age >= -window
}

// mark spends the proof: its jti counts once for its key.
func (v *Verifier) mark(ctx context.Context, thumbprint, id string) error {
	wall := v.Wall()
	mark := fmt.Sprintf("%x", seal.Hash([]byte(thumbprint+"|"+id)))
	err := v.Store.Create(ctx, replayed, mark, []byte{1}, wall, wall.Add(2*window+time.Second))
	if errors.Is(err, fault.Exists) {
		return wrong("the proof was used before")
	}
	if err != nil {
		return fmt.Errorf("dpop: mark the proof: %w", err)
	}
	return nil
}
