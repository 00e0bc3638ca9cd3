package operator_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"
	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/passkey"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/print"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/shift"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/idp/web/operator"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
	"github.com/propusk/propusk/ui"
)

const (
	secret = "Propusk-2026"
	app    = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
)

// A world is the console over real stores, an operator and a citizen.
type world struct {
	*storagetest.Stores
	t        *testing.T
	server   *httptest.Server
	cookies  session.Cookies
	sessions *session.Desk
	staff    *account.Account
	citizen  *account.Account
	registry *registry.Desk
	desk     *confirm.Visits
}

func within[T any](r *sqlstore.Records, as func(*sqlstore.Stores) T) func(context.Context, func(T) error) error {
	return func(ctx context.Context, f func(T) error) error {
		return r.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(as(tx)) })
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Stores: storagetest.New(t), t: t}
	now, ring, log, r := w.Clock.Now, w.Keyring.Ring, slog.New(slog.DiscardHandler), w.Records
	e := echo.New()
	w.server = httptest.NewUnstartedServer(nil)
	public := ok(url.Parse("http://" + w.server.Listener.Addr().String()))(t)
	notices := ok(notice.New(notice.Config{Issuer: public.String(), Now: now}))(t)
	pages := ok(ui.New(ui.Options{Now: now}))(t)
	w.cookies = session.Cookies{Port: public.Port(), Ring: ring}
	w.sessions = session.New(session.Config{Now: now, Wall: now})
	hasher := password.NewHasher(password.Params{Memory: 8, Time: 1, Threads: 1}, password.Limit{})
	keys := ok(passkey.New(passkey.Config{
		Issuer: public, Site: "Пропуск", Accounts: r, Atomically: within(r, func(tx *sqlstore.Stores) passkey.Tx { return tx }),
		Transients: w.Transients, Ring: ring, Notices: notices, Now: now, Wall: now, Log: log,
	}))(t)
	w.registry = registry.New(registry.Config{
		Store: r, Pension: bureau{}, Interior: bureau{}, Tax: bureau{}, Notices: notices,
		Atomically: within(r, func(tx *sqlstore.Stores) registry.Tx { return tx }), Now: now, Wall: now, Log: log,
	})
	w.desk = confirm.NewVisits(confirm.VisitConfig{
		Read: r, Atomically: within(r, func(tx *sqlstore.Stores) confirm.VisitTx { return tx }), Notices: notices,
		Print: print.Press{Issuer: public.String()}, Codes: confirm.NewVisitCodes(w.Transients, ring, now), Ring: ring, Processing: "2026-11",
		Registry: w.registry, Limits: &limit.Keeper{Store: w.Transients, Digest: ring, Now: now}, Now: now, Wall: now,
	})
	operator.New(operator.Config{
		Keys: keys, Shifts: shift.New(shift.Config{Read: r, Transients: w.Transients, Ring: ring, Now: now, Wall: now}), UI: pages, Cookies: &w.cookies, Notices: notices, Read: r, Public: public, Now: now, Wall: now, Log: log,
		Atomically: within(r, func(tx *sqlstore.Stores) operator.Tx { return tx }),
		SignIn: signin.New(signin.Config{
			Ring: ring, Box: transient.NewBox[signin.Progress](w.Transients, ring, "signin", now), Records: r, Parties: r,
			Sessions: w.sessions, Atomically: within(r, func(tx *sqlstore.Stores) signin.Tx { return tx }), Now: now, Wall: now,
		}),
		Authn: authn.New(authn.Config{
			Accounts: r, Atomically: within(r, func(tx *sqlstore.Stores) authn.Tx { return tx }), Transients: w.Transients, Ring: ring,
			Hasher: hasher, Notices: notices, Sessions: w.sessions, Issuer: "propusk", Now: now, Wall: now, Log: log,
		}),
		Visits: w.desk,
	}).Mount(e)
	w.server.Config.Handler = edge.New(edge.Config{Logger: log, Wall: now}).Wrap(e)
	w.server.Start()
	t.Cleanup(w.server.Close)

	hash := ok(hasher.Hash(t.Context(), secret))(t)
	w.staff, w.citizen = w.Standard(t), w.Standard(t)
	for _, a := range []*account.Account{w.staff, w.citizen} {
		a.Credential.Password = hash
		a.Credential.TOTP = &account.TOTP{Secret: app, Since: now()}
		w.Create(t, a)
	}
	if err := w.SaveCentre(t.Context(), &centre.Centre{ID: "77-014", Name: map[string]string{"ru": "Центр № 14"}, Address: map[string]string{"ru": "Садовая, 14"}}); err != nil {
		t.Fatal(err)
	}
	w.employ(centre.Operator, true)
	return w
}

