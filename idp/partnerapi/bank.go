package partnerapi

import (
	"context"
	"errors"
	"net/http"
	"regexp"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/registry"
)

// mountBank adds what banks call.
func (d *Door) mountBank(g *echo.Group) {
	d.act(g, "/confirmations", partner.Bank, d.confirm)
	d.read(g, "/confirmations/:reference", partner.Bank, d.outcome(bank.Confirmation))
	d.act(g, "/registrations", partner.Bank, d.register)
	d.read(g, "/registrations/:reference", partner.Bank, d.outcome(bank.Registration))
}

// A confirmation is the body of POST /confirmations.
type confirmation struct {
	Reference string   `json:"reference"`
	Ticket    string   `json:"ticket"`
	Identity  identity `json:"identity"`
}

// An identity is what a bank knows of its client.
type identity struct {
	FamilyName string `json:"family_name"`
	GivenName  string `json:"given_name"`
	Patronymic string `json:"patronymic"`
	BirthDate  string `json:"birth_date"`
	SNILS      string `json:"snils"`
	Document   struct {
		Type   string `json:"type"`
		Number string `json:"number"`
	} `json:"document"`
	Phone string `json:"phone"`
}

// A reference is a bank's own; whatever it means to the bank, it must not be a person's number with spaces
// and letters in it.
var referenceForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{3,63}$`)

var ticketForm = regexp.MustCompile(`^[A-Z2-7]{26}$`)

// read parses an identity; wrong gathers what is not one.
func (in identity) read(wrong *fault.Fields) (out bank.Identity) {
	note := func(name string, err error) {
		if err != nil {
			wrong.Add("identity."+name, civil.CodeOf(err))
		}
	}
	var err error
	out.FamilyName, err = civil.ParseName(in.FamilyName)
	note("family_name", err)
	out.GivenName, err = civil.ParseName(in.GivenName)
	note("given_name", err)
	if in.Patronymic != "" {
		out.Patronymic, err = civil.ParseName(in.Patronymic)
		note("patronymic", err)
	}
	out.BirthDate, err = civil.ParseISODate(in.BirthDate)
	note("birth_date", err)
	out.SNILS, err = civil.ParseSNILS(in.SNILS)
	note("snils", err)
	if out.Document.Type, err = civil.ParseDocumentType(in.Document.Type); err != nil {
		note("document.type", err)
	} else {
		out.Document.Number, err = civil.ParseDocumentNumber(out.Document.Type, in.Document.Number)
		note("document.number", err)
	}
	out.Phone, err = civil.ParsePhone(in.Phone)
	note("phone", err)
	return out
}

// confirm takes a bank's word for its client (bank.Desk.Confirm). The answer is kept with the effect.
func (d *Door) confirm(ctx context.Context, c *call) (*answer, error) {
	var in confirmation
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	var wrong fault.Fields
	if !referenceForm.MatchString(in.Reference) {
		wrong.Add("reference", "reference.format")
	}
	if in.Ticket != "" && !ticketForm.MatchString(in.Ticket) {
		wrong.Add("ticket", "ticket.format")
	}
	who := in.Identity.read(&wrong)
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	out, err := d.Bank.Confirm(ctx, c.partner, bank.Word{
		Once: c.once, Reference: in.Reference, Ticket: in.Ticket, Identity: who, Request: edge.RequestID(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &answer{http.StatusCreated, Root + "/confirmations/" + in.Reference, out}, nil
}

// outcome shows what became of a reference.
func (d *Door) outcome(kind string) handler {
	return func(ctx context.Context, c *call) (*answer, error) {
		reference := c.Param("reference")
		if !referenceForm.MatchString(reference) {
			return nil, fault.NotFound
		}
		out, err := d.Bank.Outcome(ctx, c.partner, kind, reference)
		if err != nil {
			return nil, err
		}
		return &answer{status: http.StatusOK, body: out}, nil
	}
}

// A registration is the body of POST /registrations.
type registration struct {
	Reference string    `json:"reference"`
	Language  string    `json:"language"`
	Identity  applicant `json:"identity"`
}

// An applicant is all that the registries are asked about, and the phone.
type applicant struct {
	FamilyName  string `json:"family_name"`
	GivenName   string `json:"given_name"`
	Patronymic  string `json:"patronymic"`
	Sex         string `json:"sex"`
	BirthDate   string `json:"birth_date"`
	BirthPlace  string `json:"birth_place"`
	Citizenship string `json:"citizenship"`
	SNILS       string `json:"snils"`
	Document    struct {
		Type           string `json:"type"`
		Number         string `json:"number"`
		IssuedOn       string `json:"issued_on"`
		ExpiresOn      string `json:"expires_on"`
		Issuer         string `json:"issuer"`
		DepartmentCode string `json:"department_code"`
	} `json:"document"`
	Phone string `json:"phone"`
}

// renamed are the members whose names are not the form's.
var renamed = map[string]string{
	"document_type": "document.type", "document_number": "document.number", "issued_on": "document.issued_on", "expires_on": "document.expires_on",
	"issuer": "document.issuer", "department_code": "document.department_code",
}

// register takes a whole registration (bank.Desk.Register).
func (d *Door) register(ctx context.Context, c *call) (*answer, error) {
	var in registration
	if err := parse(c.body, &in); err != nil {
		return nil, err
	}
	var wrong fault.Fields
	if !referenceForm.MatchString(in.Reference) {
		wrong.Add("reference", "reference.format")
	}
	if in.Language == "" {
		in.Language = "ru"
	}
	if in.Language != "ru" && in.Language != "en" {
		wrong.Add("language", "language.unknown")
	}
	who := in.Identity
	f := registry.Form{
		FamilyName: who.FamilyName, GivenName: who.GivenName, Patronymic: who.Patronymic, Sex: who.Sex, BirthPlace: who.BirthPlace,
		Citizenship: who.Citizenship, SNILS: who.SNILS, DocumentType: who.Document.Type, DocumentNumber: who.Document.Number,
		Issuer: who.Document.Issuer, DepartmentCode: who.Document.DepartmentCode,
	}
	f.BirthYear, f.BirthMonth, f.BirthDay = split(who.BirthDate)
	f.IssuedYear, f.IssuedMonth, f.IssuedDay = split(who.Document.IssuedOn)
	if who.Document.ExpiresOn != "" {
		f.ExpiresYear, f.ExpiresMonth, f.ExpiresDay = split(who.Document.ExpiresOn)
	}
	person, err := f.Parse(d.Bank.Registry.Today())
	var fields fault.Fields
	if errors.As(err, &fields) {
		for _, x := range fields {
			name := x.Name
			if other, ok := renamed[name]; ok {
				name = other
			}
			wrong.Add("identity."+name, x.Code)
		}
	} else if err != nil {
		return nil, err
	}
	phone, err := civil.ParsePhone(who.Phone)
	if err != nil {
		wrong.Add("identity.phone", civil.CodeOf(err))
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	out, err := d.Bank.Register(ctx, c.partner, bank.Application{
		Once: c.once, Reference: in.Reference, Person: person, Phone: phone, Lang: in.Language, Request: edge.RequestID(ctx),
	})
	if err != nil {
		return nil, err
	}
	return &answer{http.StatusAccepted, Root + "/registrations/" + in.Reference, out}, nil
}

var isoForm = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})$`)

// split takes a date apart for the form; what is none stays wrong there.
func split(iso string) (year, month, day string) {
	m := isoForm.FindStringSubmatch(iso)
	if m == nil {
		return iso, "", ""
	}
	return m[1], m[2], m[3]
}
