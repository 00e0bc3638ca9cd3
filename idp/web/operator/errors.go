package operator

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/ui"
)

// errors is the edge of the door: every error of a handler becomes a page here, and nowhere else.
func (d *Door) errors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := next(c); err != nil {
			d.show(err, c)
		}
		return nil
	}
}

func (d *Door) show(err error, c echo.Context) {
	ctx := c.Request().Context()
	edge.Cause(ctx, err)
	if c.Response().Committed {
		return
	}
	if tx := c.QueryParam("tx"); tx != "" && errors.Is(err, signin.ErrOutOfTurn) {
		// A reload or a second tab was quicker: the dispatcher knows what is next.
		if see(c, withTx("/operator/login", tx)) == nil {
			return
		}
	}
	if c.Get(keyLang) == nil {
		d.choose(c)
	}
	status, page := verdict(err)
	page.At, page.HomeURL = d.Wall(), "/operator"
	switch {
	case errors.Is(err, signin.ErrNoFactor):
		page.HomeURL = "/account/security" // where the app is connected
	case status == http.StatusForbidden:
		page.HomeURL = "/account"
	case status == http.StatusGone, status == http.StatusConflict, status >= 500 && c.Request().Method == http.MethodGet:
		page.RetryURL = "/operator"
	}
	if page.Wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(page.Wait.Seconds()))))
	}
	if err := d.render(c, status, "", page); err != nil {
		edge.Cause(ctx, err)
		d.Log.ErrorContext(ctx, "error page not shown", "error", err, "request", edge.RequestID(ctx))
		protect(c.Response().Header())
		_ = c.String(http.StatusInternalServerError, "Ошибка на нашей стороне. Номер запроса: "+edge.RequestID(ctx)+
			"\nThe fault is on our side. Request number: "+edge.RequestID(ctx)+"\n")
	}
}

// verdict is the table from errors to statuses and pages. What is not in it is a fault of ours.
func verdict(err error) (int, ui.Error) {
	var e *echo.HTTPError
	if errors.As(err, &e) {
		switch e.Code {
		case http.StatusNotFound, http.StatusMethodNotAllowed:
			return e.Code, ui.Error{Kind: "not_found"}
		case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusBadRequest:
			return e.Code, ui.Error{Kind: "bad_request"}
		}
		return http.StatusInternalServerError, ui.Error{Kind: "server"}
	}
	wait, _ := fault.Wait(err)
	switch {
	case errors.Is(err, seal.ErrSealed), errors.Is(err, fault.Expired), errors.Is(err, signin.ErrOtherBrowser):
		return http.StatusGone, ui.Error{Kind: "expired"}
	case errors.Is(err, fault.Conflict):
		return http.StatusConflict, ui.Error{Kind: "expired"}
	case errors.Is(err, fault.NotFound):
		return http.StatusNotFound, ui.Error{Kind: "not_found"}
	case errors.Is(err, fault.Limited):
		return http.StatusTooManyRequests, ui.Error{Kind: "too_many", Wait: wait}
	case errors.Is(err, fault.Unavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, ui.Error{Kind: "unavailable"}
	case errors.Is(err, fault.Denied):
		return http.StatusForbidden, ui.Error{Kind: "forbidden"}
	case errors.Is(err, fault.Invalid):
		return http.StatusBadRequest, ui.Error{Kind: "bad_request"}
	}
	return http.StatusInternalServerError, ui.Error{Kind: "server"}
}

// one is a form with one mistake.
func one(field, code string) []ui.Fault { return []ui.Fault{{Field: field, Code: code}} }

// slow is the mistake of having been too quick, with the wait told; nil for other errors.
func slow(c echo.Context, err error, field string) []ui.Fault {
	if !errors.Is(err, fault.Limited) {
		return nil
	}
	wait, _ := fault.Wait(err)
	wait = max(wait.Round(time.Second), time.Second)
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(wait/time.Second)))
	return []ui.Fault{{Field: field, Code: "login.slow", Wait: wait}}
}