// ok ends the test on an error.
func ok[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (w *world) employ(role centre.Role, active bool) {
	w.t.Helper()
	err := w.SaveMember(w.t.Context(), &centre.Member{Account: w.staff.ID, Centre: "77-014", Role: role, Window: "3", Active: active})
	if err != nil {
		w.t.Fatal(err)
	}
}

// A browser follows redirects and keeps cookies.
type browser struct {
	*world
	client *http.Client
}

// A page is what a browser shows.
type page struct {
	status int
	path   string
	body   string
	header http.Header
	*goquery.Document
}

func (w *world) browser() *browser {
	return &browser{w, &http.Client{Jar: ok(cookiejar.New(nil))(w.t)}}
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	r.Header.Set("Accept-Language", "ru")
	res := ok(b.client.Do(r))(b.t)
	defer res.Body.Close()
	body := string(ok(io.ReadAll(res.Body))(b.t))
	return page{res.StatusCode, res.Request.URL.Path, body, res.Header, ok(goquery.NewDocumentFromReader(strings.NewReader(body)))(b.t)}
}

func (b *browser) get(path string) page {
	b.t.Helper()
	return b.do(ok(http.NewRequest(http.MethodGet, b.server.URL+path, nil))(b.t))
}

func (b *browser) post(path string, form url.Values) page {
	b.t.Helper()
	r := ok(http.NewRequest(http.MethodPost, b.server.URL+path, strings.NewReader(form.Encode())))(b.t)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// fill posts the page's main form.
func (b *browser) fill(p page, values ...string) page {
	b.t.Helper()
	action, found := p.Find("#main-form").Attr("action")
	if !found {
		b.t.Fatalf("no form at %s (%d): %s", p.path, p.status, p.title())
	}
	form := url.Values{}
	for i := 0; i < len(values); i += 2 {
		form.Set(values[i], values[i+1])
	}
	return b.post(action, form)
}

func (p page) title() string { return strings.Join(strings.Fields(p.Find("h1").Text()), " ") }

func (p page) want(t *testing.T, status int, path, title string) page {
	t.Helper()
	if p.status != status || p.path != path || p.title() != title {
		t.Errorf("got %d %s %q, want %d %s %q", p.status, p.path, p.title(), status, path, title)
	}
	return p
}

func phone(a *account.Account) string { c, _ := a.Profile.Contact(account.Phone); return c.Value }

// code is the app's present one; each counts once, so the clock moves on first.
func (w *world) code() string {
	w.t.Helper()
	w.Clock.Advance(30 * time.Second)
	return ok(totp.GenerateCode(app, w.Clock.Now()))(w.t)
}

// signIn passes both factors as an account.
func (b *browser) signIn(a *account.Account) page {
	b.t.Helper()
	p := b.fill(b.get("/operator"), "username", phone(a), "password", secret)
	if p.path != "/operator/login/code" {
		return p
	}
	return b.fill(p, "code", b.code())
}

// open searches for the citizen and opens the case.
func (b *browser) open() page {
	b.t.Helper()
	person := b.citizen.Profile.Person
	return b.fill(b.get("/operator"), "snils", person.SNILS.Format(), "document-number", person.Document.Format(), "reason", "confirm")
}

// answers fill in a comparison in which everything agrees.
func (b *browser) answers(act string) []string {
	out := []string{"act", act, "face", "1", "genuine", "1"}
	for _, f := range confirm.Compared(b.citizen.Profile.Person) {
		out = append(out, "match-"+strings.ReplaceAll(f, "_", "-"), "yes")
	}
	return out
}
