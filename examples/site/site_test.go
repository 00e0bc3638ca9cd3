package site_test

import (
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/propusk/propusk/examples/site"
)

func small(t *testing.T) *site.Site {
	t.Helper()
	s, err := site.New(site.Options{
		Name: "small", Class: "Site--tax", PublicURL: "http://localhost:8082", FormsMayEndAt: []string{"http://localhost:8080"},
		Logger: slog.New(slog.DiscardHandler),
		Files: fstest.MapFS{
			"site.html":       {Data: []byte(`{{define "nav"}}{{end}}{{define "foot"}}{{end}}`)},
			"words.json":      {Data: []byte(`{"site.name": {"ru": "Малый", "en": "Small"}, "hello": {"ru": "Привет, %s", "en": "Hello, %s"}}`)},
			"icon.svg":        {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
			"pages/home.html": {Data: []byte(`{{define "title"}}x{{end}}{{define "content"}}{{t "hello" .Page}}{{end}}`)},
			"pages/bad.html":  {Data: []byte(`{{define "title"}}x{{end}}{{define "content"}}half {{t "no such words"}}{{end}}`)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(s *site.Site, handler http.HandlerFunc, change func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "localhost:8082"
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.Handler(handler).ServeHTTP(w, r)
	return w
}

func TestOnlyOurOwnHostsAreAnswered(t *testing.T) {
	s := small(t)
	ok := func(w http.ResponseWriter, r *http.Request) { s.Render(w, r, http.StatusOK, "home", "x") }
	for host, want := range map[string]int{
		"localhost:8082": 200, "127.0.0.1:8082": 200, "[::1]:8082": 200, "localhost": 200,
		"evil.example": 421, "localhost.evil.example:8082": 421, "127.0.0.1.evil.example": 421, "": 421,
	} {
		if got := ask(s, ok, func(r *http.Request) { r.Host = host }).Code; got != want {
			t.Errorf("host %q: %d, want %d", host, got, want)
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	s := small(t)
	called := false
	handler := func(http.ResponseWriter, *http.Request) { called = true }
	got := ask(s, handler, func(r *http.Request) {
		r.Method = http.MethodPost
		r.Header.Set("Sec-Fetch-Site", "cross-site")
	})
	if got.Code != http.StatusForbidden || called {
		t.Errorf("cross-site POST: %d, handler called: %t", got.Code, called)
	}
}

func TestEveryAnswerCarriesTheGuard(t *testing.T) {
	s := small(t)
	h := ask(s, func(w http.ResponseWriter, r *http.Request) { s.Render(w, r, 200, "home", "x") }, nil).Header()
	policy := h.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || !strings.Contains(policy, "form-action 'self' http://localhost:8080;") {
		t.Errorf("policy %q", policy)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") == "" {
		t.Errorf("headers %v", h)
	}
}

func TestTheChoiceOfLanguageStays(t *testing.T) {
	s := small(t)
	home := func(w http.ResponseWriter, r *http.Request) { s.Render(w, r, 200, "home", "<b>") }
	if body := ask(s, home, nil).Body.String(); !strings.Contains(body, "Привет, &lt;b&gt;") || !strings.Contains(body, `lang="ru"`) {
		t.Errorf("Russian comes first, and markup is never echoed: %s", body)
	}
	chosen := ask(s, home, func(r *http.Request) { r.URL.RawQuery = "lang=en&q=1"; r.URL.Path = "//evil.example/" })
	if chosen.Code != http.StatusSeeOther || chosen.Header().Get("Location") != "/evil.example/?q=1" {
		t.Fatalf("choosing: %d to %q", chosen.Code, chosen.Header().Get("Location"))
	}
	cookie := chosen.Result().Cookies()[0]
	body := ask(s, home, func(r *http.Request) { r.AddCookie(cookie); r.Header.Set("Accept-Language", "ru") }).Body.String()
	if !strings.Contains(body, "Hello") || !strings.Contains(body, `href="/?lang=ru"`) {
		t.Errorf("after choosing English: %s", body)
	}
}

func TestABrokenPageOrHandlerGivesACalmOneWithItsId(t *testing.T) {
	s := small(t)
	for name, handler := range map[string]http.HandlerFunc{
		"page":    func(w http.ResponseWriter, r *http.Request) { s.Render(w, r, 200, "bad", nil) },
		"handler": func(http.ResponseWriter, *http.Request) { panic("secret cause") },
	} {
		got := ask(s, handler, nil)
		body := got.Body.String()
		if got.Code != 500 || strings.Contains(body, "half") || strings.Contains(body, "secret") || !strings.Contains(body, got.Header().Get("X-Request-Id")) {
			t.Errorf("%s: %d %s", name, got.Code, body)
		}
	}
}

func TestTheSheetIsServedWithATag(t *testing.T) {
	s := small(t)
	first := ask(s, nil, func(r *http.Request) { r.URL.Path = "/static/look.css" })
	if first.Code != 200 || !strings.HasPrefix(first.Header().Get("Content-Type"), "text/css") || first.Body.Len() < 1000 {
		t.Fatalf("look.css: %d %s", first.Code, first.Header().Get("Content-Type"))
	}
	again := ask(s, nil, func(r *http.Request) {
		r.URL.Path = "/static/look.css"
		r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	})
	if again.Code != http.StatusNotModified {
		t.Errorf("with its tag: %d", again.Code)
	}
}

// Every key that a page names literally must have words; keys made of two parts
// must begin some key.
func TestEverySentenceOfEverySiteHasWords(t *testing.T) {
	literal := regexp.MustCompile(`\bt "([^"]+)"`)
	made := regexp.MustCompile(`printf "([^"%]+)%s`)
	scripted := regexp.MustCompile(`(?i)\sstyle\s*=|<script|<style|\son[a-z]+\s*=|javascript:`)
	shared := words(t, os.DirFS("."))
	for _, dir := range []string{"../portal", "../tax", "../pension", "../voting", "../simulators"} {
		files := os.DirFS(dir)
		have := words(t, files)
		for key := range shared {
			have[key] = true
		}
		pages, err := fs.Glob(files, "pages/*.html")
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: no pages: %v", dir, err)
		}
		for _, page := range append(pages, "site.html") {
			text, err := fs.ReadFile(files, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range literal.FindAllStringSubmatch(string(text), -1) {
				if !have[m[1]] {
					t.Errorf("%s/%s: no words for %q", dir, page, m[1])
				}
			}
			for _, m := range made.FindAllStringSubmatch(string(text), -1) {
				begun := false
				for key := range have {
					begun = begun || strings.HasPrefix(key, m[1])
				}
				if !begun {
					t.Errorf("%s/%s: no words begin with %q", dir, page, m[1])
				}
			}
			if found := scripted.FindString(string(text)); found != "" {
				t.Errorf("%s/%s: %q: pages are complete without scripts and inline styles", dir, page, found)
			}
		}
	}
}

func words(t *testing.T, files fs.FS) map[string]bool {
	t.Helper()
	data, err := fs.ReadFile(files, "words.json")
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]site.Text{}
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for key, text := range read {
		if strings.Count(text.RU, "%") != strings.Count(text.EN, "%") {
			t.Errorf("%s takes different values in the two languages", key)
		}
		have[key] = true
	}
	return have
}
