package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed layout pages parts locale
var files embed.FS

// Languages are those the pages speak, the default first.
func Languages() []string { return []string{"ru", "en"} }

// Options are what differs between installations.
type Options struct {
	// SiteName is the product's name per language; empty means Пропуск and
	// Propusk.
	SiteName map[string]string
	// HelpPhone is shown at the foot, in E.164; empty means the demo's number.
	HelpPhone string
	// Zone is the time zone of every time shown; nil means Moscow's.
	Zone *time.Location
	// Now is the clock that countdowns are told by.
	Now func() time.Time
}

// A Frame is what surrounds a page.
type Frame struct {
	Lang      string // ru or en
	SwitchURL string // this page in the other language; "" where a POST cannot be repeated
	SignedIn  bool
	UserName  string
	Section   string // account, profile, level, security; operator: visit, journal
	LogoutURL string // "" means /oauth2/logout, for staff /operator/logout
	RequestID string
	Operator  *OperatorFrame // the console's own frame, also before anybody has signed in there
}

// An OperatorFrame says who is working and where; nobody yet unless SignedIn.
type OperatorFrame struct {
	Centre, Name, Window string
	Administrator        bool // has the administrator's pages, and not the operator's
}

// A Renderer writes pages.
type Renderer struct {
	options Options
	assets  *Assets
	pages   map[string]map[string]func() (*template.Template, error) // language, page
	speak   map[string]*speaker
}

// New parses everything, and fails on a page type without a template, a
// template without a type, or a locale that cannot be read.
func New(o Options) (*Renderer, error) {
	if o.Now == nil {
		return nil, fmt.Errorf("ui: options without a clock")
	}
	if o.Zone == nil {
		o.Zone = time.FixedZone("MSK", 3*60*60)
	}
	if o.HelpPhone == "" {
		o.HelpPhone = "+78000000000"
	}
	assets, err := newAssets(files)
	if err != nil {
		return nil, err
	}
	r := &Renderer{options: o, assets: assets, pages: map[string]map[string]func() (*template.Template, error){}, speak: map[string]*speaker{}}
	bundle, err := loadLocale(files)
	if err != nil {
		return nil, err
	}
	if err := matchPages(files); err != nil {
		return nil, err
	}
	for _, lang := range Languages() {
		s := newSpeaker(bundle, lang, o)
		r.speak[lang] = s
		r.pages[lang], err = r.parse(s)
		if err != nil {
			return nil, err
		}
	}
	return r, nil
}

// matchPages compares page types with page folders, both ways.
func matchPages(files fs.FS) error {
	typed := map[string]bool{}
	for _, p := range all() {
		if typed[p.PageName()] {
			return fmt.Errorf("ui: two page types are called %s", p.PageName())
		}
		typed[p.PageName()] = true
		if _, err := fs.Stat(files, "pages/"+p.PageName()+"/page.html"); err != nil {
			return fmt.Errorf("ui: page type %T has no template: %w", p, err)
		}
	}
	folders, err := fs.ReadDir(files, "pages")
	if err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	for _, f := range folders {
		if !typed[f.Name()] {
			return fmt.Errorf("ui: template pages/%s has no page type", f.Name())
		}
	}
	return nil
}

// parse makes one language's templates: the frame and the parts once, each page on a clone of them. All
// are parsed here, so that a mistake is found at start; but a clone is kept only of pages that are shown,
// since all of them together are most of what lives on the heap, and the collector walks through it.
func (r *Renderer) parse(s *speaker) (map[string]func() (*template.Template, error), error) {
	base := template.New("frame").Option("missingkey=error").Funcs(s.funcs("")).Funcs(template.FuncMap{"asset": r.assets.URL})
	shared, err := fs.Glob(files, "parts/*/*.html")
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	frames, err := fs.Glob(files, "layout/*.html")
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	for _, name := range append(frames, shared...) {
		if err := parseInto(base, name); err != nil {
			return nil, err
		}
	}
	if err := fold(base, r.constants(s, "")); err != nil {
		return nil, err
	}
	pages := map[string]func() (*template.Template, error){}
	for _, p := range all() {
		name := p.PageName()
		page := func() (*template.Template, error) {
			t, err := base.Clone()
			if err != nil {
				return nil, fmt.Errorf("ui: %w", err)
			}
			if err := parseInto(t.Funcs(s.funcs(name)), "pages/"+name+"/page.html"); err != nil {
				return nil, err
			}
			return t, fold(t, r.constants(s, name))
		}
		if _, err := page(); err != nil {
			return nil, err
		}
		pages[name] = sync.OnceValues(page)
	}
	return pages, nil
}

func parseInto(t *template.Template, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return fmt.Errorf("ui: %w", err)
	}
	if _, err := t.New(name).Parse(string(text)); err != nil {
		return fmt.Errorf("ui: %s: %w", path.Dir(name), err)
	}
	return nil
}

// view is what the frame's template sees.
type view struct {
	Frame
	Page   Page
	Other  string // the other language
	Faulty bool
	Help   string
	Site   string
}

// Render writes a page in its frame. Nothing is written when it fails.
func (r *Renderer) Render(w io.Writer, f Frame, p Page) error {
	if r.pages[f.Lang] == nil {
		f.Lang = Languages()[0]
	}
	page := r.pages[f.Lang][p.PageName()]
	if page == nil {
		return fmt.Errorf("ui: no page %q", p.PageName())
	}
	t, err := page()
	if err != nil {
		return err
	}
	if e, ok := p.(Error); ok && e.Request == "" {
		e.Request = f.RequestID
		p = e
	}
	v := view{Frame: f, Page: p, Other: "en", Help: r.options.HelpPhone, Site: r.speak[f.Lang].site()}
	if f.Lang == "en" {
		v.Other = "ru"
	}
	if faulty, ok := p.(interface{ wrong() bool }); ok {
		v.Faulty = faulty.wrong()
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "frame", v); err != nil {
		return fmt.Errorf("ui: render %s: %w", p.PageName(), err)
	}
	if _, err := w.Write(bytes.TrimLeft(out.Bytes(), "\n")); err != nil {
		return fmt.Errorf("ui: write %s: %w", p.PageName(), err)
	}
	return nil
}

// Assets serves the style sheet, the scripts and the mark.
func (r *Renderer) Assets() *Assets { return r.assets }

// AssetURL is the address of one of them: look.css, propusk.js, mark.svg.
func (r *Renderer) AssetURL(name string) (string, error) { return r.assets.URL(name) }

// wrong makes the title of a page with faults begin with the word "Error".
func (f Form) wrong() bool { return len(f.Faults) > 0 }

// otherwise is a for the templates: a link's usual place when none is given.
func otherwise(usual, given string) string {
	if strings.TrimSpace(given) == "" {
		return usual
	}
	return given
}
