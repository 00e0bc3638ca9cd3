package web

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountUseNow adds the same question without a waiting party: from the account's home page.
func (d *Door) mountUseNow(g *echo.Group) {
	g.GET("/use-now", d.showOwnUseNow)
	g.POST("/use-now", d.ownUseNow)
}

// risen is the page that asks for the factors again, so that the session's snapshot may rise.
func (d *Door) risen(a *account.Account, action string, wrong []ui.Fault) ui.UseNow {
	now := a.Assurance(d.Now())
	p := ui.UseNow{
		Form: ui.Form{Action: action, Faults: wrong}, Username: loginName(a), Level: now.Level.String(), TOTP: a.Credential.TOTP != nil,
	}
	if c, ok := now.Strongest(); ok {
		p.Method = c.Method.String()
	}
	return p
}

// showUseNow asks inside a transaction. skip=1: not now, go on with the level of the session.
func (d *Door) showUseNow(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if c.QueryParam("skip") != "" {
		if err := d.SignIn.Waive(c.Request().Context(), f); err != nil && current(err) {
			return err
		}
		return frame.See(c, frame.WithTx("/login", tx))
	}
	if signin.Next(f).Kind != signin.UseNow {
		return frame.See(c, frame.WithTx("/login", tx))
	}
	return d.waitingUseNow(c, f, tx, http.StatusOK, nil)
}

func (d *Door) waitingUseNow(c echo.Context, f *signin.Facts, tx string, status int, wrong []ui.Fault) error {
	a, err := d.Accounts.Account(c.Request().Context(), f.Session.Account)
	if err != nil {
		return err
	}
	p := d.risen(a, frame.WithTx("/login/use-now", tx), wrong)
	p.Origin, p.SkipURL = origin(c, f), frame.WithTx("/login/use-now", tx)+"&skip=1"
	return d.render(c, status, "", p)
}

// useNow takes the factors again and resumes the transaction with a fresh snapshot.
func (d *Door) useNow(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if signin.Next(f).Kind != signin.UseNow {
		return signin.ErrOutOfTurn
	}
	ctx := c.Request().Context()
	a, err := d.Accounts.Account(ctx, f.Session.Account)
	if err != nil {
		return err
	}
	if status, wrong, err := d.factors(c, a); err != nil {
		return err
	} else if wrong != nil {
		return d.waitingUseNow(c, f, tx, status, wrong)
	}
	foreign := f.Session.Kind == session.Foreign
	if a.Credential.TOTP == nil {
		return d.passed(c, f, tx, signin.Proof{Account: a, Factor: "pwd", Foreign: foreign})
	}
	proof := signin.Proof{Account: a, Factor: "pwd", Foreign: foreign, Device: device(c), Browser: d.visitors.Browser(c)}
	if _, err := d.SignIn.Passed(ctx, f, proof); err != nil {
		return err
	}
	return d.passed(c, f, tx, signin.Proof{Account: a, Factor: "otp", Foreign: foreign})
}

// factors judges the password, and the app's code where there is an app. wrong is for the page.
func (d *Door) factors(c echo.Context, a *account.Account) (status int, wrong []ui.Fault, err error) {
	ctx := c.Request().Context()
	status, wrong, err = d.password(c, a, "password")
	if err != nil || wrong != nil || a.Credential.TOTP == nil {
		return status, wrong, err
	}
	if frame.Field(c, "code") == "" {
		return http.StatusUnprocessableEntity, frame.One("code", "totp.required"), nil
	}
	_, err = d.Authn.TOTP(ctx, a.ID, frame.Field(c, "code"))
	if status, wrong := codeFault(c, err); wrong != nil {
		edge.Cause(ctx, err)
		return status, wrong, nil
	}
	return 0, nil, err
}

// password judges the password that somebody who is signed in types again into the named field.
func (d *Door) password(c echo.Context, a *account.Account, name string) (status int, wrong []ui.Fault, err error) {
	ctx := c.Request().Context()
	if frame.Field(c, name) == "" {
		return http.StatusUnprocessableEntity, frame.One(name, "password.required"), nil
	}
	err = d.Authn.Again(ctx, a, frame.Field(c, name))
	if wrong, ok := frame.Slow(c, err, name, "login.slow"); ok {
		edge.Cause(ctx, err)
		return http.StatusTooManyRequests, wrong, nil
	}
	if errors.Is(err, authn.ErrPassword) {
		edge.Cause(ctx, err)
		return http.StatusUnprocessableEntity, frame.One(name, "password.wrong"), nil
	}
	return 0, nil, err
}

func (d *Door) showOwnUseNow(c echo.Context) error {
	s, a := whoever(c)
	if !d.rose(s, a) {
		return frame.See(c, "/account")
	}
	back, _, err := d.waitingRequest(c)
	if err != nil {
		return err
	}
	if back != "" {
		return frame.See(c, back) // the request asks for the factors itself
	}
	return d.render(c, http.StatusOK, "account", d.risen(a, "/account/use-now", nil))
}

// rose tells whether the account stands higher than the session says.
func (d *Door) rose(s *session.Session, a *account.Account) bool {
	now := a.Assurance(d.Now())
	subject := account.Min(s.Snapshot, now)
	return subject.Level < now.Level || len(subject.Confirmations) < len(now.Confirmations)
}

func (d *Door) ownUseNow(c echo.Context) error {
	s, a := whoever(c)
	status, wrong, err := d.factors(c, a)
	if err != nil {
		return err
	}
	if wrong != nil {
		return d.render(c, status, "account", d.risen(a, "/account/use-now", wrong))
	}
	amr := []string{"pwd"}
	if a.Credential.TOTP != nil {
		amr = []string{"pwd", "otp", "mfa"}
	}
	ctx := c.Request().Context()
	secret := session.NewBrowser(d.visitors.Browser(c))
	var next *session.Session
	err = d.Atomically(ctx, func(tx Tx) error {
		fresh, err := tx.Account(ctx, a.ID)
		if err != nil {
			return err
		}
		next, err = d.Sessions.Renew(ctx, tx, s, fresh, amr, session.HashBrowser(secret))
		return err
	})
	if err != nil {
		return fmt.Errorf("web: use the level now: %w", err)
	}
	d.Cookies.Write(c.Response(), next, secret, next.Expires.Sub(d.Now()))
	return frame.See(c, "/account")
}

// loginName is what the citizen signs in with, for password managers.
func loginName(a *account.Account) string {
	for _, kind := range []account.ContactKind{account.Phone, account.Email} {
		if c, ok := a.Profile.Contact(kind); ok {
			return c.Value
		}
	}
	return ""
}
