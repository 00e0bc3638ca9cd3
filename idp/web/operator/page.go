package operator

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/ui"
)

// render shows a page. section is the part of the console that it belongs to: visit, journal, or none.
func (d *Door) render(c echo.Context, status int, section string, p ui.Page) error {
	f := ui.Frame{
		Lang:      lang(c),
		SwitchURL: switchURL(c.Request().URL, other(lang(c))),
		Section:   section,
		LogoutURL: "/operator/logout",
		RequestID: edge.RequestID(c.Request().Context()),
	}
	if c.Request().Method == http.MethodPost {
		f.SwitchURL = ""
	}
	if w := whoever(c); w != nil {
		f.Operator = &ui.OperatorFrame{Name: initials(w.account.Profile.Person), Window: w.member.Window}
		centre, err := d.Read.Centre(c.Request().Context(), w.member.Centre)
		if err != nil {
			return err
		}
		if f.Operator.Centre = centre.Name[f.Lang]; f.Operator.Centre == "" {
			f.Operator.Centre = centre.ID
		}
	}
	var b bytes.Buffer
	if err := d.UI.Render(&b, f, p); err != nil {
		return err
	}
	protect(c.Response().Header())
	c.Response().Header().Set("Content-Language", f.Lang)
	return c.HTMLBlob(status, b.Bytes())
}

// protect sets the headers of every answer. Nothing of ours is inline, and nothing of the console leaves
// for another site.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "+
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// switchURL is the same page in the other language.
func switchURL(u *url.URL, to string) string {
	q := u.Query()
	q.Set("lang", to)
	return u.EscapedPath() + "?" + q.Encode()
}

func other(lang string) string {
	if lang == "en" {
		return "ru"
	}
	return "en"
}

// lang is the language of this answer.
func lang(c echo.Context) string {
	if l, ok := c.Get(keyLang).(string); ok {
		return l
	}
	return ui.Languages()[0]
}

// The cookies of the language are the installation's: who chose one on the citizens' pages has it here.
const (
	cookieLang   = "propusk-lang"
	cookieLangAt = "propusk-lang-at"
	langLife     = 365 * 24 * time.Hour
)

var matcher = language.NewMatcher([]language.Tag{language.Russian, language.English})

// language takes the language from ?lang, which is remembered; then from the cookie; then from what the
// browser accepts.
func (d *Door) language(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		d.choose(c)
		return next(c)
	}
}

func (d *Door) choose(c echo.Context) {
	if chosen := c.QueryParam("lang"); chosen == "ru" || chosen == "en" {
		for name, value := range map[string]string{cookieLang: chosen, cookieLangAt: strconv.FormatInt(d.Wall().Unix(), 10)} {
			c.SetCookie(&http.Cookie{
				Name: name, Value: value, Path: "/", MaxAge: int(langLife / time.Second),
				HttpOnly: true, Secure: d.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
			})
		}
		c.Set(keyLang, chosen)
		return
	}
	if k, err := c.Cookie(cookieLang); err == nil && (k.Value == "ru" || k.Value == "en") {
		c.Set(keyLang, k.Value)
		return
	}
	_, i := language.MatchStrings(matcher, c.Request().Header.Get("Accept-Language"))
	c.Set(keyLang, ui.Languages()[i])
}

// id is a field's name as the pages spell it: birth-date.
func id(field string) string { return strings.ReplaceAll(field, "_", "-") }
