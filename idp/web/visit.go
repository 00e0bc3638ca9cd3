package web

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showVisit tells where to go and what to take along, and takes the code of who has been there.
func (d *Door) showVisit(c echo.Context) error {
	return d.visitPage(c, http.StatusOK, "", nil)
}

func (d *Door) visitPage(c echo.Context, status int, typed string, wrong []ui.Fault) error {
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
	p.Form, p.ActivationCode = ui.Form{Action: "/account/confirm/visit", Faults: wrong}, typed
	envelope, err := d.Envelopes.Envelope(ctx, a.ID)
	switch {
	case err == nil:
		p.EnvelopeUntil, p.TriesLeft = envelope.Until, envelope.Left()
	case !errors.Is(err, confirm.ErrNoEnvelope):
		return err
	}
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
	return d.render(c, status, "level", p)
}

func (d *Door) changeVisit(c echo.Context) error {
	if frame.Field(c, "act") == "activate" {
		return d.activate(c)
	}
	return d.newVisitCode(c)
}

// activate takes the code that was handed over in an envelope.
func (d *Door) activate(c echo.Context) error {
	_, a := whoever(c)
	ctx, typed := c.Request().Context(), frame.Field(c, "activation-code")
	risen, err := d.Envelopes.Activate(ctx, a.ID, typed)
	var miss *confirm.WrongCodeError
	wrong, slip := frame.Faults(err)
	switch {
	case err == nil && risen.Level < account.Verified:
		return frame.See(c, "/account/locks?notice=waits")
	case err == nil:
		return d.resume(c, "/account/confirm/done")
	case errors.Is(err, confirm.ErrNoEnvelope):
		return frame.See(c, "/account/confirm/visit")
	case errors.Is(err, confirm.ErrChecking), errors.Is(err, confirm.ErrNotStandard), errors.Is(err, confirm.ErrRestricted), errors.Is(err, confirm.ErrShut):
		return frame.See(c, "/account/confirm")
	case errors.As(err, &miss):
		wrong = []ui.Fault{{Field: "activation-code", Code: "activation_code.wrong", Count: miss.Left}}
		if miss.Left == 0 {
			wrong[0].Code = "activation_code.spent"
		}
	case !slip:
		return err
	}
	edge.Cause(ctx, err)
	return d.visitPage(c, http.StatusUnprocessableEntity, typed, wrong)
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
