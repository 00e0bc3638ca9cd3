package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/recovery"
	"github.com/propusk/propusk/idp/register"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/idp/web"
	"github.com/propusk/propusk/idp/wish"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
	"github.com/propusk/propusk/ui"
)

// A world is the door over real stores, with every message caught on its way out.
type world struct {
	*storagetest.Stores
	t        *testing.T
	door     *web.Door
	signIn   *signin.Desk
	contacts *contact.Desk
	hasher   *password.Hasher
	server   *httptest.Server

	mu       sync.Mutex
	sent     []notice.Message
	ordered  []string // flows of recovery that have something to send
	recovery *recovery.Desk
	visits   *confirm.Visits
}

// A tap is a transaction whose messages are also heard here.
type tap struct {
	*sqlstore.Stores
	w *world
}

func (x tap) PostMessage(ctx context.Context, m notice.Message) error {
	x.w.mu.Lock()
	x.w.sent = append(x.w.sent, m)
	x.w.mu.Unlock()
	return x.Stores.PostMessage(ctx, m)
}

func (x tap) Enqueue(ctx context.Context, jobs ...job.Job) error {
	for _, j := range jobs {
		if j.Kind == recovery.JobSend {
			x.w.mu.Lock()
			x.w.ordered = append(x.w.ordered, j.Ref)
			x.w.mu.Unlock()
		}
	}
	return x.Stores.Enqueue(ctx, jobs...)
}

