package certificate

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// Attributes of a subject: surname and given name of X.520, and those of the order that says how qualified
// certificates look in Russia.
var (
	oidSurname = asn1.ObjectIdentifier{2, 5, 4, 4}
	oidGiven   = asn1.ObjectIdentifier{2, 5, 4, 42}
	oidSNILS   = asn1.ObjectIdentifier{1, 2, 643, 100, 3}
	oidINN     = asn1.ObjectIdentifier{1, 2, 643, 3, 131, 1, 1}
	oidOGRN    = asn1.ObjectIdentifier{1, 2, 643, 100, 1}
)

// A Subject is the citizen whom a certificate names.
type Subject struct {
	SNILS  civil.SNILS
	Family string
	Given  string // given name and patronymic
	INN    string
	OGRN   string // of the organisation that the certificate is about, if it is
}

// SubjectOf reads whom a certificate names. An attribute that stands there twice says nothing.
func SubjectOf(c *x509.Certificate) (Subject, *Refusal) {
	var s Subject
	var snils string
	for _, attribute := range []struct {
		oid  asn1.ObjectIdentifier
		into *string
	}{{oidSurname, &s.Family}, {oidGiven, &s.Given}, {oidSNILS, &snils}, {oidINN, &s.INN}, {oidOGRN, &s.OGRN}} {
		value, ok := only(c.Subject, attribute.oid)
		if !ok {
			return Subject{}, refuse(NoPerson)
		}
		*attribute.into = value
	}
	var err error
	if s.SNILS, err = civil.ParseSNILS(snils); err != nil || s.Family == "" || s.Given == "" {
		return Subject{}, refuse(NoPerson)
	}
	return s, nil
}

// only gives the one value of an attribute, "" if there is none.
func only(n pkix.Name, oid asn1.ObjectIdentifier) (value string, ok bool) {
	found := 0
	for _, a := range n.Names {
		if a.Type.Equal(oid) {
			found++
			text, isText := a.Value.(string)
			if !isText {
				return "", false
			}
			value = strings.TrimSpace(text)
		}
	}
	return value, found <= 1
}

// Is tells whether the subject is a person: SNILS and full name are equal, the name without regard to case,
// ё and hyphens.
func (s Subject) Is(p account.Person) bool {
	return s.SNILS == p.SNILS && !s.SNILS.IsZero() && s.named(p)
}

func (s Subject) named(p account.Person) bool {
	family, err := civil.ParseName(s.Family)
	if err != nil {
		return false
	}
	given, err := civil.ParseName(s.Given)
	if err != nil {
		return false
	}
	want := p.GivenName.Fold()
	if !p.Patronymic.IsZero() {
		want += " " + p.Patronymic.Fold()
	}
	return family.Fold() == p.FamilyName.Fold() && given.Fold() == want
}

// A Use is what a certificate is shown for.
type Use int

// Signing is of a statement, Presenting in a TLS handshake.
const (
	Signing Use = iota + 1
	Presenting
)

// Rules are the settings of an installation.
type Rules struct {
	// Qualified are the policies of which a qualified certificate carries one; Card those of electronic
	// cards. In dotted form.
	Qualified, Card []string
}

// Classes are the policies by which Russian authorities say how the holder's signing tool is protected:
// KC1, KC2, KC3, KB1, KB2, KA1. Every qualified certificate carries one.
func Classes() []string {
	return []string{"1.2.643.100.113.1", "1.2.643.100.113.2", "1.2.643.100.113.3", "1.2.643.100.113.4", "1.2.643.100.113.5", "1.2.643.100.113.6"}
}

// Inspect judges a certificate by itself at a time: strength, validity, use, policy, subject. It says
// nothing of who issued it.
func Inspect(c *x509.Certificate, use Use, at time.Time, rules Rules) (Subject, account.Method, *Refusal) {
	if refusal := strong(c); refusal != nil {
		return Subject{}, 0, refusal
	}
	if at.Before(c.NotBefore) {
		return Subject{}, 0, &Refusal{Reason: NotYetValid, At: c.NotBefore}
	}
	if at.After(c.NotAfter) {
		return Subject{}, 0, &Refusal{Reason: Expired, At: c.NotAfter}
	}
	if !usable(c, use) {
		return Subject{}, 0, refuse(KeyUsage)
	}
	method, ok := rules.method(c)
	if !ok {
		return Subject{}, 0, refuse(NotQualified)
	}
	s, refusal := SubjectOf(c)
	return s, method, refusal
}

// usable tells whether the certificate may be used so. A qualified one always says what for.
func usable(c *x509.Certificate, use Use) bool {
	if c.IsCA {
		return false
	}
	if use == Signing {
		return c.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0
	}
	extended := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) == 0 ||
		slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth) || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny)
	return c.KeyUsage&x509.KeyUsageDigitalSignature != 0 && extended
}

func (r Rules) method(c *x509.Certificate) (account.Method, bool) {
	has := func(list []string) bool {
		return slices.ContainsFunc(c.Policies, func(p x509.OID) bool { return slices.Contains(list, p.String()) })
	}
	switch {
	case has(r.Card):
		return account.ElectronicCard, true
	case has(r.Qualified):
		return account.QualifiedSignature, true
	}
	return 0, false
}

// Issuer is the authority that issued a certificate, as records and tokens name it: common name,
// organisation and country.
func Issuer(c *x509.Certificate) string {
	var parts []string
	add := func(name string, values ...string) {
		for _, v := range values {
			if v = strings.Map(printable, v); v != "" {
				parts = append(parts, name+"="+v)
			}
		}
	}
	add("CN", c.Issuer.CommonName)
	add("O", c.Issuer.Organization...)
	add("C", c.Issuer.Country...)
	return strings.Join(parts, ", ")
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

// Serial is the number of a certificate in lower-case hexadecimal.
func Serial(c *x509.Certificate) string { return c.SerialNumber.Text(16) }
