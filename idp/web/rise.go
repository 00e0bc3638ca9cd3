package web

import (
	"context"
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// mountRise adds the pages that lead from simplified to verified.
func (d *Door) mountRise(g *echo.Group) {
	g.GET("/profile", d.showProfile)
	g.POST("/profile", d.takeProfile)
	g.GET("/profile/check", d.showAnswers)
	g.POST("/profile/check", d.sendAnswers)
	g.GET("/checks", d.showChecks)
	g.GET("/confirm", d.showMethods)
	g.GET("/confirm/letter", d.showLetter)
	g.POST("/confirm/letter", d.changeLetter)
	g.GET("/confirm/letter/check", d.showOrder)
	g.POST("/confirm/letter/check", d.orderLetter)
	g.GET("/confirm/visit", d.showVisit)
	g.POST("/confirm/visit", d.changeVisit)
	g.GET("/confirm/visit/qr.png", d.visitQR)
	g.GET("/confirm/done", d.showConfirmed)
	d.mountBank(g)
	d.mountSignature(g)
}

// draftLife is how long what was typed waits to be sent.
const draftLife = time.Hour

// The drafts lie sealed in Transients, one of a kind for each account: nothing personal travels in hidden
// fields or addresses, and a draft is one whichever tab it was typed in.
func (d *Door) profileDrafts() *transient.Box[registry.Form] {
	return transient.NewBox[registry.Form](d.Transients, d.Ring, "profile_draft", d.Now)
}

func (d *Door) addressDrafts() *transient.Box[civil.Address] {
	return transient.NewBox[civil.Address](d.Transients, d.Ring, "address_draft", d.Now)
}

// absent turns "not found" into nil.
func absent[T any](v *T, err error) (*T, error) {
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	return v, err
}

// standing reads what the ways up depend on.
func (d *Door) standing(ctx context.Context, a *account.Account) (confirm.Facts, error) {
	f := confirm.Facts{Account: a, Rest: d.Letters.Rest, Now: d.Now()}
	var err error
	if f.Offered, err = d.offered(ctx); err != nil {
		return f, err
	}
	app, err := absent(d.Read.LastApplication(ctx, a.ID))
	if err != nil {
		return f, err
	}
	f.Running = app != nil && app.State == registry.Running
	f.Letter, err = absent(d.Read.LastLetter(ctx, a.ID))
	return f, err
}

// offered are the methods that this installation has: banks and signatures where there is somebody to trust.
func (d *Door) offered(ctx context.Context) ([]account.Method, error) {
	out := []account.Method{account.ServiceCenter, account.MailCode}
	banks, err := d.Banks.Banks(ctx, "")
	if err != nil {
		return nil, err
	}
	if len(banks) > 0 {
		out = append(out, account.Bank)
	}
	signed, err := d.Certificates.Methods(ctx)
	return append(out, signed...), err
}

// way picks one method out of all.
func way(f confirm.Facts, m account.Method) confirm.Way {
	for _, w := range confirm.Ways(f) {
		if w.Method == m {
			return w
		}
	}
	return confirm.Way{Method: m, Blocked: confirm.NotOffered}
}

// takers tell of every service whether it would accept the citizen with a method more.
func (d *Door) takers(c echo.Context, a *account.Account, m account.Method) ([]ui.Service, error) {
	parties, asks, err := d.demands(c.Request().Context())
	if err != nil {
		return nil, err
	}
	var out []ui.Service
	for _, p := range parties {
		s := ui.Service{Name: p.NameIn(frame.Lang(c)), Answer: "no", Demand: demandOf(asks[p.ID])}
		if confirm.Would(a, m, asks[p.ID], d.Now(), d.Wall()).Met {
			s.Answer = "yes"
		}
		out = append(out, s)
	}
	return out, nil
}

// refusers are the names of services that a letter will not open.
func (d *Door) refusers(c echo.Context, a *account.Account) ([]string, error) {
	services, err := d.takers(c, a, account.MailCode)
	var out []string
	for _, s := range services {
		if s.Answer == "no" {
			out = append(out, s.Name)
		}
	}
	return out, err
}

// day is a date as pages take it: midnight in UTC is never moved to another day.
func day(d civil.Date) time.Time {
	if d.IsZero() {
		return time.Time{}
	}
	return d.Time(time.UTC)
}
