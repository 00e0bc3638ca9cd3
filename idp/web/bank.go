package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountBank adds the way to a bank and back; g is rooted at /account.
func (d *Door) mountBank(g *echo.Group) {
	g.GET("/confirm/bank", d.showBanks)
	g.GET("/confirm/bank/go/:bank", d.leaveForBank)
	g.GET("/confirm/bank/return", d.showBankReturn)
	g.POST("/confirm/bank/return", d.agreeWithBank)
}

// mountBankAccount adds the end of a registration through a bank; nobody is signed in there.
func (d *Door) mountBankAccount(g *echo.Group) {
	g.GET("/register/bank/:token", d.showBankAccount)
	g.POST("/register/bank/:token", d.takeBankAccount)
}

// showBanks lists the banks.
func (d *Door) showBanks(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	facts, err := d.standing(ctx, a)
	if err != nil {
		return err
	}
	banks, err := d.Banks.Banks(ctx, frame.Lang(c))
	if err != nil {
		return err
	}
	if len(banks) > 0 && !way(facts, account.Bank).Open {
		return frame.See(c, "/account/confirm") // that page says why
	}
	var p ui.Banks
	for _, b := range banks {
		host := b.Home
		if u, err := url.Parse(b.Home); err == nil {
			host = u.Host
		}
		p.Banks = append(p.Banks, ui.Bank{Name: b.NameIn(frame.Lang(c)), Host: host, URL: "/account/confirm/bank/go/" + string(b.ID)})
	}
	return d.render(c, http.StatusOK, "level", p)
}

// leaveForBank sends the browser to the bank with a ticket. It is a link and not a form, since a form may
// not end at an address that only the domain knows (form-action); a ticket alone does nothing, so the link may
// be followed twice, or by a stranger's page.
func (d *Door) leaveForBank(c echo.Context) error {
	s, a := whoever(c)
	address, err := d.Banks.Leave(c.Request().Context(), s, a, partner.ID(c.Param("bank")))
	if shutOut(err) {
		edge.Cause(c.Request().Context(), err)
		return frame.See(c, "/account/confirm")
	}
	if err != nil {
		return err
	}
	c.Response().Header().Set("Referrer-Policy", "no-referrer")
	return c.Redirect(http.StatusSeeOther, address)
}

// shutOut tells whether the page of ways has the reason.
func shutOut(err error) bool {
	return errors.Is(err, confirm.ErrChecking) || errors.Is(err, confirm.ErrNotStandard) || errors.Is(err, confirm.ErrRestricted) ||
		errors.Is(err, confirm.ErrShut)
}

// showBankReturn is where the bank sends the browser back to. A confirmation that is made already leads on;
// one that waits is made by the form's POST.
func (d *Door) showBankReturn(c echo.Context) error {
	s, a := whoever(c)
	ticket, code := c.QueryParam("ticket"), c.QueryParam("code")
	r, err := d.Banks.Returned(c.Request().Context(), s, a, ticket, code)
	if err != nil {
		return err
	}
	if r.Status == bank.Confirmed {
		return d.resume(c, "/account/confirm/done")
	}
	if r.Held {
		return frame.See(c, "/account/locks?notice=waits")
	}
	p := ui.BankReturn{Bank: r.Partner.NameIn(frame.Lang(c)), State: string(r.Status), Fields: r.Fields}
	switch r.Status {
	case bank.Waiting:
		p.Action = "/account/confirm/bank/return?" + url.Values{"ticket": {ticket}, "code": {code}}.Encode()
	case bank.NotMatched, bank.Refused:
	default:
		p.State = "silent"
	}
	return d.render(c, http.StatusOK, "level", p)
}

// agreeWithBank makes the confirmation that waits for the citizen's word.
func (d *Door) agreeWithBank(c echo.Context) error {
	s, a := whoever(c)
	ctx := c.Request().Context()
	counts, err := d.Banks.Agree(ctx, s, a, c.QueryParam("ticket"), c.QueryParam("code"), edge.RequestID(ctx))
	if shutOut(err) {
		edge.Cause(ctx, err)
		return frame.See(c, "/account/confirm")
	}
	if err != nil {
		return err
	}
	if !counts {
		return frame.See(c, "/account/locks?notice=waits")
	}
	return d.resume(c, "/account/confirm/done")
}

