package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

// An assertion is what a party signs to prove itself (RFC 7523 section 3, with the audience of its
// revision: our issuer and nothing else, so that no other server can pass it on to us).
type assertion struct {
	Issuer    string          `json:"iss"`
	Subject   string          `json:"sub"`
	Audience  json.RawMessage `json:"aud"`
	Expires   *float64        `json:"exp"`
	NotBefore *float64        `json:"nbf"`
	Issued    *float64        `json:"iat"`
	ID        string          `json:"jti"`
}

const (
	longestAssertion = 5 * time.Minute
	skew             = 30 * time.Second
)

var assertionAlgorithms = []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA, jose.RS256}

// claimedIssuer reads who an assertion claims to be from; nothing is proved by it.
func claimedIssuer(token string) string {
	var a assertion
	jws, err := jose.ParseSignedCompact(token, assertionAlgorithms)
	if err != nil || json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &a) != nil {
		return ""
	}
	return a.Issuer
}

// checkAssertion tells what is wrong with an assertion, or "".
func (d *Door) checkAssertion(ctx context.Context, p *rp.Party, token string) (why string, err error) {
	if len(token) > maxJWT {
		return "the assertion is too long", nil
	}
	jws, err := jose.ParseSignedCompact(token, assertionAlgorithms)
	if err != nil || len(jws.Signatures) != 1 {
		return "the assertion is not a JWS of an algorithm we take", nil
	}
	payload, ok := verifyBy(p.JWKS, jws)
	if !ok {
		return "no key in jwks verifies the assertion", nil
	}
	var a assertion
	if json.Unmarshal(payload, &a) != nil {
		return "the assertion's claims are not as RFC 7523 has them", nil
	}
	wall := d.Wall()
	at := func(n *float64) time.Time { return time.Unix(int64(*n), 0) }
	switch {
	case a.Issuer != string(p.ID) || a.Subject != string(p.ID):
		return "iss and sub are not the client_id", nil
	case !onlyAudience(a.Audience, d.Issuer):
		return "aud is not exactly our issuer", nil
	case a.Expires == nil || !inTime(*a.Expires):
		return "exp is missing", nil
	case wall.After(at(a.Expires).Add(skew)):
		return "the assertion has expired", nil
	case at(a.Expires).Sub(wall) > longestAssertion+skew:
		return "exp is more than five minutes away", nil
	case a.NotBefore != nil && (!inTime(*a.NotBefore) || at(a.NotBefore).After(wall.Add(skew))):
		return "nbf is in the future", nil
	case a.Issued != nil && (!inTime(*a.Issued) || at(a.Issued).After(wall.Add(skew))):
		return "iat is in the future", nil
	case a.ID == "" || len(a.ID) > 256:
		return "jti is missing or too long", nil
	}
	mark := fmt.Sprintf("%x", seal.Hash([]byte(string(p.ID)+"|"+a.ID)))
	err = d.Transients.Create(ctx, "assertion", mark, []byte{1}, wall, at(a.Expires).Add(skew+time.Second))
	if errors.Is(err, fault.Exists) {
		return "the assertion was used before", nil
	}
	if err != nil {
		return "", fmt.Errorf("oidc: mark the assertion: %w", err)
	}
	return "", nil
}

// inTime keeps numbers that no date has away from the conversion.
func inTime(n float64) bool { return n > 0 && n < 1<<40 }

// verifyBy verifies with the key that kid names, or with the only one there is.
func verifyBy(set json.RawMessage, jws *jose.JSONWebSignature) ([]byte, bool) {
	var keys jose.JSONWebKeySet
	if json.Unmarshal(set, &keys) != nil {
		return nil, false
	}
	header := jws.Signatures[0].Protected
	for _, k := range keys.Keys {
		if header.KeyID == "" && len(keys.Keys) > 1 || header.KeyID != "" && k.KeyID != header.KeyID {
			continue
		}
		if k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != header.Algorithm || !k.IsPublic() {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// onlyAudience tells whether aud is the issuer, as text or as a list of one.
func onlyAudience(aud json.RawMessage, issuer string) bool {
	var one string
	if json.Unmarshal(aud, &one) == nil {
		return one == issuer
	}
	var list []string
	return json.Unmarshal(aud, &list) == nil && len(list) == 1 && list[0] == issuer
}

func unescape(s string) string {
	out, err := url.QueryUnescape(s)
	if err != nil {
		return ""
	}
	return out
}
