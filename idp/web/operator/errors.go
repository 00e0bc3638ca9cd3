package operator

import (
	"errors"
	"net/http"

	"github.com/propusk/propusk/idp/signin"
)

// onward is the way forward from an error page. Whoever is no operator is led to their own account, and
// whoever lacks the second factor to where it is connected.
func onward(r *http.Request, status int, err error) (retry, home string) {
	switch {
	case errors.Is(err, signin.ErrNoFactor):
		return "", "/account/security"
	case errors.Is(err, signin.ErrOtherBrowser):
		return "/operator", "/account"
	case status == http.StatusForbidden:
		return "", "/account"
	case status == http.StatusGone, status == http.StatusConflict, status >= 500 && r.Method == http.MethodGet:
		return "/operator", "/operator"
	}
	return "", "/operator"
}
