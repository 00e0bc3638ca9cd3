package oidc

import (
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
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
// X-Request-Id. It authenticates by HTTP Basic; another party's refusals are as if there were none.
func (d *Door) why(c echo.Context) error {
	ctx := c.Request().Context()
	party, err := d.authenticate(ctx, fromRequest(c.Request()))
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
