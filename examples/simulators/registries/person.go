package registries

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A Person is somebody who exists: what the pension fund, the interior
// ministry and the tax service have written down.
type Person struct {
	Phone        string   `json:"phone,omitempty"`
	FamilyName   string   `json:"family_name"`
	GivenName    string   `json:"given_name"`
	Patronymic   string   `json:"patronymic,omitempty"`
	Sex          string   `json:"sex"`
	BirthDate    string   `json:"birth_date"`
	BirthPlace   string   `json:"birth_place"`
	Citizenship  string   `json:"citizenship"`
	SNILS        string   `json:"snils"`
	INN          string   `json:"inn,omitempty"`
	Document     Document `json:"document"`
	NeverAnswers bool     `json:"never_answers,omitempty"`
	Address      string   `json:"address,omitempty"`
}

// A Document proves who somebody is.
type Document struct {
	Type           string `json:"type"`
	Number         string `json:"number"`
	IssuedOn       string `json:"issued_on"`
	Issuer         string `json:"issuer"`
	DepartmentCode string `json:"department_code,omitempty"`
}

// Shown is the number as people write it: a Russian passport's series apart.
func (d Document) Shown() string {
	if d.Type == Passport && len(d.Number) == 10 {
		return d.Number[:2] + " " + d.Number[2:4] + " " + d.Number[4:]
	}
	return d.Number
}

// Document types.
const (
	Passport        = "ru_passport"
	ResidencePermit = "residence_permit"
	ForeignPassport = "foreign_passport"
)

var documentTypes = []string{Passport, ResidencePermit, ForeignPassport}

var threeLetters = regexp.MustCompile(`^[A-Z]{3}$`)

// check brings the numbers into digits and names everything that is wrong.
func (p Person) check() (Person, error) {
	var errs []error
	wrong := func(field string) { errs = append(errs, errors.New(field)) }
	p.SNILS, p.INN = digits(p.SNILS), digits(p.INN)
	p.Document.Number = documentNumber(p.Document.Number)
	p.Sex = strings.ToLower(strings.TrimSpace(p.Sex))
	p.Citizenship = strings.ToUpper(strings.TrimSpace(p.Citizenship))
	for _, text := range []*string{&p.Phone, &p.FamilyName, &p.GivenName, &p.Patronymic, &p.BirthPlace, &p.Document.Issuer, &p.Document.DepartmentCode, &p.Address} {
		*text = strings.TrimSpace(*text)
		if len(*text) > 500 {
			wrong("too_long")
		}
	}
	if p.FamilyName == "" {
		wrong("family_name")
	}
	if p.GivenName == "" {
		wrong("given_name")
	}
	if p.Sex != "m" && p.Sex != "f" {
		wrong("sex")
	}
	if _, err := time.Parse(time.DateOnly, p.BirthDate); err != nil {
		wrong("birth_date")
	}
	if !threeLetters.MatchString(p.Citizenship) {
		wrong("citizenship")
	}
	if len(p.SNILS) != 11 || snilsCheck(p.SNILS[:9]) != p.SNILS[9:] {
		wrong("snils")
	}
	if p.INN != "" && (len(p.INN) != 12 || innCheck(p.INN[:10]) != p.INN[10:]) {
		wrong("inn")
	}
	if !slices.Contains(documentTypes, p.Document.Type) {
		wrong("document_type")
	}
	if p.Document.Number == "" {
		wrong("document_number")
	}
	if _, err := time.Parse(time.DateOnly, p.Document.IssuedOn); err != nil {
		wrong("issued_on")
	}
	return p, errors.Join(errs...)
}

// fold makes two spellings of a name or an office equal: composition, case,
// ё as е, hyphens as spaces, runs of spaces as one.
func fold(s string) string {
	s = strings.ReplaceAll(strings.ToLower(norm.NFC.String(s)), "ё", "е")
	words := strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || unicode.Is(unicode.Cf, r) || r == '\u2212'
	})
	return strings.Join(words, " ")
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// documentNumber keeps letters too: foreign passports have them.
func documentNumber(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, norm.NFC.String(s))
}

func snilsCheck(nine string) string {
	sum := 0
	for i, r := range nine {
		sum += int(r-'0') * (9 - i)
	}
	sum %= 101
	if sum == 100 {
		sum = 0
	}
	return fmt.Sprintf("%02d", sum)
}

func innCheck(ten string) string {
	digit := func(s string, weights []int) string {
		sum := 0
		for i, r := range s {
			sum += int(r-'0') * weights[i]
		}
		return fmt.Sprint(sum % 11 % 10)
	}
	first := digit(ten, []int{7, 2, 4, 10, 3, 5, 9, 4, 6, 8})
	return first + digit(ten+first, []int{3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8})
}

// NewNumbers fills in the SNILS, INN and passport number that a person lacks
// with fresh ones whose check digits are right, so that adding somebody by
// hand needs no arithmetic.
func (p Person) NewNumbers() Person {
	if strings.TrimSpace(p.SNILS) == "" {
		nine := "9" + random(8)
		p.SNILS = nine + snilsCheck(nine)
	}
	if strings.TrimSpace(p.INN) == "" {
		ten := "77" + random(8)
		p.INN = ten + innCheck(ten)
	}
	if strings.TrimSpace(p.Document.Number) == "" {
		p.Document.Number = "45" + random(8)
	}
	return p
}

func random(n int) string {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	// The reader of crypto/rand never fails.
	v, _ := rand.Int(rand.Reader, limit)
	return fmt.Sprintf("%0*d", n, v)
}
