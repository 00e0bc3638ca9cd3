package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountOpen adds the pages that are open to all.
func (d *Door) mountOpen(g *echo.Group) {
	g.GET("/", func(c echo.Context) error { return frame.See(c, "/account") })
	g.GET("/why/:id", d.why)
	g.GET("/legal/:text", d.legal)
	g.GET("/centres", d.showCentres(false))
	g.GET("/centres/map", d.showCentres(true))
}

// why explains a refusal by its request id: error_uri leads here. Anybody may have the id, so the page
// tells of the party's demand only, and the reasons as they are for whoever is signed in and reads it:
// nobody learns another's level (design.md 2). in=1 signs in first.
func (d *Door) why(c echo.Context) error {
	ctx := c.Request().Context()
	id := c.Param("id")
	found, err := d.recognise(c)
	if err != nil {
		return err
	}
	if !found && c.QueryParam("in") != "" {
		return d.sendToSignIn(c, c.Request().URL.Path, "")
	}
	p := ui.Why{Request: id}
	if !found {
		p.SignIn = c.Request().URL.EscapedPath() + "?in=1"
	}
	r, err := d.Read.Refusal(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return d.render(c, http.StatusNotFound, "", p)
	}
	if err != nil {
		return err
	}
	p.Known, p.At = true, r.At
	party, err := d.Read.Party(ctx, r.Client)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	if err == nil {
		p.Service = party.NameIn(frame.Lang(c))
		if len(party.Policy.Accept) > 0 {
			need := demandOf(party.Policy)
			p.Need = &need
		}
		if s, a := whoever(c); found {
			subject := policy.Subject{Assurance: account.Min(s.Snapshot, a.Assurance(d.Now())), AMR: s.AMR, Locks: a.Locks}
			for _, reason := range policy.Decide(subject, d.Wall(), party.Policy).Reasons {
				p.Reasons = append(p.Reasons, string(reason))
			}
		}
	}
	return d.render(c, http.StatusOK, "", p)
}

func (d *Door) legal(c echo.Context) error {
	if _, err := d.recognise(c); err != nil {
		return err
	}
	p := ui.Legal{Text: c.Param("text"), Version: d.Legal.Processing, Since: d.Legal.Since}
	switch p.Text {
	case "processing":
		p.Text = "data"
	case "data", "rules":
	case "accessibility":
		p.Version = ""
	default:
		return echo.ErrNotFound
	}
	return d.render(c, http.StatusOK, "", p)
}
