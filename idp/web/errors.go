package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// Show turns an error into its page. It has the shape of echo's own error handler, so that what no route
// of any door took ends here too.
func (d *Door) Show(err error, c echo.Context) { d.pages.Show(err, c) }

// own are the errors that only these pages have words for.
func own(err error) (int, ui.Error) {
	switch {
	case errors.Is(err, contact.ErrOtherBrowser):
		return http.StatusForbidden, ui.Error{Kind: "other_browser"}
	case errors.Is(err, contact.ErrTaken):
		return http.StatusConflict, ui.Error{Kind: "expired"}
	}
	return 0, ui.Error{}
}

// onward is the way forward from an error page: where to begin anew, and home.
func onward(r *http.Request, status int, err error) (retry, home string) {
	home = "/account"
	switch {
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed, errors.Is(err, frame.ErrCross):
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

// gone wraps the end of a flow whose browser never had it.
func gone(what string) error { return fmt.Errorf("web: no %s: %w", what, fault.Expired) }
