package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// A Problem is a failure shown to the person, because nothing proves that the party may hear of it: an
// address that is not verified must never be followed.
type Problem struct {
	Status int
	// Code names the sentence: request, party, redirect, logout, size, browser, unavailable.
	Code  string
	Party *rp.Party // if known
	Err   error     // for the log
}

func (p *Problem) Error() string { return "oidc: " + p.Code + ": " + p.Err.Error() }

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

func problem(status int, code, format string, a ...any) *Problem {
	return &Problem{Status: status, Code: code, Err: fmt.Errorf(format, a...)}
}

// A refusal is a failure told to the party, as an OAuth error. Its reason is for developers: it goes into
// the party's look-up, and into error_description unless quiet.
type refusal struct {
	code    string // of OAuth
	status  int    // 0: what the code usually has
	reason  string
	quiet   bool
	reasons []policy.Reason
	detail  map[string]string
	err     error
}

func (r *refusal) Error() string {
	if r.err != nil {
		return "oidc: " + r.code + ": " + r.reason + ": " + r.err.Error()
	}
	return "oidc: " + r.code + ": " + r.reason
}

func (r *refusal) Unwrap() error { return r.err }

// The OAuth error codes of this door.
const (
	invalidRequest     = "invalid_request"
	invalidClient      = "invalid_client"
	invalidGrant       = "invalid_grant"
	invalidScope       = "invalid_scope"
	invalidToken       = "invalid_token"
	insufficientScope  = "insufficient_scope"
	unauthorizedClient = "unauthorized_client"
	unsupportedType    = "unsupported_response_type"
	noRequestObject    = "request_not_supported"
	noRequestURI       = "request_uri_not_supported"
	slowDown           = "slow_down"
	invalidProof       = "invalid_dpop_proof" // RFC 9449
	useNonce           = "use_dpop_nonce"
	serverError        = "server_error"
)

func refuse(code, reason string) *refusal { return &refusal{code: code, reason: reason} }

func (r *refusal) about(parameter, value string) *refusal {
	r.detail = map[string]string{"parameter": parameter}
	if value != "" {
		r.detail["value"] = value
	}
	return r
}

// A ration bounds how many refusals of a party are kept in a minute: anybody can ask in a party's name,
// and must not be able to fill the disk with our answers. It is counted by network too, so that strangers
// use up their own share and not that of the party's developers; all networks together have a bound as well.
type ration struct {
	mu     sync.Mutex
	minute int64
	all    int
	kept   map[share]int
}

type share struct {
	client  rp.ID
	network string
}

const (
	rationed    = 300
	rationedAll = 100 * rationed
)

func (r *ration) take(of share, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := at.Unix() / 60; m != r.minute || r.kept == nil {
		r.minute, r.all, r.kept = m, 0, map[share]int{}
	}
	if r.all >= rationedAll || r.kept[of] >= rationed {
		return false
	}
	r.all++
	r.kept[of]++
	return true
}

// record keeps the exact reason for the party's look-up. It must not fail the request, and names nobody.
func (d *Door) record(ctx context.Context, id string, client rp.ID, r *refusal) {
	if client == "" || id == "" || !d.refusals.take(share{client, edge.Network(ctx)}, d.Wall()) {
		return
	}
	out := rp.Refusal{ID: id, Client: client, Error: r.code, Reason: r.reason, Detail: r.detail, At: d.Wall()}
	for _, x := range r.reasons {
		out.Reasons = append(out.Reasons, string(x))
	}
	if err := d.Records.SaveRefusal(ctx, out); err != nil {
		d.Logger.WarnContext(ctx, "refusal not kept", "error", err)
	}
}

// edge turns what a page handler returns into a page.
func (d *Door) edge(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		noStore(c.Response().Header())
		err := h(c)
		if err == nil || c.Response().Committed {
			return err
		}
		edge.Cause(c.Request().Context(), err)
		var p *Problem
		if !errors.As(err, &p) {
			p = &Problem{Status: http.StatusInternalServerError, Code: "unavailable", Err: err}
			if errors.Is(err, fault.Unavailable) {
				p.Status = http.StatusServiceUnavailable
			}
		}
		return d.ErrorPage(c, p)
	}
}

// library gives an error the form that the protocol library writes. What is not a refusal is ours to be
// ashamed of, and its text stays in the log.
func library(ctx context.Context, err error) error {
	edge.Cause(ctx, err)
	var r *refusal
	if !errors.As(err, &r) {
		status := http.StatusInternalServerError
		if errors.Is(err, fault.Unavailable) {
			status = http.StatusServiceUnavailable
		}
		return op.NewStatusError(oidc.ErrServerError(), status)
	}
	var e *oidc.Error
	status := http.StatusBadRequest
	switch r.code {
	case invalidClient:
		e, status = oidc.ErrInvalidClient(), http.StatusUnauthorized
	case invalidGrant:
		e = oidc.ErrInvalidGrant()
	case invalidScope:
		e = oidc.ErrInvalidScope()
	case unauthorizedClient:
		e = oidc.ErrUnauthorizedClient()
	case slowDown:
		e, status = &oidc.Error{ErrorType: "slow_down"}, http.StatusTooManyRequests
	case invalidProof:
		e = &oidc.Error{ErrorType: "invalid_dpop_proof"}
	case useNonce:
		e = &oidc.Error{ErrorType: "use_dpop_nonce"}
	case serverError:
		e, status = oidc.ErrServerError(), http.StatusInternalServerError
	default:
		e = oidc.ErrInvalidRequest()
	}
	if r.status != 0 {
		status = r.status
	}
	if !r.quiet {
		e = e.WithDescription("%s", r.reason)
	}
	return op.NewStatusError(e, status)
}

// plain writes an OAuth error as JSON, at the endpoints that are our own.
func (d *Door) plain(c echo.Context, err error) error {
	ctx := c.Request().Context()
	edge.Cause(ctx, err)
	status, body := http.StatusInternalServerError, map[string]string{"error": serverError}
	var r *refusal
	switch {
	case errors.As(err, &r):
		body["error"] = r.code
		if !r.quiet {
			body["error_description"] = r.reason
		}
		status = http.StatusBadRequest
		switch r.code {
		case invalidClient, invalidToken:
			status = http.StatusUnauthorized
		case insufficientScope:
			status = http.StatusForbidden
		case slowDown:
			status = http.StatusTooManyRequests
		}
		if r.status != 0 {
			status = r.status
		}
	case errors.Is(err, fault.Unavailable):
		status = http.StatusServiceUnavailable
	}
	noStore(c.Response().Header())
	return c.JSON(status, body)
}
