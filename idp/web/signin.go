package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountSignIn(g *echo.Group) {
	g.GET("/login", d.dispatch)
	g.POST("/login", d.enterPassword)
	g.GET("/login/code", d.showCode)
	g.POST("/login/code", d.enterCode)
	g.GET("/login/use-now", d.showUseNow)
	g.POST("/login/use-now", d.useNow)
	g.GET("/login/consent", d.showConsent)
	g.POST("/login/consent", d.answerConsent)
	g.GET("/login/refusal", d.showRefusal)
	g.POST("/login/refusal", d.takeWay)
}

// load opens the page's transaction for this browser, in its language.
func (d *Door) load(c echo.Context) (*signin.Facts, string, error) {
	tx := c.QueryParam("tx")
	if tx == "" {
		return nil, "", gone("transaction")
	}
	sid, _ := d.Cookies.Read(c.Request())
	f, err := d.SignIn.Load(c.Request().Context(), tx, d.visitors.Browser(c), sid)
	if err != nil {
		return nil, "", err
	}
	d.pages.SpeakFor(c, f.Request.Lang, f.Request.Started)
	frame.EndsAt(c, f.Request.Redirect)
	return f, tx, nil
}

// steps are the pages of the steps.
var steps = map[signin.StepKind]string{
	signin.SignIn: "/login", signin.SecondFactor: "/login/code", signin.UseNow: "/login/use-now",
	signin.Consent: "/login/consent", signin.Refusal: "/login/refusal",
}

// dispatch shows the page of the next step, or ends the transaction. Parameters: tx, the sealed request;
// start=1, to sign in anew from the second factor or as somebody else.
func (d *Door) dispatch(c echo.Context) error {
	if c.QueryParam("tx") == "" {
		found, err := d.recognise(c)
		if err != nil {
			return err
		}
		if found {
			return frame.See(c, "/account")
		}
		return d.sendToSignIn(c, "/account", noticeOf(c))
	}
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if f.Request.Door == "operator" {
		return frame.See(c, frame.WithTx("/operator/login", tx)) // the console has its own pages and cookies
	}
	step := signin.Next(f)
	anew := c.QueryParam("start") != ""
	switch {
	case step.Kind == signin.Answer || step.Kind == signin.Fail:
		return d.answer(c, f)
	case step.Kind == signin.Stale:
		return signin.ErrStale
	case step.Kind == signin.SignIn && f.Request.Prompted("create") && !anew:
		return frame.See(c, frame.WithTx("/register", tx))
	case step.Kind == signin.SignIn, anew:
		return d.render(c, http.StatusOK, "", d.signInPage(c, f, tx, f.Request.Hint, nil))
	}
	return frame.See(c, frame.WithTx(steps[step.Kind], tx))
}

func (d *Door) signInPage(c echo.Context, f *signin.Facts, tx, username string, wrong []ui.Fault) ui.SignIn {
	p := ui.SignIn{
		Form: ui.Form{Action: frame.WithTx("/login", tx), Faults: wrong}, Origin: origin(c, f), Username: username,
		ForeignComputer: frame.Field(c, "foreign-computer") != "",
		RegisterURL:     frame.WithTx("/register", tx), RecoverURL: frame.WithTx("/recover", tx),
	}
	if d.CertificateHost != nil {
		p.CertificateURL = frame.WithTx("/login/certificate", tx)
	}
	if len(wrong) == 0 {
		p.Notice = noticeOf(c)
	}
	return p
}

// noticeOf is why the person is asked to sign in.
func noticeOf(c echo.Context) string {
	return told(c, "signed_out", "password_changed", "recovered", "ended")
}

// origin is the party that waits, as pages name it.
func origin(c echo.Context, f *signin.Facts) *ui.Origin {
	if f == nil || f.Party == nil {
		return nil
	}
	return &ui.Origin{Name: f.Party.NameIn(frame.Lang(c)), Host: host(f.Party.Home)}
}

