package civil

import (
	"log/slog"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/propusk/propusk/idp/fault"
)

// DocumentType is a kind of identity document.
type DocumentType string

// The identity documents an account can be raised with.
const (
	RuPassport      DocumentType = "ru_passport"      // the internal passport of a citizen
	ResidencePermit DocumentType = "residence_permit" // of a foreigner or a stateless person living in Russia
	ForeignPassport DocumentType = "foreign_passport" // of a foreign citizen, issued by another state
)

// DocumentTypes lists the types in the order of forms.
func DocumentTypes() []DocumentType {
	return []DocumentType{RuPassport, ResidencePermit, ForeignPassport}
}

// ParseDocumentType reads the wire spelling.
func ParseDocumentType(s string) (DocumentType, error) {
	for _, t := range DocumentTypes() {
		if s == string(t) {
			return t, nil
		}
	}
	return "", Wrong{"document.type"}
}

// String returns the wire spelling.
func (t DocumentType) String() string { return string(t) }

// A Document is an identity document. ParseDocument makes a right one.
type Document struct {
	Type DocumentType `json:"type"`
	// Number is series and number without separators.
	Number    string `json:"number"`
	IssuedOn  Date   `json:"issued_on"`
	ExpiresOn Date   `json:"expires_on,omitzero"`
	Issuer    string `json:"issuer"`
	// DepartmentCode is XXX-XXX, of a Russian passport only.
	DepartmentCode string `json:"department_code,omitempty"`
}

// PassportAge is the age at which the first passport is issued.
const PassportAge = 14

const maxIssuer = 255

var departmentCode = regexp.MustCompile(`^[0-9]{6}$`)

// ParseDocument checks a document whose text fields are as the person typed
// them, against the birth date and today, and returns it in canonical form.
// The error is a fault.Fields with the names document_type, document_number,
// issued_on, expires_on, issuer and department_code. A zero birth date skips
// the rule about age.
func ParseDocument(in Document, birth, today Date) (Document, error) {
	var wrong fault.Fields
	add := func(name string, err error) {
		if err != nil {
			wrong.Add(name, CodeOf(err))
		}
	}
	out := in
	var err error
	if out.Type, err = ParseDocumentType(string(in.Type)); err != nil {
		add("document_type", err)
	} else {
		out.Number, err = ParseDocumentNumber(in.Type, in.Number)
		add("document_number", err)
	}
	switch {
	case in.IssuedOn.IsZero():
		wrong.Add("issued_on", "date.required")
	case in.IssuedOn.After(today):
		wrong.Add("issued_on", "passport.future")
	case in.Type == RuPassport && !birth.IsZero() && in.IssuedOn.Before(birth.AddYears(PassportAge)),
		!birth.IsZero() && in.IssuedOn.Before(birth):
		wrong.Add("issued_on", "passport.too_early")
	}
	switch {
	case in.ExpiresOn.IsZero():
	case in.ExpiresOn.Before(in.IssuedOn):
		wrong.Add("expires_on", "document.expires_before_issue")
	case in.ExpiresOn.Before(today):
		wrong.Add("expires_on", "document.expired")
	}
	out.Issuer, err = ParseIssuer(in.Issuer)
	add("issuer", err)
	if out.DepartmentCode = ""; in.Type == RuPassport || strings.TrimSpace(in.DepartmentCode) != "" {
		out.DepartmentCode, err = ParseDepartmentCode(in.DepartmentCode)
		add("department_code", err)
	}
	if err := wrong.Err(); err != nil {
		return Document{}, err
	}
	return out, nil
}

