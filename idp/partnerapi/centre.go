package partnerapi

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/registry"
)

// OperatorHeader carries the token of the shift (package shift): which operator of the centre sits at the program.
const OperatorHeader = "Propusk-Operator"

// mountCentre adds what the software of service centres calls. Every call is an operator's, goes through the same desk
// as the console's pages (confirm.Visits) and leaves the same records; nothing can be done here that cannot be done there.
func (d *Door) mountCentre(g *echo.Group) {
	d.act(g, "/centre/searches", partner.Centre, d.atWindow(d.searchVisit))
	d.act(g, "/centre/registrations", partner.Centre, d.atWindow(d.registerHere))
	d.read(g, "/centre/visits", partner.Centre, d.asOperator(d.listVisits))
	d.read(g, "/centre/visits/:id", partner.Centre, d.asOperator(d.showVisit))
	d.read(g, "/centre/visits/:id/second", partner.Centre, d.asOperator(d.showSecond))
	d.act(g, "/centre/visits/:id/settlement", partner.Centre, d.atWindow(d.settleVisit))
	d.act(g, "/centre/visits/:id/refusal", partner.Centre, d.atWindow(d.refuseVisit))
	d.act(g, "/centre/visits/:id/second", partner.Centre, d.atWindow(d.secondVisit))
	d.act(g, "/centre/visits/:id/phone", partner.Centre, d.atWindow(d.sendVisitCode))
	d.act(g, "/centre/visits/:id/phone/code", partner.Centre, d.atWindow(d.enterVisitCode))
	d.act(g, "/centre/visits/:id/data", partner.Centre, d.atWindow(d.takeData))
	d.read(g, "/centre/visits/:id/form", partner.Centre, d.asOperator(d.visitPaper((*confirm.Visits).Form)))
	d.read(g, "/centre/visits/:id/envelope", partner.Centre, d.asOperator(d.visitPaper((*confirm.Visits).EnvelopePaper)))
}

// An operated handler works for an operator.
type operated func(ctx context.Context, c *call, op confirm.Operator) (*answer, error)

// asOperator reads the shift. Its token is looked at when the partner, its token and its proof are right.
func (d *Door) asOperator(h operated) handler {
	return func(ctx context.Context, c *call) (*answer, error) {
		values := c.Request().Header.Values(OperatorHeader)
		if len(values) != 1 {
			return nil, refuse(http.StatusUnauthorized, "no_operator", "there is not exactly one "+OperatorHeader)
		}
		key, _ := c.Get(keyBound).(string)
		s, err := d.Shifts.Present(ctx, values[0], c.partner, key)
		if err != nil {
			return nil, err
		}
		return h(ctx, c, confirm.Operator{Account: s.Account, Session: "shift " + s.ID, Device: c.partner.NameIn("ru"), Request: edge.RequestID(ctx)})
	}
}

const (
	kindDoing = "partner_doing"
	doingFor  = 2 * time.Minute
)

// atWindow is asOperator for what changes something. The desk of visits keeps no answers in its transactions, so that a
// request under way is marked: its repeat waits. What was done, and whose answer was lost with the process, is safe
// to send again: a visit that is decided says so, and what was begun twice ends by itself within the hour.
func (d *Door) atWindow(h operated) handler {
	return d.asOperator(func(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
		if id := c.Param("id"); id != "" && !visitForm.MatchString(id) {
			return nil, confirm.ErrNoVisit
		}
		mark := string(c.once.Partner) + " " + c.once.Key
		err := d.Transients.Create(ctx, kindDoing, mark, []byte{1}, d.Now(), d.Now().Add(doingFor))
		if errors.Is(err, fault.Exists) {
			return nil, refuse(http.StatusConflict, "under_way", "the request is being worked on: send it again in a moment, with the same Idempotency-Key")
		}
		if err != nil {
			return nil, err
		}
		defer func() { _ = d.Transients.Delete(context.WithoutCancel(ctx), kindDoing, mark) }()
		if told, err := d.told(ctx, c); told != nil || err != nil { // the one before may have ended since the guard looked
			if err != nil {
				return nil, err
			}
			return nil, partner.ErrAnswered
		}
		a, err := h(ctx, c, op)
		if err != nil {
			return nil, err
		}
		if err := c.once.Keep(ctx, d.Keep, a.status, a.body, d.Now()); err != nil {
			return nil, err
		}
		return a, nil
	})
}

var visitForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// A visitState is a visit without anybody's data: it is kept for repeats.
type visitState struct {
	ID       string    `json:"id"`
	Number   string    `json:"number"`
	Reason   string    `json:"reason"`
	Status   string    `json:"status"`
	Until    time.Time `json:"until"`
	Mismatch []string  `json:"mismatches,omitempty"`
	Risks    []string  `json:"risks,omitempty"`
	Phone    string    `json:"phone,omitempty"` // proved, waiting
	Tries    int       `json:"tries_left,omitempty"`
}

func stateOf(v *confirm.Visit) visitState {
	s := visitState{ID: v.ID, Number: v.Number, Reason: v.Reason, Status: v.Outcome, Until: v.Opened.Add(confirm.VisitLife), Mismatch: v.Mismatch}
	if s.Status == "" {
		s.Status = "open"
	}
	for _, r := range v.Risks {
		s.Risks = append(s.Risks, string(r))
	}
	if v.Phone != nil {
		if s.Phone = "waiting"; !v.Phone.Proved.IsZero() {
			s.Phone = "proved"
		} else {
			s.Tries = v.Phone.Left()
		}
	}
	return s
}

