package web

import (
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// render shows a page. section is the part of the account that it belongs to, "" for none.
func (d *Door) render(c echo.Context, status int, section string, p ui.Page) error {
	return d.pages.Render(c, status, section, p)
}

// dress puts the citizen's name on the header.
func dress(c echo.Context, f *ui.Frame) error {
	f.LogoutURL = "/oauth2/logout"
	if s, a := whoever(c); s != nil && a != nil {
		f.SignedIn = true
		f.UserName = strings.TrimSpace(a.Profile.Person.GivenName.Format() + " " + a.Profile.Person.FamilyName.Format())
	}
	return nil
}

// Host shows a page for another door, in the frame, language and headers of this one: the protocol's door
// knows what must be said and not how pages look. asked, if it is one of ours, is the language that a
// party asked for; redirect, if set, is the validated address where the page's form may end.
func (d *Door) Host(c echo.Context, status int, p ui.Page, asked, redirect string) error {
	d.pages.Speak(c, asked)
	if redirect != "" {
		frame.EndsAt(c, redirect)
	}
	return d.render(c, status, "", p)
}
