package frame

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"github.com/propusk/propusk/ui"
)

// The language cookies: what was chosen, and when (Wall, Unix seconds). They are the installation's: who
// chose a language at one door has it at all. A choice made on our pages wins over the ui_locales of a
// request that began before it, and gives way to those of a later one.
const (
	cookieLang   = "propusk-lang"
	cookieLangAt = "propusk-lang-at"
	langLife     = 365 * 24 * time.Hour
)

var matcher = language.NewMatcher([]language.Tag{language.Russian, language.English})

// Lang is the language of this answer.
func Lang(c echo.Context) string {
	if l, ok := c.Get(keyLang).(string); ok {
		return l
	}
	return ui.Languages()[0]
}

// Chosen tells whether the person chose the language on pages of ours, now or earlier.
func Chosen(c echo.Context) bool {
	_, ok := c.Get(keyChosen).(time.Time)
	return ok
}

// Speak has this one answer in the language that somebody asked for, unless its address names another.
// It also finds the language of an answer that no route of a Group gives.
func (f *Frame) Speak(c echo.Context, asked string) {
	f.choose(c)
	if c.QueryParam("lang") == "" && ours(asked) {
		c.Set(keyLang, asked)
	}
}

// SpeakFor lets the language that a request asked for (ui_locales) rule, unless the person chose another
// one since it started.
func (f *Frame) SpeakFor(c echo.Context, wanted string, started time.Time) {
	if !ours(wanted) || wanted == Lang(c) {
		return
	}
	if chosen, ok := c.Get(keyChosen).(time.Time); ok && !chosen.Before(started.Truncate(time.Second)) {
		return
	}
	c.Set(keyLang, wanted)
	f.remember(c, wanted)
}

func (f *Frame) language(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		f.choose(c)
		return next(c)
	}
}

// choose takes the language from ?lang, which is remembered; then from the cookie; then from what the
// browser accepts. A transaction's ui_locales come in later, by SpeakFor.
func (f *Frame) choose(c echo.Context) {
	if chosen := c.QueryParam("lang"); ours(chosen) {
		f.remember(c, chosen)
		c.Set(keyLang, chosen)
		c.Set(keyChosen, f.c.Wall())
		return
	}
	if k, err := c.Cookie(cookieLang); err == nil && ours(k.Value) {
		c.Set(keyLang, k.Value)
		if at, err := c.Cookie(cookieLangAt); err == nil {
			if n, err := strconv.ParseInt(at.Value, 10, 64); err == nil {
				c.Set(keyChosen, time.Unix(n, 0))
			}
		}
		return
	}
	_, i := language.MatchStrings(matcher, c.Request().Header.Get("Accept-Language"))
	c.Set(keyLang, ui.Languages()[i])
}

// remember keeps a choice of language in the browser.
func (f *Frame) remember(c echo.Context, chosen string) {
	for name, value := range map[string]string{cookieLang: chosen, cookieLangAt: strconv.FormatInt(f.c.Wall().Unix(), 10)} {
		c.SetCookie(&http.Cookie{
			Name: name, Value: value, Path: "/", MaxAge: int(langLife / time.Second),
			HttpOnly: true, Secure: f.c.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
		})
	}
}

// switchURL is the same page in the other language.
func switchURL(u *url.URL, to string) string {
	q := u.Query()
	q.Set("lang", to)
	return u.EscapedPath() + "?" + q.Encode()
}

func ours(lang string) bool { return slices.Contains(ui.Languages(), lang) }

func other(lang string) string {
	if lang == "en" {
		return "ru"
	}
	return "en"
}
