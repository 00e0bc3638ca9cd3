package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/flow"
	"github.com/propusk/propusk/ui/uitest"
)

// The provider's own pages are measured in ui/uitest, in every state. Here it is the other sites, which are
// other people's programs, and what the real provider shows between them.
func TestEverySiteMeetsWCAG22AA(t *testing.T) {
	axe, err := uitest.LoadAxe()
	if errors.Is(err, uitest.ErrNoAxe) && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	chrome, err := flow.StartChrome(context.Background(), t.TempDir())
	if errors.Is(err, flow.ErrNoChrome) && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	base := world(t)
	for _, v := range []struct {
		lang  string
		dark  bool
		width int64
	}{{"ru", false, 360}, {"en", true, 1280}} {
		chrome.Dark, chrome.Width = v.dark, v.width
		m := &measurer{t: t, axe: axe, chrome: chrome, sites: flow.Sites(base), lang: v.lang, name: fmt.Sprintf("%s-%d", v.lang, v.width)}
		m.strangers()
		m.locked()
		m.letterOrdered()
		m.turnedAway()
		m.welcomed()
		m.banked()
		m.outside()
	}
}

// A measurer walks through the sites as one person after another and measures every page.
type measurer struct {
	t          *testing.T
	axe        *uitest.Axe
	chrome     *flow.Chrome
	sites      map[string]string
	lang, name string
	window     flow.Browser
	pictures   int
}

// person opens a window without cookies.
func (m *measurer) person() {
	m.t.Helper()
	w, err := m.chrome.New(context.Background(), m.lang)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(w.Close)
	m.window = w
}

// do fails the test if a step of the way there fails.
func (m *measurer) do(err error) {
	m.t.Helper()
	if err != nil {
		where := ""
		if p, err := m.window.Page(context.Background()); err == nil {
			where = p.URL + " " + p.Title
		}
		m.t.Fatalf("%s: %v", where, err)
	}
}

// open goes to a page and measures it; the page must show the words, if any are given.
func (m *measurer) open(site, path string, words ...string) {
	m.t.Helper()
	m.do(m.window.Open(context.Background(), m.sites[site]+path))
	m.here(words...)
}

// here measures the page that the window shows.
func (m *measurer) here(words ...string) {
	m.t.Helper()
	p, err := m.window.Page(context.Background())
	m.do(err)
	for _, w := range words {
		if !strings.Contains(strings.ToLower(p.Text), strings.ToLower(w)) {
			m.t.Errorf("%s (%s): the page does not say %q: %.300s", p.URL, m.name, w, p.Text)
		}
	}
	_, err = flow.Evaluate(m.window, m.axe.Script())
	m.do(err)
	answer, err := flow.Evaluate(m.window, uitest.Ask)
	m.do(err)
	wrong, err := uitest.Violations(answer)
	m.do(err)
	for _, w := range wrong {
		m.t.Errorf("%s, %s (%s): %s", p.URL, p.Title, m.name, w)
	}
	if *shots != "" {
		png, err := flow.Screenshot(m.window)
		m.do(err)
		_, host, _ := strings.Cut(p.URL, "localhost:")
		file := strings.NewReplacer("/", "_", "?", "_", "=", "_", "&", "_").Replace(host)
		m.pictures++
		m.do(os.WriteFile(filepath.Join(*shots, fmt.Sprintf("axe-%s-%02d-%.40s.png", m.name, m.pictures, file)), png, 0o644))
	}
}

// signIn goes from a site to its front page again, through the provider.
func (m *measurer) signIn(site, phone string) {
	m.t.Helper()
	ctx := context.Background()
	m.do(m.window.Open(ctx, m.sites[site]+"/login"))
	m.here()
	m.do(m.window.Fill(ctx, "username", phone))
	m.do(m.window.Fill(ctx, "password", "Propusk-2026"))
	m.do(m.window.Submit(ctx, ""))
	m.allow()
}

// enter goes to another site with the session that stands.
func (m *measurer) enter(site string) {
	m.t.Helper()
	m.do(m.window.Open(context.Background(), m.sites[site]+"/login"))
	m.allow()
}

// allow measures the question of consent, or the page that is shown without it, and agrees.
func (m *measurer) allow() {
	m.t.Helper()
	m.here()
	_ = m.window.Click(context.Background(), "consent-allow") // not asked the second time
}