func (d *Door) bankAccountPage(c echo.Context, o *bank.Opening, suggested string, wrong []ui.Fault) ui.BankAccount {
	return ui.BankAccount{
		Form: ui.Form{Action: c.Request().URL.EscapedPath(), Faults: d.counted(wrong)}, Bank: o.Bank, Username: o.Phone,
		SNILS: frame.Field(c, "snils"), DocumentNumber: frame.Field(c, "document-number"), Consent: frame.Field(c, "consent") != "",
		Rules: d.rules(), Suggested: suggested,
	}
}

// showBankAccount is what the link in the message opens. It changes nothing: programs open links by themselves.
func (d *Door) showBankAccount(c echo.Context) error {
	o, err := d.Banks.Opened(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	d.pages.Speak(c, o.Lang)
	return d.render(c, http.StatusOK, "", d.bankAccountPage(c, o, "", nil))
}

// takeBankAccount gives the account to whoever has the link and knows the papers, and signs them in.
func (d *Door) takeBankAccount(c echo.Context) error {
	ctx := c.Request().Context()
	token := c.Param("token")
	o, err := d.Banks.Opened(ctx, token)
	if err != nil {
		return err
	}
	d.pages.Speak(c, o.Lang)
	if frame.Field(c, "suggest") != "" {
		s, err := suggest()
		if err != nil {
			return err
		}
		return d.render(c, http.StatusOK, "", d.bankAccountPage(c, o, s, nil))
	}
	a, left, err := d.Banks.Finish(ctx, bank.Taking{
		Token: token, SNILS: frame.Field(c, "snils"), Document: frame.Field(c, "document-number"), Password: frame.Field(c, "password"),
		Again: frame.Field(c, "password-again"), Consent: frame.Field(c, "consent") == "1", Device: device(c), Request: edge.RequestID(ctx),
	})
	if wrong, ok := frame.Faults(err); ok {
		return d.render(c, http.StatusUnprocessableEntity, "", d.bankAccountPage(c, o, "", wrong))
	}
	switch {
	case errors.Is(err, bank.ErrIdentity) && left > 0:
		edge.Cause(ctx, err)
		wrong := []ui.Fault{{Field: "snils", Code: "identity.wrong", Count: left}}
		return d.render(c, http.StatusUnprocessableEntity, "", d.bankAccountPage(c, o, "", wrong))
	case errors.Is(err, bank.ErrIdentity):
		return bank.ErrLink
	case errors.Is(err, bank.ErrTaken):
		// The phone is proved by the link, so its holder may hear this.
		edge.Cause(ctx, err)
		return frame.See(c, loginAgain(""))
	case err != nil:
		return err
	}
	return d.firstSignIn(c, a)
}

// firstSignIn signs the owner of a new account in, in a transaction of our own.
func (d *Door) firstSignIn(c echo.Context, a *account.Account) error {
	ctx := c.Request().Context()
	browser := d.visitors.Browser(c)
	tx, err := d.SignIn.NewOwn(ctx, "web", "/account", frame.Lang(c), browser)
	if err != nil {
		return err
	}
	sid, _ := d.Cookies.Read(c.Request())
	f, err := d.SignIn.Load(ctx, tx, browser, sid)
	if err != nil {
		return err
	}
	mark, _, err := d.Authn.Mark(d.mark(c), a.ID)
	if err != nil {
		return err
	}
	in, err := d.SignIn.Passed(ctx, f, signin.Proof{Account: a, Factor: "pwd", Device: device(c), Browser: browser})
	if err != nil {
		return err
	}
	if in != nil {
		d.Cookies.Write(c.Response(), in.Session, in.Browser, in.Left)
		d.writeMark(c, mark)
	}
	return frame.See(c, frame.WithTx("/login", tx))
}
