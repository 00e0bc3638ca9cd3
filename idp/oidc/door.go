package oidc

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
)

// Records is what the door reads and writes of what is kept.
type Records interface {
	audit.Log
	rp.RefusalStore
	Session(ctx context.Context, id session.ID) (*session.Session, error)
	TouchSession(ctx context.Context, id session.ID, at time.Time) error
	RedeemGrant(ctx context.Context, g *grant.Grant) (grant.Outcome, error)
	RotateGrant(ctx context.Context, r grant.Rotation) (grant.Outcome, *grant.Use, error)
	GrantUse(ctx context.Context, id grant.ID) (*grant.Use, error)
	GrantAccount(ctx context.Context, id grant.ID) (*grant.Use, *account.Account, error)
	RevokeGrant(ctx context.Context, id grant.ID, at time.Time) error
}

// Parties finds relying parties; rp.Cache is one.
type Parties interface {
	Party(ctx context.Context, id rp.ID) (*rp.Party, error)
}

// Lives are how long what the door issues lasts.
type Lives struct {
	Code    time.Duration // 60 s
	Access  time.Duration // an opaque access token: 15 min
	JWT     time.Duration // an RFC 9068 one, which nobody can take back: 5 min at most
	IDToken time.Duration // 10 min
	Refresh time.Duration // the whole of a family of refresh tokens: 90 days
	Grace   time.Duration // in which a refresh token may be brought twice: 10 s
}

// Config is everything the door needs.
type Config struct {
	Issuer string // without a slash at its end
	// CertificateHost is where partners get tokens that are bound to a certificate; nil: nowhere.
	CertificateHost *url.URL
	Ring            *seal.Ring
	Cookies         session.Cookies // the citizens'
	SignIn          *signin.Desk    // the door registers itself there as "oidc"
	Parties         Parties
	Records         Records
	Transients      transient.Store
	Atomically      func(ctx context.Context, f func(session.Tx) error) error
	Now, Wall       func() time.Time
	Logger          *slog.Logger
	Lives           Lives
	// Observe, if set, is told of every signature: "sign ES256". For tests of the budget.
	Observe func(op string)

	// Login is the path of the dispatcher of sign-in pages: /login.
	Login string
	// The pages of this door, rendered by whoever knows the look. They set no status of their own but
	// the Problem's.
	ErrorPage     func(c echo.Context, p *Problem) error
	FormPost      func(c echo.Context, f FormPost) error
	LogoutPage    func(c echo.Context, p LogoutPage) error
	LoggedOutPage func(c echo.Context, p LoggedOutPage) error
}

// A FormPost is an answer that the browser posts to the party.
type FormPost struct {
	Action string
	Fields []signin.Field
	Origin string // of Action, for form-action
	Party  *rp.Party
}

// A Door serves OpenID Connect.
type Door struct {
	Config
	library   http.Handler
	headers   sync.Map // headerKey → the header of a JWS
	documents atomic.Pointer[documents]
	refusals  ration
	proofs    *dpop.Verifier
}

// New makes the door and registers it with the sign-in desk.
func New(c Config) *Door {
	c.Issuer = strings.TrimSuffix(c.Issuer, "/")
	if c.Login == "" {
		c.Login = "/login"
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	for _, l := range []struct {
		d       *time.Duration
		usually time.Duration
	}{
		{&c.Lives.Code, time.Minute}, {&c.Lives.Access, 15 * time.Minute}, {&c.Lives.JWT, 5 * time.Minute},
		{&c.Lives.IDToken, 10 * time.Minute}, {&c.Lives.Refresh, 90 * 24 * time.Hour}, {&c.Lives.Grace, 10 * time.Second},
	} {
		if *l.d <= 0 {
			*l.d = l.usually
		}
	}
	c.Lives.JWT = min(c.Lives.JWT, 5*time.Minute)
	d := &Door{Config: c, proofs: &dpop.Verifier{Store: c.Transients, Ring: c.Ring, Wall: c.Wall}}
	d.library = d.guard(op.RegisterServer(&server{door: d}, op.Endpoints{
		Token:         op.NewEndpoint("/oauth2/token"),
		Introspection: op.NewEndpoint("/oauth2/introspect"),
		Revocation:    op.NewEndpoint("/oauth2/revoke"),
	}, op.WithServerCORSOptions(nil)))
	d.Refresh()
	c.SignIn.Register("oidc", d)
	return d
}

// Mount hangs the door's routes: the whole map of it.
func (d *Door) Mount(e *echo.Echo) {
	page := func(path string, get, post echo.HandlerFunc) {
		e.GET(path, d.edge(get), named)
		e.POST(path, d.edge(post), named)
	}
	page("/oauth2/authorize", d.authorize, d.authorizePost)
	page("/oauth2/logout", d.logout, d.logoutPost)

	library := echo.WrapHandler(d.library)
	e.POST("/oauth2/introspect", library, named)
	e.GET("/oauth2/why/:id", d.why, named)
	e.POST("/oauth2/why/:id", d.why, named)

	open := func(method, path string, h echo.HandlerFunc) { e.Add(method, path, h, named, anyOrigin) }
	open("POST", "/oauth2/token", library)
	open("POST", "/oauth2/revoke", library)
	open("GET", "/oauth2/userinfo", d.userinfo)
	open("POST", "/oauth2/userinfo", d.userinfo)
	for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/userinfo"} {
		open("OPTIONS", path, preflight)
	}
	for path, which := range map[string]int{
		"/oauth2/jwks": jwks, "/.well-known/openid-configuration": discovery,
		"/.well-known/oauth-authorization-server": discovery, "/.well-known/propusk-assurance": assurance,
	} {
		open("GET", path, d.document(which))
		open("HEAD", path, d.document(which))
		open("OPTIONS", path, preflight)
	}
}

// named tells the edge the route, for the log line and the metrics.
func named(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		edge.Route(c.Request().Context(), c.Path())
		return next(c)
	}
}

// anyOrigin lets scripts of any site read an answer, without credentials: what they send along is in the
// request itself, so no browser's cookies are lent to them.
func anyOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, ETag, Retry-After, X-Request-Id, DPoP-Nonce")
		return next(c)
	}
}

func preflight(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "7200")
	return c.NoContent(http.StatusNoContent)
}

// noStore keeps an answer out of every cache.
func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
}