// ParseDocumentNumber reads series and number of a document of type t.
func ParseDocumentNumber(t DocumentType, s string) (string, error) {
	if len(s) > maxInput {
		return "", Wrong{"document.length"}
	}
	switch t {
	case RuPassport:
		d, err := digits("document", s, 10)
		if CodeOf(err) == "document.length" {
			err = Wrong{"passport.length"}
		}
		return d, err
	case ResidencePermit:
		return digits("document", s, 9)
	case ForeignPassport:
		n := strings.Map(asLatin, squeeze(s))
		switch {
		case n == "":
			return "", Wrong{"document.required"}
		case strings.ContainsFunc(n, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') }):
			return "", Wrong{"document.characters"}
		case len(n) < 5 || len(n) > 15 || !strings.ContainsAny(n, "0123456789"):
			return "", Wrong{"document.length"}
		}
		return n, nil
	}
	return "", Wrong{"document.type"}
}

// ParseDepartmentCode reads the code of the office that issued a passport.
func ParseDepartmentCode(s string) (string, error) {
	if len(s) > maxInput {
		return "", Wrong{"department.format"}
	}
	d := squeeze(s)
	if d == "" {
		return "", Wrong{"department.required"}
	}
	if !departmentCode.MatchString(d) {
		return "", Wrong{"department.format"}
	}
	return d[:3] + "-" + d[3:], nil
}

// ParseIssuer reads who issued a document, as it is written there.
func ParseIssuer(s string) (string, error) { return parseText("issuer", s, maxIssuer) }

// ParsePlace reads a birth place, as it is written in the document.
func ParsePlace(s string) (string, error) { return parseText("place", s, maxIssuer) }

// parseText reads one line of free text that has at least one letter or digit
// and nothing a document cannot print.
func parseText(family, s string, longest int) (string, error) {
	if len(s) > 8*maxInput {
		return "", Wrong{family + ".long"}
	}
	s = line(s)
	switch {
	case s == "":
		return "", Wrong{family + ".required"}
	case utf8.RuneCountInString(s) > longest:
		return "", Wrong{family + ".long"}
	case !utf8.ValidString(s) || strings.ContainsAny(s, "<>{}\\") || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }),
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return "", Wrong{family + ".characters"}
	}
	return s, nil
}

// IsZero reports that no document is given.
func (d Document) IsZero() bool { return d == Document{} }

// String returns type and number.
func (d Document) String() string { return DocumentKey(d.Type, d.Number) }

// Key is what the blind index finds the document by.
func (d Document) Key() string { return DocumentKey(d.Type, d.Number) }

// DocumentKey is the key of a document of which only the number is known.
func DocumentKey(t DocumentType, number string) string {
	if number == "" {
		return ""
	}
	return string(t) + ":" + number
}

// Format returns the number as printed: 45 08 123456.
func (d Document) Format() string {
	n := d.Number
	switch {
	case d.Type == RuPassport && len(n) == 10:
		return n[:2] + " " + n[2:4] + " " + n[4:]
	case d.Type == ResidencePermit && len(n) == 9:
		return n[:2] + " " + n[2:]
	}
	return n
}

// Mask hides all but the first two signs of the number, for logs.
func (d Document) Mask() string { return hide(d.Format(), 2, 0, '*') }

// MaskPage keeps the last three signs of the number, for the owner's pages.
func (d Document) MaskPage() string { return hide(d.Format(), 0, 3, '•') }

// LogValue tells the type and masks the number.
func (d Document) LogValue() slog.Value {
	return slog.StringValue(string(d.Type) + " " + d.Mask())
}

// LapsesOn returns the first day on which the document is no longer good, or
// the zero date if no day is set. A Russian passport issued before the 20th or
// the 45th birthday lapses on that birthday; whatever names its own last day
// lapses the day after.
func (d Document) LapsesOn(birth Date) Date {
	if d.Type == RuPassport && !birth.IsZero() {
		for _, age := range []int{20, 45} {
			if birthday := birth.AddYears(age); d.IssuedOn.Before(birthday) {
				return birthday
			}
		}
	}
	if !d.ExpiresOn.IsZero() {
		return d.ExpiresOn.AddDays(1)
	}
	return Date{}
}

// Lapsed reports that the document is no longer good on the given day.
func (d Document) Lapsed(birth, on Date) bool {
	lapses := d.LapsesOn(birth)
	return !lapses.IsZero() && !on.Before(lapses)
}
