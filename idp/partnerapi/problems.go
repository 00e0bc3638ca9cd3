package partnerapi

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/shift"
)

// A Problem is what goes wrong, as partners are told (RFC 9457). It repeats nothing of what they sent.
type Problem struct {
	Type    string  `json:"type"` // urn:propusk:problem:<code>
	Title   string  `json:"title"`
	Status  int     `json:"status"`
	Code    string  `json:"code"`
	Detail  string  `json:"detail,omitempty"`
	Request string  `json:"request_id"`
	Errors  []Wrong `json:"errors,omitempty"` // the members of the body that are wrong
	// challenge is the error of WWW-Authenticate, for 401.
	challenge bool
}

// Wrong is a wrong member.
type Wrong struct {
	Name string `json:"name"`
	Code string `json:"code"`
}

func (p *Problem) Error() string { return "partnerapi: " + p.Code + ": " + p.Detail }

func refuse(status int, code, detail string) *Problem {
	return &Problem{Status: status, Code: code, Detail: detail}
}

// unproved is a 401. Its code is the error of RFC 6750 and RFC 9449, or "" where nothing was tried.
func unproved(code, detail string) *Problem {
	return &Problem{Status: http.StatusUnauthorized, Code: code, Detail: detail, challenge: true}
}

// told is what each known error is told as.
var told = []struct {
	err    error
	status int
	code   string
	detail string
}{
	{bank.ErrReference, http.StatusConflict, "reference_used", "the reference was used for another request; GET shows what became of it"},
	{bank.ErrTicket, http.StatusConflict, "ticket_over", "the ticket is over or was used: the client has to begin at Propusk again"},
	{partner.ErrOtherRequest, http.StatusUnprocessableEntity, "idempotency_key_reused", "the Idempotency-Key came before with another request"},
	{confirm.ErrNotPrinted, http.StatusConflict, "not_printed", "nobody was given this letter yet"},
	{shift.ErrOver, http.StatusUnauthorized, "shift_over", "the operator's shift does not stand, or was opened for another program or key: the operator opens one at the console"},
	{confirm.ErrNotStaff, http.StatusForbidden, "not_an_operator", "the operator does not serve at a window any more"},
	{confirm.ErrNobody, http.StatusNotFound, "nobody", "no account has this SNILS, checked"},
	{confirm.ErrOtherDocument, http.StatusNotFound, "other_document", "the account has another document than the one in hand"},
	{confirm.ErrNoVisitCode, http.StatusNotFound, "no_visit_code", "the visit code is unknown, over or spent"},
	{confirm.ErrNoVisit, http.StatusNotFound, "no_visit", "there is no such visit, or it is not this operator's"},
	{confirm.ErrChanged, http.StatusConflict, "changed", "the account changed since it was opened: search anew"},
	{confirm.ErrVisitClosed, http.StatusConflict, "closed", "the visit has ended another way"},
	{confirm.ErrVisitOver, http.StatusConflict, "over", "the visit's time is over"},
	{fault.NotFound, http.StatusNotFound, "not_found", "there is nothing under this reference"},
	{fault.Denied, http.StatusForbidden, "denied", ""},
	{fault.Conflict, http.StatusConflict, "conflict", "it changed meanwhile: send the request again, with the same Idempotency-Key"},
	{fault.Expired, http.StatusConflict, "expired", ""},
	{fault.Unavailable, http.StatusServiceUnavailable, "unavailable", "somebody we depend on does not answer: send the request again, with the same Idempotency-Key"},
}

// problemOf gives an error its form. What is not known is ours to be ashamed of; its text goes to the log.
func problemOf(err error) *Problem {
	var p *Problem
	var fields fault.Fields
	var web *echo.HTTPError
	var obstacle confirm.Obstacle
	switch {
	case errors.As(err, &p):
		out := *p
		return &out
	case errors.As(err, &fields):
		out := refuse(http.StatusUnprocessableEntity, "invalid", "members of the body are wrong")
		for _, f := range fields {
			out.Errors = append(out.Errors, Wrong{f.Name, f.Code})
		}
		return out
	case errors.As(err, &obstacle):
		return refuse(http.StatusForbidden, "obstacle_"+string(obstacle), "this operator cannot do this for this account now")
	case errors.Is(err, fault.Limited):
		return refuse(http.StatusTooManyRequests, "limited", "too many calls: come again after the seconds of Retry-After")
	case errors.As(err, &web):
		switch web.Code {
		case http.StatusNotFound:
			return refuse(web.Code, "no_such_call", "there is no such call; "+Root+"/openapi.json describes those there are")
		case http.StatusMethodNotAllowed:
			return refuse(web.Code, "method", "the call has another method")
		}
		return refuse(web.Code, "refused", "")
	}
	for _, t := range told {
		if errors.Is(err, t.err) {
			return refuse(t.status, t.code, t.detail)
		}
	}
	return refuse(http.StatusInternalServerError, "server", "something broke on our side: send the request again, with the same Idempotency-Key")
}

// problem answers an error.
func (d *Door) problem(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	ctx, h := c.Request().Context(), c.Response().Header()
	edge.Cause(ctx, err)
	p := problemOf(err)
	if p.challenge {
		algs := ` algs="` + strings.Join(dpop.Algorithms(), " ") + `"`
		if p.Code != "" {
			algs = ` error="` + p.Code + `",` + algs
		}
		h.Set("WWW-Authenticate", "DPoP"+algs)
		if p.Code == "" {
			p.Code = "no_token"
		}
	}
	if wait, ok := fault.Wait(err); ok {
		h.Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	}
	p.Type, p.Title, p.Request = "urn:propusk:problem:"+p.Code, http.StatusText(p.Status), edge.RequestID(ctx)
	h.Set("Cache-Control", "no-store")
	h.Set(echo.HeaderContentType, "application/problem+json")
	c.Response().WriteHeader(p.Status)
	if c.Request().Method == http.MethodHead {
		return
	}
	if err := c.Echo().JSONSerializer.Serialize(c, p, ""); err != nil {
		edge.Cause(ctx, err)
	}
}
