package batch

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// ErrSignature reports a signature that none of the keys made.
var ErrSignature = fmt.Errorf("batch: the signature is not by a key that we know: %w", fault.Denied)

// text is base64 as JWS writes it, with one spelling for each value.
var text = base64.RawURLEncoding.Strict()

type header struct {
	Alg  string          `json:"alg"`
	Kid  string          `json:"kid,omitempty"`
	Typ  string          `json:"typ,omitempty"`
	Crit json.RawMessage `json:"crit,omitempty"`
}

// sign makes a JWS in compact form (RFC 7515 section 7.1).
func sign(key seal.SigningKey, typ string, payload []byte) (string, error) {
	h, err := json.Marshal(header{Alg: key.Alg, Kid: key.ID, Typ: typ})
	if err != nil {
		return "", err
	}
	input := text.EncodeToString(h) + "." + text.EncodeToString(payload)
	sig, err := key.Private.Sign(nil, []byte(input), crypto.Hash(0)) // Ed25519 hashes by itself
	if err != nil {
		return "", err
	}
	return input + "." + text.EncodeToString(sig), nil
}

// payloadOf reads what is signed, without asking by whom.
func payloadOf(jws string) ([]byte, error) {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("not a JWS: %w", fault.Invalid)
	}
	payload, err := text.DecodeString(parts[1])
	if err != nil {
		return nil, fmt.Errorf("not a JWS: %w", fault.Invalid)
	}
	return payload, nil
}

// A Key verifies. Its kind names the one algorithm that it verifies: a header cannot choose another.
type Key struct {
	alg    string
	public crypto.PublicKey
}

// NewKey takes an Ed25519 key (EdDSA), a P-256 key (ES256), or an RSA key of 2048 bits or more (RS256).
func NewKey(public crypto.PublicKey) (Key, error) {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return Key{"EdDSA", k}, nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() {
			return Key{"ES256", k}, nil
		}
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 {
			return Key{"RS256", k}, nil
		}
	}
	return Key{}, fmt.Errorf("batch: want a key of Ed25519, P-256, or RSA of 2048 bits: %w", fault.Invalid)
}

// ParseKeys reads the public keys of a PEM file ("PUBLIC KEY"), one or several: the new beside the old.
func ParseKeys(file []byte) ([]Key, error) {
	var out []Key
	for rest := file; ; {
		block, more := pem.Decode(rest)
		if block == nil {
			break
		}
		rest = more
		if block.Type != "PUBLIC KEY" {
			return nil, fmt.Errorf("batch: a %s where public keys should be: %w", block.Type, fault.Invalid)
		}
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("batch: not a public key: %w", fault.Invalid)
		}
		k, err := NewKey(public)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("batch: no public keys: %w", fault.Invalid)
	}
	return out, nil
}

// verify reads a JWS in compact form that one of the keys has signed.
func verify(jws string, keys []Key) ([]byte, error) {
	parts := strings.Split(jws, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("batch: not a JWS: %w", fault.Invalid)
	}
	var h header
	raw, err := text.DecodeString(parts[0])
	if err != nil || json.Unmarshal(raw, &h) != nil || len(bytes.TrimSpace(h.Crit)) > 0 {
		return nil, fmt.Errorf("batch: not a JWS that we understand: %w", fault.Invalid)
	}
	sig, err := text.DecodeString(parts[2])
	if err != nil {
		return nil, fmt.Errorf("batch: not a JWS: %w", fault.Invalid)
	}
	for _, k := range keys {
		if k.alg == h.Alg && k.made(sig, []byte(parts[0]+"."+parts[1])) {
			return payloadOf(jws)
		}
	}
	return nil, ErrSignature
}

func (k Key) made(sig, input []byte) bool {
	sum := sha256.Sum256(input)
	switch p := k.public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(p, input, sig)
	case *ecdsa.PublicKey:
		return len(sig) == 64 && ecdsa.Verify(p, sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(p, crypto.SHA256, sum[:], sig) == nil
	}
	return false
}
