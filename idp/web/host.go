package web

import (
	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/ui"
)

// Host shows a page for another door, in the frame, language and headers of this one: the protocol's door
// knows what must be said and not how pages look. asked, if it is one of ours, is the language that a
// party asked for; redirect, if set, is the validated address where the page's form may end.
func (d *Door) Host(c echo.Context, status int, p ui.Page, asked, redirect string) error {
	d.choose(c)
	if c.QueryParam("lang") == "" && (asked == "ru" || asked == "en") {
		c.Set(keyLang, asked)
	}
	if redirect != "" {
		endsAt(c, redirect)
	}
	return d.render(c, status, "", p)
}
