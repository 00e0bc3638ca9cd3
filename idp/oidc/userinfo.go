package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/claims"
)

// userinfoAnswer is what userinfo says (OpenID Connect Core 1.0 section 5.3.2).
type userinfoAnswer struct {
	Subject string `json:"sub"`
	claims.Authentication
	claims.Assurance
	claims.User
}

// userinfo gives the claims behind an access token: one read of the grant, its standing and the account.
//
// The token comes in the header, or in the form of a POST; never in the address, which is logged on its
// way (RFC 6750 section 2.3). It is opened before anything is read, so strangers cost no trip.
func (d *Door) userinfo(c echo.Context) error {
	token, err := accessTokenOf(c)
	if err == nil {
		var answer *userinfoAnswer
		if answer, err = d.claimsFor(c.Request().Context(), token); err == nil {
			var body []byte
			if body, err = json.Marshal(answer); err == nil {
				noStore(c.Response().Header())
				return c.JSONBlob(http.StatusOK, body)
			}
		}
	}
	challenge := `Bearer realm="` + d.Issuer + `"`
	var r *refusal
	if errors.As(err, &r) {
		if token != "" || r.code != invalidToken {
			challenge += `, error="` + r.code + `", error_description="` + r.reason + `"`
		}
		c.Response().Header().Set("WWW-Authenticate", challenge)
	}
	return d.plain(c, err)
}

func accessTokenOf(c echo.Context) (string, error) {
	r := c.Request()
	if r.URL.Query().Has("access_token") {
		return "", refuse(invalidRequest, "the access token must not be in the address")
	}
	token := bearerOf(r.Header)
	if r.Method == http.MethodPost {
		t, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
		if strings.EqualFold(strings.TrimSpace(t), "application/x-www-form-urlencoded") {
			form, err := readForm(c)
			if err != nil {
				return "", refuse(invalidRequest, "the form cannot be read")
			}
			if in := form["access_token"]; len(in) > 0 {
				if token != "" || len(in) > 1 {
					return "", refuse(invalidRequest, "the access token is given twice")
				}
				token = in[0]
			}
		}
	}
	if token == "" {
		return "", refuse(invalidToken, "there is no access token")
	}
	return token, nil
}

// claimsFor answers for a token whose grant stands.
func (d *Door) claimsFor(ctx context.Context, token string) (*userinfoAnswer, error) {
	bad := refuse(invalidToken, "the access token is not valid")
	b, err := d.open(token)
	if err != nil {
		return nil, bad
	}
	if b.Grant == "" || !slices.Contains(b.Scopes, claims.OpenID) {
		return nil, refuse(insufficientScope, "the access token is not for a citizen with scope openid")
	}
	party, err := d.Parties.Party(ctx, b.Client)
	if isNotFound(err) || err == nil && party.Disabled {
		return nil, bad
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: party: %w", err)
	}
	use, a, err := d.Records.GrantAccount(ctx, b.Grant)
	if isNotFound(err) || err == nil && (!use.Stands(d.Now()) || use.Grant.Client != b.Client) {
		return nil, bad
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: grant: %w", err)
	}
	g := &use.Grant
	asked, err := claims.ParseRequest(g.Claims)
	if err != nil {
		return nil, fmt.Errorf("oidc: claims of the grant: %w", err)
	}
	subject := account.Min(g.Snapshot, use.Standing.Assurance(d.Now()))
	// What the token carries, of what the party may have now; what it asked by name, of what was allowed.
	allowed := g.Allowed()
	out := &userinfoAnswer{
		Subject:        g.Account.String(),
		Authentication: claims.Authentication{AuthTime: g.AuthTime.Unix(), AMR: g.AMR, ACR: g.ACR},
		Assurance:      claims.OfAssurance(subject),
		User:           claims.OfUser(a, claims.Userinfo(claims.Both(b.Scopes, party.Scopes), asked, claims.Both(party.Scopes, allowed))),
	}
	out.Verified, err = claims.OfVerified(asked.VerifiedUserinfo.Bound(allowed), a, subject, party.Scopes, d.Wall())
	if err != nil {
		return nil, fmt.Errorf("oidc: verified claims: %w", err)
	}
	return out, nil
}
