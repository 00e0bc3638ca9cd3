package oidc

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/propusk/propusk/idp/rp"
)

// whyAnswer is the exact reason of a refusal.
type whyAnswer struct {
	ID      string            `json:"request_id"`
	Error   string            `json:"error"`
	Reason  string            `json:"reason"`
	Reasons []string          `json:"policy_reasons,omitempty"`
	Detail  map[string]string `json:"detail,omitempty"`
	At      string            `json:"at"`
}

// why tells a party the exact reason of a refusal that it met, by the id at the end of error_uri or in
// X-Request-Id. The party proves itself as at the token endpoint: by HTTP Basic with GET or POST, by what
// stands in the form of a POST. Another party's refusals are as if there were none.
func (d *Door) why(c echo.Context) error {
	ctx := c.Request().Context()
	var party *rp.Party
	proof, err := proofOf(c)
	if err == nil {
		party, err = d.authenticate(ctx, proof)
	}
	if err == nil && !party.Confidential() {
		err = refuse(invalidClient, "the look-up is for clients that prove themselves")
	}
	if err != nil {
		c.Response().Header().Set("WWW-Authenticate", `Basic realm="`+d.Issuer+`", charset="UTF-8"`)
		return d.plain(c, err)
	}
	r, err := d.Records.Refusal(ctx, c.Param("id"))
	if isNotFound(err) || err == nil && r.Client != party.ID {
		return d.plain(c, &refusal{code: "not_found", status: http.StatusNotFound, reason: "there is no such refusal of this client"})
	}
	if err != nil {
		return d.plain(c, fmt.Errorf("oidc: refusal: %w", err))
	}
	noStore(c.Response().Header())
	return c.JSON(http.StatusOK, whyAnswer{
		ID: r.ID, Error: r.Error, Reason: r.Reason, Reasons: r.Reasons, Detail: r.Detail, At: r.At.UTC().Format(time.RFC3339),
	})
}

// proofOf reads the credentials of a request that does not pass through the protocol library.
func proofOf(c echo.Context) (credentials, error) {
	r := c.Request()
	proof := fromRequest(r)
	if r.Method != http.MethodPost || r.ContentLength == 0 {
		return proof, nil
	}
	form, err := readForm(c)
	if err != nil {
		return credentials{}, refuse(invalidRequest, "the form cannot be read")
	}
	for _, values := range form {
		if len(values) > 1 {
			return credentials{}, refuse(invalidRequest, "a parameter is given twice")
		}
	}
	id := form.Get("client_id")
	switch {
	case proofs(r) > 1:
		return credentials{}, refuse(invalidRequest, "the client authenticates in two ways")
	case proof.basic && id != "" && id != proof.id:
		return credentials{}, refuse(invalidClient, "client_id differs from the one in Authorization")
	case proof.basic:
		return proof, nil
	case form.Get("client_assertion") != "" && form.Get("client_assertion_type") != oidc.ClientAssertionTypeJWTAssertion:
		return credentials{}, refuse(invalidRequest, "client_assertion_type is not that of a JWT")
	}
	return credentials{id: id, secret: form.Get("client_secret"), assertion: form.Get("client_assertion")}, nil
}
