package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/contact"
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
			d.Show(err, c)
		}
		return nil
	}
}

// Show turns an error into its page. It has the shape of echo's own error handler, so that what no route
// of any door took ends here too.
func (d *Door) Show(err error, c echo.Context) {
	ctx := c.Request().Context()
	edge.Cause(ctx, err)
	if c.Response().Committed {
		return
	}
	if tx := c.QueryParam("tx"); tx != "" && errors.Is(err, signin.ErrOutOfTurn) {
		// A reload or a second tab was quicker: the dispatcher knows what is next.
		if see(c, withTx("/login", tx)) == nil {
			return
		}
	}
	if c.Get(keyLang) == nil {
		d.choose(c)
	}
	status, page := verdict(err)
	var routed *echo.HTTPError
	if errors.As(err, &routed) && routed.Code == http.StatusNotFound {
		if allow := elsewise(c); allow != "" {
			status = http.StatusMethodNotAllowed
			c.Response().Header().Set(echo.HeaderAllow, allow)
		}
	}
	page.At = d.Wall()
	if page.Wait > 0 {
		c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(page.Wait.Seconds()))))
	}
	page.RetryURL, page.HomeURL = again(c.Request(), status, err)
	if err := d.render(c, status, "", page); err != nil {
		edge.Cause(ctx, err)
		d.Log.ErrorContext(ctx, "error page not shown", "error", err, "request", edge.RequestID(ctx))
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
func verdict(err error) (int, ui.Error) {
	var e *echo.HTTPError
	if errors.As(err, &e) {
		switch e.Code {
		case http.StatusNotFound:
			return e.Code, ui.Error{Kind: "not_found"}
		case http.StatusMethodNotAllowed:
			return e.Code, ui.Error{Kind: "not_found"}
		case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusBadRequest:
			return e.Code, ui.Error{Kind: "bad_request"}
		}
		return http.StatusInternalServerError, ui.Error{Kind: "server"}
	}
	wait, _ := fault.Wait(err)
	switch {
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge, ui.Error{Kind: "bad_request"}
	case errors.Is(err, errForm):
		return http.StatusBadRequest, ui.Error{Kind: "bad_request"}
	case errors.Is(err, signin.ErrOtherBrowser), errors.Is(err, contact.ErrOtherBrowser):
		return http.StatusForbidden, ui.Error{Kind: "other_browser"}
	case errors.Is(err, seal.ErrSealed), errors.Is(err, fault.Expired):
		return http.StatusGone, ui.Error{Kind: "expired"}
	case errors.Is(err, fault.Conflict), errors.Is(err, contact.ErrTaken):
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

// again is the way forward from an error page: where to begin anew, and home.
func again(r *http.Request, status int, err error) (retry, home string) {
	home = "/account"
	switch {
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, errors.Is(err, errCross):
		return "", home
	case status >= 500 && r.Method == http.MethodGet:
		return r.URL.RequestURI(), home
	case strings.HasPrefix(r.URL.Path, "/register"):
		return "/register", home
	case strings.HasPrefix(r.URL.Path, "/recover"):
		return "/recover", home
	case strings.HasPrefix(r.URL.Path, "/account"):
		return "/account", home
	case strings.HasPrefix(r.URL.Path, "/login"):
		return "/login", home
	}
	return "", home
}

// faults turns an error into the mistakes of a form, if it is one; otherwise ok is false and the error
// goes to the edge.
func faults(err error) (fs []ui.Fault, ok bool) {
	var wrong fault.Fields
	if !errors.As(err, &wrong) {
		return nil, false
	}
	for _, f := range wrong {
		fs = append(fs, ui.Fault{Field: strings.ReplaceAll(f.Name, "_", "-"), Code: f.Code})
	}
	return fs, true
}

// one is a form with one mistake.
func one(field, code string) []ui.Fault { return []ui.Fault{{Field: field, Code: code}} }

// slow is the mistake of having been too quick, with the wait told; ok is false for other errors.
func slow(c echo.Context, err error, field, code string) ([]ui.Fault, bool) {
	if !errors.Is(err, fault.Limited) {
		return nil, false
	}
	wait, _ := fault.Wait(err)
	wait = max(wait.Round(time.Second), time.Second)
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(int(wait/time.Second)))
	return []ui.Fault{{Field: field, Code: code, Wait: wait}}, true
}

// gone wraps the end of a flow whose browser never had it.
func gone(what string) error { return fmt.Errorf("web: no %s: %w", what, fault.Expired) }
