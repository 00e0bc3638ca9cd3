package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/recovery"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountRecover(g *echo.Group) {
	g.GET("/recover", d.showRecover)
	g.POST("/recover", d.startRecover)
	g.GET("/recover/code", d.recovering("/recover/code", d.showRecoverCode))
	g.POST("/recover/code", d.recovering("/recover/code", d.enterRecoverCode))
	g.GET("/recover/sent", d.recovering("/recover/sent", d.showRecoverSent))
	g.POST("/recover/sent", d.recovering("/recover/sent", d.resendRecoverLink))
	g.GET("/recover/link/:token", d.showRecoverLink)
	g.POST("/recover/link/:token", d.openRecoverLink)
	g.GET("/recover/identity", d.recovering("/recover/identity", d.showRecoverIdentity))
	g.POST("/recover/identity", d.recovering("/recover/identity", d.enterRecoverIdentity))
	g.GET("/recover/password", d.recovering("/recover/password", d.showRecoverPassword))
	g.POST("/recover/password", d.recovering("/recover/password", d.finishRecover))
	g.GET("/recover/done", d.recovered)
	g.GET("/recover/in-person", d.inPerson)
}

func (d *Door) showRecover(c echo.Context) error {
	tx := c.QueryParam("tx")
	if _, err := d.waiting(c, tx); err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "", recoverPage(c, tx, nil))
}

func recoverPage(c echo.Context, tx string, wrong []ui.Fault) ui.RecoverStart {
	return ui.RecoverStart{Form: ui.Form{Action: frame.WithTx("/recover", tx), Faults: wrong}, Username: frame.Field(c, "username")}
}

func (d *Door) startRecover(c echo.Context) error {
	tx := c.QueryParam("tx")
	f, err := d.waiting(c, tx)
	if err != nil {
		return err
	}
	if f == nil {
		tx = ""
	}
	ctx := c.Request().Context()
	ref, err := d.Recovery.Start(ctx, recovery.Form{
		Username: frame.Field(c, "username"), Lang: frame.Lang(c), Waiting: tx, Browser: d.visitors.Browser(c), Network: edge.Network(ctx), Mark: d.mark(c),
	})
	if wrong, ok := frame.Faults(err); ok {
		return d.render(c, http.StatusUnprocessableEntity, "", recoverPage(c, tx, wrong))
	}
	if wrong, ok := frame.Slow(c, err, "username", "login.slow"); ok {
		edge.Cause(ctx, err)
		return d.render(c, http.StatusTooManyRequests, "", recoverPage(c, tx, wrong))
	}
	if err != nil {
		return err
	}
	flow, err := d.Recovery.Flow(ctx, ref, d.visitors.Browser(c))
	if err != nil {
		return err
	}
	return frame.See(c, withRef(recoverPlace(flow), ref))
}

// recoverPlace is the page on which a flow stands.
func recoverPlace(f *recovery.Flow) string {
	switch f.Stage() {
	case recovery.Choosing:
		return "/recover/password"
	case recovery.Identifying:
		return "/recover/identity"
	case recovery.InPerson:
		return "/recover/in-person"
	}
	if f.Named == recovery.ByEmail {
		return "/recover/sent"
	}
	return "/recover/code"
}

// recovering loads the flow of a page, and leads on when it stands on another one.
func (d *Door) recovering(here string, page func(c echo.Context, ref string, f *recovery.Flow) error) echo.HandlerFunc {
	return func(c echo.Context) error {
		ref := c.QueryParam("r")
		f, err := d.Recovery.Flow(c.Request().Context(), ref, d.visitors.Browser(c))
		if err != nil {
			return err
		}
		if _, err := d.waiting(c, f.Waiting); err != nil {
			return err
		}
		if to := recoverPlace(f); to != here {
			return frame.See(c, withRef(to, ref))
		}
		return page(c, ref, f)
	}
}

func (d *Door) showRecoverCode(c echo.Context, ref string, f *recovery.Flow) error {
	return d.render(c, http.StatusOK, "", recoverCodePage(c, ref, f, nil))
}

// ownContacts stands where a number would, when the account was named by its SNILS: whose contacts these
// are, and that there are any, is told to nobody.
var ownContacts = map[string]string{
	"ru": "телефон из учётной записи; если телефона в ней нет, пришлём ссылку на её почту",
	"en": "the phone of the account; if it has none, we send a link to its e-mail address",
}

