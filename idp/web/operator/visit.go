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

// look is a case that the operator opened, or one that waits for them as the second.
func (d *Door) look(c echo.Context) (one *confirm.Case, second bool, err error) {
	ctx, op, id := c.Request().Context(), operator(c), c.Param("id")
	if one, err = d.Visits.Case(ctx, op, id); errors.Is(err, confirm.ErrNoVisit) {
		second = true
		one, err = d.Visits.Colleague(ctx, op, id)
	}
	return one, second, err
}

// showCase shows a case as it stands: to compare, waiting, done, refused.
func (d *Door) showCase(c echo.Context) error {
	one, second, err := d.look(c)
	if err != nil {
		return err
	}
	v := one.Visit
	switch v.Outcome {
	case "":
		if confirm.VisitReason(v.Reason) == confirm.ToCorrect && v.New == nil && one.Obstacle == "" {
			return frame.See(c, firstStep(v))
		}
		return d.compare(c, http.StatusOK, one, second, nil)
	case confirm.VisitWaiting:
		if second {
			return d.compare(c, http.StatusOK, one, second, nil)
		}
		p := ui.OperatorWaiting{Number: v.Number, Name: fullName(*v.Person), Reason: v.Reason, Risks: risks(v), Until: v.Opened.Add(confirm.VisitLife), URL: casePath(v.ID)}
		if confirm.VisitReason(v.Reason) == confirm.ToDelete {
			p.URL, p.PrintURL = "/operator", casePath(v.ID)+"/form.pdf" // once deleted, the case is gone too
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
	p := ui.OperatorDone{Number: v.Number, At: v.Closed, Name: fullName(*v.Person), Outcome: v.Outcome, Seconded: second}
	if !second && d.Now().Before(v.Closed.Add(confirm.FormLife)) {
		p.PrintURL = casePath(v.ID) + "/form.pdf"
	}
	if until := v.Closed.Add(confirm.EnvelopePrint); !second && v.Code != "" && d.Now().Before(until) {
		p.EnvelopeURL, p.EnvelopeUntil = casePath(v.ID)+"/envelope.pdf", until
	}
	return d.render(c, http.StatusOK, "visit", p)
}

func risks(v *confirm.Visit) []string {
	var out []string
	for _, r := range v.Risks {
		out = append(out, string(r))
	}
	return out
}

// compare shows what is known beside the document in hand. Of an account that is not the operator's to
// decide on nothing is shown.
func (d *Door) compare(c echo.Context, status int, one *confirm.Case, second bool, wrong []ui.Fault) error {
	v, a, why := one.Visit, one.Account, confirm.VisitReason(one.Visit.Reason)
	p := ui.OperatorCompare{
		Form:   ui.Form{Action: casePath(v.ID), Faults: wrong, Hidden: []ui.Hidden{{Name: "what", Value: v.Reason}}},
		Number: v.Number, Reason: v.Reason, StartedAt: v.Opened, Blocked: string(one.Obstacle), Second: second,
		Face: frame.Field(c, "face") != "", Genuine: frame.Field(c, "genuine") != "", Sure: frame.Field(c, "sure") != "", LetterLive: one.LetterLive,
	}
	if second {
		asker, err := d.Read.Account(c.Request().Context(), v.Operator)
		if err != nil {
			return err
		}
		p.Asker, p.Risks = initials(asker.Profile.Person), risks(v)
	}
	if a == nil {
		return d.render(c, status, "visit", p)
	}
	person := one.Person
	p.CheckedAt, p.Level, p.Name, p.SNILS = a.Profile.Checked, a.Level.String(), fullName(person), person.SNILS.Format()
	if person.Document != nil {
		p.DocumentType = person.Document.Type.String()
		p.Valid = v.New == nil && a.Level >= account.Standard && one.Obstacle != confirm.DocumentLapse
	}
	for _, m := range a.Confirmations {
		if m.Live() {
			p.Methods = append(p.Methods, m.Method.String())
		}
	}
	if v.Phone != nil && !v.Phone.Proved.IsZero() {
		p.Phone = v.Phone.Value
	}
	for _, o := range v.Others {
		p.Others = append(p.Others, ui.Namesake{Name: o.Name, Level: o.Level, Shares: o.Shares})
	}
	if !second {
		switch why {
		case confirm.ToRestore, confirm.ToRegister:
			p.PhoneURL = casePath(v.ID) + "/phone"
		case confirm.ToCorrect:
			p.DataURL = casePath(v.ID) + "/data"
		case confirm.ToDelete:
			p.PrintURL = casePath(v.ID) + "/form.pdf"
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

// decide does what the case is for or refuses, by the button that was pressed; a colleague agrees or does not.
func (d *Door) decide(c echo.Context) error {
	ctx, op, id := c.Request().Context(), operator(c), c.Param("id")
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
	what := confirm.VisitReason(frame.Field(c, "what"))
	var v *confirm.Visit
	var err error
	switch frame.Field(c, "act") {
	case "confirm":
		v, err = d.settle(c, seen)
		if errors.Is(err, confirm.ErrNoVisit) {
			v, err = d.Visits.Second(ctx, op, id, true, seen)
		}
	case "refuse":
		if !seen.Face {
			differs = append(differs, "face")
		}
		if !seen.Genuine {
			differs = append(differs, "genuine")
		}
		v, err = d.Visits.Refuse(ctx, op, id, differs)
		if errors.Is(err, confirm.ErrNoVisit) {
			v, err = d.Visits.Second(ctx, op, id, false, seen)
		}
	default:
		return frame.ErrForm
	}
	var fields fault.Fields
	var obstacle confirm.Obstacle
	switch {
	case errors.As(err, &fields), errors.As(err, &obstacle):
		edge.Cause(ctx, err)
		one, second, caseErr := d.look(c)
		if caseErr != nil {
			return caseErr
		}
		return d.compare(c, http.StatusUnprocessableEntity, one, second, wrong(fields))
	case errors.Is(err, confirm.ErrNoVisit) && what == confirm.ToDelete:
		edge.Cause(ctx, err)
		return frame.See(c, "/operator?done=gone") // the button was pressed twice, and the case went with the account
	case err != nil:
		return err
	case v.Outcome == confirm.VisitDeleted:
		return frame.See(c, "/operator?done=deleted")
	}
	return frame.See(c, casePath(id))
}

// settle does it. A deletion wants the signed form too, which no domain can see.
func (d *Door) settle(c echo.Context, seen confirm.Comparison) (*confirm.Visit, error) {
	ctx, op, id := c.Request().Context(), operator(c), c.Param("id")
	if frame.Field(c, "sure") == "" {
		one, err := d.Visits.Case(ctx, op, id)
		if err != nil {
			return nil, err
		}
		if confirm.VisitReason(one.Visit.Reason) == confirm.ToDelete && one.Visit.Outcome == "" {
			return nil, fault.Fields{{Name: "sure", Code: "delete.sure"}}
		}
	}
	return d.Visits.Settle(ctx, op, id, seen)
}

// wrong is what the comparison lacks. Lines are named once each; the two boxes share a sentence.
func wrong(fields fault.Fields) []ui.Fault {
	var out []ui.Fault
	for _, f := range fields {
		name := f.Name
		switch name {
		case "face", "genuine", "sure":
		case "tel":
			name = "phone"
		default:
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

// paper sends a PDF of a visit.
func paper(c echo.Context, kind string, v *confirm.Visit, pdf []byte) error {
	c.Response().Header().Set(echo.HeaderContentDisposition, fmt.Sprintf(`inline; filename="%s-%s.pdf"`, kind, strings.Map(digit, v.Number)))
	return c.Blob(http.StatusOK, "application/pdf", pdf)
}

func digit(r rune) rune {
	if r >= '0' && r <= '9' || r == '-' {
		return r
	}
	return -1
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
