package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/register"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountRegister(g *echo.Group) {
	g.GET("/register", d.showRegister)
	g.POST("/register", d.startRegister)
	g.GET("/register/code", d.registering("/register/code", d.showRegisterCode))
	g.POST("/register/code", d.registering("/register/code", d.enterRegisterCode))
	g.GET("/register/sent", d.registering("/register/sent", d.showRegisterSent))
	g.POST("/register/sent", d.registering("/register/sent", d.resendRegisterLink))
	g.GET("/register/link/:token", d.showRegisterLink)
	g.POST("/register/link/:token", d.openRegisterLink)
	g.GET("/register/password", d.registering("/register/password", d.showRegisterPassword))
	g.POST("/register/password", d.registering("/register/password", d.finishRegister))
	g.GET("/register/done", d.registered, d.signedIn)
}

// waiting is the transaction that a flow will go on with, if this browser has one; a stale one is
// forgotten, since the flow stands without it.
func (d *Door) waiting(c echo.Context, tx string) (*signin.Facts, error) {
	if tx == "" {
		return nil, nil
	}
	sid, _ := d.Cookies.Read(c.Request())
	f, err := d.SignIn.Load(c.Request().Context(), tx, d.visitors.Browser(c), sid)
	if errors.Is(err, signin.ErrStale) || errors.Is(err, signin.ErrOtherBrowser) || isSealed(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d.pages.SpeakFor(c, f.Request.Lang, f.Request.Started)
	frame.EndsAt(c, f.Request.Redirect)
	return f, nil
}

// showRegister is the first page. r, a flow begun already, fills it in: to change a contact or to try a
// mailbox instead.
func (d *Door) showRegister(c echo.Context) error {
	tx := c.QueryParam("tx")
	f, err := d.waiting(c, tx)
	if err != nil {
		return err
	}
	p := d.createPage(c, f, tx, nil)
	if ref := c.QueryParam("r"); ref != "" {
		flow, err := d.Register.Flow(c.Request().Context(), ref, d.visitors.Browser(c))
		if err != nil {
			return err
		}
		p.FamilyName, p.GivenName, p.Consent = flow.FamilyName.String(), flow.GivenName.String(), true
	}
	return d.render(c, http.StatusOK, "", p)
}

func (d *Door) createPage(c echo.Context, f *signin.Facts, tx string, wrong []ui.Fault) ui.CreateAccount {
	back := "/login"
	if tx != "" {
		back = frame.WithTx("/login", tx) + "&start=1"
	}
	return ui.CreateAccount{
		Form: ui.Form{Action: frame.WithTx("/register", tx), Faults: wrong}, Origin: origin(c, f), SignInURL: back,
		FamilyName: frame.Field(c, "family-name"), GivenName: frame.Field(c, "given-name"), Tel: frame.Field(c, "tel"), Email: frame.Field(c, "email"),
		Consent: frame.Field(c, "consent") != "",
	}
}

func (d *Door) startRegister(c echo.Context) error {
	tx := c.QueryParam("tx")
	f, err := d.waiting(c, tx)
	if err != nil {
		return err
	}
	if f == nil {
		tx = ""
	}
	ctx := c.Request().Context()
	ref, err := d.Register.Start(ctx, register.Form{
		FamilyName: frame.Field(c, "family-name"), GivenName: frame.Field(c, "given-name"), Tel: frame.Field(c, "tel"), Email: frame.Field(c, "email"),
		Consent: frame.Field(c, "consent") == "1", Lang: frame.Lang(c), Waiting: tx, Browser: d.visitors.Browser(c), Network: edge.Network(ctx),
	})
	if wrong, ok := frame.Faults(err); ok {
		return d.render(c, http.StatusUnprocessableEntity, "", d.createPage(c, f, tx, wrong))
	}
	if wrong, ok := frame.Slow(c, err, "", "login.slow"); ok {
		edge.Cause(ctx, err)
		return d.render(c, http.StatusTooManyRequests, "", d.createPage(c, f, tx, wrong))
	}
	if err != nil {
		return err
	}
	if frame.Field(c, "tel") == "" {
		return frame.See(c, withRef("/register/sent", ref))
	}
	return frame.See(c, withRef("/register/code", ref))
}

// registering loads the flow of a page, with what waits behind it, and leads on when it stands on another page.
func (d *Door) registering(here string, page func(c echo.Context, ref string, flow *register.Flow, f *signin.Facts) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		ref := c.QueryParam("r")
		flow, err := d.Register.Flow(c.Request().Context(), ref, d.visitors.Browser(c))
		if err != nil {
			return err
		}
		f, err := d.waiting(c, flow.Waiting)
		if err != nil {
			return err
		}
		if to := registerPlace(flow); to != here {
			return frame.See(c, withRef(to, ref))
		}
		return page(c, ref, flow, f)
	}
}

