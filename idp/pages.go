package idp

import (
	"net/url"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/propusk/propusk/idp/oidc"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/web"
	"github.com/propusk/propusk/ui"
)

// guests shows the protocol door's few pages in the hosted pages' dress: doors do not know each other.
type guests struct{ host *web.Door }

func (g guests) problem(c echo.Context, p *oidc.Problem) error {
	page := ui.Error{Kind: "bad_request", Code: p.Code}
	switch p.Code {
	case "unavailable":
		page = ui.Error{Kind: "server"}
	case "browser":
		page = ui.Error{Kind: "other_browser"}
	}
	if p.Party != nil {
		page.Service = p.Party.NameIn("")
	}
	return g.host.Host(c, p.Status, page, "", "")
}

func (g guests) formPost(c echo.Context, f oidc.FormPost) error {
	page := ui.FormPost{Action: f.Action}
	for _, field := range f.Fields {
		page.Inputs = append(page.Inputs, ui.Hidden{Name: field.Name, Value: field.Value})
	}
	if f.Party != nil {
		page.Origin = *origin(f.Party, "")
	}
	return g.host.Host(c, 200, page, "", f.Action)
}

func (g guests) logout(c echo.Context, p oidc.LogoutPage) error {
	return g.host.Host(c, 200, ui.Logout{
		Form:   ui.Form{Action: "/oauth2/logout", Hidden: []ui.Hidden{{Name: oidc.ConfirmField, Value: p.Confirm}}},
		Origin: origin(p.Party, p.Lang),
	}, p.Lang, "")
}

func (g guests) loggedOut(c echo.Context, p oidc.LoggedOutPage) error {
	page := ui.LoggedOut{}
	if p.Party != nil {
		page.BackName, page.BackURL = p.Party.NameIn(p.Lang), p.Party.Home
	}
	return g.host.Host(c, 200, page, p.Lang, "")
}

func origin(p *rp.Party, lang string) *ui.Origin {
	if p == nil {
		return nil
	}
	o := &ui.Origin{Name: p.NameIn(lang)}
	if u, err := url.Parse(p.Home); err == nil {
		o.Host = u.Host
	}
	return o
}

// registerer and gatherer keep a nil registry a nil interface.
func registerer(c Config) prometheus.Registerer {
	if c.Metrics == nil {
		return nil
	}
	return c.Metrics
}

func gatherer(c Config) prometheus.Gatherer {
	if c.Metrics == nil {
		return nil
	}
	return c.Metrics
}
