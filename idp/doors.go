package idp

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/admin"
	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/oidc"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/partnerapi"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signal"
	"github.com/propusk/propusk/idp/web"
	"github.com/propusk/propusk/idp/web/operator"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/ui"
)

// open builds the doors and puts them on one handler, behind the edge.
func (p *Provider) open(c Config, d *desks) error {
	records, ring := p.Records, p.Keyring.Ring
	pages, err := ui.New(ui.Options{HelpPhone: c.Help, Now: c.Now})
	if err != nil {
		return err
	}
	cookies := session.Cookies{Secure: c.Issuer.Scheme == "https", Port: c.Issuer.Port(), Ring: ring}

	hosted := web.New(web.Config{
		UI: pages, SignIn: d.signIn, Sessions: d.sessions, Cookies: &cookies, Authn: d.authn, Register: d.register,
		Recovery: d.recovery, Contacts: d.contacts, Registry: d.registry, Letters: d.letters, Banks: d.bank, VisitCodes: d.visits.Codes, Envelopes: d.visits, Disowner: d.disowner, Locks: d.locks, Wishes: d.wishes, Notices: d.notices,
		Accounts: records, Read: records, Atomically: within(records, func(tx *sqlstore.Stores) web.Tx { return tx }), Ring: ring,
		Transients:   p.stores.Transients,
		Certificates: d.certificates, CertificateHost: c.Certificates.PublicURL,
		Public: c.Issuer, Legal: web.Legal{Processing: processing}, Now: c.Now, Wall: c.Wall, Log: c.Log,
	})
	guest := guests{hosted}
	protocol := oidc.New(oidc.Config{
		Issuer: strings.TrimSuffix(c.Issuer.String(), "/"), CertificateHost: c.Certificates.PublicURL, Ring: ring, Cookies: cookies, SignIn: d.signIn,
		Parties: partner.Directory{Parties: p.Parties, Partners: p.Partners}, Records: records,
		Transients: p.stores.Transients, Atomically: within(records, func(tx *sqlstore.Stores) session.Tx { return tx }),
		Now: c.Now, Wall: c.Wall, Logger: c.Log, Observe: c.Observe,
		Lives:     oidc.Lives{Access: c.Tokens.Access, JWT: c.Tokens.JWT, IDToken: c.Tokens.ID, Refresh: c.Tokens.Refresh},
		ErrorPage: guest.problem, FormPost: guest.formPost, LogoutPage: guest.logout, LoggedOutPage: guest.loggedOut,
	})
	p.Keyring.OnChange(protocol.Refresh)
	messenger := signal.NewClient(c.PrivateNetwork)
	if c.Backchannel != nil {
		messenger.Transport = c.Backchannel
	}
	courier := &signal.Courier{
		Store: records, Parties: p.Parties, Sign: protocol.LogoutToken, Client: messenger, Wall: c.Wall, Logger: c.Log,
	}
	maps.Copy(p.handlers, courier.Handlers())

	console := operator.New(operator.Config{
		UI: pages, SignIn: d.signIn, Cookies: &cookies, Authn: d.authn, Keys: d.keys, Shifts: d.shifts, Visits: d.visits, Notices: d.notices, Read: records,
		RecallDesk: d.recalls, RecallRead: records,
		Atomically: within(records, func(tx *sqlstore.Stores) operator.Tx { return tx }), Public: c.Issuer, Now: c.Now, Wall: c.Wall, Log: c.Log,
	})

	p.receipt = protocol.Receipt
	programs, err := partnerapi.New(partnerapi.Config{
		Issuer: strings.TrimSuffix(c.Issuer.String(), "/"), Open: opener(protocol), Partners: p.Partners, Answers: records,
		Proofs: &dpop.Verifier{Store: p.stores.Transients, Ring: ring, Wall: c.Wall}, Transients: p.stores.Transients, Ring: ring,
		Bank: d.bank, Letters: d.letters, Visits: d.visits, Shifts: d.shifts, Factor: d.authn, Keep: records, Now: c.Now, Log: c.Log,
	})
	if err != nil {
		return err
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = hosted.Show
	e.Pre(text)
	e.GET("/assets/*", echo.WrapHandler(pages.Assets()), route)
	protocol.Mount(e)
	hosted.Mount(e)
	console.Mount(e)
	programs.Mount(e)
	p.routes = e.Routes()

	threshold := edge.New(edge.Config{
		Logger: c.Log, Metrics: registerer(c), Wall: c.Wall, Proxies: c.Proxies, Broken: broken,
		// A browser that was told "https only" of localhost would hold every other program there to it,
		// whatever its port (RFC 6797 section 8.2).
		StrictTransport: c.Issuer.Scheme == "https" && !rp.Loopback(c.Issuer.Hostname()),
	})
	p.public = threshold.Wrap(heads(e))
	p.certificates = threshold.Wrap(machines(heads(e), hosted.CertificateListener()))

	health := echo.New()
	health.HideBanner, health.HidePort = true, true
	p.health = admin.New(admin.Config{Ping: p.stores.Ping, Metrics: gatherer(c), Log: c.Log})
	p.health.Mount(health)
	p.admin = health
	return nil
}

// opener lets the door of partners open the tokens of the protocol door: doors do not know each other.
func opener(protocol *oidc.Door) func(context.Context, string) (*partnerapi.Token, error) {
	return func(ctx context.Context, token string) (*partnerapi.Token, error) {
		t, err := protocol.Own(ctx, token)
		if err != nil {
			return nil, err
		}
		return &partnerapi.Token{Partner: partner.ID(t.Client), Scopes: t.Scopes, Key: t.Key, Certificate: t.Certificate}, nil
	}
}

// machines lets partners in where certificates are presented: their tokens may be bound to one (RFC 8705).
// Everything else there is for browsers.
func machines(programs, browsers http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth2/token" || strings.HasPrefix(r.URL.Path, partnerapi.Root+"/") {
			programs.ServeHTTP(w, r)
			return
		}
		browsers.ServeHTTP(w, r)
	})
}

// text answers addresses that are no text before any door reads an id out of them: stores differ in what
// they make of broken UTF-8 and of NUL.
func text(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if path := c.Request().URL.Path; !utf8.ValidString(path) || strings.ContainsRune(path, 0) {
			return echo.ErrNotFound
		}
		return next(c)
	}
}

// route names the pattern of routes that no door's own guard sees.
func route(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		edge.Route(c.Request().Context(), c.Path())
		return next(c)
	}
}

// heads answers HEAD wherever there is GET (RFC 9110 section 9.3.2): the routers know GET alone, and
// net/http keeps the body back, since the request it wrote down is still the HEAD one.
func heads(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		next.ServeHTTP(w, r)
	})
}

// broken answers a panic, with nothing that could panic itself.
func broken(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("У нас неполадка. Номер запроса: " + edge.RequestID(r.Context()) +
		"\nSomething broke on our side. Request: " + edge.RequestID(r.Context()) + "\n"))
}
