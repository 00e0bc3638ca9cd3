package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// longestSearch is what a town's name may be long; more is cut off, not refused: it finds nothing anyway.
const longestSearch = 100

// showCentres is the directory of service centres, as a list and as a map. It is open to all, changes
// nothing, and asks nothing of anybody else's servers.
func (d *Door) showCentres(onMap bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		if _, err := d.recognise(c); err != nil {
			return err
		}
		all, err := d.Read.Centres(c.Request().Context())
		if err != nil {
			return err
		}
		lang := frame.Lang(c)
		asked := []rune(c.QueryParam("q"))
		service := centre.Service(c.QueryParam("service"))
		p := ui.Centres{Query: string(asked[:min(len(asked), longestSearch)]), All: len(all), Towns: centre.Towns(all, lang), OnMap: onMap}
		for _, s := range centre.AllServices() {
			p.Services = append(p.Services, string(s))
			if s == service {
				p.Service = string(s)
			}
		}
		var places []ui.MapPlace
		for _, k := range centre.Find(all, p.Query, centre.Service(p.Service)) {
			card := ui.CentreCard{
				ID: k.ID, Town: spoken(k.Town, lang), Ramp: k.Ramp,
				Centre: ui.Centre{Name: spoken(k.Name, lang), Address: spoken(k.Address, lang), Hours: spoken(k.Hours, lang), Phone: k.Phone},
			}
			for _, s := range k.Offers() {
				card.Services = append(card.Services, string(s))
			}
			if k.At != nil {
				card.Number = len(places) + 1
				places = append(places, ui.MapPlace{
					Number: card.Number, Name: card.Name, Town: card.Town, Href: "#centre-" + k.ID,
					Latitude: k.At.Latitude, Longitude: k.At.Longitude,
				})
			}
			p.Found = append(p.Found, card)
		}
		p.Map = ui.MapOf(places)
		asIs := url.Values{}
		if p.Query != "" {
			asIs.Set("q", p.Query)
		}
		if p.Service != "" {
			asIs.Set("service", p.Service)
		}
		query := ""
		if len(asIs) > 0 {
			query = "?" + asIs.Encode()
		}
		p.ListURL, p.MapURL = "/centres"+query, "/centres/map"+query
		return d.render(c, http.StatusOK, "", p)
	}
}