// strangers looks at what is shown to everybody.
func (m *measurer) strangers() {
	m.person()
	for _, site := range []string{"portal", "tax", "pension", "voting", "bank"} {
		m.open(site, "/")
		m.open(site, "/no-such-page")
	}
	m.open("portal", "/services")
	m.open("portal", "/services/passport")
	m.open("tax", "/deadlines")
	m.open("tax", "/who")
	m.open("provider", "/")
	m.open("provider", "/register")
	m.open("provider", "/recover")
	m.open("provider", "/why/no-such-request")
	m.open("provider", "/operator")
}

// locked is somebody whose level opens little.
func (m *measurer) locked() {
	m.person()
	m.signIn("portal", "+79000000001")
	m.open("portal", "/")
	m.open("portal", "/services/fines")
	m.open("portal", "/services/passport")
	m.do(m.window.Click(context.Background(), "way-up"))
	m.here()
	m.open("provider", "/account")
	m.enter("pension")
	m.open("pension", "/")
}

// letterOrdered is somebody with a letter on its way.
func (m *measurer) letterOrdered() {
	ctx := context.Background()
	m.person()
	m.signIn("portal", "+79000000002")
	m.open("provider", "/account/confirm")
	m.open("provider", "/account/confirm/letter")
	if err := m.window.Fill(ctx, "postal-code", "119180"); err == nil { // ordered once for both views
		for name, value := range map[string]string{"region": "Москва", "locality": "Москва", "street": "Большая Полянка", "house": "30"} {
			m.do(m.window.Fill(ctx, name, value))
		}
		m.do(m.window.Submit(ctx, ""))
		m.here()
		m.do(m.window.Submit(ctx, ""))
		m.here()
	}
	m.open("provider", "/account/assurance")
	m.open("provider", "/account/locks")
	m.open("provider", "/account/security")
	m.open("provider", "/account/contacts")
	m.open("provider", "/account/profile")
}

// turnedAway is somebody confirmed by letter, whom not every service accepts.
func (m *measurer) turnedAway() {
	m.person()
	m.signIn("tax", "+79000000004")
	m.open("tax", "/", map[string]string{"ru": "письм", "en": "letter"}[m.lang])
	m.enter("pension")
	m.open("pension", "/")
	m.open("pension", "/statement")
	m.open("pension", "/age")
	m.enter("voting")
	m.open("voting", "/")
}

// welcomed is somebody whom every service accepts.
func (m *measurer) welcomed() {
	m.person()
	m.signIn("tax", "+79000000003")
	m.open("tax", "/")
	m.open("tax", "/certificate")
	m.enter("voting")
	m.open("voting", "/")
	m.open("voting", "/initiatives/benches")
	m.open("provider", "/oauth2/logout")
}

// banked is somebody whose bank has an old passport of theirs: nothing is confirmed, so that the next view
// finds the same.
func (m *measurer) banked() {
	ctx := context.Background()
	m.person()
	m.signIn("portal", "+79000000002")
	m.open("provider", "/account/confirm/bank")
	m.do(m.window.Click(ctx, map[string]string{"ru": "Перейти в банк", "en": "Go to the bank"}[m.lang]))
	m.here()
	m.do(m.window.Choose(ctx, "client", "02-old-passport"))
	m.do(m.window.Submit(ctx, ""))
	m.here()
	m.do(m.window.Submit(ctx, ""))
	m.here()
	m.do(m.window.Click(ctx, "return"))
	m.here()
	m.open("bank", "/")
	m.open("bank", "/logout")
}

// outside looks at the world: its outbox and post have something to show by now.
func (m *measurer) outside() {
	m.person()
	for _, list := range []string{"/api/messages", "/api/letters"} {
		m.filled(list)
	}
	for _, path := range []string{"/outbox", "/post", "/registries", "/codes", "/clock", "/no-such-page"} {
		m.open("world", path)
	}
}

// filled waits until a list of the world's API has an entry.
func (m *measurer) filled(path string) {
	m.t.Helper()
	var list []json.RawMessage
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		resp, err := http.Get(m.sites["world"] + path)
		m.do(err)
		list = nil
		err = json.NewDecoder(resp.Body).Decode(&list)
		resp.Body.Close()
		m.do(err)
		if len(list) > 0 {
			return
		}
	}
	m.t.Errorf("%s stays empty", path)
}
