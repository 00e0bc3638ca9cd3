package frame

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/ui"
)

// errors is the edge of a door: every error of a handler becomes a page here, and nowhere else.
func (f *Frame) errors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := next(c); err != nil {
			f.Show(err, c)
		}
		return nil
	}
}

// Show turns an error into its page. It has the shape of echo's own error handler, so that what no route
// of any door took can end here too.
func (f *Frame) Show(err error, c echo.Context) {
	ctx := c.Request().Context()
	edge.Cause(ctx, err)
	if c.Response().Committed {
		return
	}
	if tx := c.QueryParam("tx"); tx != "" && f.c.Dispatcher != "" && errors.Is(err, signin.ErrOutOfTurn) {
		// A reload or a second tab was quicker: the dispatcher knows what is next.
		if See(c, WithTx(f.c.Dispatcher, tx)) == nil {
			return
		}
	}
	if c.Get(keyLang) == nil {
		f.choose(c)
	}
	status, page := f.verdict(err)
	var routed *echo.HTTPError
	if errors.As(err, &routed) && routed.Code == http.StatusNotFound {
		if allow := elsewise(c); allow != "" {
			status = http.StatusMethodNotAllowed
			c.Response().Header().Set(echo.HeaderAllow, allow)
		}
	}
	page.At = f.c.Wall()
	if page.Wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(page.Wait.Seconds()))))
	}
	if f.c.Onward != nil {
		page.RetryURL, page.HomeURL = f.c.Onward(c.Request(), status, err)
	}
	if err := f.Render(c, status, "", page); err != nil {
		edge.Cause(ctx, err)
		f.c.Log.ErrorContext(ctx, "error page not shown", "error", err, "request", edge.RequestID(ctx))
		protect(c.Response().Header(), "")
		_ = c.String(http.StatusInternalServerError, "Ошибка на нашей стороне. Номер запроса: "+edge.RequestID(ctx)+
			"\nThe fault is on our side. Request number: "+edge.RequestID(ctx)+"\n")
	}
}

// elsewise names the method that the address does answer to, if not to this one. Echo's groups catch what
// they have no route for before its router can tell a wrong method from a wrong address.
func elsewise(c echo.Context) string {
	r := c.Request()
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		if m == r.Method || m == http.MethodGet && r.Method == http.MethodHead {
			continue
		}
		probe := c.Echo().NewContext(r, c.Response())
		c.Echo().Router().Find(m, r.URL.Path, probe)
		if path := probe.Path(); path != "" && !strings.HasSuffix(path, "*") {
			return m
		}
	}
	return ""
}

// verdict is the table from errors to statuses and pages. What is not in it is a fault of ours.
func (f *Frame) verdict(err error) (int, ui.Error) {
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
	if f.c.Own != nil {
		if status, page := f.c.Own(err); status != 0 {
			return status, page
		}
	}
	wait, _ := fault.Wait(err)
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge, ui.Error{Kind: "bad_request"}
	case errors.Is(err, ErrForm):
		return http.StatusBadRequest, ui.Error{Kind: "bad_request"}
	case errors.Is(err, signin.ErrOtherBrowser):
		return http.StatusForbidden, ui.Error{Kind: "other_browser"}
	case errors.Is(err, seal.ErrSealed), errors.Is(err, fault.Expired):
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

// Faults turns an error into the mistakes of a form, if it is one; otherwise ok is false and the error
// goes to the edge.
func Faults(err error) (fs []ui.Fault, ok bool) {
	var wrong fault.Fields
	if !errors.As(err, &wrong) {
		return nil, false
	}
	for _, f := range wrong {
		fs = append(fs, ui.Fault{Field: ID(f.Name), Code: f.Code})
	}
	return fs, true
}

// ID is a field's name as the pages spell it: birth-date.
func ID(field string) string { return strings.ReplaceAll(field, "_", "-") }

// One is a form with one mistake.
func One(field, code string) []ui.Fault { return []ui.Fault{{Field: field, Code: code}} }

// Slow is the mistake of having been too quick, with the wait told; ok is false for other errors.
func Slow(c echo.Context, err error, field, code string) (fs []ui.Fault, ok bool) {
	if !errors.Is(err, fault.Limited) {
		return nil, false
	}
	wait, _ := fault.Wait(err)
	wait = max(wait.Round(time.Second), time.Second)
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(wait/time.Second)))
	return []ui.Fault{{Field: field, Code: code, Wait: wait}}, true
}
