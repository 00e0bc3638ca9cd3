package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showProfile asks for the data that the registries compare. What was typed before stands there again: a
// draft, or what the last application said, or what the account has.
func (d *Door) showProfile(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	app, err := absent(d.Read.LastApplication(ctx, a.ID))
	if err != nil {
		return err
	}
	form, err := d.profileDrafts().Load(ctx, a.ID.String())
	switch {
	case err == nil:
	case !errors.Is(err, fault.NotFound):
		return err
	case app != nil && app.State != registry.Agreed:
		form = registry.FormOf(app.Person)
	default:
		form = registry.FormOf(a.Profile.Person)
	}
	return d.render(c, http.StatusOK, "profile", profilePage(a, app, form, nil))
}

func profilePage(a *account.Account, app *registry.Application, f registry.Form, wrong []ui.Fault) ui.Profile {
	return ui.Profile{
		Form: ui.Form{Faults: wrong}, FamilyName: f.FamilyName, GivenName: f.GivenName, Patronymic: f.Patronymic, Sex: f.Sex,
		BirthDay: f.BirthDay, BirthMonth: f.BirthMonth, BirthYear: f.BirthYear, BirthPlace: f.BirthPlace, Citizenship: f.Citizenship,
		SNILS: f.SNILS, DocumentType: f.DocumentType, DocumentNumber: f.DocumentNumber,
		IssuedDay: f.IssuedDay, IssuedMonth: f.IssuedMonth, IssuedYear: f.IssuedYear,
		ExpiresDay: f.ExpiresDay, ExpiresMonth: f.ExpiresMonth, ExpiresYear: f.ExpiresYear,
		DepartmentCode: f.DepartmentCode, Issuer: f.Issuer,
		Change: a.Level >= account.Standard, Running: running(app),
	}
}

// running is the number of an application that a new one will end.
func running(app *registry.Application) string {
	if app == nil || app.State != registry.Running {
		return ""
	}
	return app.Number
}

// takeProfile checks what was typed and keeps it for the next page.
func (d *Door) takeProfile(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	f := registry.Form{
		FamilyName: frame.Field(c, "family-name"), GivenName: frame.Field(c, "given-name"), Patronymic: frame.Field(c, "patronymic"), Sex: frame.Field(c, "sex"),
		BirthDay: frame.Field(c, "birth-day"), BirthMonth: frame.Field(c, "birth-month"), BirthYear: frame.Field(c, "birth-year"),
		BirthPlace: frame.Field(c, "birth-place"), Citizenship: frame.Field(c, "citizenship"), SNILS: frame.Field(c, "snils"),
		DocumentType: frame.Field(c, "document-type"), DocumentNumber: frame.Field(c, "document-number"),
		IssuedDay: frame.Field(c, "issued-day"), IssuedMonth: frame.Field(c, "issued-month"), IssuedYear: frame.Field(c, "issued-year"),
		ExpiresDay: frame.Field(c, "expires-day"), ExpiresMonth: frame.Field(c, "expires-month"), ExpiresYear: frame.Field(c, "expires-year"),
		DepartmentCode: frame.Field(c, "department-code"), Issuer: frame.Field(c, "issuer"),
	}
	if _, err := f.Parse(d.Registry.Today()); err != nil {
		wrong, ok := frame.Faults(err)
		if !ok {
			return err
		}
		edge.Cause(ctx, err)
		app, err := absent(d.Read.LastApplication(ctx, a.ID))
		if err != nil {
			return err
		}
		return d.render(c, http.StatusUnprocessableEntity, "profile", profilePage(a, app, f, wrong))
	}
	if err := d.profileDrafts().Put(ctx, a.ID.String(), f, d.Now().Add(draftLife)); err != nil {
		return err
	}
	return frame.See(c, "/account/profile/check")
}

// showAnswers shows what will be sent, before it is.
func (d *Door) showAnswers(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	form, err := d.profileDrafts().Load(ctx, a.ID.String())
	if errors.Is(err, fault.NotFound) {
		return frame.See(c, "/account/profile")
	}
	if err != nil {
		return err
	}
	p, err := form.Parse(d.Registry.Today())
	if err != nil {
		return frame.See(c, "/account/profile") // a day has passed that the dates are judged by
	}
	app, err := absent(d.Read.LastApplication(ctx, a.ID))
	if err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "profile", ui.CheckAnswers{
		Person: ui.Person{
			FamilyName: p.FamilyName.Format(), GivenName: p.GivenName.Format(), Patronymic: p.Patronymic.Format(), Sex: p.Sex.String(),
			BirthDate: day(p.BirthDate), BirthPlace: p.BirthPlace, Citizenship: p.Citizenship.String(), SNILS: p.SNILS.Format(),
		},
		Paper: ui.Paper{
			Type: p.Document.Type.String(), Number: p.Document.Format(), IssuedOn: day(p.Document.IssuedOn), ExpiresOn: day(p.Document.ExpiresOn),
			Issuer: p.Document.Issuer, DepartmentCode: p.Document.DepartmentCode,
		},
		Running: running(app),
	})
}

// sendAnswers files the application. The draft is taken out first, so that a button pressed twice files
// one; what cannot be filed is put back.
func (d *Door) sendAnswers(c echo.Context) error {
	_, a := whoever(c)
	ctx := c.Request().Context()
	drafts := d.profileDrafts()
	form, err := drafts.Take(ctx, a.ID.String())
	if errors.Is(err, fault.NotFound) {
		return frame.See(c, "/account/checks") // sent a moment ago; without any application that page leads on
	}
	if err != nil {
		return err
	}
	p, err := form.Parse(d.Registry.Today())
	if err == nil {
		_, err = d.Registry.Submit(ctx, a.ID, p, a.Lang)
	}
	if errors.Is(err, registry.ErrUnchanged) {
		return frame.See(c, "/account/confirm")
	}
	if err != nil {
		if back := drafts.Put(ctx, a.ID.String(), form, d.Now().Add(draftLife)); back != nil {
			return errors.Join(err, back)
		}
		if _, wrong := frame.Faults(err); wrong {
			return frame.See(c, "/account/profile")
		}
		return err
	}
	return frame.See(c, "/account/checks")
}
