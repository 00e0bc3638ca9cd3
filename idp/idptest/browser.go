package idptest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/account"
)

// A Browser keeps the provider's cookies and follows its redirects, but none that leave it: the answer to a
// relying party ends in Page.Answer.
type Browser struct {
	// Jar is the cookies, by name. A test may keep a copy, and put an older one back.
	Jar map[string]string
	// Network is where the browser comes from.
	Network string
	// Again, if set, is asked about a request that got no answer; true sends it again, as a person does.
	Again func(error) bool

	t      testing.TB
	issuer *url.URL
	client *http.Client
}

var networks atomic.Uint32

// NewBrowser is a browser of a provider that listens at an address under the issuer's name.
func NewBrowser(t testing.TB, issuer *url.URL, address string) *Browser {
	n := networks.Add(1)
	b := &Browser{
		Jar: map[string]string{}, Network: fmt.Sprintf("198.%d.%d.%d", 18+n>>16&1, n>>8&255, n&255),
		t: t, issuer: issuer, client: clientOf(address),
	}
	t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// Browser is a fresh browser, at the first node.
func (w *World) Browser() *Browser { return NewBrowser(w.tb, w.Issuer, w.Address) }

// At is the same browser with the same cookies, whose requests come to another node.
func (b *Browser) At(n *Node) *Browser {
	other := *b
	other.client = n.client
	return &other
}

// Copy is a browser with a copy of the cookies as they are now.
func (b *Browser) Copy() *Browser {
	other := *b
	other.Jar = maps.Clone(b.Jar)
	return &other
}

// A Page is an answer, read.
type Page struct {
	*goquery.Document
	Status int
	URL    *url.URL // of the page itself, after redirects
	// Answer is where the provider sent the browser away to; nil when it did not.
	Answer *url.URL
	Header http.Header
	Body   string

	b *Browser
}

// Do sends a request with the cookies and follows what stays at the provider.
func (b *Browser) Do(r *http.Request) *Page {
	b.t.Helper()
	for range 12 {
		resp, body := b.send(r)
		p := &Page{Status: resp.StatusCode, URL: r.URL, Header: resp.Header, Body: body, b: b}
		if p.Status < 300 || p.Status >= 400 || resp.Header.Get("Location") == "" {
			doc, err := goquery.NewDocumentFromReader(strings.NewReader(body))
			if err != nil {
				b.t.Fatal(err)
			}
			p.Document = doc
			return p
		}
		next, err := r.URL.Parse(resp.Header.Get("Location"))
		if err != nil {
			b.t.Fatal(err)
		}
		if next.Host != b.issuer.Host {
			p.Answer = next
			return p
		}
		if r, err = http.NewRequestWithContext(r.Context(), http.MethodGet, next.String(), nil); err != nil {
			b.t.Fatal(err)
		}
	}
	b.t.Fatalf("%s %s: redirected without end", r.Method, r.URL.Path)
	return nil
}

func (b *Browser) send(r *http.Request) (*http.Response, string) {
	b.t.Helper()
	for {
		r.Header.Del("Cookie")
		for name, v := range b.Jar {
			r.AddCookie(&http.Cookie{Name: name, Value: v})
		}
		r.Header.Set("X-Forwarded-For", b.Network)
		if r.Header.Get("Accept-Language") == "" {
			r.Header.Set("Accept-Language", "ru")
		}
		r.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/140.0")
		resp, err := b.client.Do(r)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			b.keep(resp)
			return resp, string(body)
		}
		if b.Again == nil || !b.Again(err) {
			b.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

func (b *Browser) keep(resp *http.Response) {
	for _, c := range resp.Cookies() {
		b.Jar[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.Jar, c.Name)
		}
	}
}

// Request makes one for a path of the provider; form is the body, or nil.
func (b *Browser) Request(method, path string, form url.Values) *http.Request {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.issuer.String() + path
	}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// Get opens a page.
func (b *Browser) Get(path string) *Page {
	b.t.Helper()
	return b.Do(b.Request(http.MethodGet, path, nil))
}

// Post sends a form.
func (b *Browser) Post(path string, form url.Values) *Page {
	b.t.Helper()
	return b.Do(b.Request(http.MethodPost, path, form))
}

// Form is what the page's main form would send as it stands, and where.
func (p *Page) Form() (action string, form url.Values) {
	p.b.t.Helper()
	main := p.Find("form#main-form")
	if main.Length() != 1 {
		p.b.t.Fatalf("%s has no main form: %d %s", p.URL.Path, p.Status, p.Text())
	}
	form = url.Values{}
	main.Find("input, select, textarea").Each(func(_ int, s *goquery.Selection) {
		name, kind := s.AttrOr("name", ""), s.AttrOr("type", "text")
		_, checked := s.Attr("checked")
		switch {
		case name == "", kind == "submit", (kind == "checkbox" || kind == "radio") && !checked:
		case goquery.NodeName(s) == "select":
			form.Set(name, s.Find("option[selected]").AttrOr("value", ""))
		default:
			form.Set(name, s.AttrOr("value", ""))
		}
	})
	to, err := p.URL.Parse(main.AttrOr("action", ""))
	if err != nil {
		p.b.t.Fatal(err)
	}
	return to.String(), form
}

// Submit sends the main form with some fields filled in, name and value by turns.
func (p *Page) Submit(fields ...string) *Page {
	p.b.t.Helper()
	action, form := p.Form()
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return p.b.Post(action, form)
}

// Text is what the page says, in one line.
func (p *Page) Text() string {
	if p.Document == nil {
		return ""
	}
	return strings.Join(strings.Fields(p.Find("main").Text()), " ")
}

// At ends the test unless the page is there.
func (p *Page) At(path string, status int) *Page {
	p.b.t.Helper()
	if p.URL.Path != path || p.Status != status {
		p.b.t.Fatalf("at %s with %d, want %s with %d: %s", p.URL.Path, p.Status, path, status, p.Text())
	}
	return p
}

// SignIn signs a citizen in through the page.
func (b *Browser) SignIn(a *account.Account) *Page {
	b.t.Helper()
	return b.Get("/login").Submit("username", Phone(a), "password", Password).At("/account", http.StatusOK)
}

// Authorize asks for a sign-in as the party, and walks the pages as a willing citizen. The answer's query is
// returned.
func (b *Browser) Authorize(p *Party, a *account.Account, pairs ...string) url.Values {
	b.t.Helper()
	page := b.Get("/oauth2/authorize?" + p.Ask(pairs...).Encode())
	for range 6 {
		switch {
		case page.Answer != nil:
			return page.Answer.Query()
		case page.Status != http.StatusOK:
			b.t.Fatalf("authorize: %d at %s: %s", page.Status, page.URL.Path, page.Text())
		case page.URL.Path == "/login":
			page = page.Submit("username", Phone(a), "password", Password)
		case page.URL.Path == "/login/code":
			page = page.Submit("code", TOTP(b.t))
		case page.URL.Path == "/login/consent":
			page = page.Submit("answer", "allow")
		default:
			b.t.Fatalf("authorize: stopped at %s: %s", page.URL.Path, page.Text())
		}
	}
	b.t.Fatal("authorize: no answer after six pages")
	return nil
}

// Code is the code of such an answer.
func (b *Browser) Code(p *Party, a *account.Account, pairs ...string) string {
	b.t.Helper()
	answer := b.Authorize(p, a, pairs...)
	if answer.Get("code") == "" {
		b.t.Fatalf("authorize: no code but %v", answer)
	}
	return answer.Get("code")
}
