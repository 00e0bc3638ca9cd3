package ui

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

func loadLocale(files fs.FS) (*i18n.Bundle, error) {
	b := i18n.NewBundle(language.Russian)
	b.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, lang := range Languages() {
		if _, err := b.LoadMessageFileFS(files, "locale/"+lang+".json"); err != nil {
			return nil, fmt.Errorf("ui: locale %s: %w", lang, err)
		}
	}
	return b, nil
}

// A speaker says everything in one language.
type speaker struct {
	lang    string
	local   *i18n.Localizer
	options Options
}

func newSpeaker(b *i18n.Bundle, lang string, o Options) *speaker {
	return &speaker{lang: lang, local: i18n.NewLocalizer(b, lang), options: o}
}

// site is the product's name.
func (s *speaker) site() string {
	if n := s.options.SiteName[s.lang]; n != "" {
		return n
	}
	return s.plain("site.name")
}

// say is the sentence of a key. Arguments are pairs of name and value; Count
// also chooses the plural form.
func (s *speaker) say(key string, pairs ...any) (string, error) {
	c := i18n.LocalizeConfig{MessageID: key}
	if len(pairs) > 0 {
		if len(pairs)%2 != 0 {
			return "", fmt.Errorf("ui: %s: odd arguments", key)
		}
		data := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			name, ok := pairs[i].(string)
			if !ok {
				return "", fmt.Errorf("ui: %s: argument name %v", key, pairs[i])
			}
			data[name] = pairs[i+1]
			if name == "Count" {
				c.PluralCount = pairs[i+1]
			}
		}
		c.TemplateData = data
	}
	text, tag, err := s.local.LocalizeWithTag(&c)
	if err != nil {
		return "", fmt.Errorf("ui: %s in %s: %w", key, s.lang, err)
	}
	if tag.String() != s.lang {
		return "", fmt.Errorf("ui: %s is missing in %s", key, s.lang)
	}
	return text, nil
}

// plain is a sentence without arguments that the locale test has seen to.
func (s *speaker) plain(key string) string {
	text, err := s.say(key)
	if err != nil {
		return key
	}
	return text
}

// word is the name of a value that came in by its spelling on the wire. A
// value nobody has a word for is shown as it came.
func (s *speaker) word(family, value string) string {
	text, err := s.say(family + "." + value)
	if err != nil {
		return value
	}
	return text
}

// rich is a sentence with markup of its own: the arguments are escaped, the
// sentence is ours.
func (s *speaker) rich(key string, pairs ...any) (template.HTML, error) {
	safe := make([]any, len(pairs))
	copy(safe, pairs)
	for i := 1; i < len(safe); i += 2 {
		switch v := safe[i].(type) {
		case template.HTML:
			safe[i] = string(v)
		case string:
			safe[i] = template.HTMLEscapeString(v)
		case int:
		default:
			return "", fmt.Errorf("ui: %s: argument %v of type %T", key, safe[i-1], v)
		}
	}
	text, err := s.say(key, safe...)
	return template.HTML(text), err
}

// funcs are the words of the templates. A key that begins with a dot belongs
// to the page.
func (s *speaker) funcs(page string) template.FuncMap {
	full := func(key string) string {
		if strings.HasPrefix(key, ".") {
			return page + key
		}
		return key
	}
	return template.FuncMap{
		"t":    func(key string, pairs ...any) (string, error) { return s.say(full(key), pairs...) },
		"rich": func(key string, pairs ...any) (template.HTML, error) { return s.rich(full(key), pairs...) },
		"lang": func() string { return s.lang },

		"date": s.date, "day": s.day, "stamp": s.stamp, "clock": s.clock, "ago": s.ago, "left": s.left,
		"seconds": s.seconds, "wait": s.wait, "hours": func(d time.Duration) int { return int(d / time.Hour) }, "phone": s.phone, "tel": s.tel, "machine": s.machine,

		"field": s.field, "wrong": s.wrong, "summary": s.summary, "word": s.word, "date3": s.threeFields,
		"usual": otherwise, "initial": initial, "lower": lowerFirst, "upper": upperFirst, "bars": bars, "list": list, "origin": newOrigin, "newPassword": newPassword, "calm": calm, "has": slices.Contains[[]string],
		"country": s.country, "countries": countries,
		"join": s.join, "methods": s.methods, "demand": s.demand, "event": s.event,
		"expired": func(p SMSCode) bool { return p.expired(s.options.Now()) },
	}
}
