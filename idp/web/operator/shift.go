package operator

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/shift"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// shiftPage shows the operator's shift and the programs of their centre; token is the new shift's.
func (d *Door) shiftPage(c echo.Context, status int, token, notice string, wrong []ui.Fault) error {
	ctx, w := c.Request().Context(), whoever(c)
	p := ui.OperatorShift{Form: ui.Form{Action: "/operator/shift", Faults: wrong}, Token: token, Notice: notice}
	programs, err := d.Shifts.Programs(ctx, w.member.Centre)
	if err != nil {
		return err
	}
	names := map[partner.ID]string{}
	for _, one := range programs {
		names[one.ID] = one.NameIn(frame.Lang(c))
		p.Programs = append(p.Programs, ui.Program{ID: string(one.ID), Name: names[one.ID]})
	}
	s, err := d.Shifts.Of(ctx, w.account.ID)
	if err != nil {
		return err
	}
	if s != nil {
		p.Running = &ui.Shift{Program: names[s.Partner], Opened: s.Opened, Until: s.Until, Bound: s.Key != ""}
		if p.Running.Program == "" {
			p.Running.Program = string(s.Partner)
		}
	}
	return d.render(c, status, "shift", p)
}

func (d *Door) showShift(c echo.Context) error {
	notice := ""
	if c.QueryParam("notice") == "closed" {
		notice = "closed"
	}
	return d.shiftPage(c, http.StatusOK, "", notice, nil)
}

// changeShift opens a shift, and shows its token this once, or ends the one there is.
func (d *Door) changeShift(c echo.Context) error {
	ctx, w := c.Request().Context(), whoever(c)
	if frame.Field(c, "close") != "" {
		if err := d.Shifts.Close(ctx, w.account.ID); err != nil {
			return err
		}
		return frame.See(c, "/operator/shift?notice=closed")
	}
	token, _, err := d.Shifts.Open(ctx, w.session, partner.ID(frame.Field(c, "partner")), edge.RequestID(ctx))
	if errors.Is(err, shift.ErrProgram) {
		return d.shiftPage(c, http.StatusUnprocessableEntity, "", "", frame.One("partner", "shift.program"))
	}
	if err != nil {
		return err
	}
	return d.shiftPage(c, http.StatusOK, token, "", nil)
}