// longWait is beyond what a person waits: then the page shows another way in instead of a time.
const longWait = time.Hour

// enterPassword judges the first factor. What fails has one page, whatever was wrong.
func (d *Door) enterPassword(c echo.Context) error {
	if c.QueryParam("tx") == "" {
		return d.sendToSignIn(c, "/account", "")
	}
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	name, pw := strings.TrimSpace(frame.Field(c, "username")), frame.Field(c, "password")
	fail := func(status int, wrong ...ui.Fault) error {
		return d.render(c, status, "", d.signInPage(c, f, tx, name, wrong))
	}
	var wrong []ui.Fault
	if name == "" {
		wrong = append(wrong, ui.Fault{Field: "username", Code: "login.required"})
	}
	if pw == "" {
		wrong = append(wrong, ui.Fault{Field: "password", Code: "password.required"})
	}
	if wrong != nil {
		return fail(http.StatusUnprocessableEntity, wrong...)
	}
	ctx := c.Request().Context()
	right, err := d.Authn.Judge(ctx, authn.Attempt{
		Identifier: name, Password: pw, Network: edge.Network(ctx), Mark: d.mark(c),
		Device: device(c), Request: edge.RequestID(ctx), Lang: frame.Lang(c),
	})
	if wrong, ok := frame.Slow(c, err, "username", "login.slow"); ok {
		if wrong[0].Wait > longWait {
			wrong[0].Code, wrong[0].Wait = "login.over", 0
		}
		edge.Cause(ctx, err)
		return fail(http.StatusTooManyRequests, wrong...)
	}
	if errors.Is(err, authn.ErrWrong) {
		edge.Cause(ctx, err)
		return fail(http.StatusUnprocessableEntity, ui.Fault{Field: "username", Code: "login.wrong"})
	}
	if err != nil {
		return err
	}
	err = d.passed(c, f, tx, signin.Proof{
		Account: right.Account, Factor: "pwd", Foreign: frame.Field(c, "foreign-computer") != "", Settle: right.Settle,
	})
	if errors.Is(err, signin.ErrLocked) { // a moment ago; no page tells it
		edge.Cause(ctx, err)
		return fail(http.StatusUnprocessableEntity, ui.Fault{Field: "username", Code: "login.wrong"})
	}
	return err
}

// passed records a factor, and goes on to the next step. When nothing is left to ask the party has its answer
// at once, unless that is a page: a reload of it would send the password again.
func (d *Door) passed(c echo.Context, f *signin.Facts, tx string, p signin.Proof) error {
	p.Device, p.Browser, p.Answer = device(c), d.visitors.Browser(c), f.Request.ResponseMode != "form_post"
	in, err := d.SignIn.Passed(c.Request().Context(), f, p)
	if err != nil {
		return err
	}
	if in == nil {
		return frame.See(c, frame.WithTx("/login/code", tx))
	}
	if err := d.welcome(c, in, p.Account); err != nil {
		return err
	}
	if in.Reply != nil {
		return frame.See(c, in.Reply.Redirect)
	}
	return frame.See(c, frame.WithTx("/login", tx))
}

// welcome gives the browser its session. A browser that the account has not been seen in before is told
// to its owner, and is known from now on, unless it is somebody else's.
func (d *Door) welcome(c echo.Context, in *signin.SignedIn, a *account.Account) error {
	d.Cookies.Write(c.Response(), in.Session, in.Browser, in.Left)
	frame.Changed(c, in.Browser)
	c.Set(keyAccount, a)
	if err := d.speakTo(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	next, fresh, err := d.Authn.Mark(d.mark(c), a.ID)
	if err != nil || !fresh {
		return err
	}
	if in.Session.Kind != session.Foreign {
		d.writeMark(c, next)
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		return d.Notices.Tell(ctx, tx, a, notice.SignInNew, notice.With{At: in.Session.AuthTime, Device: deviceOr(in.Session.Device, a.Lang)})
	})
	if err != nil {
		return fmt.Errorf("web: tell of a new browser: %w", err)
	}
	return nil
}

