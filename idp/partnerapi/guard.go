package partnerapi

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
)

// prove tells which partner calls: the token is ours and stands, its partner is registered, live and of the
// kind, its scope allows the call, and whoever sends it holds the key that it is bound to. The proof is
// checked last, for it costs a write. Every answer brings the nonce for the next proof.
func (d *Door) prove(c echo.Context, kind partner.Kind) (*partner.Partner, error) {
	h, r := c.Response().Header(), c.Request()
	h.Set("Cache-Control", "no-store")
	h.Set(dpop.NonceHeader, d.Proofs.Nonce())
	ctx := r.Context()
	scheme, text, err := credentials(r.Header)
	if err != nil {
		return nil, err
	}
	token, err := d.Open(ctx, text)
	if errors.Is(err, fault.Denied) {
		return nil, unproved("invalid_token", "the access token is not valid, or has expired")
	}
	if err != nil {
		return nil, fmt.Errorf("partnerapi: token: %w", err)
	}
	p, err := d.Partners.Partner(ctx, token.Partner)
	if errors.Is(err, fault.NotFound) {
		return nil, refuse(http.StatusForbidden, "not_a_partner", "the client is not registered as a partner")
	}
	if err != nil {
		return nil, fmt.Errorf("partnerapi: partner: %w", err)
	}
	edge.Attr(ctx, slog.String("partner", string(p.ID)))
	switch {
	case p.Disabled:
		return nil, unproved("invalid_token", "the partner is switched off")
	case p.Kind != kind || !slices.Contains(token.Scopes, kind.Scope()):
		return nil, refuse(http.StatusForbidden, "insufficient_scope", "the call needs the scope "+kind.Scope())
	}
	c.Set(keyBound, cmp.Or(token.Key, token.Certificate))
	return p, d.possess(ctx, c, scheme, text, token)
}

// keyBound is where prove leaves, in the echo context, what the token is bound to.
const keyBound = "partnerapi.bound"

// possess checks that the sender holds the token's key.
func (d *Door) possess(ctx context.Context, c echo.Context, scheme, text string, token *Token) error {
	r := c.Request()
	switch {
	case token.Key != "":
		if scheme != "dpop" {
			return unproved("invalid_token", "the token is bound to a DPoP key: Authorization is DPoP, with a proof beside it")
		}
		_, err := d.Proofs.Check(ctx, dpop.Call{
			Method: r.Method, URL: d.Issuer + r.URL.EscapedPath(), Proofs: r.Header.Values(dpop.Header), Token: text, Key: token.Key,
		})
		switch {
		case errors.Is(err, dpop.ErrNonce):
			return unproved("use_dpop_nonce", "make another proof with the nonce of the DPoP-Nonce header")
		case errors.Is(err, dpop.ErrProof):
			return unproved("invalid_dpop_proof", err.Error())
		case err != nil:
			return fmt.Errorf("partnerapi: proof: %w", err)
		}
		return nil
	case token.Certificate != "":
		if scheme != "bearer" || subtle.ConstantTimeCompare([]byte(token.Certificate), []byte(dpop.Certificate(r.TLS))) != 1 {
			return unproved("invalid_token", "the token is bound to another certificate than this connection's")
		}
		return nil
	}
	return unproved("invalid_token", "the token is bound to no key")
}

// credentials reads the one Authorization header. Tokens in queries and bodies are not looked at.
func credentials(h http.Header) (scheme, token string, err error) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", "", unproved("", "the call carries no access token")
	}
	if len(values) > 1 {
		return "", "", refuse(http.StatusBadRequest, "authorization", "Authorization is given twice")
	}
	scheme, token, _ = strings.Cut(values[0], " ")
	scheme, token = strings.ToLower(scheme), strings.TrimSpace(token)
	if scheme != "dpop" && scheme != "bearer" || token == "" {
		return "", "", unproved("", "Authorization is neither DPoP nor Bearer")
	}
	return scheme, token, nil
}
