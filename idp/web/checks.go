package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showChecks shows how the last application fares. The page may be closed: nothing hangs on it.
func (d *Door) showChecks(c echo.Context) error {
	_, a := whoever(c)
	app, err := absent(d.Read.LastApplication(c.Request().Context(), a.ID))
	if err != nil {
		return err
	}
	if app == nil {
		return frame.See(c, "/account/profile")
	}
	p := ui.Checks{
		State: string(app.State), Number: app.Number, SubmittedAt: app.Filed, DueAt: app.Deadline, Taken: app.SNILSTaken,
		Contact: masked(a, account.Phone),
	}
	if p.Contact == "" {
		p.Contact = masked(a, account.Email)
	}
	if app.Person.Document != nil {
		p.DocumentType = app.Person.Document.Type.String()
	}
	for _, b := range []registry.Bureau{registry.Pension, registry.Interior, registry.Tax} {
		if b == registry.Tax && app.State != registry.Running && app.State != registry.Agreed {
			continue // it will never be asked
		}
		p.Items = append(p.Items, checkItem(b, app.Checks[b]))
	}
	if app.State == registry.Agreed {
		back, client, err := d.waitingRequest(c)
		if err != nil {
			return err
		}
		if back != "" {
			p.BackURL = back
			if p.Origin, err = d.originOf(c, client); err != nil {
				return err
			}
		}
	}
	return d.render(c, http.StatusOK, "profile", p)
}

// checkItem is one registry's part, in the page's words.
func checkItem(b registry.Bureau, k registry.Check) ui.Check {
	item := ui.Check{Registry: string(b), State: "todo", At: k.Asked, Fields: k.Fields}
	switch {
	case k.Verdict == registry.AgreedWith && b == registry.Tax:
		item.State = "found"
	case k.Verdict == registry.RefusedBy && b == registry.Tax:
		item.State = "not_found"
	case k.Verdict != registry.Waiting:
		item.State = string(k.Verdict)
	case k.Trouble != "":
		item.State = "delayed"
	case !k.Asked.IsZero() || b != registry.Tax:
		item.State = "sent"
	}
	if !k.Answered.IsZero() {
		item.At = k.Answered
	}
	return item
}
