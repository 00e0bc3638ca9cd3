package web

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/session"
)

var (
	// errForm reports a form that no page of ours sends: a field twice, text that is not UTF-8.
	errForm = fmt.Errorf("web: not a form of ours: %w", fault.Invalid)
	// errTooLarge reports more than any page of ours sends.
	errTooLarge = fmt.Errorf("web: the form is too large: %w", fault.Invalid)
	// errCross reports a form that another site sent.
	errCross = fmt.Errorf("web: sent by another site: %w", fault.Denied)
)

const (
	maxForm  = 64 << 10
	maxField = 4 << 10
)

var cross = http.NewCrossOriginProtection()

// guard stands before every page: cross-site forms, oversized, doubled and broken input end here, so that
// handlers see one right text for each name.
func (d *Door) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		edge.Route(r.Context(), c.Path())
		// Redirects carry cookies and sealed transactions: they are no more to be kept than pages are.
		protect(c.Response().Header(), "")
		if err := cross.Check(r); err != nil {
			return fmt.Errorf("%w: %w", errCross, err)
		}
		if err := single(c.QueryParams()); err != nil {
			return err
		}
		if r.Method != http.MethodPost {
			return next(c)
		}
		if t, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); r.ContentLength != 0 && (err != nil || t != echo.MIMEApplicationForm) {
			return errForm
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				return errTooLarge
			}
			return errForm
		}
		if err := single(r.PostForm); err != nil {
			return err
		}
		return next(c)
	}
}

// single refuses a name given twice, since two readers might choose differently, and text that is not
// text.
func single(v url.Values) error {
	for name, values := range v {
		if len(values) > 1 || !utf8.ValidString(name) || !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return errForm
		}
		if len(values[0]) > maxField {
			if name == "tx" && len(values[0]) <= maxForm {
				continue // a sealed request holds what the party sent
			}
			return errTooLarge
		}
	}
	return nil
}

// field is what was typed into a field of the posted form.
func field(c echo.Context, name string) string { return c.Request().PostForm.Get(name) }

// browser returns the browser's secret, and gives it one when it has none.
func (d *Door) browser(c echo.Context) string {
	if b, ok := c.Get(keyBrowser).(string); ok {
		return b
	}
	_, b := d.Cookies.Read(c.Request())
	if b == "" {
		b = session.NewBrowser("")
		d.Cookies.WriteBrowser(c.Response(), b, false)
	}
	c.Set(keyBrowser, b)
	return b
}

// recognise finds the citizen behind the browser's session, if it stands.
func (d *Door) recognise(c echo.Context) (bool, error) {
	if s, _ := whoever(c); s != nil {
		return true, nil
	}
	ctx := c.Request().Context()
	id, secret := d.Cookies.Read(c.Request())
	if id == "" {
		return false, nil
	}
	s, err := d.Read.Session(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("web: session: %w", err)
	}
	a, err := d.Accounts.Account(ctx, s.Account)
	if errors.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("web: account: %w", err)
	}
	now := d.Now()
	switch {
	case s.Kind == session.Operator, !s.Alive(a.Epoch, now), !session.SameBrowser(secret, s.Browser), endless(a):
		return false, nil
	}
	if s.Stale(now) {
		if err := d.Read.TouchSession(ctx, s.ID, now); err != nil {
			return false, fmt.Errorf("web: touch the session: %w", err)
		}
	}
	c.Set(keySession, s)
	c.Set(keyAccount, a)
	return true, nil
}

// endless tells of a lock without end; a passing one only closes the way in.
func endless(a *account.Account) bool { return !a.Lock.Since.IsZero() && a.Lock.Until.IsZero() }

// sendToSignIn opens a request of our own and shows its first page. notice says why the person is there.
func (d *Door) sendToSignIn(c echo.Context, to, notice string) error {
	tx, err := d.SignIn.NewOwn(c.Request().Context(), "web", to, lang(c), d.browser(c))
	if errors.Is(err, fault.Invalid) {
		tx, err = d.SignIn.NewOwn(c.Request().Context(), "web", "/account", lang(c), d.browser(c))
	}
	if err != nil {
		return err
	}
	if notice != "" {
		return see(c, withTx("/login", tx)+"&notice="+notice)
	}
	return see(c, withTx("/login", tx))
}

// withTx is the address of a page inside a transaction.
func withTx(path, tx string) string {
	if tx == "" {
		return path
	}
	return path + "?tx=" + url.QueryEscape(tx)
}
