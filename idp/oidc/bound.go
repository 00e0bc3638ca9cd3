package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

// A binding is the key that an access token is bound to: cnf of RFC 7800, by DPoP (RFC 9449 section 6) or by
// a certificate (RFC 8705 section 3).
type binding struct {
	Key         string `json:"jkt,omitempty"`
	Certificate string `json:"x5t#S256,omitempty"`
}

// kind is the token_type of a token with this binding, or without any.
func (b *binding) kind() string {
	if b != nil && b.Key != "" {
		return "DPoP"
	}
	return "Bearer"
}

type certificateKey struct{}

// remember keeps, for whoever issues a token, the certificate of the connection, and gives a sender of
// proofs the nonce for the next one.
func (d *Door) remember(w http.ResponseWriter, r *http.Request) *http.Request {
	if len(r.Header.Values(dpop.Header)) > 0 {
		w.Header().Set(dpop.NonceHeader, d.proofs.Nonce())
	}
	if c := dpop.Certificate(r.TLS); c != "" {
		r = r.WithContext(context.WithValue(r.Context(), certificateKey{}, c))
	}
	return r
}

// possession is what the party's own token will be bound to. The party has proved who it is; without a
// proof of possession a party that is registered for bound tokens gets none, whatever it asks.
func (d *Door) possession(ctx context.Context, p *rp.Party, h http.Header) (*binding, error) {
	if !p.Bound {
		return nil, nil
	}
	if proofs := h.Values(dpop.Header); len(proofs) > 0 {
		key, err := d.proofs.Check(ctx, dpop.Call{Method: http.MethodPost, URL: d.Issuer + "/oauth2/token", Proofs: proofs})
		switch {
		case errors.Is(err, dpop.ErrNonce):
			return nil, refuse(useNonce, "make another proof with the nonce of the DPoP-Nonce header, and another assertion")
		case errors.Is(err, dpop.ErrProof):
			return nil, refuse(invalidProof, err.Error())
		case err != nil:
			return nil, fmt.Errorf("oidc: proof of possession: %w", err)
		}
		return &binding{Key: key}, nil
	}
	if c, _ := ctx.Value(certificateKey{}).(string); c != "" {
		return &binding{Certificate: c}, nil
	}
	return nil, refuse(invalidProof, "the client's tokens are bound to a key: send a DPoP proof, or use a TLS certificate")
}

// An OwnToken is what the access token of a party for itself says.
type OwnToken struct {
	Client rp.ID
	Scopes []string
	// Key or Certificate is the thumbprint of what it is bound to; both empty: it is bound to nothing.
	Key, Certificate string
}

// Own opens the access token of a party for itself, for the doors that take such tokens. What is not one,
// or was taken back, is fault.Denied. Whether its sender holds the key is for the caller to check.
func (d *Door) Own(ctx context.Context, token string) (*OwnToken, error) {
	b, err := d.open(token)
	if err != nil || b.Grant != "" {
		return nil, errBearer
	}
	live, err := d.live(ctx, b)
	if err != nil {
		return nil, err
	}
	if !live {
		return nil, errBearer
	}
	out := &OwnToken{Client: b.Client, Scopes: b.Scopes}
	if b.Bound != nil {
		out.Key, out.Certificate = b.Bound.Key, b.Bound.Certificate
	}
	return out, nil
}

// Receipt signs what a partner keeps as a proof of what we did. It is verified by the JWKS, as tokens are,
// and its typ keeps it from being taken for one.
func (d *Door) Receipt(claims any) (string, error) { return d.sign(seal.ES256, typeReceipt, claims) }
