// Package operator is the console of the service centres: a person is searched for, held against their document, and served or refused.
//
// It is a door of its own, with its own kind of session and its own cookies. A citizen's session does not
// open it, and an operator's opens nothing of a citizen's: every sign-in here asks for the password and
// for a second factor, lasts 12 hours at most, and ends after 15 minutes without a click (design.md 8).
// Whoever has no active membership as an operator gets a page that says so, whatever they have proved.
//
//	/operator               search, what waits, what was done today
//	/operator/register      somebody who has no account
//	/operator/visit/<id>    compare, then what became of it; for a colleague too when two must look
//	/operator/visit/<id>/phone, /data: what is taken down before the comparison
//	/operator/visit/<id>/form.pdf, /envelope.pdf
//	/operator/journal       the operator's own acts
//	/operator/recalls       the administrators' own: recalls of confirmations
//	/operator/shift         work in the centre's own software
//	/operator/keys          the passkeys of operators and administrators
//	/operator/login, /operator/logout
package operator

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/passkey"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/shift"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// A Reader is what the console reads outside of the desks.
type Reader interface {
	Session(ctx context.Context, id session.ID) (*session.Session, error)
	TouchSession(ctx context.Context, id session.ID, at time.Time) error
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	Centre(ctx context.Context, id string) (*centre.Centre, error)
}

// A Tx is what the console itself writes together: the end of a session, the news of a new browser.
type Tx interface {
	session.Tx
	notice.Outbox
}

// Config is everything the door needs. Now is the movable clock, Wall the one that strangers share.
type Config struct {
	UI     *ui.Renderer
	SignIn *signin.Desk
	// Cookies are those of the installation; the door uses the staff's pair of them.
	Cookies    *session.Cookies
	Authn      *authn.Desk
	Keys       *passkey.Desk
	Shifts     *shift.Desk
	Visits     *confirm.Visits
	RecallDesk *recall.Desk
	RecallRead RecallReader
	Notices    *notice.Notices
	Read       Reader
	Atomically func(ctx context.Context, f func(Tx) error) error
	// Public is the provider's own address.
	Public    *url.URL
	Now, Wall func() time.Time
	Log       *slog.Logger
}

// A Door is the console.
type Door struct {
	Config
	pages    *frame.Frame
	visitors frame.Visitors
}

// New makes the door.
func New(c Config) *Door {
	staff := c.Cookies.ForStaff()
	c.Cookies = &staff
	d := &Door{Config: c, visitors: frame.Visitors{Cookies: c.Cookies, Read: c.Read, Now: c.Now}}
	d.pages = frame.New(frame.Config{UI: c.UI, Public: c.Public, Wall: c.Wall, Log: c.Log, Dress: d.dress, Onward: onward, Dispatcher: "/operator/login"})
	return d
}

// Mount adds every page. Middleware is over all of them.
func (d *Door) Mount(e *echo.Echo) {
	all := d.pages.Group(e, "/operator")
	all.GET("/login", d.dispatch)
	all.POST("/login", d.enterPassword)
	all.GET("/login/code", d.showCode)
	all.POST("/login/code", d.enterCode)
	all.POST("/login/key", d.enterKey)

	staff := all.Group("", d.staff)
	window := staff.Group("", only(centre.Operator))
	window.GET("", d.showSearch)
	window.POST("", d.search)
	window.GET("/visit/:id", d.showCase)
	window.POST("/visit/:id", d.decide)
	window.GET("/visit/:id/form.pdf", d.form)
	window.GET("/visit/:id/envelope.pdf", d.envelope)
	window.GET("/visit/:id/phone", d.showPhone)
	window.POST("/visit/:id/phone", d.provePhone)
	window.GET("/visit/:id/data", d.showData)
	window.POST("/visit/:id/data", d.takeData)
	window.GET("/register", d.showNewcomer)
	window.POST("/register", d.register)
	window.GET("/journal", d.journal)
	window.GET("/shift", d.showShift)
	window.POST("/shift", d.changeShift)
	office := staff.Group("/recalls", only(centre.Administrator))
	office.GET("", d.listRecalls)
	office.GET("/new", d.newRecall)
	office.POST("/new", d.draftRecall)
	office.GET("/:id", d.showRecall)
	office.POST("/:id", d.decideRecall)
	d.mountKeys(staff)
	staff.GET("/logout", d.showLogout)
	staff.POST("/logout", d.logout)
}
