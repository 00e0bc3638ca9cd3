package oidc

import (
	"encoding/json"
	"fmt"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// The kinds of tokens, by their typ header: a token of one kind is never taken for another (RFC 8725
// section 3.11).
const (
	typeID     = "JWT"
	typeAccess = "at+jwt"
	typeLogout = "logout+jwt"
)

// maxJWT bounds what is parsed before a signature is checked.
const maxJWT = 16 << 10

var algorithms = []jose.SignatureAlgorithm{jose.ES256, jose.RS256}

type signerKey struct{ key, typ string }

// sign writes claims as a JWS. There is one signer for each key and kind, made once: making one costs more
// than the claims do.
func (d *Door) sign(alg, typ string, claims any) (string, error) {
	key, err := d.Ring.Signer(alg)
	if err != nil {
		return "", fmt.Errorf("oidc: sign: %w", err)
	}
	signer, err := d.signer(key, typ)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("oidc: claims: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("oidc: sign: %w", err)
	}
	return jws.CompactSerialize()
}

func (d *Door) signer(key seal.SigningKey, typ string) (jose.Signer, error) {
	id := signerKey{key.ID, typ}
	if s, ok := d.signers.Load(id); ok {
		return s.(jose.Signer), nil
	}
	s, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Alg), Key: jose.JSONWebKey{Key: key.Private, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		return nil, fmt.Errorf("oidc: signer: %w", err)
	}
	d.signers.Store(id, s)
	return s, nil
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
