package operator

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// What is taken down at the window before the comparison: the data of a document, a phone.

// open is an operator's own case that is open for one of these reasons; nil leads to the case, which says how it stands.
func (d *Door) open(c echo.Context, why ...confirm.VisitReason) (*confirm.Case, error) {
	one, err := d.Visits.Case(c.Request().Context(), operator(c), c.Param("id"))
	if err != nil {
		return nil, err
	}
	for _, r := range why {
		if confirm.VisitReason(one.Visit.Reason) == r && one.Visit.Outcome == "" && one.Obstacle == "" {
			return one, nil
		}
	}
	return nil, nil
}

func (d *Door) showPhone(c echo.Context) error {
	return d.phonePage(c, http.StatusOK, nil)
}

func (d *Door) phonePage(c echo.Context, status int, wrong []ui.Fault) error {
	one, err := d.open(c, confirm.ToRestore, confirm.ToRegister)
	if err != nil {
		return err
	}
	if one == nil {
		return frame.See(c, casePath(c.Param("id")))
	}
	v := one.Visit
	p := ui.OperatorPhone{
		Form: ui.Form{Action: casePath(v.ID) + "/phone", Faults: wrong}, Number: v.Number, Name: fullName(one.Person), Reason: v.Reason,
		Tel: frame.Field(c, "tel"), BackURL: casePath(v.ID),
	}
	if ph := v.Phone; ph != nil && ph.Proved.IsZero() && d.Now().Before(ph.Until) {
		p.Sent, p.ExpiresAt, p.TriesLeft = true, ph.Until, ph.Left()
		if p.Tel == "" {
			p.Tel = ph.Value
		}
	}
	return d.render(c, status, "visit", p)
}

// provePhone sends a code to the phone of the person at the window, or takes what they read out.
func (d *Door) provePhone(c echo.Context) error {
	ctx, op, id := c.Request().Context(), operator(c), c.Param("id")
	here := casePath(id) + "/phone"
	var err error
	switch frame.Field(c, "act") {
	case "send":
		if _, err = d.Visits.SendPhoneCode(ctx, op, id, frame.Field(c, "tel")); err == nil {
			return frame.See(c, here)
		}
		if wrong, ok := frame.Slow(c, err, "tel", "code.too_soon"); ok {
			edge.Cause(ctx, err)
			return d.phonePage(c, http.StatusTooManyRequests, wrong)
		}
	case "enter":
		if frame.Field(c, "code") == "" {
			return d.phonePage(c, http.StatusUnprocessableEntity, frame.One("code", "code.required"))
		}
		var v *confirm.Visit
		v, err = d.Visits.EnterPhoneCode(ctx, op, id, frame.Field(c, "code"))
		var wrong []ui.Fault
		switch {
		case err == nil:
			return frame.See(c, casePath(id))
		case errors.Is(err, contact.ErrCode):
			wrong = []ui.Fault{{Field: "code", Code: "code.wrong", Count: v.Phone.Left()}}
			if v.Phone.Left() == 0 {
				wrong[0].Code = "code.too_many"
			}
		case errors.Is(err, contact.ErrCodeSpent):
			wrong = frame.One("code", "code.too_many")
		case errors.Is(err, contact.ErrCodeOver):
			wrong = frame.One("tel", "code.expired")
		}
		if wrong != nil {
			edge.Cause(ctx, err)
			return d.phonePage(c, http.StatusUnprocessableEntity, wrong)
		}
	default:
		return frame.ErrForm
	}
	if wrong, ok := frame.Faults(err); ok {
		edge.Cause(ctx, err)
		return d.phonePage(c, http.StatusUnprocessableEntity, wrong)
	}
	return err
}

func (d *Door) showNewcomer(c echo.Context) error {
	return d.render(c, http.StatusOK, "visit", dataPage("/operator/register", confirm.ToRegister, "", registry.Form{Citizenship: "RUS", DocumentType: "ru_passport"}, nil))
}

