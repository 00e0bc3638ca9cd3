// Package frame is what stands around every page of a hosted door: the guard before it, the language, the header, the headers, and the page of what went wrong.
//
// A door makes one Frame, mounts its routes on the Group it gives, and shows its pages with Render; a
// handler returns its errors, and the frame makes pages of them. What differs between doors is said in the
// Config: whose header it is, which errors of its own it has words for, and where an error page leads on.
//
//	guard      cross-site forms, doubled, oversized and broken input end here
//	errors     the kind of a fault → status and page
//	language   ?lang, the cookie, what the browser accepts, ui_locales
//	Visitors   whose session the browser holds
package frame

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/ui"
)

// Config is what a door says of itself. UI, Public, Wall and Log are needed; the rest may be left out.
type Config struct {
	UI *ui.Renderer
	// Public is the provider's own address: under https cookies are Secure.
	Public *url.URL
	Wall   func() time.Time
	Log    *slog.Logger

	// Dress completes the frame of a page: whose header it is and who is signed in. The language, the
	// address in the other one, the section and the request id stand there already.
	Dress func(c echo.Context, f *ui.Frame) error
	// Own is the door's part of the table from errors to pages, asked first; status 0 leaves an error to
	// the common part.
	Own func(err error) (status int, page ui.Error)
	// Onward is the way forward from an error page: where to begin anew, if anywhere, and home.
	Onward func(r *http.Request, status int, err error) (retry, home string)
	// Dispatcher is the page that knows the next step of the sign-in named by ?tx. A step out of turn
	// leads there; a door without one leaves it empty.
	Dispatcher string
	// Uploads are the routes that take a file, with the greatest that each takes, in bytes.
	Uploads map[string]int64
}

// A Frame surrounds the pages of one door.
type Frame struct{ c Config }

// New makes the frame.
func New(c Config) *Frame { return &Frame{c} }

// Group begins a door's routes. Middleware is over all of them; an exception is written at its route.
func (f *Frame) Group(e *echo.Echo, prefix string) *echo.Group {
	return e.Group(prefix, f.errors, f.guard, f.language)
}

// The keys under which the frame keeps what it found in the echo context.
const (
	keyLang    = "frame.lang"
	keyChosen  = "frame.chosen"
	keyOrigin  = "frame.origin"
	keyBrowser = "frame.browser"

	keyOversized = "frame.oversized"
)

// Render shows a page. section is the part of the door that it belongs to, "" for none.
//
// Nothing of ours is inline, so the content policy has no exceptions. A page may end a transaction: the
// form then answers with a redirect to the party, which browsers hold against form-action, so the
// transaction's validated origin joins it (EndsAt; design.md 4).
func (f *Frame) Render(c echo.Context, status int, section string, p ui.Page) error {
	around := ui.Frame{
		Lang:      Lang(c),
		SwitchURL: switchURL(c.Request().URL, other(Lang(c))),
		Section:   section,
		RequestID: edge.RequestID(c.Request().Context()),
	}
	if f.c.Dress != nil {
		if err := f.c.Dress(c, &around); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	if err := f.c.UI.Render(&b, around, p); err != nil {
		return err
	}
	h := c.Response().Header()
	origin, _ := c.Get(keyOrigin).(string)
	protect(h, origin)
	h.Set("Content-Language", around.Lang)
	return c.HTMLBlob(status, b.Bytes())
}

// protect sets the headers of every answer. Redirects carry cookies and sealed transactions: they are no
// more to be kept than pages are.
func protect(h http.Header, origin string) {
	action := "'self'"
	if origin != "" {
		action += " " + origin
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "+
		"connect-src 'self'; form-action "+action+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // addresses carry sealed transactions
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// EndsAt notes that this page can end a transaction at a redirect address that was validated.
func EndsAt(c echo.Context, redirect string) { c.Set(keyOrigin, originOf(redirect)) }

// originOf gives the form-action source of a redirect address that was validated: scheme and host, or the
// scheme alone of an app's own (RFC 8252 section 7.1). What could break out of the policy gives nothing.
func originOf(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme == "" {
		return ""
	}
	origin := u.Scheme + ":"
	if u.Host != "" {
		origin = u.Scheme + "://" + u.Host
	}
	if strings.ContainsAny(origin, " ;,'\"\t\r\n") {
		return ""
	}
	return origin
}

// See answers a POST that changed something: the browser goes on with a GET.
func See(c echo.Context, to string) error { return c.Redirect(http.StatusSeeOther, to) }

// WithTx is the address of a page inside a transaction.
func WithTx(path, tx string) string {
	if tx == "" {
		return path
	}
	return path + "?tx=" + url.QueryEscape(tx)
}