func recoverCodePage(c echo.Context, ref string, f *recovery.Flow, wrong []ui.Fault) ui.SMSCode {
	p := ui.SMSCode{
		Form: ui.Form{Action: withRef("/recover/code", ref), Faults: wrong}, Purpose: "recover",
		Phone: f.Typed, ExpiresAt: f.Phone.Until, ChangeURL: frame.WithTx("/recover", f.Waiting),
	}
	if f.Named == recovery.BySNILS {
		p.Phone, p.ChangeURL = ownContacts[frame.Lang(c)], ""
	}
	if left := f.Phone.Left(); left <= 2 {
		p.TriesLeft = left
	}
	return p
}

func (d *Door) enterRecoverCode(c echo.Context, ref string, _ *recovery.Flow) error {
	ctx, browser, here := c.Request().Context(), d.visitors.Browser(c), withRef("/recover/code", ref)
	return d.prove(c, proving{
		here: here,
		page: func(wrong []ui.Fault) (ui.SMSCode, error) {
			f, err := d.Recovery.Flow(ctx, ref, browser)
			if err != nil {
				return ui.SMSCode{}, err
			}
			return recoverCodePage(c, ref, f, wrong), nil
		},
		again: func() error { return d.Recovery.Resend(ctx, ref, browser, edge.Network(ctx)) },
		enter: func(code string) (string, error) {
			_, err := d.Recovery.Enter(ctx, ref, browser, code)
			return here, err
		},
	})
}

func (d *Door) showRecoverSent(c echo.Context, ref string, f *recovery.Flow) error {
	return d.render(c, http.StatusOK, "", recoverSentPage(ref, f))
}

func recoverSentPage(ref string, f *recovery.Flow) ui.EmailSent {
	return ui.EmailSent{
		Form: ui.Form{Action: withRef("/recover/sent", ref)}, Purpose: "recover",
		Email: f.Typed, ValidUntil: f.Mail.Until, ChangeURL: frame.WithTx("/recover", f.Waiting),
	}
}

func (d *Door) resendRecoverLink(c echo.Context, ref string, f *recovery.Flow) error {
	ctx := c.Request().Context()
	err := d.Recovery.Resend(ctx, ref, d.visitors.Browser(c), edge.Network(ctx))
	return d.resent(c, err, "", recoverSentPage(ref, f))
}