func (d *Door) showRegisterCode(c echo.Context, ref string, flow *register.Flow, f *signin.Facts) error {
	return d.render(c, http.StatusOK, "", registerCodePage(c, ref, flow, f, nil))
}

// registerPlace is the page on which a flow stands.
func registerPlace(f *register.Flow) string {
	switch {
	case f.Proved():
		return "/register/password"
	case f.Proof.Kind == account.Email:
		return "/register/sent"
	}
	return "/register/code"
}

func registerCodePage(c echo.Context, ref string, flow *register.Flow, f *signin.Facts, wrong []ui.Fault) ui.SMSCode {
	change := changeRegister(ref, flow)
	p := ui.SMSCode{
		Form: ui.Form{Action: withRef("/register/code", ref), Faults: wrong}, Step: ui.Step{N: 2, Of: 3}, Origin: origin(c, f),
		Purpose: "register", Phone: flow.Proof.Value, ExpiresAt: flow.Proof.Until, EmailURL: change, ChangeURL: change,
	}
	if left := flow.Proof.Left(); left <= 2 {
		p.TriesLeft = left
	}
	return p
}

// changeRegister is where another contact is given, with all else as it was.
func changeRegister(ref string, flow *register.Flow) string {
	if flow.Waiting != "" {
		return frame.WithTx("/register", flow.Waiting) + "&r=" + ref
	}
	return withRef("/register", ref)
}

func (d *Door) enterRegisterCode(c echo.Context, ref string, _ *register.Flow, f *signin.Facts) error {
	ctx, browser, here := c.Request().Context(), d.visitors.Browser(c), withRef("/register/code", ref)
	return d.prove(c, proving{
		here: here,
		page: func(wrong []ui.Fault) (ui.SMSCode, error) {
			flow, err := d.Register.Flow(ctx, ref, browser)
			if err != nil {
				return ui.SMSCode{}, err
			}
			return registerCodePage(c, ref, flow, f, wrong), nil
		},
		again: func() error { return d.Register.Resend(ctx, ref, browser, edge.Network(ctx)) },
		enter: func(code string) (string, error) {
			_, err := d.Register.Enter(ctx, ref, browser, code)
			return here, err
		},
	})
}

func (d *Door) showRegisterSent(c echo.Context, ref string, flow *register.Flow, _ *signin.Facts) error {
	return d.render(c, http.StatusOK, "", registerSentPage(ref, flow))
}

func registerSentPage(ref string, flow *register.Flow) ui.EmailSent {
	return ui.EmailSent{
		Form: ui.Form{Action: withRef("/register/sent", ref)}, Step: ui.Step{N: 2, Of: 3}, Purpose: "register",
		Email: flow.Proof.Value, ValidUntil: flow.Proof.Until, ChangeURL: changeRegister(ref, flow),
	}
}

func (d *Door) resendRegisterLink(c echo.Context, ref string, flow *register.Flow, _ *signin.Facts) error {
	ctx := c.Request().Context()
	err := d.Register.Resend(ctx, ref, d.visitors.Browser(c), edge.Network(ctx))
	return d.resent(c, err, "", registerSentPage(ref, flow))
}

