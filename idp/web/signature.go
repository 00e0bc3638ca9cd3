package web

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountSignature adds the way by a qualified signature; g is rooted at /account.
func (d *Door) mountSignature(g *echo.Group) {
	g.GET("/confirm/signature", d.showSignature)
	g.POST("/confirm/signature", d.takeSignature)
	g.POST("/confirm/signature/statement", d.makeStatement)
	g.GET("/confirm/signature/statement/:id", d.statement)
	g.GET("/confirm/signature/present", d.presentToConfirm)
	g.GET("/confirm/signature/return", d.showPresented)
	g.POST("/confirm/signature/return", d.confirmPresented)
}

// mountCertificate adds signing in with a certificate. The listener where browsers present one stands at
// another address (idp/tlsdoor).
func (d *Door) mountCertificate(g *echo.Group) {
	g.GET("/login/certificate", d.presentToSignIn)
	g.GET("/login/certificate/return", d.signInPresented)
}

// uploads are the routes that take a file, with the greatest that each takes.
var uploads = map[string]int64{"/account/confirm/signature": certificate.MaxFile}

// refusal is a refused certificate as a fault of a field; false for other errors.
func refusal(err error, field string) (ui.Fault, bool) {
	var r *certificate.Refusal
	if !errors.As(err, &r) {
		return ui.Fault{}, false
	}
	return ui.Fault{Field: field, Code: "certificate." + string(r.Reason), When: r.At}, true
}

// signaturePage is the page with the statement that it names, if there is one.
func (d *Door) signaturePage(c echo.Context, a *account.Account, wrong []ui.Fault) (ui.Signature, error) {
	p := ui.Signature{
		Form: ui.Form{Action: "/account/confirm/signature", Faults: wrong}, AskURL: "/account/confirm/signature/statement",
	}
	if d.CertificateHost != nil {
		p.PresentURL = "/account/confirm/signature/present"
	}
	id := c.QueryParam("statement")
	if id == "" {
		return p, nil
	}
	s, err := d.Certificates.Reread(c.Request().Context(), a.ID, id)
	if f, ok := refusal(err, "signed"); ok {
		if len(wrong) == 0 {
			p.Faults = []ui.Fault{f}
		}
		return p, nil
	}
	if err != nil {
		return p, err
	}
	p.Action += "?" + url.Values{"statement": {s.ID}}.Encode()
	p.StatementURL, p.FileName, p.Until = "/account/confirm/signature/statement/"+s.ID, s.FileName(), s.Until
	return p, nil
}

// showSignature leads through the way, if it is open; if not, the page of ways says why.
func (d *Door) showSignature(c echo.Context) error {
	_, a := whoever(c)
	open, err := d.signatureOpen(c, a)
	if err != nil {
		return err
	}
	if !open {
		return frame.See(c, "/account/confirm")
	}
	return d.signature(c, a, http.StatusOK, nil)
}

func (d *Door) signatureOpen(c echo.Context, a *account.Account) (bool, error) {
	facts, err := d.standing(c.Request().Context(), a)
	return way(facts, account.QualifiedSignature).Open || way(facts, account.ElectronicCard).Open, err
}

func (d *Door) signature(c echo.Context, a *account.Account, status int, wrong []ui.Fault) error {
	p, err := d.signaturePage(c, a, wrong)
	if err != nil {
		return err
	}
	return d.render(c, status, "level", p)
}

// makeStatement makes a new statement. The page that shows it can be reloaded.
func (d *Door) makeStatement(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	s, err := d.Certificates.Statement(ctx, a.ID)
	if shutOut(err) {
		edge.Cause(ctx, err)
		return frame.See(c, "/account/confirm")
	}
	if wrong, ok := frame.Slow(c, err, "signed", "certificate.too_many"); ok {
		edge.Cause(ctx, err)
		return d.signature(c, a, http.StatusTooManyRequests, wrong)
	}
	if err != nil {
		return err
	}
	return frame.See(c, "/account/confirm/signature?"+url.Values{"statement": {s.ID}}.Encode())
}