func visitAnswer(status int, v *confirm.Visit, err error) (*answer, error) {
	if err != nil {
		return nil, err
	}
	return &answer{status: status, location: Root + "/centre/visits/" + v.ID, body: stateOf(v)}, nil
}

// A visitSearch is the body of POST /centre/searches: the code that the citizen shows, or both numbers.
type visitSearch struct {
	VisitCode string `json:"visit_code"`
	SNILS     string `json:"snils"`
	Document  string `json:"document_number"`
	Reason    string `json:"reason"`
}

// searchVisit finds a person and opens their visit, as the console's first page does.
func (d *Door) searchVisit(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in visitSearch
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	why := confirm.VisitReason(in.Reason)
	var found *confirm.Found
	var err error
	if in.VisitCode != "" {
		if in.SNILS != "" || in.Document != "" {
			return nil, fault.Fields{{Name: "visit_code", Code: "visit_code.alone"}}
		}
		found, err = d.Visits.FindByCode(ctx, op, in.VisitCode, why)
	} else {
		var snils civil.SNILS
		if snils, err = civil.ParseSNILS(in.SNILS); err != nil {
			return nil, fault.Fields{{Name: "snils", Code: civil.CodeOf(err)}}
		}
		found, err = d.Visits.Find(ctx, op, snils, in.Document, why)
	}
	if err != nil {
		return nil, err
	}
	v, err := d.Visits.Open(ctx, op, found.Account, why)
	return visitAnswer(http.StatusCreated, v, err)
}

// A newcomer is the body of POST /centre/registrations.
type newcomer struct {
	Language string     `json:"language"`
	Person   personData `json:"person"`
}

// personData is all that the registries are asked about, as an operator takes it down.
type personData struct {
	FamilyName  string       `json:"family_name"`
	GivenName   string       `json:"given_name"`
	Patronymic  string       `json:"patronymic,omitempty"`
	Sex         string       `json:"sex"`
	BirthDate   string       `json:"birth_date"`
	BirthPlace  string       `json:"birth_place"`
	Citizenship string       `json:"citizenship"`
	SNILS       string       `json:"snils"`
	Document    documentData `json:"document"`
}

type documentData struct {
	Type           string `json:"type"`
	Number         string `json:"number"`
	IssuedOn       string `json:"issued_on"`
	ExpiresOn      string `json:"expires_on,omitempty"`
	Issuer         string `json:"issuer"`
	DepartmentCode string `json:"department_code,omitempty"`
}

// read parses the data; its errors name the members below person.
func (in personData) read(today civil.Date) (account.Person, error) {
	f := registry.Form{
		FamilyName: in.FamilyName, GivenName: in.GivenName, Patronymic: in.Patronymic, Sex: in.Sex, BirthPlace: in.BirthPlace, Citizenship: in.Citizenship,
		SNILS: in.SNILS, DocumentType: in.Document.Type, DocumentNumber: in.Document.Number, Issuer: in.Document.Issuer, DepartmentCode: in.Document.DepartmentCode,
	}
	f.BirthYear, f.BirthMonth, f.BirthDay = split(in.BirthDate)
	f.IssuedYear, f.IssuedMonth, f.IssuedDay = split(in.Document.IssuedOn)
	if in.Document.ExpiresOn != "" {
		f.ExpiresYear, f.ExpiresMonth, f.ExpiresDay = split(in.Document.ExpiresOn)
	}
	p, err := f.Parse(today)
	return p, below("person", err)
}

// below puts the wrong fields of a form below a member of the body.
func below(member string, err error) error {
	var fields, wrong fault.Fields
	if !errors.As(err, &fields) {
		return err
	}
	for _, x := range fields {
		name := x.Name
		if other, ok := renamed[name]; ok {
			name = other
		}
		wrong.Add(member+"."+name, x.Code)
	}
	return wrong
}

// dataOf is the data of a profile as it is compared.
func dataOf(p account.Person) personData {
	out := personData{
		FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(), Patronymic: p.Patronymic.String(), Sex: p.Sex.String(),
		BirthDate: p.BirthDate.String(), BirthPlace: p.BirthPlace, Citizenship: string(p.Citizenship), SNILS: p.SNILS.String(),
	}
	if k := p.Document; k != nil {
		out.Document = documentData{Type: k.Type.String(), Number: k.Number, IssuedOn: k.IssuedOn.String(), Issuer: k.Issuer, DepartmentCode: k.DepartmentCode}
		if !k.ExpiresOn.IsZero() {
			out.Document.ExpiresOn = k.ExpiresOn.String()
		}
	}
	return out
}

func (d *Door) registerHere(ctx context.Context, c *call, op confirm.Operator) (*answer, error) {
	var in newcomer
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	if in.Language == "" {
		in.Language = "ru"
	}
	if in.Language != "ru" && in.Language != "en" {
		return nil, fault.Fields{{Name: "language", Code: "language.unknown"}}
	}
	p, err := in.Person.read(d.Visits.Registry.Today())
	if err != nil {
		return nil, err
	}
	v, err := d.Visits.RegisterHere(ctx, op, confirm.Newcomer{Person: p, Lang: in.Language})
	return visitAnswer(http.StatusCreated, v, below("person", err))
}