// showRegisterLink is what the link in the mail opens: a button. Opening changes nothing.
func (d *Door) showRegisterLink(c echo.Context) error {
	flow, err := d.Register.Opened(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	d.visitors.Browser(c) // the button's answer needs it
	return d.render(c, http.StatusOK, "", ui.EmailConfirm{Form: ui.Form{}, Purpose: "register", Email: flow.Proof.Value})
}

func (d *Door) openRegisterLink(c echo.Context) error {
	ref, err := d.Register.Open(c.Request().Context(), c.Param("token"), d.visitors.Browser(c))
	if err != nil {
		return err
	}
	return frame.See(c, withRef("/register/password", ref))
}

func (d *Door) showRegisterPassword(c echo.Context, ref string, flow *register.Flow, _ *signin.Facts) error {
	return d.render(c, http.StatusOK, "", d.choosePage(withRef("/register/password", ref), "register", flow.Proof.Value, "", nil))
}

// finishRegister opens the account and signs its owner in, in the waiting transaction or in one of our own.
func (d *Door) finishRegister(c echo.Context, ref string, flow *register.Flow, f *signin.Facts) error {
	page := func(status int, suggested string, wrong []ui.Fault) error {
		return d.render(c, status, "", d.choosePage(withRef("/register/password", ref), "register", flow.Proof.Value, suggested, wrong))
	}
	if frame.Field(c, "suggest") != "" {
		s, err := suggest()
		if err != nil {
			return err
		}
		return page(http.StatusOK, s, nil)
	}
	ctx := c.Request().Context()
	a, _, err := d.Register.Finish(ctx, register.Password{
		Ref: ref, Browser: d.visitors.Browser(c), Password: frame.Field(c, "password"), Again: frame.Field(c, "password-again"),
		Device: device(c), Request: edge.RequestID(ctx),
	})
	if wrong, ok := frame.Faults(err); ok {
		return page(http.StatusUnprocessableEntity, "", d.counted(wrong))
	}
	if errors.Is(err, register.ErrTaken) {
		// Another page of the same person was quicker, most likely. The contact is proved, so signing in
		// may be offered in so many words.
		edge.Cause(ctx, err)
		return frame.See(c, loginAgain(flow.Waiting))
	}
	if err != nil {
		return err
	}
	tx := flow.Waiting
	if f == nil {
		if tx, err = d.SignIn.NewOwn(ctx, "web", "/account", frame.Lang(c), d.visitors.Browser(c)); err != nil {
			return err
		}
		sid, _ := d.Cookies.Read(c.Request())
		if f, err = d.SignIn.Load(ctx, tx, d.visitors.Browser(c), sid); err != nil {
			return err
		}
	}
	// The browser is known from its first day, and nobody needs a letter about it.
	mark, _, err := d.Authn.Mark(d.mark(c), a.ID)
	if err != nil {
		return err
	}
	in, err := d.SignIn.Passed(ctx, f, signin.Proof{Account: a, Factor: "pwd", Device: device(c), Browser: d.visitors.Browser(c)})
	if err != nil {
		return err
	}
	if in != nil {
		d.Cookies.Write(c.Response(), in.Session, in.Browser, in.Left)
		d.writeMark(c, mark)
	}
	return frame.See(c, frame.WithTx("/register/done", tx))
}

func loginAgain(tx string) string {
	if tx == "" {
		return "/login"
	}
	return frame.WithTx("/login", tx) + "&start=1"
}

// registered ends the registration: what to sign in with, and on to where the person came from.
func (d *Door) registered(c echo.Context) error {
	tx := c.QueryParam("tx")
	f, err := d.waiting(c, tx)
	if err != nil {
		return err
	}
	_, a := whoever(c)
	p := ui.AccountCreated{Username: loginName(a), Origin: origin(c, f)}
	if f != nil {
		p.ContinueURL = frame.WithTx("/login", tx)
	}
	return d.render(c, http.StatusOK, "", p)
}
