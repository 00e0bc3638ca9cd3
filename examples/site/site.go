package site

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

//go:embed pages static words.json
var shared embed.FS

// Options describe one site.
type Options struct {
	// Name is short and Latin; it begins the names of the site's cookies.
	Name string
	// Class dresses the body: Site--tax.
	Class string
	// Files hold the site's own pages, words and icon.
	Files fs.FS
	// PublicURL is the address that people type.
	PublicURL string
	// FormsMayEndAt lists origins besides our own where a form's redirects lead.
	FormsMayEndAt []string
	// Around gives what the site's frame (nav, motto, foot) shows on every page.
	Around func(*http.Request) any
	// Zone is where times are read; empty: Moscow, as on the provider's own pages.
	Zone   *time.Location
	Logger *slog.Logger
}

// A Site renders pages and guards the handlers that use it.
type Site struct {
	options Options
	words   words
	pages   map[string]*template.Template // by language and page: "ru/home"
	static  map[string]asset
	origin  string
	host    string
}

// New reads all pages, so that a mistake in one is found at start.
func New(o Options) (*Site, error) {
	if o.Zone == nil {
		o.Zone = time.FixedZone("MSK", 3*60*60)
	}
	s := &Site{options: o, words: words{}, pages: map[string]*template.Template{}}
	if err := s.address(); err != nil {
		return nil, err
	}
	for _, files := range []fs.FS{shared, o.Files} {
		if err := readWords(files, s.words); err != nil {
			return nil, fmt.Errorf("site %s: %w", o.Name, err)
		}
	}
	for _, l := range []Language{Russian, English} {
		if err := s.parse(l); err != nil {
			return nil, fmt.Errorf("site %s: %w", o.Name, err)
		}
	}
	var err error
	if s.static, err = readStatic(o.Files); err != nil {
		return nil, fmt.Errorf("site %s: %w", o.Name, err)
	}
	return s, nil
}

func (s *Site) parse(l Language) error {
	frame, err := template.New("").Funcs(s.functions(l)).ParseFS(shared, "pages/frame.html")
	if err != nil {
		return err
	}
	if frame, err = frame.ParseFS(s.options.Files, "site.html"); err != nil {
		return err
	}
	for _, files := range []fs.FS{shared, s.options.Files} {
		names, err := fs.Glob(files, "pages/*.html")
		if err != nil {
			return err
		}
		for _, name := range names {
			page := strings.TrimSuffix(path.Base(name), ".html")
			if page == "frame" {
				continue
			}
			t, err := template.Must(frame.Clone()).ParseFS(files, name)
			if err != nil {
				return err
			}
			s.pages[string(l)+"/"+page] = t
		}
	}
	return nil
}

func (s *Site) functions(l Language) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, args ...any) (string, error) { return s.words.say(l, key, args...) },
		"name":   func(kind, value string) string { return s.words.name(l, kind, value) },
		"say":    func(text Text) string { return text.In(l) },
		"day":    func(t time.Time) string { return day(l, t.In(s.options.Zone)) },
		"moment": func(t time.Time) string { return moment(l, t.In(s.options.Zone)) },
		"date":   func(iso string) string { return written(l, iso) },
		"dotted": dotted,
		"snils":  grouped,
		"phone":  phone,
	}
}

// Say gives the words of a key in the language of the request.
func (s *Site) Say(r *http.Request, key string, args ...any) string {
	text, err := s.words.say(s.Language(r), key, args...)
	if err != nil {
		s.options.Logger.ErrorContext(r.Context(), "missing words", "key", key)
		return key
	}
	return text
}

// A view is what the frame and the pages see.
type view struct {
	Lang      Language
	Other     Language
	OtherHref string
	Class     string
	Path      string
	Around    any
	Page      any
}

// Render writes a page. It is made whole first, so that a mistake in it gives
// the fault page and not half an answer.
func (s *Site) Render(w http.ResponseWriter, r *http.Request, status int, page string, data any) {
	body, err := s.make(r, page, data)
	if err != nil {
		s.options.Logger.ErrorContext(r.Context(), "page", "page", page, "error", err, "request", RequestID(r))
		http.Error(w, "Внутренняя ошибка. Internal error. "+RequestID(r), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func (s *Site) make(r *http.Request, page string, data any) ([]byte, error) {
	l := s.Language(r)
	t := s.pages[string(l)+"/"+page]
	if t == nil {
		return nil, fmt.Errorf("no page %q", page)
	}
	v := view{Lang: l, Other: English, Class: s.options.Class, Path: r.URL.Path, Page: data}
	if l == English {
		v.Other = Russian
	}
	address, query := r.URL.Path, r.URL.Query()
	if r.Method != http.MethodGet {
		query = url.Values{}
	}
	// A provider's answer is for one use only, so its page cannot be asked for
	// again in the other language.
	if strings.HasPrefix(address, "/callback/") {
		address, query = "/", url.Values{}
	}
	query.Set("lang", string(v.Other))
	v.OtherHref = address + "?" + query.Encode()
	if s.options.Around != nil {
		v.Around = s.options.Around(r)
	}
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, "frame", v)
	return b.Bytes(), err
}

// A Message is a calm page that explains something and says what can be done.
type Message struct {
	Title   string
	Text    []string
	Actions []Action
	// Code is for whoever helps the person: a reason or a request id.
	Code string
}

// An Action is a way on from a page; the first one is the filled button.
type Action struct {
	Name string
	Href string
}

// Message shows m.
func (s *Site) Message(w http.ResponseWriter, r *http.Request, status int, m Message) {
	s.Render(w, r, status, "message", m)
}

// NotFound says that there is no such page.
func (s *Site) NotFound(w http.ResponseWriter, r *http.Request) {
	s.Message(w, r, http.StatusNotFound, Message{
		Title: s.Say(r, "site.not_found"), Text: []string{s.Say(r, "site.not_found.text")},
		Actions: []Action{{s.Say(r, "site.to_start"), "/"}},
	})
}

// Fault says that something broke here, under an id; err goes to the log only.
func (s *Site) Fault(w http.ResponseWriter, r *http.Request, err error) {
	s.options.Logger.ErrorContext(r.Context(), "fault", "error", err, "request", RequestID(r))
	s.Message(w, r, http.StatusInternalServerError, Message{
		Title: s.Say(r, "site.fault"), Text: []string{s.Say(r, "site.fault.text")},
		Actions: []Action{{s.Say(r, "site.to_start"), "/"}}, Code: RequestID(r),
	})
}
