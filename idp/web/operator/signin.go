package operator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// sendToSignIn opens a request of the console's own. It always leads back to the start: a case is picked
// up again by its number and the person, not by an address.
func (d *Door) sendToSignIn(c echo.Context) error {
	tx, err := d.SignIn.NewOwn(c.Request().Context(), "operator", "/operator", frame.Lang(c), d.visitors.Browser(c))
	if err != nil {
		return err
	}
	return frame.See(c, frame.WithTx("/operator/login", tx))
}

// load opens the page's transaction for this browser.
func (d *Door) load(c echo.Context) (*signin.Facts, string, error) {
	tx := c.QueryParam("tx")
	sid, _ := d.Cookies.Read(c.Request())
	f, err := d.SignIn.Load(c.Request().Context(), tx, d.visitors.Browser(c), sid)
	if err != nil {
		return nil, "", err
	}
	if f.Request.Door != "operator" {
		return nil, "", fmt.Errorf("operator: a request of another door: %w", fault.Expired)
	}
	return f, tx, nil
}

// dispatch shows the page of the next step, or ends the transaction. Parameters: tx, the sealed request;
// start=1, to sign in anew from the second factor.
func (d *Door) dispatch(c echo.Context) error {
	if c.QueryParam("tx") == "" {
		return d.sendToSignIn(c)
	}
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	switch step := signin.Next(f); {
	case step.Kind == signin.Answer || step.Kind == signin.Fail:
		r, err := d.SignIn.Answer(c.Request().Context(), f)
		if err != nil {
			return err
		}
		return frame.See(c, r.Redirect)
	case step.Kind == signin.Stale:
		return signin.ErrStale
	case step.Kind == signin.SecondFactor && c.QueryParam("start") == "":
		return frame.See(c, frame.WithTx("/operator/login/code", tx))
	}
	return d.render(c, http.StatusOK, "", signInPage(tx, "", nil))
}

func signInPage(tx, username string, wrong []ui.Fault) ui.SignIn {
	return ui.SignIn{Form: ui.Form{Action: frame.WithTx("/operator/login", tx), Faults: wrong}, Username: username, Staff: true}
}

// enterPassword judges the first factor, and who it is: only then would the page say more than that name
// or password are wrong.
func (d *Door) enterPassword(c echo.Context) error {
	if c.QueryParam("tx") == "" {
		return d.sendToSignIn(c)
	}
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	name, pw := strings.TrimSpace(frame.Field(c, "username")), frame.Field(c, "password")
	var wrong []ui.Fault
	if name == "" {
		wrong = append(wrong, ui.Fault{Field: "username", Code: "login.required"})
	}
	if pw == "" {
		wrong = append(wrong, ui.Fault{Field: "password", Code: "password.required"})
	}
	if wrong != nil {
		return d.render(c, http.StatusUnprocessableEntity, "", signInPage(tx, name, wrong))
	}
	ctx := c.Request().Context()
	a, err := d.Authn.SignIn(ctx, authn.Attempt{
		Identifier: name, Password: pw, Network: edge.Network(ctx), Mark: d.mark(c),
		Device: device(c), Request: edge.RequestID(ctx), Lang: frame.Lang(c),
	})
	if wrong, ok := frame.Slow(c, err, "username", "login.slow"); ok {
		edge.Cause(ctx, err)
		return d.render(c, http.StatusTooManyRequests, "", signInPage(tx, name, wrong))
	}
	if errors.Is(err, authn.ErrWrong) {
		edge.Cause(ctx, err)
		return d.render(c, http.StatusUnprocessableEntity, "", signInPage(tx, name, frame.One("username", "login.wrong")))
	}
	if err != nil {
		return err
	}
	if _, err := d.Visits.Staff(ctx, a.ID); err != nil {
		return err
	}
	return d.passed(c, f, tx, signin.Proof{Account: a, Factor: "pwd"})
}

// passed records a factor, and goes on to the next step.
func (d *Door) passed(c echo.Context, f *signin.Facts, tx string, p signin.Proof) error {
	ctx := c.Request().Context()
	p.Device, p.Browser = device(c), d.visitors.Browser(c)
	in, err := d.SignIn.Passed(ctx, f, p)
	if err != nil {
		return err
	}
	if in != nil {
		d.Cookies.Write(c.Response(), in.Session, in.Browser, in.Left)
		frame.Changed(c, in.Browser)
		if err := d.tellNew(c, in, p.Account); err != nil {
			return err
		}
	}
	return frame.See(c, frame.WithTx("/operator/login", tx))
}