func (d *Door) showCode(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if !f.NeedsFactor() {
		return frame.See(c, frame.WithTx("/login", tx))
	}
	return d.render(c, http.StatusOK, "", d.codePage(c, f, tx, nil))
}

func (d *Door) codePage(c echo.Context, f *signin.Facts, tx string, wrong []ui.Fault) ui.TOTPCode {
	return ui.TOTPCode{
		Form: ui.Form{Action: frame.WithTx("/login/code", tx), Faults: wrong}, Origin: origin(c, f), CancelURL: frame.WithTx("/login", tx) + "&start=1",
	}
}

// enterCode judges the second factor of whoever passed the first in this transaction.
func (d *Door) enterCode(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	if !f.NeedsFactor() {
		return signin.ErrOutOfTurn
	}
	ctx := c.Request().Context()
	code := frame.Field(c, "code")
	if code == "" {
		return d.render(c, http.StatusUnprocessableEntity, "", d.codePage(c, f, tx, frame.One("code", "totp.required")))
	}
	a, err := d.Authn.TOTP(ctx, f.Progress.Account, code)
	if status, wrong := codeFault(c, err); wrong != nil {
		edge.Cause(ctx, err)
		return d.render(c, status, "", d.codePage(c, f, tx, wrong))
	}
	if err != nil {
		return err
	}
	return d.passed(c, f, tx, signin.Proof{Account: a, Factor: "otp", Foreign: f.Progress.Foreign})
}

// codeFault is what the app's code pages say of an error; nil when it is not theirs.
func codeFault(c echo.Context, err error) (int, []ui.Fault) {
	if wrong, ok := frame.Slow(c, err, "code", "login.slow"); ok {
		return http.StatusTooManyRequests, wrong
	}
	if errors.Is(err, authn.ErrCode) {
		return http.StatusUnprocessableEntity, frame.One("code", "totp.wrong")
	}
	return 0, nil
}

// answer ends the transaction: the party, or our own page, gets its answer.
func (d *Door) answer(c echo.Context, f *signin.Facts) error {
	r, err := d.SignIn.Answer(c.Request().Context(), f)
	if err != nil {
		return err
	}
	if len(r.Form) == 0 {
		return frame.See(c, r.Redirect)
	}
	p := ui.FormPost{Action: r.Redirect}
	for _, in := range r.Form {
		p.Inputs = append(p.Inputs, ui.Hidden{Name: in.Name, Value: in.Value})
	}
	if o := origin(c, f); o != nil {
		p.Origin = *o
	}
	frame.EndsAt(c, r.Redirect)
	return d.render(c, http.StatusOK, "", p)
}

// device is what the browser says it is, coarsely.
func device(c echo.Context) string { return session.Device(c.Request().UserAgent()) }

func deviceOr(device, lang string) string {
	switch {
	case device != "":
		return device
	case lang == "en":
		return "an unknown device"
	}
	return "неизвестное устройство"
}

// The mark of a known browser (package authn). Its name follows the session cookie's rules.
func (d *Door) markName() string {
	if d.Public.Scheme == "https" {
		return "__Host-propusk-known"
	}
	return "propusk-known-" + d.Public.Port()
}

func (d *Door) mark(c echo.Context) string {
	k, err := c.Cookie(d.markName())
	if err != nil {
		return ""
	}
	return k.Value
}

func (d *Door) writeMark(c echo.Context, value string) {
	c.SetCookie(&http.Cookie{
		Name: d.markName(), Value: value, Path: "/", MaxAge: int(authn.MarkLife.Seconds()),
		HttpOnly: true, Secure: d.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
	})
}

// current tells whether the error is only that the page is not the next one.
func current(err error) bool { return err == nil || !errors.Is(err, fault.Conflict) }
