package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showLetter follows the last letter and takes its code. Without one, or with ?new=1, it asks for an
// address, if a letter can be ordered now; if not, the page of ways says why.
func (d *Door) showLetter(c echo.Context) error {
	_, a := whoever(c)
	facts, err := d.standing(c.Request().Context(), a)
	if err != nil {
		return err
	}
	w := way(facts, account.MailCode)
	l := facts.Letter
	if l == nil || !l.Used.IsZero() || c.QueryParam("new") != "" {
		if !w.Open {
			return frame.See(c, "/account/confirm")
		}
		return d.askAddress(c, a, http.StatusOK, d.draftAddress(c, a), nil)
	}
	return d.letter(c, a, l, http.StatusOK, "", nil)
}

// draftAddress is what was typed a moment ago, or the address that is known.
func (d *Door) draftAddress(c echo.Context, a *account.Account) civil.Address {
	if typed, err := d.addressDrafts().Load(c.Request().Context(), a.ID.String()); err == nil {
		return typed
	}
	if a.Profile.Address != nil {
		return *a.Profile.Address
	}
	return civil.Address{}
}

func (d *Door) askAddress(c echo.Context, a *account.Account, status int, to civil.Address, wrong []ui.Fault) error {
	refuses, err := d.refusers(c, a)
	if err != nil {
		return err
	}
	return d.render(c, status, "level", ui.LetterAddress{
		Form: ui.Form{Action: "/account/confirm/letter?new=1", Faults: wrong}, Address: shownAddress(to), Refuses: refuses,
	})
}

func shownAddress(a civil.Address) ui.Address {
	return ui.Address{PostalCode: a.PostalCode, Region: a.Region, Locality: a.Locality, Street: a.Street, House: a.House, Flat: a.Flat}
}

// letter shows a letter.
func (d *Door) letter(c echo.Context, a *account.Account, l *confirm.Letter, status int, typed string, wrong []ui.Fault) error {
	now := d.Now()
	p := ui.Letter{
		Form: ui.Form{Faults: wrong}, State: "live", JustOrdered: c.QueryParam("ordered") != "", Number: l.Number(),
		ExpectedBy: l.Ordered.AddDate(0, 0, expectedDays), Address: shownAddress(l.Address), Status: string(l.Status), Track: l.Track,
		ValidUntil: l.ValidTill, Code: typed,
	}
	switch {
	case !l.Cancelled.IsZero():
		p.State, p.JustOrdered = l.Reason, false
	case !l.Live(now):
		p.State, p.JustOrdered = "expired", false
	default:
		p.TriesLeft = d.Letters.Tries - l.Tries
		if l.ValidTill.IsZero() {
			p.ValidDays = int(d.Letters.Valid / (24 * time.Hour))
		}
	}
	p.Events = []ui.LetterEvent{{Status: string(confirm.Ordered), At: l.Ordered}}
	for _, e := range l.Events {
		p.Events = append(p.Events, ui.LetterEvent{Status: string(e.Status), At: e.At, Place: e.Place})
	}
	if from := confirm.NextLetter(l, d.Letters.Rest); now.Before(from) {
		p.NextFrom = from
	}
	var err error
	if p.Refuses, err = d.refusers(c, a); err != nil {
		return err
	}
	return d.render(c, status, "level", p)
}

// changeLetter takes what the letter's pages post: a code, a cancellation, or an address.
func (d *Door) changeLetter(c echo.Context) error {
	switch frame.Field(c, "act") {
	case "enter":
		return d.enterLetterCode(c)
	case "cancel":
		_, a := whoever(c)
		if err := d.Letters.Cancel(c.Request().Context(), a.ID); err != nil && !errors.Is(err, confirm.ErrNoLetter) {
			return err
		}
		return frame.See(c, "/account/confirm/letter")
	}
	return d.takeAddress(c)
}

