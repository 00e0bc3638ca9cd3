package operator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) showSearch(c echo.Context) error {
	return d.searchPage(c, http.StatusOK, nil)
}

func (d *Door) searchPage(c echo.Context, status int, wrong []ui.Fault) error {
	today, err := d.Visits.Today(c.Request().Context(), operator(c))
	if err != nil {
		return err
	}
	p := ui.OperatorSearch{
		Form:  ui.Form{Action: "/operator", Faults: wrong},
		SNILS: frame.Field(c, "snils"), DocumentNumber: frame.Field(c, "document-number"), Reason: frame.Field(c, "reason"), Today: today,
	}
	for _, r := range confirm.VisitReasons() {
		p.Reasons = append(p.Reasons, string(r))
	}
	return d.render(c, status, "visit", p)
}

// search looks for the person at the window and opens the case. Nobody found is no error.
func (d *Door) search(c echo.Context) error {
	ctx, op := c.Request().Context(), operator(c)
	number, why := strings.TrimSpace(frame.Field(c, "document-number")), confirm.VisitReason(frame.Field(c, "reason"))
	var wrong []ui.Fault
	snils, snilsErr := civil.ParseSNILS(frame.Field(c, "snils"))
	if snilsErr != nil {
		wrong = frame.One("snils", civil.CodeOf(snilsErr))
	}
	found, err := d.Visits.Find(ctx, op, snils, number, why)
	var fields fault.Fields
	switch {
	case errors.As(err, &fields):
		for _, f := range fields {
			if f.Name != "snils" {
				wrong = append(wrong, ui.Fault{Field: f.Name, Code: f.Code})
			}
		}
		return d.searchPage(c, http.StatusUnprocessableEntity, wrong)
	case errors.Is(err, confirm.ErrNobody), errors.Is(err, confirm.ErrOtherDocument):
		edge.Cause(ctx, err)
		return d.render(c, http.StatusOK, "visit", ui.OperatorNone{
			SNILS: snils.Format(), DocumentNumber: number, OtherDocument: errors.Is(err, confirm.ErrOtherDocument),
		})
	case err != nil:
		return err
	}
	v, err := d.Visits.Open(ctx, op, found.Account, why)
	if err != nil {
		return err
	}
	return frame.See(c, "/operator/visit/"+v.ID)
}

// showCase shows a case as it stands: to compare, confirmed, refused.
func (d *Door) showCase(c echo.Context) error {
	one, err := d.Visits.Case(c.Request().Context(), operator(c), c.Param("id"))
	if err != nil {
		return err
	}
	v := one.Visit
	switch v.Outcome {
	case confirm.VisitConfirmed:
		p := ui.OperatorDone{Number: v.Number, At: v.Closed, Name: fullName(*v.Person)}
		if d.Now().Before(v.Closed.Add(confirm.FormLife)) {
			p.PrintURL = "/operator/visit/" + v.ID + "/form.pdf"
		}
		return d.render(c, http.StatusOK, "visit", p)
	case confirm.VisitRefused:
		a, err := d.Read.Account(c.Request().Context(), v.Account)
		if err != nil {
			return err
		}
		p := ui.OperatorRefused{Number: v.Number, At: v.Closed, Name: fullName(a.Profile.Person)}
		for _, f := range v.Mismatch {
			p.Reasons = append(p.Reasons, frame.ID(f))
		}
		return d.render(c, http.StatusOK, "visit", p)
	}
	return d.compare(c, http.StatusOK, one, nil)
}

// compare shows the profile beside the document in hand. Of an account that is not the operator's to
// decide on nothing is shown.
func (d *Door) compare(c echo.Context, status int, one *confirm.Case, wrong []ui.Fault) error {
	v, a := one.Visit, one.Account
	p := ui.OperatorCompare{
		Form:   ui.Form{Action: "/operator/visit/" + v.ID, Faults: wrong},
		Number: v.Number, StartedAt: v.Opened, Blocked: string(one.Obstacle),
		Face: frame.Field(c, "face") != "", Genuine: frame.Field(c, "genuine") != "", LetterLive: one.LetterLive,
	}
	if a == nil {
		return d.render(c, status, "visit", p)
	}
	person := a.Profile.Person
	p.CheckedAt, p.Level, p.Name, p.SNILS = a.Profile.Checked, a.Level.String(), fullName(person), person.SNILS.Format()
	if person.Document != nil {
		p.DocumentType = person.Document.Type.String()
		p.Valid = one.Obstacle != confirm.NotStandard && one.Obstacle != confirm.DocumentLapse
	}
	for _, m := range a.Confirmations {
		if m.Live() {
			p.Methods = append(p.Methods, m.Method.String())
		}
	}
	for _, f := range confirm.Compared(person) {
		p.Rows = append(p.Rows, d.row(c, f, person))
	}
	return d.render(c, status, "visit", p)
}

