package registry

import (
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// A Form is a citizen's data as typed.
type Form struct {
	FamilyName, GivenName, Patronymic     string
	Sex                                   string
	BirthDay, BirthMonth, BirthYear       string
	BirthPlace                            string
	Citizenship                           string
	SNILS                                 string
	DocumentType, DocumentNumber          string
	IssuedDay, IssuedMonth, IssuedYear    string
	ExpiresDay, ExpiresMonth, ExpiresYear string // all empty: the document names no last day
	Issuer, DepartmentCode                string
}

// Parse turns what was typed into a person, or says what is wrong in the order of the form: a fault.Fields
// named as the registries name the fields.
func (f Form) Parse(today civil.Date) (account.Person, error) {
	var p account.Person
	var wrong fault.Fields
	note := func(field string, err error) {
		if err != nil {
			code := civil.CodeOf(err)
			if code == "" {
				code = "unknown"
			}
			wrong.Add(field, code)
		}
	}
	var err error
	p.FamilyName, err = civil.ParseName(f.FamilyName)
	note("family_name", err)
	p.GivenName, err = civil.ParseName(f.GivenName)
	note("given_name", err)
	if f.Patronymic != "" {
		p.Patronymic, err = civil.ParseName(f.Patronymic)
		if civil.CodeOf(err) != "name.required" { // spaces alone are no patronymic
			note("patronymic", err)
		}
	}
	p.Sex, err = civil.ParseSex(f.Sex)
	note("sex", err)
	if p.BirthDate, err = civil.ParseDate(f.BirthYear, f.BirthMonth, f.BirthDay); err == nil {
		err = civil.CheckBirth(p.BirthDate, today)
	}
	note("birth_date", err)
	birth := p.BirthDate
	if err != nil {
		birth = civil.Date{} // so that the document is not judged by a wrong birthday
	}
	p.BirthPlace, err = civil.ParsePlace(f.BirthPlace)
	note("birth_place", err)
	p.Citizenship, err = civil.ParseCountry(f.Citizenship)
	note("citizenship", err)
	p.SNILS, err = civil.ParseSNILS(f.SNILS)
	note("snils", err)

	doc := civil.Document{Type: civil.DocumentType(f.DocumentType), Number: f.DocumentNumber, Issuer: f.Issuer, DepartmentCode: f.DepartmentCode}
	var dates fault.Fields
	if doc.IssuedOn, err = civil.ParseDate(f.IssuedYear, f.IssuedMonth, f.IssuedDay); err != nil {
		dates.Add("issued_on", civil.CodeOf(err))
	}
	if f.ExpiresDay+f.ExpiresMonth+f.ExpiresYear != "" {
		if doc.ExpiresOn, err = civil.ParseDate(f.ExpiresYear, f.ExpiresMonth, f.ExpiresDay); err != nil {
			dates.Add("expires_on", civil.CodeOf(err))
		}
	}
	right, err := civil.ParseDocument(doc, birth, today)
	if found, ok := err.(fault.Fields); ok {
		for _, w := range found {
			if dates.Code(w.Name) == "" {
				dates = append(dates, w)
			}
		}
	} else if err != nil {
		return account.Person{}, err
	}
	for _, name := range []string{"document_type", "document_number", "issued_on", "expires_on", "issuer", "department_code"} {
		if code := dates.Code(name); code != "" {
			wrong.Add(name, code)
		}
	}
	if err := wrong.Err(); err != nil {
		return account.Person{}, err
	}
	p.Document = &right
	return p, nil
}

// Whole tells whether a person has all that the registries are asked about, and whether the document can
// be of somebody born that day. It holds for every Person that Parse made; Submit asks again, so that no
// other door files half an application.
func Whole(p account.Person, today civil.Date) error {
	var wrong fault.Fields
	for _, f := range []struct {
		name    string
		missing bool
	}{
		{"family_name", p.FamilyName.IsZero()}, {"given_name", p.GivenName.IsZero()}, {"sex", p.Sex == ""},
		{"birth_date", p.BirthDate.IsZero()}, {"birth_place", p.BirthPlace == ""}, {"citizenship", p.Citizenship.IsZero()},
		{"snils", p.SNILS.IsZero()}, {"document_number", p.Document == nil},
	} {
		if f.missing {
			wrong.Add(f.name, "required")
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	if err := civil.CheckBirth(p.BirthDate, today); err != nil {
		wrong.Add("birth_date", civil.CodeOf(err))
		return wrong
	}
	_, err := civil.ParseDocument(*p.Document, p.BirthDate, today)
	return err
}

// today is the day that dates in documents are judged by.
func (d *Desk) today() civil.Date { return civil.DateOf(d.Wall().In(d.Zone)) }

// Today is today's date where the citizens are.
func (d *Desk) Today() civil.Date { return d.today() }

var moscow = time.FixedZone("MSK", 3*60*60)

// FormOf fills a form with a person's data, as people read it.
func FormOf(p account.Person) Form {
	f := Form{
		FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(), Patronymic: p.Patronymic.String(), Sex: p.Sex.String(),
		BirthPlace: p.BirthPlace, Citizenship: p.Citizenship.String(), SNILS: p.SNILS.Format(),
	}
	f.BirthDay, f.BirthMonth, f.BirthYear = parts(p.BirthDate)
	if f.Citizenship == "" {
		f.Citizenship = civil.Russia.String()
	}
	if d := p.Document; d != nil {
		f.DocumentType, f.DocumentNumber, f.Issuer, f.DepartmentCode = d.Type.String(), d.Format(), d.Issuer, d.DepartmentCode
		f.IssuedDay, f.IssuedMonth, f.IssuedYear = parts(d.IssuedOn)
		f.ExpiresDay, f.ExpiresMonth, f.ExpiresYear = parts(d.ExpiresOn)
	}
	return f
}

func parts(d civil.Date) (day, month, year string) {
	if d.IsZero() {
		return "", "", ""
	}
	s := d.String()
	return s[8:10], s[5:7], s[:4]
}