// tellNew tells the owner of a browser that the console was not opened in before.
func (d *Door) tellNew(c echo.Context, in *signin.SignedIn, a *account.Account) error {
	next, fresh, err := d.Authn.Mark(d.mark(c), a.ID)
	if err != nil || !fresh {
		return err
	}
	c.SetCookie(&http.Cookie{
		Name: d.markName(), Value: next, Path: "/", MaxAge: int(authn.MarkLife.Seconds()),
		HttpOnly: true, Secure: d.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
	device := in.Session.Device
	if device == "" {
		device = "?"
	}
	ctx := c.Request().Context()
	err = d.Atomically(ctx, func(tx Tx) error {
		return d.Notices.Tell(ctx, tx, a, notice.SignInNew, notice.With{At: in.Session.AuthTime, Device: device})
	})
	if err != nil {
		return fmt.Errorf("operator: tell of a new browser: %w", err)
	}
	return nil
}

// The console's own mark of a known browser (package authn). Its name follows the session cookie's rules.
func (d *Door) markName() string {
	if d.Public.Scheme == "https" {
		return "__Host-propusk-operator-known"
	}
	return "propusk-operator-known-" + d.Public.Port()
}

func (d *Door) mark(c echo.Context) string {
	k, err := c.Cookie(d.markName())
	if err != nil {
		return ""
	}
	return k.Value
}

func (d *Door) showCode(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if signin.Next(f).Kind != signin.SecondFactor {
		return frame.See(c, frame.WithTx("/operator/login", tx))
	}
	return d.askSecond(c, f, tx, http.StatusOK, nil)
}

// enterCode judges the second factor of whoever passed the first in this transaction.
func (d *Door) enterCode(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if signin.Next(f).Kind != signin.SecondFactor {
		return signin.ErrOutOfTurn
	}
	code := frame.Field(c, "code")
	if code == "" {
		return d.askSecond(c, f, tx, http.StatusUnprocessableEntity, frame.One("code", "totp.required"))
	}
	ctx := c.Request().Context()
	a, err := d.Authn.TOTP(ctx, f.Progress.Account, code)
	if wrong, ok := frame.Slow(c, err, "code", "login.slow"); ok {
		edge.Cause(ctx, err)
		return d.askSecond(c, f, tx, http.StatusTooManyRequests, wrong)
	}
	if errors.Is(err, authn.ErrCode) {
		edge.Cause(ctx, err)
		return d.askSecond(c, f, tx, http.StatusUnprocessableEntity, frame.One("code", "totp.wrong"))
	}
	if err != nil {
		return err
	}
	if _, err := d.Visits.Staff(ctx, a.ID); err != nil {
		return err
	}
	return d.passed(c, f, tx, signin.Proof{Account: a, Factor: "otp"})
}

func (d *Door) showLogout(c echo.Context) error {
	return d.render(c, http.StatusOK, "", ui.Logout{Form: ui.Form{Action: "/operator/logout"}, StayURL: "/operator"})
}

// logout ends this session of the console, and no other.
func (d *Door) logout(c echo.Context) error {
	ctx, w := c.Request().Context(), whoever(c)
	err := d.Atomically(ctx, func(tx Tx) error {
		return session.End(ctx, tx, session.Scope{Account: w.account.ID, Session: w.session.ID}, false, session.Why{
			Kind: audit.SignedOut, Device: w.session.Device, Request: edge.RequestID(ctx), Now: d.Now(), Wall: d.Wall(),
		})
	})
	if err != nil {
		return fmt.Errorf("operator: sign out: %w", err)
	}
	if err := d.Shifts.Close(ctx, w.account.ID); err != nil {
		return fmt.Errorf("operator: sign out: %w", err)
	}
	d.Cookies.Clear(c.Response())
	c.Set(keyWho, nil)
	return frame.See(c, "/operator/login")
}

// device is what the browser says it is, coarsely.
func device(c echo.Context) string { return session.Device(c.Request().UserAgent()) }
