package web

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/ui"
)

// render shows a page. section is the part of the account that it belongs to, "" for none.
//
// Nothing of ours is inline, so the content policy has no exceptions. A page may end a transaction: the
// form then answers with a redirect to the party, which browsers hold against form-action, so the
// transaction's validated origin joins it (design.md 4).
func (d *Door) render(c echo.Context, status int, section string, p ui.Page) error {
	f := ui.Frame{
		Lang:      lang(c),
		SwitchURL: switchURL(c.Request().URL, other(lang(c))),
		Section:   section,
		LogoutURL: "/oauth2/logout",
		RequestID: edge.RequestID(c.Request().Context()),
	}
	if s, a := whoever(c); s != nil && a != nil {
		f.SignedIn = true
		f.UserName = strings.TrimSpace(a.Profile.Person.GivenName.Format() + " " + a.Profile.Person.FamilyName.Format())
	}
	var b bytes.Buffer
	if err := d.UI.Render(&b, f, p); err != nil {
		return err
	}
	h := c.Response().Header()
	origin, _ := c.Get(keyOrigin).(string)
	protect(h, origin)
	h.Set("Content-Language", f.Lang)
	return c.HTMLBlob(status, b.Bytes())
}

// protect sets the headers of every page.
func protect(h http.Header, origin string) {
	action := "'self'"
	if origin != "" {
		action += " " + origin
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; "+
		"connect-src 'self'; form-action "+action+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // addresses carry sealed transactions
	h.Set("Cache-Control", "no-store")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// endsAt notes that this page can end a transaction at a redirect address.
func endsAt(c echo.Context, redirect string) { c.Set(keyOrigin, originOf(redirect)) }

// originOf gives the form-action source of a redirect address that was validated: scheme and host, or the
// scheme alone of an app's own (RFC 8252 section 7.1). What could break out of the policy gives nothing.
func originOf(redirect string) string {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme == "" {
		return ""
	}
	origin := u.Scheme + ":"
	if u.Host != "" {
		origin = u.Scheme + "://" + u.Host
	}
	if strings.ContainsAny(origin, " ;,'\"\t\r\n") {
		return ""
	}
	return origin
}

// switchURL is the same page in the other language.
func switchURL(u *url.URL, to string) string {
	q := u.Query()
	q.Set("lang", to)
	return u.EscapedPath() + "?" + q.Encode()
}

// speakTo has messages and letters follow the language that the citizen chose for the pages.
func (d *Door) speakTo(c echo.Context) error {
	a, _ := c.Get(keyAccount).(*account.Account)
	if _, chosen := c.Get(keyChosen).(time.Time); !chosen || a.Lang == lang(c) {
		return nil
	}
	ctx, l := c.Request().Context(), lang(c)
	err := d.Atomically(ctx, func(tx Tx) error {
		_, err := tx.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Lang = l; return nil })
		return err
	})
	if err != nil {
		return fmt.Errorf("web: keep the language: %w", err)
	}
	a.Lang = l
	return nil
}

func other(lang string) string {
	if lang == "en" {
		return "ru"
	}
	return "en"
}

// The language cookies: what was chosen, and when (Wall, Unix seconds). A choice made on our pages wins
// over the ui_locales of a request that began before it, and gives way to those of a later one.
const (
	cookieLang   = "propusk-lang"
	cookieLangAt = "propusk-lang-at"
	langLife     = 365 * 24 * time.Hour
)

var matcher = language.NewMatcher([]language.Tag{language.Russian, language.English})

// language chooses the language of the answer.
func (d *Door) language(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		d.choose(c)
		return next(c)
	}
}

// choose takes the language from ?lang, which is remembered; then from the cookie; then from what the
// browser accepts. A transaction's ui_locales come in later, by speakFor.
func (d *Door) choose(c echo.Context) {
	if chosen := c.QueryParam("lang"); chosen == "ru" || chosen == "en" {
		d.rememberLang(c, chosen)
		c.Set(keyLang, chosen)
		c.Set(keyChosen, d.Wall())
		return
	}
	if k, err := c.Cookie(cookieLang); err == nil && (k.Value == "ru" || k.Value == "en") {
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

// rememberLang keeps a choice of language in the browser.
func (d *Door) rememberLang(c echo.Context, chosen string) {
	for name, value := range map[string]string{cookieLang: chosen, cookieLangAt: strconv.FormatInt(d.Wall().Unix(), 10)} {
		c.SetCookie(&http.Cookie{
			Name: name, Value: value, Path: "/", MaxAge: int(langLife / time.Second),
			HttpOnly: true, Secure: d.Public.Scheme == "https", SameSite: http.SameSiteLaxMode,
		})
	}
}

// speakFor lets the language that a request asked for (ui_locales) rule, unless the person chose another
// one since.
func (d *Door) speakFor(c echo.Context, wanted string, started time.Time) {
	if wanted != "ru" && wanted != "en" || wanted == lang(c) {
		return
	}
	if chosen, ok := c.Get(keyChosen).(time.Time); ok && !chosen.Before(started.Truncate(time.Second)) {
		return
	}
	c.Set(keyLang, wanted)
	d.rememberLang(c, wanted)
}
