package notice

import (
	"bytes"
	"embed"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

//go:embed texts
var texts embed.FS

// Config is what the messages of an installation have in common.
type Config struct {
	// Issuer is the provider's address, for links and for the last line of code messages.
	Issuer string
	// Site is the product's name by language; empty means Пропуск and Propusk.
	Site map[string]string
	// Help is the telephone for help, ready to show.
	Help string
	// Zone is the time zone of every time told; nil means Moscow's.
	Zone *time.Location
	Now  func() time.Time
	// Disown gives the path where a citizen says that a confirmation was none of theirs; nil: there is none,
	// and the message names the telephone.
	Disown func(id account.ID, confirmation string) string
}

// DisownLink is Disown's address as a message carries it; "" if there is none.
func (n *Notices) DisownLink(id account.ID, confirmation string) string {
	if n.Disown == nil {
		return ""
	}
	return n.Issuer + n.Disown(id, confirmation)
}

// Notices composes messages and posts them into the outbox.
type Notices struct {
	Config
	host  string
	texts map[string]*template.Template
}

// Languages are those that messages are written in, the default first.
func Languages() []string { return []string{"ru", "en"} }

// New parses the texts. It fails on an issuer that is no address, and on a text that does not parse.
func New(c Config) (*Notices, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Hostname() == "" {
		return nil, fmt.Errorf("notice: the issuer is not an address: %w", fault.Invalid)
	}
	if c.Zone == nil {
		c.Zone = time.FixedZone("MSK", 3*60*60)
	}
	if c.Help == "" {
		c.Help = "8 800 000-00-00"
	}
	c.Issuer = strings.TrimSuffix(c.Issuer, "/")
	n := &Notices{Config: c, host: u.Hostname(), texts: map[string]*template.Template{}}
	for _, lang := range Languages() {
		t, err := template.New(lang).Option("missingkey=error").Funcs(n.funcs(lang)).ParseFS(texts, "texts/"+lang+"/*.txt")
		if err != nil {
			return nil, fmt.Errorf("notice: texts in %s: %w", lang, err)
		}
		n.texts[lang] = t
	}
	return n, nil
}

// view is what a text sees.
type view struct {
	With
	Site, Issuer, Host, Help string
}

// Compose makes the text of a message for a channel; the subject is the mail's. A parameter that the
// kind needs and has not is an error, so that no half-filled message goes out.
func (n *Notices) Compose(kind Kind, channel Channel, lang string, w With) (subject, text string, err error) {
	t := n.texts[lang]
	if t == nil {
		t, lang = n.texts[Languages()[0]], Languages()[0]
	}
	about, ok := kinds[kind]
	if !ok || !slices.Contains(kind.channels(), channel) {
		return "", "", fmt.Errorf("notice: no message %s by %s: %w", kind, channel, fault.Invalid)
	}
	for _, name := range about.needs {
		if reflect.ValueOf(w).FieldByName(name).IsZero() {
			return "", "", fmt.Errorf("notice: %s without %s: %w", kind, name, fault.Invalid)
		}
	}
	v := view{With: w, Site: n.site(lang), Issuer: n.Issuer, Host: n.host, Help: n.Help}
	if channel == SMS {
		text, err = n.fill(t, string(kind)+".sms", v)
		return "", text, err
	}
	if subject, err = n.fill(t, string(kind)+".subject", v); err != nil {
		return "", "", err
	}
	if text, err = n.fill(t, string(kind)+".mail", v); err != nil {
		return "", "", err
	}
	foot, err := n.fill(t, "foot", v)
	return subject, text + "\n\n" + foot + "\n", err
}

func (n *Notices) fill(t *template.Template, name string, v view) (string, error) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, v); err != nil {
		return "", fmt.Errorf("notice: compose %s: %w", name, err)
	}
	return strings.TrimSpace(b.String()), nil
}

func (n *Notices) site(lang string) string {
	if s := n.Site[lang]; s != "" {
		return s
	}
	if lang == "en" {
		return "Propusk"
	}
	return "Пропуск"
}

var monthsRu = [...]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}

// funcs are the words of the texts.
func (n *Notices) funcs(lang string) template.FuncMap {
	date := func(t time.Time) string {
		t = t.In(n.Zone)
		if lang == "en" {
			return t.Format("2 January 2006")
		}
		return fmt.Sprintf("%d %s %d года", t.Day(), monthsRu[t.Month()-1], t.Year())
	}
	return template.FuncMap{
		"date":  date,
		"short": func(t time.Time) string { return t.In(n.Zone).Format("02.01.2006") },
		"stamp": func(t time.Time) string { return date(t) + ", " + t.In(n.Zone).Format("15:04") },
		"clock": func(t time.Time) string { return t.In(n.Zone).Format("02.01 15:04") },
		"fields": func(names []string) string {
			var out []string
			for _, f := range names {
				out = append(out, word(fieldWords, f, lang))
			}
			return strings.Join(out, ", ")
		},
		"method": func(m account.Method) string { return word(methodWords, m.String(), lang) },
		"level":  func(l account.Level) string { return word(levelWords, l.String(), lang) },
		"what":   func(code string) string { return word(whatWords, code, lang) },
		"shut":   func(code string) string { return word(lockWords, code, lang) },
		"opened": func(code string) string { return word(openWords, code, lang) },
		"why":    func(code string) string { return word(whyWords, code, lang) },
	}
}