// row is one line to compare, with the operator's answer kept.
func (d *Door) row(c echo.Context, name string, p account.Person) ui.CompareRow {
	r := ui.CompareRow{Field: frame.ID(name)}
	if r.Answer = frame.Field(c, "match-"+r.Field); r.Answer != "yes" && r.Answer != "no" {
		r.Answer = ""
	}
	doc := civil.Document{}
	if p.Document != nil {
		doc = *p.Document
	}
	switch name {
	case "family_name":
		r.Value = p.FamilyName.Format()
	case "given_name":
		r.Value = p.GivenName.Format()
	case "patronymic":
		r.Value = p.Patronymic.Format()
	case "sex":
		r.Value = sex(frame.Lang(c), p.Sex)
	case "birth_date":
		r.Date = d.day(p.BirthDate)
	case "birth_place":
		r.Value = p.BirthPlace
	case "document_number":
		r.Value = doc.Format()
	case "issued_on":
		r.Date = d.day(doc.IssuedOn)
	case "expires_on":
		r.Date = d.day(doc.ExpiresOn)
	case "issuer":
		r.Value = doc.Issuer
	case "department_code":
		r.Value = doc.DepartmentCode
	}
	return r
}

// day is noon of a day where the centre is, so that no zone shows another day.
func (d *Door) day(t civil.Date) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Time(d.Visits.Zone).Add(12 * time.Hour)
}

// decide confirms or refuses, by the button that was pressed.
func (d *Door) decide(c echo.Context) error {
	ctx, op, number := c.Request().Context(), operator(c), c.Param("id")
	same := map[string]bool{}
	var differs []string
	for name, values := range c.Request().PostForm {
		if f, ok := strings.CutPrefix(name, "match-"); ok && (values[0] == "yes" || values[0] == "no") {
			f = strings.ReplaceAll(f, "-", "_")
			same[f] = values[0] == "yes"
			if !same[f] {
				differs = append(differs, f)
			}
		}
	}
	seen := confirm.Comparison{Same: same, Face: frame.Field(c, "face") != "", Genuine: frame.Field(c, "genuine") != ""}
	var err error
	switch frame.Field(c, "act") {
	case "confirm":
		_, err = d.Visits.Settle(ctx, op, number, seen)
	case "refuse":
		if !seen.Face {
			differs = append(differs, "face")
		}
		if !seen.Genuine {
			differs = append(differs, "genuine")
		}
		_, err = d.Visits.Refuse(ctx, op, number, differs)
	default:
		return frame.ErrForm
	}
	var fields fault.Fields
	var obstacle confirm.Obstacle
	switch {
	case errors.As(err, &fields), errors.As(err, &obstacle):
		edge.Cause(ctx, err)
		one, caseErr := d.Visits.Case(ctx, op, number)
		if caseErr != nil {
			return caseErr
		}
		return d.compare(c, http.StatusUnprocessableEntity, one, wrong(fields))
	case err != nil:
		return err
	}
	return frame.See(c, "/operator/visit/"+number)
}

// wrong is what the comparison lacks. Lines are named once each; the two boxes share a sentence.
func wrong(fields fault.Fields) []ui.Fault {
	var out []ui.Fault
	for _, f := range fields {
		name := f.Name
		if name != "face" && name != "genuine" {
			name = "match-" + frame.ID(name)
		}
		said := false
		for _, o := range out {
			said = said || o.Code == f.Code
		}
		if !said {
			out = append(out, ui.Fault{Field: name, Code: f.Code})
		}
	}
	return out
}

// form sends the application form of a confirmed visit, to be printed and signed.
func (d *Door) form(c echo.Context) error {
	v, pdf, err := d.Visits.Form(c.Request().Context(), operator(c), c.Param("id"))
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentDisposition, fmt.Sprintf(`inline; filename="visit-%s.pdf"`, strings.Map(digit, v.Number)))
	return c.Blob(http.StatusOK, "application/pdf", pdf)
}

func digit(r rune) rune {
	if r >= '0' && r <= '9' || r == '-' {
		return r
	}
	return -1
}

func (d *Door) journal(c echo.Context) error {
	acts, err := d.Visits.Journal(c.Request().Context(), operator(c))
	if err != nil {
		return err
	}
	p := ui.OperatorJournal{}
	for _, a := range acts {
		p.Rows = append(p.Rows, ui.JournalRow{At: a.At, Number: a.Number, Kind: string(a.Kind), Reason: string(a.Reason), Name: a.Name})
	}
	return d.render(c, http.StatusOK, "journal", p)
}

func fullName(p account.Person) string {
	return strings.Join(strings.Fields(p.FamilyName.Format()+" "+p.GivenName.Format()+" "+p.Patronymic.Format()), " ")
}

// initials is how staff are named: И. Смирнова.
func initials(p account.Person) string {
	_, size := utf8.DecodeRuneInString(p.GivenName.Format())
	if size == 0 {
		return p.FamilyName.Format()
	}
	return p.GivenName.Format()[:size] + ". " + p.FamilyName.Format()
}

func sex(lang string, s civil.Sex) string {
	words := map[civil.Sex][2]string{civil.Female: {"женский", "female"}, civil.Male: {"мужской", "male"}}
	if lang == "en" {
		return words[s][1]
	}
	return words[s][0]
}
