package idp_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/ui"
)

// later are addresses of examples whose pages come with the methods they belong to: no page of this version
// leads there, since a citizen is offered only what web.offered names.
var later = map[string]bool{"/account/confirm/bank": true, "/account/confirm/card": true}

// TestEveryLinkOfEveryPageLeadsSomewhere holds all that the gallery's pages refer to against the routes
// that the doors answer to.
func TestEveryLinkOfEveryPageLeadsSomewhere(t *testing.T) {
	routes := idptest.New(t).Routes()
	pages, err := ui.New(ui.Options{Now: ui.GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, s := range ui.Gallery() {
		var b bytes.Buffer
		if err := pages.Render(&b, s.Frame, s.Value); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		refer := func(method, to string) {
			u, err := url.Parse(to)
			if err != nil {
				t.Errorf("%s/%s: %q is no address", s.Page, s.Name, to)
				return
			}
			if u.Host == "" && (u.Scheme == "" || u.Scheme == "http") && strings.HasPrefix(u.Path, "/") && !later[u.Path] {
				seen[method+" "+u.Path] = s.Page + "/" + s.Name
			}
		}
		doc.Find("[href]").Each(func(_ int, e *goquery.Selection) { refer(http.MethodGet, e.AttrOr("href", "")) })
		doc.Find("[src]").Each(func(_ int, e *goquery.Selection) { refer(http.MethodGet, e.AttrOr("src", "")) })
		doc.Find("form").Each(func(_ int, e *goquery.Selection) {
			refer(strings.ToUpper(e.AttrOr("method", "get")), e.AttrOr("action", ""))
		})
		doc.Find("[formaction]").Each(func(_ int, e *goquery.Selection) { refer(http.MethodPost, e.AttrOr("formaction", "")) })
	}
	if len(seen) < 20 {
		t.Fatalf("the pages refer to no more than %d addresses", len(seen))
	}
	for to, page := range seen {
		found := false
		for _, route := range routes {
			found = found || leads(route, to)
		}
		if !found {
			t.Errorf("%s leads to %s, where nobody answers", page, to)
		}
	}
}

// leads tells whether a route such as "GET /why/:id" answers to "GET /why/1".
func leads(route, to string) bool {
	want, got := strings.Split(route, "/"), strings.Split(to, "/")
	for i, part := range want {
		switch {
		case part == "*":
			return len(got) > i
		case i >= len(got), !strings.HasPrefix(part, ":") && part != got[i], strings.HasPrefix(part, ":") && got[i] == "":
			return false
		}
	}
	return len(want) == len(got)
}

func TestAddressesThatMessagesAndPagesRelyOnAnswer(t *testing.T) {
	w := idptest.New(t)
	b := w.Browser()
	for path, want := range map[string]int{
		"/login": 200, "/register": 200, "/recover": 200, "/recover/in-person": 200,
		"/legal/processing": 200, "/legal/data": 200, "/legal/rules": 200, "/legal/accessibility": 200, "/legal/nothing": 404, "/centres": 200, "/centres/map?q=x&service=confirm": 200, "/nowhere": 404,
	} {
		p := b.Get(path)
		if p.Status != want {
			t.Errorf("GET %s: %d, want %d", path, p.Status, want)
		}
	}
}
