package operator

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/ui"
)

// render shows a page. section is the part of the console that it belongs to: visit, journal, or none.
func (d *Door) render(c echo.Context, status int, section string, p ui.Page) error {
	return d.pages.Render(c, status, section, p)
}

// dress gives every page the console's header, with the operator's name and window once they are known.
func (d *Door) dress(c echo.Context, f *ui.Frame) error {
	f.Operator, f.LogoutURL = &ui.OperatorFrame{}, "/operator/logout"
	if c.Request().Method == http.MethodPost {
		f.SwitchURL = ""
	}
	w := whoever(c)
	if w == nil {
		return nil
	}
	f.SignedIn = true
	f.Operator.Name, f.Operator.Window = initials(w.account.Profile.Person), w.member.Window
	f.Operator.Administrator = w.member.Role == centre.Administrator
	centre, err := d.Read.Centre(c.Request().Context(), w.member.Centre)
	if err != nil {
		return err
	}
	if f.Operator.Centre = centre.Name[f.Lang]; f.Operator.Centre == "" {
		f.Operator.Centre = centre.ID
	}
	return nil
}