func (d *Door) showRecoverLink(c echo.Context) error {
	f, err := d.Recovery.Opened(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	d.visitors.Browser(c)
	return d.render(c, http.StatusOK, "", ui.EmailConfirm{Purpose: "recover", Email: f.Mail.Value})
}

func (d *Door) openRecoverLink(c echo.Context) error {
	ctx := c.Request().Context()
	ref, err := d.Recovery.Open(ctx, c.Param("token"), d.visitors.Browser(c))
	if err != nil {
		return err
	}
	f, err := d.Recovery.Flow(ctx, ref, d.visitors.Browser(c))
	if err != nil {
		return err
	}
	return frame.See(c, withRef(recoverPlace(f), ref))
}

func (d *Door) showRecoverIdentity(c echo.Context, ref string, _ *recovery.Flow) error {
	return d.render(c, http.StatusOK, "", identityPage(c, ref, nil))
}

func identityPage(c echo.Context, ref string, wrong []ui.Fault) ui.RecoverIdentity {
	return ui.RecoverIdentity{
		Form:  ui.Form{Action: withRef("/recover/identity", ref), Faults: wrong},
		SNILS: frame.Field(c, "snils"), DocumentNumber: frame.Field(c, "document-number"),
	}
}

// enterRecoverIdentity compares what only the owner knows. The answer is one, whichever was wrong.
func (d *Door) enterRecoverIdentity(c echo.Context, ref string, _ *recovery.Flow) error {
	ctx := c.Request().Context()
	left, err := d.Recovery.Identify(ctx, ref, d.visitors.Browser(c), frame.Field(c, "snils"), frame.Field(c, "document-number"))
	if wrong, ok := frame.Faults(err); ok {
		return d.render(c, http.StatusUnprocessableEntity, "", identityPage(c, ref, wrong))
	}
	switch {
	case errors.Is(err, recovery.ErrIdentity):
		edge.Cause(ctx, err)
		wrong := []ui.Fault{{Field: "snils", Code: "identity.wrong", Count: left}}
		return d.render(c, http.StatusUnprocessableEntity, "", identityPage(c, ref, wrong))
	case errors.Is(err, recovery.ErrInPerson):
		edge.Cause(ctx, err)
		return frame.See(c, "/recover/in-person")
	case err != nil:
		return err
	}
	return frame.See(c, withRef("/recover/password", ref))
}

func (d *Door) showRecoverPassword(c echo.Context, ref string, f *recovery.Flow) error {
	return d.render(c, http.StatusOK, "", d.newPasswordPage(ref, f, "", nil))
}

func (d *Door) newPasswordPage(ref string, f *recovery.Flow, suggested string, wrong []ui.Fault) ui.Password {
	p := d.choosePage(withRef("/recover/password", ref), "recover", f.Typed, suggested, wrong)
	p.Step = ui.Step{}
	return p
}

func (d *Door) finishRecover(c echo.Context, ref string, f *recovery.Flow) error {
	if frame.Field(c, "suggest") != "" {
		s, err := suggest()
		if err != nil {
			return err
		}
		return d.render(c, http.StatusOK, "", d.newPasswordPage(ref, f, s, nil))
	}
	ctx := c.Request().Context()
	done, err := d.Recovery.Finish(ctx, recovery.Password{
		Ref: ref, Browser: d.visitors.Browser(c), Password: frame.Field(c, "password"), Again: frame.Field(c, "password-again"),
		Device: device(c), Request: edge.RequestID(ctx),
	})
	if wrong, ok := frame.Faults(err); ok {
		return d.render(c, http.StatusUnprocessableEntity, "", d.newPasswordPage(ref, f, "", d.counted(wrong)))
	}
	if err != nil {
		return err
	}
	if !done.Waits.IsZero() {
		return frame.See(c, "/recover/done?waits="+strconv.FormatInt(done.Waits.Unix(), 10))
	}
	// Whoever kept guessing has filled the counters of unknown browsers; the owner is not held by them.
	mark, _, err := d.Authn.Mark(d.mark(c), done.Account.ID)
	if err != nil {
		return err
	}
	d.writeMark(c, mark)
	to := "/recover/done?until=0"
	if !done.Until.IsZero() {
		to = "/recover/done?until=" + strconv.FormatInt(done.Until.Unix(), 10)
	}
	if done.Waiting != "" {
		to += "&tx=" + done.Waiting
	}
	return frame.See(c, to)
}

// recovered ends a recovery. Until is of the page's address and decides nothing.
func (d *Door) recovered(c echo.Context) error {
	tx := c.QueryParam("tx")
	f, err := d.waiting(c, tx)
	if err != nil {
		return err
	}
	p := ui.RecoverDone{ContinueURL: "/login?notice=recovered"}
	if n, ok := d.soon(c.QueryParam("waits")); ok {
		p.Waits, p.ContinueURL = n, "/login"
		return d.render(c, http.StatusOK, "", p)
	}
	if f != nil && signin.Next(f).Kind != signin.Stale {
		p.ContinueURL = frame.WithTx("/login", tx) + "&start=1&notice=recovered"
	}
	if n, ok := d.soon(c.QueryParam("until")); ok {
		p.Lowered = &ui.Lowered{Until: n}
	}
	return d.render(c, http.StatusOK, "", p)
}

// soon reads a moment out of an address: it decides nothing, and is none unless it lies within the next year.
func (d *Door) soon(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	ok := err == nil && n > d.Now().Unix() && n < d.Now().Unix()+366*24*3600
	return time.Unix(n, 0), ok
}

func (d *Door) inPerson(c echo.Context) error {
	centres, err := d.Read.Centres(c.Request().Context())
	if err != nil {
		return err
	}
	p := ui.RecoverInPerson{Staff: c.QueryParam("staff") != ""}
	l := frame.Lang(c)
	for _, k := range centres {
		p.Centres = append(p.Centres, ui.Centre{Name: spoken(k.Name, l), Address: spoken(k.Address, l), Hours: spoken(k.Hours, l)})
	}
	return d.render(c, http.StatusOK, "", p)
}