// statement is the file to sign.
func (d *Door) statement(c echo.Context) error {
	_, a := whoever(c)
	s, err := d.Certificates.Reread(c.Request().Context(), a.ID, c.Param("id"))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="`+s.FileName()+`"`)
	return c.Blob(http.StatusOK, "text/plain; charset=utf-8", s.Content)
}

// takeSignature judges the file. What is refused shows the page again, with the reason and the way forward.
func (d *Door) takeSignature(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	id := c.QueryParam("statement")
	if frame.Oversized(c) {
		return d.signature(c, a, http.StatusRequestEntityTooLarge, frame.One("signed", "certificate.too_big"))
	}
	file, err := uploaded(c, "signed")
	if err != nil {
		return err
	}
	if len(file) == 0 {
		return d.signature(c, a, http.StatusUnprocessableEntity, frame.One("signed", "certificate.required"))
	}
	k, err := d.Certificates.Submit(ctx, certificate.Submission{Account: a.ID, Statement: id, File: file, Request: edge.RequestID(ctx)})
	if f, ok := refusal(err, "signed"); ok {
		edge.Cause(ctx, err)
		return d.signature(c, a, http.StatusUnprocessableEntity, []ui.Fault{f})
	}
	if wrong, ok := frame.Slow(c, err, "signed", "certificate.too_many"); ok {
		edge.Cause(ctx, err)
		return d.signature(c, a, http.StatusTooManyRequests, wrong)
	}
	return d.confirmedBy(c, k, err)
}

// uploaded reads a file that the guard has let through; none is no error.
func uploaded(c echo.Context, name string) ([]byte, error) {
	header, err := c.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("web: upload: %w: %w", frame.ErrForm, err)
	}
	f, err := header.Open()
	if err != nil {
		return nil, fmt.Errorf("web: upload: %w", err)
	}
	defer f.Close()
	// A byte more than is taken, so that the desk sees that it is too big.
	return io.ReadAll(io.LimitReader(f, certificate.MaxFile+1))
}

// confirmedBy leads on from a confirmation by certificate, or from what forbade it.
func (d *Door) confirmedBy(c echo.Context, k *account.Confirmation, err error) error {
	switch {
	case shutOut(err):
		edge.Cause(c.Request().Context(), err)
		return frame.See(c, "/account/confirm")
	case err != nil:
		return err
	case !k.Live():
		return frame.See(c, "/account/locks?notice=waits")
	}
	return d.resume(c, "/account/confirm/done")
}

// leave sends the browser to the listener with an invitation. Like the way to a bank it is a link: it may be
// followed twice, or by a stranger's page, and changes nothing.
func (d *Door) leave(c echo.Context, in certificate.Invitation) error {
	if d.CertificateHost == nil {
		return echo.ErrNotFound
	}
	in.Lang = frame.Lang(c)
	ctx := c.Request().Context()
	id, err := d.Certificates.Invite(ctx, in, edge.Network(ctx))
	if err != nil {
		return err
	}
	to := *d.CertificateHost
	to.Path, to.RawQuery = "/", url.Values{"invitation": {id}}.Encode()
	return frame.See(c, to.String())
}

func (d *Door) presentToConfirm(c echo.Context) error {
	s, a := whoever(c)
	open, err := d.signatureOpen(c, a)
	if err != nil {
		return err
	}
	if !open {
		return frame.See(c, "/account/confirm")
	}
	return d.leave(c, certificate.Invitation{Account: a.ID, Session: string(s.ID)})
}

// mine tells whether an outcome is of the one who is signed in here.
func mine(c echo.Context, o *certificate.Outcome) error {
	s, a := whoever(c)
	if o.Session != string(s.ID) || o.Account != a.ID {
		return certificate.ErrOver
	}
	return nil
}

// showPresented asks whether to confirm by what was presented. It only looks: the form's POST confirms.
func (d *Door) showPresented(c echo.Context) error {
	_, a := whoever(c)
	code := c.QueryParam("code")
	o, err := d.Certificates.Outcome(c.Request().Context(), code)
	if err == nil {
		err = mine(c, o)
	}
	switch {
	case err != nil:
		return err
	case o.Holder == nil:
		return d.signature(c, a, http.StatusUnprocessableEntity, []ui.Fault{{Field: "signed", Code: "certificate." + string(o.Refused), When: o.At, Wait: o.Wait}})
	case o.Holder.Account != a.ID:
		return d.signature(c, a, http.StatusUnprocessableEntity, frame.One("signed", "certificate.wrong_person"))
	}
	return d.render(c, http.StatusOK, "level", ui.SignaturePresent{
		Form:   ui.Form{Action: "/account/confirm/signature/return?" + url.Values{"code": {code}}.Encode()},
		Method: o.Holder.Method.String(), Issuer: o.Holder.Issuer,
	})
}

func (d *Door) confirmPresented(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	o, err := d.Certificates.Redeem(ctx, c.QueryParam("code"))
	if err == nil {
		err = mine(c, o)
	}
	if err == nil && o.Holder == nil {
		err = certificate.ErrOver
	}
	if err != nil {
		return err
	}
	k, err := d.Certificates.Confirm(ctx, a.ID, o.Holder, edge.RequestID(ctx))
	if f, ok := refusal(err, "signed"); ok {
		edge.Cause(ctx, err)
		return d.signature(c, a, http.StatusUnprocessableEntity, []ui.Fault{f})
	}
	return d.confirmedBy(c, k, err)
}

// presentToSignIn has the browser present a certificate in the place of the password. The transaction must be
// this browser's.
func (d *Door) presentToSignIn(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if f.Request.Door == "operator" {
		return signin.ErrOutOfTurn // the console asks for its own factors
	}
	return d.leave(c, certificate.Invitation{Tx: tx, Request: f.Request.ID})
}

// factor is what a certificate proves of its holder (RFC 8176): a key in a card, or one that may be software.
func factor(m account.Method) string {
	if m == account.ElectronicCard {
		return "hwk"
	}
	return "swk"
}

// signInPresented takes the outcome of a presentation. Parameters: tx, the sealed request; code, the outcome.
//
// It is a GET that signs in, as the return from any other host is. What makes that safe is held together
// here: the transaction opens only in the browser that began it (else an attacker could send somebody the
// end of the attacker's own sign-in), the outcome is of this very transaction, and it is used up.
func (d *Door) signInPresented(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	o, err := d.Certificates.Redeem(ctx, c.QueryParam("code"))
	if errors.Is(err, certificate.ErrOver) {
		return frame.See(c, frame.WithTx("/login", tx)) // a reload: the dispatcher knows what is next
	}
	if err != nil {
		return err
	}
	if o.Request != f.Request.ID {
		return certificate.ErrOver
	}
	if o.Holder == nil {
		return d.certificateRefused(c, f, tx, ui.Fault{Code: "certificate." + string(o.Refused), When: o.At, Wait: o.Wait})
	}
	a, err := d.Accounts.Account(ctx, o.Holder.Account)
	if errors.Is(err, fault.NotFound) {
		return certificate.ErrOver
	}
	if err != nil {
		return err
	}
	if !o.Holder.Subject.Is(a.Profile.Person) {
		return certificate.ErrOver
	}
	// Whoever shut certificates off has said that theirs may be in other hands: it opens nothing, and whoever
	// holds it is not told that there is an account. The password still does, a frozen one included.
	if a.Locks.Forbids(o.Holder.Method) {
		return d.certificateRefused(c, f, tx, ui.Fault{Code: "certificate." + string(certificate.Nobody)})
	}
	return d.passed(c, f, tx, signin.Proof{Account: a, Factor: factor(o.Holder.Method)})
}

// certificateRefused says why a certificate does not sign in, and where to go on.
func (d *Door) certificateRefused(c echo.Context, f *signin.Facts, tx string, why ui.Fault) error {
	why.Field = "certificate"
	return d.render(c, http.StatusForbidden, "", ui.CertificateRefused{
		Why: []ui.Fault{why}, Origin: origin(c, f), RetryURL: frame.WithTx("/login/certificate", tx), OtherURL: frame.WithTx("/login", tx),
	})
}