func within[T any](w *world, as func(tap) T) func(context.Context, func(T) error) error {
	return func(ctx context.Context, f func(T) error) error {
		return w.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(as(tap{tx, w})) })
	}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Stores: storagetest.New(t), t: t}
	now, ring, log := w.Clock.Now, w.Keyring.Ring, slog.New(slog.DiscardHandler)
	e := echo.New()
	w.server = httptest.NewUnstartedServer(nil)
	public, err := url.Parse("http://" + w.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	pages, err := ui.New(ui.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	notices, err := notice.New(notice.Config{Issuer: public.String(), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	w.hasher = password.NewHasher(password.Params{Memory: 8, Time: 1, Threads: 1}, password.Limit{})
	rules := password.Rules{Known: password.NewBlocklist()}
	sessions := session.New(session.Config{Now: now, Wall: now})
	w.signIn = signin.New(signin.Config{
		Ring: ring, Box: transient.NewBox[signin.Progress](w.Transients, ring, "signin", now), Records: w.Records, Parties: w.Records,
		Sessions: sessions, Atomically: within(w, func(x tap) signin.Tx { return x }), Now: now, Wall: now,
	})
	w.contacts = contact.New(contact.Config{
		Accounts: w.Records, Atomically: within(w, func(x tap) contact.Tx { return x }), Transients: w.Transients, Ring: ring,
		Notices: notices, Now: now, Wall: now,
	})
	// What the job would do in its time is done at once.
	w.recovery = recovery.New(recovery.Config{
		Accounts: w.Records, Transients: w.Transients, Ring: ring, Hasher: w.hasher, Rules: rules, Notices: notices, Now: now, Wall: now,
		Atomically: func(ctx context.Context, f func(recovery.Tx) error) error {
			err := within(w, func(x tap) recovery.Tx { return x })(ctx, f)
			w.mu.Lock()
			ordered := w.ordered
			w.ordered = nil
			w.mu.Unlock()
			for _, id := range ordered {
				err = errors.Join(err, w.recovery.Send(ctx, id))
			}
			return err
		},
	})
	w.visits = confirm.NewVisits(confirm.VisitConfig{
		Read: w.Records, Atomically: within(w, func(x tap) confirm.VisitTx { return x }), Notices: notices, Ring: ring,
		Codes: confirm.NewVisitCodes(w.Transients, ring, now), Limits: &limit.Keeper{Store: w.Transients, Digest: ring, Now: now}, Now: now, Wall: now,
	})
	w.door = web.New(web.Config{
		UI: pages, SignIn: w.signIn, Sessions: sessions, Cookies: &session.Cookies{Port: public.Port(), Ring: ring},
		Authn: authn.New(authn.Config{
			Accounts: w.Records, Atomically: within(w, func(x tap) authn.Tx { return x }), Transients: w.Transients, Ring: ring,
			Hasher: w.hasher, Rules: rules, Notices: notices, Sessions: sessions, Issuer: "propusk", Now: now, Wall: now, Log: log,
		}),
		Register: register.New(register.Config{
			Accounts: w.Records, Atomically: within(w, func(x tap) register.Tx { return x }), Transients: w.Transients, Ring: ring,
			Hasher: w.hasher, Rules: rules, Notices: notices, Processing: "2026-11", Now: now, Wall: now,
		}),
		Recovery: w.recovery,
		Banks: bank.New(bank.Config{
			Issuer: public.String(), Read: w.Records, Atomically: within(w, func(x tap) bank.Tx { return x }), Transients: w.Transients, Ring: ring,
			Partners: &partner.Cache{Store: w.Records}, Notices: notices, Hasher: w.hasher, Rules: rules, Processing: "2026-11",
			Sign: func(any) (string, error) { return "a.b.c", nil }, Now: now, Wall: now, Log: log,
		}),
		Certificates: certificate.New(certificate.Config{
			Read: w.Records, Atomically: within(w, func(x tap) confirm.Tx { return x }), Transients: w.Transients, Ring: ring,
			Notices: notices, Issuer: public.String(), Now: now, Wall: now, Log: log,
		}),
		Contacts: w.contacts,
		Registry: registry.New(registry.Config{
			Store: w.Records, Atomically: within(w, func(x tap) registry.Tx { return x }), Counter: w.Transients,
			Notices: notices, Now: now, Wall: now, Log: log,
		}),
		Letters: confirm.NewMail(confirm.MailConfig{
			Store: w.Records, Atomically: within(w, func(x tap) confirm.Tx { return x }), Ring: ring, Notices: notices, Now: now, Wall: now, Log: log,
		}),
		VisitCodes: w.visits.Codes, Envelopes: w.visits,
		Locks: lock.New(lock.Config{
			Read: w.Records, Atomically: within(w, func(x tap) lock.DeskTx { return x }), Sessions: sessions, Notices: notices, Now: now, Wall: now,
		}, nil),
		Wishes: wish.New(wish.Config{
			Read: w.Records, Atomically: within(w, func(x tap) wish.Tx { return x }), Transients: w.Transients, Ring: ring,
			Notices: notices, Now: now, Wall: now,
		}),
		Notices: notices, Accounts: w.Records, Read: w.Records, Atomically: within(w, func(x tap) web.Tx { return x }), Ring: ring,
		Transients: w.Transients, Public: public, Legal: web.Legal{Processing: "2026-11", Since: storagetest.Start}, Now: now, Wall: now, Log: log,
	})
	w.door.Mount(e)
	e.HTTPErrorHandler = w.door.Show
	threshold := edge.New(edge.Config{Logger: log, Wall: now, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	w.server.Config.Handler = threshold.Wrap(e)
	w.server.Start()
	t.Cleanup(w.server.Close)
	return w
}

const secret = "Propusk-2026"

// citizen stores an account that signs in with secret.
func (w *world) citizen(a *account.Account) *account.Account {
	w.t.Helper()
	hash, err := w.hasher.Hash(w.t.Context(), secret)
	if err != nil {
		w.t.Fatal(err)
	}
	a.Credential.Password = hash
	return w.Create(w.t, a)
}

// simplified, standard and verified store such accounts, with a phone and a mailbox.
func (w *world) simplified() *account.Account { return w.citizen(w.reachable(w.Simplified(w.t))) }
func (w *world) standard() *account.Account   { return w.citizen(w.reachable(w.Standard(w.t))) }
func (w *world) verified(m account.Method) *account.Account {
	a := w.reachable(w.Standard(w.t))
	if err := a.Confirm(account.Confirmation{ID: storagetest.Phone(), Method: m, At: w.Clock.Now()}); err != nil {
		w.t.Fatal(err)
	}
	return w.citizen(a)
}

var mailboxes int

func (w *world) reachable(a *account.Account) *account.Account {
	mailboxes++
	a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{
		Kind: account.Email, Value: fmt.Sprintf("citizen%d@example.org", mailboxes), Proved: w.Clock.Now(),
	})
	return a
}

func phone(a *account.Account) string { c, _ := a.Profile.Contact(account.Phone); return c.Value }
func email(a *account.Account) string { c, _ := a.Profile.Contact(account.Email); return c.Value }

// messages are those sent to a contact, the oldest first.
func (w *world) messages(to string) []notice.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []notice.Message
	for _, m := range w.sent {
		if m.To == to {
			out = append(out, m)
		}
	}
	return out
}

// last is the newest message to a contact.
func (w *world) last(to string) notice.Message {
	w.t.Helper()
	ms := w.messages(to)
	if len(ms) == 0 {
		w.t.Fatalf("no message to %s", to)
	}
	return ms[len(ms)-1]
}

var (
	sixDigits = regexp.MustCompile(`^\d{6}`)
	anyLink   = regexp.MustCompile(`http://\S+/link/\S+`)
)

func (w *world) code(to string) string {
	w.t.Helper()
	code := sixDigits.FindString(w.last(to).Text)
	if code == "" {
		w.t.Fatalf("no code in the message %q", w.last(to).Text)
	}
	return code
}

func (w *world) link(to string) string {
	w.t.Helper()
	link := anyLink.FindString(w.last(to).Text)
	if link == "" {
		w.t.Fatalf("no link in the message %q", w.last(to).Text)
	}
	return strings.TrimPrefix(link, w.server.URL)
}

func wrongCode(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

// A browser keeps cookies, and comes from a network of its own.
type browser struct {
	w       *world
	http    *http.Client
	network string
}

var networks int

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	networks++
	return &browser{w: w, http: &http.Client{Jar: jar, Timeout: 20 * time.Second}, network: fmt.Sprintf("198.51.%d.%d", networks/250, networks%250+1)}
}

// from puts the browser into another's network.
func (b *browser) from(o *browser) *browser { b.network = o.network; return b }

// A page is an answer, read.
type page struct {
	*goquery.Document
	b      *browser
	status int
	url    *url.URL
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request) *page {
	b.w.t.Helper()
	r.Header.Set("X-Forwarded-For", b.network)
	r.Header.Set("Accept-Language", "ru")
	r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
	resp, err := b.http.Do(r)
	if err != nil {
		b.w.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.w.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.w.t.Fatal(err)
	}
	return &page{Document: doc, b: b, status: resp.StatusCode, url: resp.Request.URL, header: resp.Header, body: string(body)}
}

func (b *browser) get(path string) *page {
	b.w.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.w.server.URL + path
	}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		b.w.t.Fatal(err)
	}
	return b.do(r)
}

// send posts the page's main form with these fields, name and value by turns.
func (p *page) send(fields ...string) *page {
	p.b.w.t.Helper()
	form := p.Find("form#main-form")
	if form.Length() != 1 {
		p.b.w.t.Fatalf("%s has no main form: %d\n%s", p.url.Path, p.status, p.Find("main").Text())
	}
	v := url.Values{}
	form.Find("input[type=hidden]").Each(func(_ int, s *goquery.Selection) { v.Set(s.AttrOr("name", ""), s.AttrOr("value", "")) })
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	to, err := p.url.Parse(form.AttrOr("action", ""))
	if err != nil {
		p.b.w.t.Fatal(err)
	}
	return p.b.post(to.String(), v.Encode())
}

func (b *browser) post(to, body string) *page {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodPost, to, strings.NewReader(body))
	if err != nil {
		b.w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// signIn signs in through the page.
func (b *browser) signIn(username, pw string) *page {
	b.w.t.Helper()
	return b.get("/login").send("username", username, "password", pw)
}

// at fails the test unless the page is there.
func (p *page) at(path string, status int) *page {
	p.b.w.t.Helper()
	if p.url.Path != path || p.status != status {
		p.b.w.t.Fatalf("at %s with %d, want %s with %d\n%s", p.url.Path, p.status, path, status, strings.Join(strings.Fields(p.Find("main").Text()), " "))
	}
	return p
}

func (p *page) text() string { return strings.Join(strings.Fields(p.Find("main").Text()), " ") }

// says fails the test unless the page says so.
func (p *page) says(want string) *page {
	p.b.w.t.Helper()
	if !strings.Contains(p.text(), want) {
		p.b.w.t.Fatalf("%s does not say %q:\n%s", p.url.Path, want, p.text())
	}
	return p
}
