package site

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// A Language is ru or en.
type Language string

// The languages that every page speaks.
const (
	Russian Language = "ru"
	English Language = "en"
)

// A Text is one sentence in both languages.
type Text struct {
	RU string `json:"ru"`
	EN string `json:"en"`
}

// In gives the sentence in a language.
func (t Text) In(l Language) string {
	if l == English {
		return t.EN
	}
	return t.RU
}

type words map[string]Text

func readWords(files fs.FS, into words) error {
	data, err := fs.ReadFile(files, "words.json")
	if err != nil {
		return err
	}
	own := words{}
	if err := json.Unmarshal(data, &own); err != nil {
		return fmt.Errorf("words.json: %w", err)
	}
	for key, text := range own {
		if text.RU == "" || text.EN == "" {
			return fmt.Errorf("words.json: %q lacks a language", key)
		}
		into[key] = text
	}
	return nil
}

func (w words) say(l Language, key string, args ...any) (string, error) {
	text, ok := w[key]
	if !ok {
		return "", fmt.Errorf("no words for %q", key)
	}
	if len(args) == 0 {
		return text.In(l), nil
	}
	return fmt.Sprintf(text.In(l), args...), nil
}

// name gives a word for a value that came from elsewhere; one we have no word
// for stands as it came.
func (w words) name(l Language, kind, value string) string {
	if text, ok := w[kind+"."+value]; ok {
		return text.In(l)
	}
	return value
}

// languageOf reads the choice of the person, else the wish of the browser.
func (s *Site) languageOf(r *http.Request) Language {
	if c, err := r.Cookie(s.languageCookie()); err == nil && (c.Value == "en" || c.Value == "ru") {
		return Language(c.Value)
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		switch tag, _, _ = strings.Cut(tag, "-"); tag {
		case "ru":
			return Russian
		case "en":
			return English
		}
	}
	return Russian
}

func (s *Site) languageCookie() string { return s.options.Name + "-language" }

var monthsRU = []string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}

// day writes a date with the month in words.
func day(l Language, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	if l == English {
		return t.Format("2\u00a0January 2006")
	}
	return fmt.Sprintf("%d\u00a0%s %d", t.Day(), monthsRU[t.Month()-1], t.Year())
}

// moment writes a date and the time of day.
func moment(l Language, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return day(l, t) + ", " + t.Format("15:04")
}

// written writes a date of the form 2006-01-02 with the month in words.
func written(l Language, iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return day(l, t)
}

// dotted writes such a date in digits, as it is typed into forms.
func dotted(iso string) string {
	t, err := time.Parse(time.DateOnly, iso)
	if err != nil {
		return iso
	}
	return t.Format("02.01.2006")
}

// grouped writes a SNILS in its usual groups and leaves anything else alone.
func grouped(snils string) string {
	if len(snils) != 11 {
		return snils
	}
	return snils[:3] + "-" + snils[3:6] + "-" + snils[6:9] + " " + snils[9:]
}

// phone writes a Russian number in its usual groups.
func phone(e164 string) string {
	if len(e164) != 12 || !strings.HasPrefix(e164, "+7") {
		return e164
	}
	return "+7 " + e164[2:5] + " " + e164[5:8] + "-" + e164[8:10] + "-" + e164[10:]
}
