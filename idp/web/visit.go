package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showVisit tells where to go and what to take along.
func (d *Door) showVisit(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	facts, err := d.standing(ctx, a)
	if err != nil {
		return err
	}
	if !way(facts, account.ServiceCenter).Open {
		return frame.See(c, "/account/confirm") // that page says why
	}
	centres, err := d.Read.Centres(ctx)
	if err != nil {
		return err
	}
	var p ui.Visit
	for _, k := range centres {
		address := spoken(k.Address, frame.Lang(c))
		if town := spoken(k.Town, frame.Lang(c)); town != "" {
			address = town + ", " + address
		}
		p.Centres = append(p.Centres, ui.Centre{Name: spoken(k.Name, frame.Lang(c)), Address: address, Hours: spoken(k.Hours, frame.Lang(c))})
	}
	if doc := a.Profile.Person.Document; doc != nil {
		p.DocumentType, p.Document = doc.Type.String(), doc.MaskPage()
	}
	return d.render(c, http.StatusOK, "level", p)
}
