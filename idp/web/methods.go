package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showMethods offers the ways to verified, each with what it needs and who accepts it. Only what can be
// started now has a button.
func (d *Door) showMethods(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	facts, err := d.standing(ctx, a)
	if err != nil {
		return err
	}
	p := ui.Methods{Level: a.Assurance(d.Now()).Level.String()}
	for _, k := range a.Confirmations {
		if k.Live() {
			p.Confirmations = append(p.Confirmations, ui.Confirmation{Method: k.Method.String(), At: k.At})
		}
	}
	for _, w := range confirm.Ways(facts) {
		if w.Blocked == confirm.NotOffered && !w.Done {
			continue
		}
		switch w.Blocked {
		case confirm.NeedsStandard:
			p.Blocked = "not_standard"
		case confirm.WhileChecking:
			p.Blocked = "checks_running"
			if a.Level >= account.Standard {
				p.Blocked = "data_changing"
			}
		case confirm.WhileRestricted:
			p.Blocked = "restricted"
		}
		card, err := d.card(c, a, w)
		if err != nil {
			return err
		}
		p.Cards = append(p.Cards, card)
	}
	return d.render(c, http.StatusOK, "level", p)
}

// card is one way on the page.
func (d *Door) card(c echo.Context, a *account.Account, w confirm.Way) (ui.MethodCard, error) {
	card := ui.MethodCard{Method: w.Method.String(), Live: w.Live, Done: w.Done, From: w.From}
	switch {
	case w.Live:
		card.URL = "/account/confirm/letter"
	case w.Open:
		card.URL = begins(w.Method)
	}
	var err error
	if card.Services, err = d.takers(c, a, w.Method); err != nil {
		return card, err
	}
	if w.Method == account.ServiceCenter {
		centres, err := d.Read.Centres(c.Request().Context())
		if err != nil {
			return card, err
		}
		if len(centres) > 0 {
			card.Nearest = spoken(centres[0].Address, frame.Lang(c))
		}
	}
	return card, nil
}

// showConfirmed tells what the newest confirmation opened, and offers to use it now.
func (d *Door) showConfirmed(c echo.Context) error {
	_, a := whoever(c)
	var newest account.Confirmation
	for _, k := range a.Assurance(d.Now()).Confirmations {
		if k.At.After(newest.At) {
			newest = k
		}
	}
	for _, k := range a.Confirmations {
		if k.HeldBy(lock.HeldBy) && k.At.After(newest.At) {
			return frame.See(c, "/account/locks?notice=waits") // its citizen wanted changes to wait
		}
	}
	if newest.Method == 0 {
		return frame.See(c, "/account/confirm")
	}
	p := ui.Confirmed{Method: newest.Method.String(), At: newest.At, Number: newest.Track}
	back, client, err := d.waitingRequest(c)
	if err != nil {
		return err
	}
	if back != "" {
		if p.Origin, err = d.originOf(c, client); err != nil {
			return err
		}
		p.UseNowURL = back
	}
	all, err := d.wishes(c, a)
	if err != nil {
		return err
	}
	for _, w := range all {
		if w.Open && w.ID != string(client) {
			p.Wishes = append(p.Wishes, w)
		}
	}
	services, err := d.takers(c, a, 0)
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.Answer == "yes" {
			p.Opens = append(p.Opens, s.Name)
		} else {
			p.StillNot = append(p.StillNot, s)
		}
	}
	return d.render(c, http.StatusOK, "level", p)
}
