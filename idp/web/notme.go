package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountNotMe adds what the link "this was not me" opens. It asks for no sign-in: the password may be what was
// stolen, and the link can only take away.
func (d *Door) mountNotMe(g *echo.Group) {
	g.GET("/not-me/:token", d.showNotMe)
	g.POST("/not-me/:token", d.notMe)
}

// showNotMe says what the button would do, or what it has done. Opening changes nothing: programs that look
// into mail open links too.
func (d *Door) showNotMe(c echo.Context) error {
	claim, err := d.Disowner.Look(c.Request().Context(), c.Param("token"))
	return d.claim(c, claim, err)
}

func (d *Door) notMe(c echo.Context) error {
	ctx := c.Request().Context()
	claim, err := d.Disowner.Disown(ctx, c.Param("token"), edge.RequestID(ctx))
	if err != nil {
		return d.claim(c, claim, err)
	}
	return frame.See(c, c.Request().URL.EscapedPath())
}

// claim shows a link as it stands. Whatever is no link of ours has one page.
func (d *Door) claim(c echo.Context, claim *confirm.Claim, err error) error {
	if errors.Is(err, confirm.ErrDisownLink) {
		edge.Cause(c.Request().Context(), err)
		return d.render(c, http.StatusGone, "", ui.NotMe{State: "expired", Request: edge.RequestID(c.Request().Context())})
	}
	if err != nil {
		return err
	}
	p := ui.NotMe{State: claim.State, Method: claim.Confirmation.Method.String(), At: claim.Confirmation.At}
	switch claim.State {
	case confirm.ClaimLive:
		p.State = "ask"
	case confirm.ClaimGone:
		p.Method = ""
	}
	return d.render(c, http.StatusOK, "", p)
}