// enterLetterCode takes the code. A slip of the finger that the check character shows costs no try.
func (d *Door) enterLetterCode(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	typed := frame.Field(c, "letter-code")
	proof, err := d.Letters.Enter(ctx, a.ID, typed)
	var miss *confirm.WrongCodeError
	wrong, slip := frame.Faults(err)
	switch {
	case err == nil && !proof.Live():
		return frame.See(c, "/account/locks?notice=waits")
	case err == nil:
		return d.resume(c, "/account/confirm/done")
	case errors.Is(err, confirm.ErrNoLetter):
		return frame.See(c, "/account/confirm/letter")
	case errors.Is(err, confirm.ErrChecking), errors.Is(err, confirm.ErrNotStandard), errors.Is(err, confirm.ErrRestricted), errors.Is(err, confirm.ErrShut):
		return frame.See(c, "/account/confirm")
	case errors.As(err, &miss):
		wrong = []ui.Fault{{Field: "letter-code", Code: "letter_code.wrong", Count: miss.Left}}
		if miss.Left == 0 {
			return frame.See(c, "/account/confirm/letter") // the letter is over, and the page says so
		}
	case !slip:
		return err
	}
	edge.Cause(ctx, err)
	l, err := d.Read.LastLetter(ctx, a.ID)
	if err != nil {
		return err
	}
	return d.letter(c, a, l, http.StatusUnprocessableEntity, typed, wrong)
}

// takeAddress checks an address and keeps it for the next page.
func (d *Door) takeAddress(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	typed := civil.Address{
		PostalCode: frame.Field(c, "postal-code"), Region: frame.Field(c, "region"), Locality: frame.Field(c, "locality"),
		Street: frame.Field(c, "street"), House: frame.Field(c, "house"), Flat: frame.Field(c, "flat"),
	}
	to, err := civil.ParseAddress(typed)
	if err != nil {
		wrong, ok := frame.Faults(err)
		if !ok {
			return err
		}
		edge.Cause(ctx, err)
		return d.askAddress(c, a, http.StatusUnprocessableEntity, typed, wrong)
	}
	if err := d.addressDrafts().Put(ctx, a.ID.String(), to, d.Now().Add(draftLife)); err != nil {
		return err
	}
	return frame.See(c, "/account/confirm/letter/check")
}

// showOrder shows the order before it is sent.
func (d *Door) showOrder(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	facts, err := d.standing(ctx, a)
	if err != nil {
		return err
	}
	if !way(facts, account.MailCode).Open {
		return frame.See(c, "/account/confirm")
	}
	to, err := d.addressDrafts().Load(ctx, a.ID.String())
	if errors.Is(err, fault.NotFound) {
		return frame.See(c, "/account/confirm/letter?new=1")
	}
	if err != nil {
		return err
	}
	p := ui.LetterCheck{Recipient: recipient(a), Phone: masked(a, account.Phone), Address: shownAddress(to), ChangeURL: "/account/confirm/letter?new=1"}
	if p.Refuses, err = d.refusers(c, a); err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "level", p)
}

func recipient(a *account.Account) string {
	p := a.Profile.Person
	return civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Format()
}

// orderLetter orders it. The draft is taken out first, so that a button pressed twice orders one.
func (d *Door) orderLetter(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	to, err := d.addressDrafts().Take(ctx, a.ID.String())
	if errors.Is(err, fault.NotFound) {
		return frame.See(c, "/account/confirm/letter")
	}
	if err != nil {
		return err
	}
	_, err = d.Letters.Order(ctx, a.ID, to)
	var soon *confirm.TooSoonError
	switch {
	case err == nil:
		return frame.See(c, "/account/confirm/letter?ordered=1")
	case errors.As(err, &soon), errors.Is(err, confirm.ErrChecking), errors.Is(err, confirm.ErrNotStandard), errors.Is(err, confirm.ErrRestricted), errors.Is(err, confirm.ErrShut):
		return frame.See(c, "/account/confirm")
	}
	if back := d.addressDrafts().Put(ctx, a.ID.String(), to, d.Now().Add(draftLife)); back != nil {
		return errors.Join(err, back)
	}
	return err
}
