package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
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
	p.Form = ui.Form{Action: "/account/confirm/visit"}
	code, err := d.VisitCodes.Of(ctx, a.ID)
	switch {
	case err == nil:
		p.Code, p.CodeUntil = code.Code, code.Until
		// The picture's address changes with the code, so that no browser shows the one before; it is the time, not the code.
		p.QRURL = "/account/confirm/visit/qr.png?until=" + strconv.FormatInt(code.Until.UnixMilli(), 10)
	case !errors.Is(err, fault.NotFound):
		return err
	}
	if doc := a.Profile.Person.Document; doc != nil {
		p.DocumentType, p.Document = doc.Type.String(), doc.MaskPage()
	}
	return d.render(c, http.StatusOK, "level", p)
}

// newVisitCode makes a code for the operator to scan or type; the one before leads nowhere any more.
func (d *Door) newVisitCode(c echo.Context) error {
	_, a := whoever(c)
	facts, err := d.standing(c.Request().Context(), a)
	if err != nil {
		return err
	}
	if way(facts, account.ServiceCenter).Open {
		if _, err := d.VisitCodes.New(c.Request().Context(), a.ID); err != nil {
			return err
		}
	}
	return frame.See(c, "/account/confirm/visit#visit-code")
}

// visitQR is the picture of the live code. A scanner types what it reads: the digits and nothing else.
func (d *Door) visitQR(c echo.Context) error {
	_, a := whoever(c)
	code, err := d.VisitCodes.Of(c.Request().Context(), a.ID)
	if err != nil {
		return err
	}
	png, err := qrcode.Encode(code.Code, qrcode.Medium, 440)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Blob(http.StatusOK, "image/png", png)
}