func dataPage(action string, why confirm.VisitReason, number string, f registry.Form, wrong []ui.Fault) ui.OperatorData {
	return ui.OperatorData{
		Form: ui.Form{Action: action, Faults: wrong}, Number: number, Reason: string(why),
		FamilyName: f.FamilyName, GivenName: f.GivenName, Patronymic: f.Patronymic, Sex: f.Sex,
		BirthDay: f.BirthDay, BirthMonth: f.BirthMonth, BirthYear: f.BirthYear, BirthPlace: f.BirthPlace, Citizenship: f.Citizenship,
		SNILS: f.SNILS, DocumentType: f.DocumentType, DocumentNumber: f.DocumentNumber,
		IssuedDay: f.IssuedDay, IssuedMonth: f.IssuedMonth, IssuedYear: f.IssuedYear,
		ExpiresDay: f.ExpiresDay, ExpiresMonth: f.ExpiresMonth, ExpiresYear: f.ExpiresYear,
		DepartmentCode: f.DepartmentCode, Issuer: f.Issuer,
	}
}

// typed is the form of a person's data as it came in.
func typed(c echo.Context) registry.Form {
	at := func(name string) string { return frame.Field(c, name) }
	return registry.Form{
		FamilyName: at("family-name"), GivenName: at("given-name"), Patronymic: at("patronymic"), Sex: at("sex"),
		BirthDay: at("birth-day"), BirthMonth: at("birth-month"), BirthYear: at("birth-year"),
		BirthPlace: at("birth-place"), Citizenship: at("citizenship"), SNILS: at("snils"),
		DocumentType: at("document-type"), DocumentNumber: at("document-number"),
		IssuedDay: at("issued-day"), IssuedMonth: at("issued-month"), IssuedYear: at("issued-year"),
		ExpiresDay: at("expires-day"), ExpiresMonth: at("expires-month"), ExpiresYear: at("expires-year"),
		DepartmentCode: at("department-code"), Issuer: at("issuer"),
	}
}

// register begins an account for somebody who has none.
func (d *Door) register(c echo.Context) error {
	ctx, f := c.Request().Context(), typed(c)
	p, err := f.Parse(d.Visits.Registry.Today())
	var v *confirm.Visit
	if err == nil {
		v, err = d.Visits.RegisterHere(ctx, operator(c), confirm.Newcomer{Person: p, Lang: frame.Lang(c)})
	}
	if err != nil {
		return d.notTaken(c, err, dataPage("/operator/register", confirm.ToRegister, "", f, nil))
	}
	return frame.See(c, firstStep(v))
}

// notTaken shows the form again with what is wrong, or with why it is not this operator's.
func (d *Door) notTaken(c echo.Context, err error, p ui.OperatorData) error {
	var obstacle confirm.Obstacle
	wrong, ok := frame.Faults(err)
	switch {
	case ok:
		p.Faults = wrong
	case errors.As(err, &obstacle):
		p.Blocked = string(obstacle)
	default:
		return err
	}
	edge.Cause(c.Request().Context(), err)
	return d.render(c, http.StatusUnprocessableEntity, "visit", p)
}

func (d *Door) showData(c echo.Context) error {
	one, err := d.open(c, confirm.ToCorrect)
	if err != nil {
		return err
	}
	if one == nil {
		return frame.See(c, casePath(c.Param("id")))
	}
	return d.render(c, http.StatusOK, "visit", dataPage(casePath(one.Visit.ID)+"/data", confirm.ToCorrect, one.Visit.Number, registry.FormOf(one.Person), nil))
}

// takeData takes the data of a new document down.
func (d *Door) takeData(c echo.Context) error {
	ctx, id, f := c.Request().Context(), c.Param("id"), typed(c)
	one, err := d.open(c, confirm.ToCorrect)
	if err != nil {
		return err
	}
	if one == nil {
		return frame.See(c, casePath(id))
	}
	p, err := f.Parse(d.Visits.Registry.Today())
	if err == nil {
		_, err = d.Visits.Take(ctx, operator(c), id, p)
	}
	if err != nil {
		return d.notTaken(c, err, dataPage(casePath(id)+"/data", confirm.ToCorrect, one.Visit.Number, f, nil))
	}
	return frame.See(c, casePath(id))
}

// envelope sends the paper with an activation code.
func (d *Door) envelope(c echo.Context) error {
	v, pdf, err := d.Visits.EnvelopePaper(c.Request().Context(), operator(c), c.Param("id"))
	if err != nil {
		return err
	}
	return paper(c, "envelope", v, pdf)
}

// form sends the application form of a visit, to be printed and signed.
func (d *Door) form(c echo.Context) error {
	v, pdf, err := d.Visits.Form(c.Request().Context(), operator(c), c.Param("id"))
	if err != nil {
		return err
	}
	return paper(c, "visit", v, pdf)
}
