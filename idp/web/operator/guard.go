package operator

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/session"
)

var (
	// errForm reports a form that no page of ours sends.
	errForm = fmt.Errorf("operator: not a form of ours: %w", fault.Invalid)
	// errCross reports a form that another site sent.
	errCross = fmt.Errorf("operator: sent by another site: %w", fault.Denied)
)

const (
	maxForm  = 32 << 10
	maxField = 4 << 10
	// touchEvery is how stale the last click may become before it is written. A quarter of an hour is
	// short, and an operator's day has few requests, so that it is written nearly each time.
	touchEvery = 30 * time.Second
)

var cross = http.NewCrossOriginProtection()

// guard stands before every page: forms from other sites, doubled and broken input end here.
func (d *Door) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		edge.Route(r.Context(), c.Path())
		protect(c.Response().Header())
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
		if len(values) > 1 || !utf8.ValidString(name) || !utf8.ValidString(values[0]) ||
			strings.ContainsRune(values[0], 0) || len(values[0]) > maxField {
			return errForm
		}
	}
	return nil
}

// field is what was typed into a field of the posted form.
func field(c echo.Context, name string) string { return c.Request().PostForm.Get(name) }

// browser returns the browser's secret for the console, and gives it one when it has none.
func (d *Door) browser(c echo.Context) string {
	if b, ok := c.Get(keyBrowser).(string); ok {
		return b
	}
	_, b := d.Cookies.Read(c.Request())
	if b == "" {
		b = session.NewBrowser("")
		d.Cookies.WriteBrowser(c.Response(), b, true)
	}
	c.Set(keyBrowser, b)
	return b
}

// staff lets operators with a living session of the console through, and sends others to sign in. The
// membership is read each time: who has left the centre is out with the next click.
func (d *Door) staff(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		w, err := d.recognise(c)
		if err != nil {
			return err
		}
		if w == nil {
			return d.sendToSignIn(c)
		}
		c.Set(keyWho, w)
		return next(c)
	}
}

// recognise finds the operator behind the browser's session; nil when there is none.
func (d *Door) recognise(c echo.Context) (*clerk, error) {
	ctx := c.Request().Context()
	id, secret := d.Cookies.Read(c.Request())
	if id == "" {
		return nil, nil
	}
	s, err := d.Read.Session(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("operator: session: %w", err)
	}
	a, err := d.Read.Account(ctx, s.Account)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("operator: account: %w", err)
	}
	now := d.Now()
	if s.Kind != session.Operator || !s.Alive(a.Epoch, now) || !session.SameBrowser(secret, s.Browser) || a.Lock.Locked(now) {
		return nil, nil
	}
	m, err := d.Visits.Serving(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	if now.Sub(s.LastSeen) >= touchEvery {
		if err := d.Read.TouchSession(ctx, s.ID, now); err != nil {
			return nil, fmt.Errorf("operator: touch the session: %w", err)
		}
	}
	return &clerk{s, a, m}, nil
}

// operator is who asks the desk of visits.
func operator(c echo.Context) confirm.Operator {
	w := whoever(c)
	return confirm.Operator{
		Account: w.account.ID, Session: string(w.session.ID), Device: w.session.Device, Request: edge.RequestID(c.Request().Context()),
	}
}
