package oidc

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// The kinds of tokens, by their typ header: a token of one kind is never taken for another (RFC 8725
// section 3.11).
const (
	typeID     = "JWT"
	typeAccess = "at+jwt"
	typeLogout = "logout+jwt"
	// typeReceipt is what partners are given (partner API).
	typeReceipt = "propusk-receipt+jwt"
)

// maxJWT bounds what is parsed before a signature is checked.
const maxJWT = 16 << 10

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256}

type headerKey struct{ key, typ string }

// sign writes claims as a JWS in compact form (RFC 7515 section 3.1). The library's signer would write
// the header anew for each token and copy it four times, which costs half as much as the signature.
func (d *Door) sign(alg, typ string, claims any) (string, error) {
	key, err := d.Ring.Signer(alg)
	if err != nil {
		return "", fmt.Errorf("oidc: sign: %w", err)
	}
	header, err := d.header(key, typ)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("oidc: claims: %w", err)
	}
	b64 := base64.RawURLEncoding
	out := make([]byte, 0, len(header)+1+b64.EncodedLen(len(payload))+1+b64.EncodedLen(maxSignature))
	out = append(append(out, header...), '.')
	out = b64.AppendEncode(out, payload)
	sum := sha256.Sum256(out)
	if d.Observe != nil {
		d.Observe("sign " + alg)
	}
	signature, err := signature(key.Private, sum[:])
	if err != nil {
		return "", fmt.Errorf("oidc: sign: %w", err)
	}
	return string(b64.AppendEncode(append(out, '.'), signature)), nil
}

// maxSignature is the size of an RS256 signature under our keys.
const maxSignature = 256

// signature signs a SHA-256 sum: RS256 is PKCS #1 v1.5, ES256 two numbers of 32 bytes (RFC 7518 sections
// 3.3 and 3.4).
func signature(key crypto.Signer, sum []byte) ([]byte, error) {
	out, err := key.Sign(rand.Reader, sum, crypto.SHA256)
	if err != nil {
		return nil, err
	}
	if _, ok := key.Public().(*ecdsa.PublicKey); !ok {
		return out, nil
	}
	var r, s []byte
	in := cryptobyte.String(out)
	if !in.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1Integer(&r) || !in.ReadASN1Integer(&s) || !in.Empty() || len(r) > 32 || len(s) > 32 {
		return nil, errors.New("not an ECDSA signature over P-256")
	}
	var flat [64]byte
	copy(flat[32-len(r):32], r)
	copy(flat[64-len(s):], s)
	return flat[:], nil
}

// header is the first part of a JWS; there is one for each key and kind, made once.
func (d *Door) header(key seal.SigningKey, typ string) (string, error) {
	id := headerKey{key.ID, typ}
	if h, ok := d.headers.Load(id); ok {
		return h.(string), nil
	}
	b, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}{key.Alg, key.ID, typ})
	if err != nil {
		return "", fmt.Errorf("oidc: header: %w", err)
	}
	h := base64.RawURLEncoding.EncodeToString(b)
	d.headers.Store(id, h)
	return h, nil
}

// errToken reports a signed token that is not one of ours.
var errToken = fmt.Errorf("oidc: not a token of ours: %w", fault.Invalid)

// verify opens a JWS that we signed ourselves, of one kind, into claims. It checks no times.
func (d *Door) verify(token, typ string, claims any) error {
	if len(token) > maxJWT {
		return errToken
	}
	jws, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return errToken
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != typ {
		return errToken
	}
	for _, k := range d.Ring.SigningKeys() {
		if k.ID != header.KeyID || k.Alg != header.Algorithm {
			continue
		}
		payload, err := jws.Verify(k.Private.Public())
		if err != nil || json.Unmarshal(payload, claims) != nil {
			return errToken
		}
		return nil
	}
	return errToken
}
