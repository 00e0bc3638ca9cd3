package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// rules are the password rules as pages tell them.
func (d *Door) rules() ui.PasswordRules {
	return ui.PasswordRules{MinLength: d.Authn.Rules.MinLength(), Latin: d.Authn.Rules.Profile != password.Nist}
}

// choosePage asks for a new password: the last step of registration and of recovery.
func (d *Door) choosePage(action, purpose, username, suggested string, wrong []ui.Fault) ui.Password {
	return ui.Password{
		Form: ui.Form{Action: action, Faults: wrong}, Step: ui.Step{N: 3, Of: 3}, Purpose: purpose,
		Username: username, Rules: d.rules(), Suggested: suggested,
	}
}

// suggest makes a password up.
func suggest() (string, error) {
	s, err := password.Generate(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("web: make up a password: %w", err)
	}
	return s, nil
}

// counted gives the sentences about a short password the length that is needed.
func (d *Door) counted(wrong []ui.Fault) []ui.Fault {
	for i := range wrong {
		if wrong[i].Code == string(password.Short) {
			wrong[i].Count = d.Authn.Rules.MinLength()
		}
	}
	return wrong
}

func (d *Door) showPasswordChange(c echo.Context) error {
	return d.passwordChange(c, http.StatusOK, "", nil)
}

func (d *Door) passwordChange(c echo.Context, status int, suggested string, wrong []ui.Fault) error {
	_, a := whoever(c)
	return d.render(c, status, "security", ui.PasswordChange{
		Form: ui.Form{Action: "/account/security/password", Faults: wrong}, Username: loginName(a), Rules: d.rules(), Suggested: suggested,
	})
}

// changePassword ends every session but this one's browser, which gets a new one.
func (d *Door) changePassword(c echo.Context) error {
	if frame.Field(c, "suggest") != "" {
		s, err := suggest()
		if err != nil {
			return err
		}
		return d.passwordChange(c, http.StatusOK, s, nil)
	}
	if frame.Field(c, "current-password") == "" {
		return d.passwordChange(c, http.StatusUnprocessableEntity, "", frame.One("current-password", "password.required"))
	}
	s, a := whoever(c)
	ctx := c.Request().Context()
	next, secret, err := d.Authn.ChangePassword(ctx, authn.Change{
		Account: a.ID, Session: s, Old: frame.Field(c, "current-password"), New: frame.Field(c, "password"), Again: frame.Field(c, "password-again"),
		Browser: d.visitors.Browser(c), Request: edge.RequestID(ctx),
	})
	if wrong, ok := frame.Faults(err); ok {
		return d.passwordChange(c, http.StatusUnprocessableEntity, "", d.counted(wrong))
	}
	if wrong, ok := frame.Slow(c, err, "current-password", "login.slow"); ok {
		edge.Cause(ctx, err)
		return d.passwordChange(c, http.StatusTooManyRequests, "", wrong)
	}
	if errors.Is(err, authn.ErrPassword) {
		edge.Cause(ctx, err)
		return d.passwordChange(c, http.StatusUnprocessableEntity, "", frame.One("current-password", "password.wrong"))
	}
	if err != nil {
		return err
	}
	d.Cookies.Write(c.Response(), next, secret, next.Expires.Sub(d.Now()))
	return frame.See(c, "/account/security?notice=password_changed")
}

func isSealed(err error) bool { return errors.Is(err, seal.ErrSealed) }
