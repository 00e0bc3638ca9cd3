// Package web shows citizens their pages: signing in, opening an account, coming back to it, and what they may do when they are in.
//
// Every handler takes its input, calls the domain and returns the error or shows a page; package frame
// turns errors into pages. Forms post to their own address, so that a page is always safe to reload: a
// POST changes and answers 303, or shows the same page again (422) with what is wrong. What a page in
// the middle of something needs to know stands in Transients; its address carries a sealed id at most,
// and a sealed id works only in the browser it was given to.
//
//	/login            the dispatcher: signin.Next names the page
//	/register…        a contact is proved, then a password, then the account
//	/recover…         a contact and what only the owner knows, then a password
//	/account…         home, security, contacts; rising (profile.go and its neighbours) is mounted by mountRise
//	/why, /legal      open to all
package web

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/recovery"
	"github.com/propusk/propusk/idp/register"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/idp/wish"
	"github.com/propusk/propusk/ui"
)

// A Reader is what the pages read outside the desks.
type Reader interface {
	account.Store
	session.Store
	audit.Store
	rp.RefusalStore
	Parties(ctx context.Context) ([]*rp.Party, error)
	Party(ctx context.Context, id rp.ID) (*rp.Party, error)
	Consents(ctx context.Context, a account.ID) ([]*consent.Consent, error)
	Grants(ctx context.Context, a account.ID) ([]*grant.Grant, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
	LastLetter(ctx context.Context, id account.ID) (*confirm.Letter, error)
	Centres(ctx context.Context) ([]*centre.Centre, error)
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}

// A Tx is what a change made by these pages writes together.
type Tx interface {
	session.Tx
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	consent.Store
	Grants(ctx context.Context, a account.ID) ([]*grant.Grant, error)
	notice.Outbox
}

// Config is everything the door needs. Now is the movable clock, Wall the one that strangers share.
type Config struct {
	UI         *ui.Renderer
	SignIn     *signin.Desk
	Sessions   *session.Desk
	Cookies    *session.Cookies
	Authn      *authn.Desk
	Register   *register.Desk
	Recovery   *recovery.Desk
	Contacts   *contact.Desk
	Registry   *registry.Desk
	Letters    *confirm.Mail
	VisitCodes *confirm.VisitCodes
	// Envelopes take the activation codes that service centres hand over.
	Envelopes interface {
		// Envelope returns the live one; confirm.ErrNoEnvelope.
		Envelope(ctx context.Context, id account.ID) (*confirm.Envelope, error)
		Activate(ctx context.Context, id account.ID, typed string) (*account.Account, error)
	}
	Disowner *confirm.Disowner
	Banks    *bank.Desk

	Certificates *certificate.Desk
	// CertificateHost is the listener at which browsers present certificates; nil: there is none.
	CertificateHost *url.URL

	Notices *notice.Notices
	Locks   *lock.Desk
	Wishes  *wish.Desk

	Accounts   account.Store
	Read       Reader
	Atomically func(ctx context.Context, f func(Tx) error) error
	Ring       *seal.Ring
	// Transients keep what a citizen has typed and not yet sent.
	Transients transient.Store

	// Public is the provider's own address, the issuer: links in messages begin with it.
	Public    *url.URL
	Legal     Legal
	Now, Wall func() time.Time
	Log       *slog.Logger
}

// Legal says which texts a citizen agrees to.
type Legal struct {
	Processing string    // the version of the consent to the processing of personal data, such as "2026-11"
	Since      time.Time // from when it stands
}

// A Door is the hosted pages.
type Door struct {
	Config
	pages    *frame.Frame
	visitors frame.Visitors
}

// New makes the door.
func New(c Config) *Door {
	return &Door{
		Config:   c,
		pages:    frame.New(frame.Config{UI: c.UI, Public: c.Public, Wall: c.Wall, Log: c.Log, Dress: dress, Own: own, Onward: onward, Dispatcher: "/login", Uploads: uploads}),
		visitors: frame.Visitors{Cookies: c.Cookies, Read: c.Read, Now: c.Now},
	}
}

// Mount adds every page. Middleware is over all of them; an exception is written at its route.
func (d *Door) Mount(e *echo.Echo) {
	all := d.pages.Group(e, "")
	d.mountSignIn(all)
	d.mountRegister(all)
	d.mountRecover(all)
	d.mountOpen(all)
	d.mountBankAccount(all)
	d.mountNotMe(all)
	d.mountCertificate(all)

	d.mountStop(all)

	mine := all.Group("/account", d.signedIn, d.thawed)
	d.mountAssurance(mine)
	d.mountLocks(mine)
	d.mountAccount(mine)
	d.mountSecurity(mine)
	d.mountContacts(mine)
	d.mountUseNow(mine)
	// mine is rooted at /account and knows whoever(c): mountRise adds "/profile", "/checks", "/confirm/…".
	d.mountRise(mine)
}
