package civil_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

var (
	today = civil.MustDate(2026, time.November, 21)
	birth = civil.MustDate(1990, time.March, 5)
)

// passport is one that is right in every field.
func passport() civil.Document {
	return civil.Document{
		Type: civil.RuPassport, Number: "45 08 № 123456", IssuedOn: civil.MustDate(2010, time.April, 1),
		Issuer: " ОВД  «Тверской» г. Москвы ", DepartmentCode: "770 001",
	}
}

func address() civil.Address {
	return civil.Address{PostalCode: "119 019", Region: "Москва", Locality: "Москва", Street: "ул. Новый Арбат", House: "1/2", Flat: "7"}
}

// Every code is given by some input, and no input of the table gives another:
// a page has no sentence without a cause and no cause without a sentence.
func TestEveryCodeHasItsCause(t *testing.T) {
	long := strings.Repeat("Ж", 600)
	document := func(change func(*civil.Document)) error {
		d := passport()
		change(&d)
		_, err := civil.ParseDocument(d, birth, today)
		return err
	}
	addressWith := func(change func(*civil.Address)) error {
		a := address()
		change(&a)
		_, err := civil.ParseAddress(a)
		return err
	}
	causes := map[string]error{
		"address.postal_code": addressWith(func(a *civil.Address) { a.PostalCode = "1190" }),
		"address.region":      addressWith(func(a *civil.Address) { a.Region = " " }),
		"address.locality":    addressWith(func(a *civil.Address) { a.Locality = "" }),
		"address.house":       addressWith(func(a *civil.Address) { a.House = "\u200b" }),
		"address.long":        addressWith(func(a *civil.Address) { a.Street = long }),
		"address.characters":  addressWith(func(a *civil.Address) { a.Flat = "<b>" }),

		"birth.future":  civil.CheckBirth(today.AddDays(1), today),
		"birth.too_old": civil.CheckBirth(today.AddYears(-132), today),

		"document.type":                 document(func(d *civil.Document) { d.Type = "library_card" }),
		"document.required":             document(func(d *civil.Document) { d.Number = "" }),
		"document.characters":           document(func(d *civil.Document) { d.Number = "45O8123456" }),
		"document.length":               document(func(d *civil.Document) { d.Type, d.Number = civil.ResidencePermit, "82123456" }),
		"document.expired":              document(func(d *civil.Document) { d.ExpiresOn = today.AddDays(-1) }),
		"document.expires_before_issue": document(func(d *civil.Document) { d.ExpiresOn = d.IssuedOn.AddDays(-1) }),
		"passport.length":               document(func(d *civil.Document) { d.Number = "4508 12345" }),
		"passport.too_early":            document(func(d *civil.Document) { d.IssuedOn = birth.AddYears(14).AddDays(-1) }),
		"passport.future":               document(func(d *civil.Document) { d.IssuedOn = today.AddDays(1) }),
		"department.required":           document(func(d *civil.Document) { d.DepartmentCode = "" }),
		"department.format":             document(func(d *civil.Document) { d.DepartmentCode = "770-01" }),
		"issuer.required":               document(func(d *civil.Document) { d.Issuer = "" }),
		"issuer.characters":             document(func(d *civil.Document) { d.Issuer = "ОВД {Тверской}" }),
		"issuer.long":                   document(func(d *civil.Document) { d.Issuer = long }),
	}
	give := func(code string, err error) { causes[code] = err }
	for code, in := range map[string][3]string{
		"date.required": {}, "date.characters": {"199O", "3", "5"}, "date.year": {"90", "3", "5"}, "date.none": {"1990", "2", "30"},
	} {
		_, err := civil.ParseDate(in[0], in[1], in[2])
		give(code, err)
	}
	table := []struct {
		parse  func(string) error
		inputs map[string]string
	}{
		{call(civil.ParseSNILS), map[string]string{"snils.required": "- ", "snils.characters": "112-233-445 9b", "snils.length": "112-233-445", "snils.check": "112-233-445 96"}},
		{call(civil.ParseINN), map[string]string{"inn.required": "", "inn.characters": "50010073225x", "inn.length": "50010073225", "inn.check": "500100732258"}},
		{call(civil.ParseOGRN), map[string]string{"ogrn.required": "", "ogrn.characters": "x", "ogrn.length": "1", "ogrn.check": "1027700132196"}},
		{call(civil.ParseOGRNIP), map[string]string{"ogrnip.required": "", "ogrnip.characters": "x", "ogrnip.length": "1", "ogrnip.check": "304500116000158"}},
		{call(civil.ParsePhone), map[string]string{"phone.required": "", "phone.characters": "8 900 FLOWERS", "phone.format": "12345", "phone.not_mobile": "+7 495 123-45-67"}},
		{call(civil.ParseEmail), map[string]string{"email.required": "\ufeff", "email.format": "ivan.example.ru", "email.local": "ivan petrov@example.ru", "email.domain": "ivan@localhost",
			"email.long": "ivan@" + strings.Repeat("abcdefghi.", 25) + "ru"}},
		{call(civil.ParseName), map[string]string{"name.required": "", "name.characters": "Иван2", "name.long": long, "name.mixed": "Ивaн"}},
		{call(civil.ParseSex), map[string]string{"sex.unknown": "x"}},
		{call(civil.ParseCountry), map[string]string{"country.unknown": "XYZ"}},
		{call(civil.ParsePlace), map[string]string{"place.required": "", "place.characters": "—", "place.long": long}},
		{call(civil.ParseLetterCode), map[string]string{"letter_code.required": "", "letter_code.characters": "UUUU-0000-000", "letter_code.length": "0000-0000-00", "letter_code.check": "0000-0000-001"}},
	}
	for _, row := range table {
		for code, in := range row.inputs {
			give(code, row.parse(in))
		}
	}
	for code, err := range causes {
		got := civil.CodeOf(err)
		var fields fault.Fields
		if errors.As(err, &fields) {
			got = fields[0].Code
		}
		if got != code || !errors.Is(err, fault.Invalid) {
			t.Errorf("cause of %s: got %q, error %v", code, got, err)
		}
		if !slices.Contains(civil.Codes(), code) {
			t.Errorf("%s is not in Codes", code)
		}
	}
	for _, code := range civil.Codes() {
		if _, ok := causes[code]; !ok {
			t.Errorf("nothing here gives %s", code)
		}
	}
}

func call[T any](parse func(string) (T, error)) func(string) error {
	return func(s string) error { _, err := parse(s); return err }
}

func TestParsingForgivesWhatClipboardsDo(t *testing.T) {
	tests := []struct {
		got  string
		err  error
		want string
	}{
		str(civil.ParseSNILS, "\ufeff112\u2010233\u2212445\u00a095", "11223344595"),
		str(civil.ParseSNILS, "１１２-２３３-４４５ ９５", "11223344595"),
		str(civil.ParseSNILS, "112\u00ad233\u200b445\u206095\n", "11223344595"),
		str(civil.ParseSNILS, "001-001-998 12", "00100199812"), // issued before there were check digits
		str(civil.ParseSNILS, "087-654-303 00", "08765430300"), // the sum is 202: 0 modulo 101
		str(civil.ParseINN, "500100 732259", "500100732259"),
		str(civil.ParseINN, "7707083893", "7707083893"),
		str(civil.ParseOGRN, "1027700132195", "1027700132195"),
		str(civil.ParseOGRNIP, "304500116000157", "304500116000157"),
		str(civil.ParsePhone, "8 (900) 000–00–01", "+79000000001"),
		str(civil.ParsePhone, "900.000.00.01", "+79000000001"),
		str(civil.ParsePhone, "7 900 0000001", "+79000000001"),
		str(civil.ParsePhone, "+375 29 491-19-11", "+375294911911"),
		str(civil.ParseEmail, "\u200bIvan.Petrov+tax@Example.RU. ", "Ivan.Petrov+tax@example.ru"),
		str(civil.ParseEmail, "ivan＠example.ru", "ivan@example.ru"),
		str(civil.ParseName, "  Анна — Мария ", "Анна-Мария"),
		str(civil.ParseName, "О’Коннор", "О'Коннор"),
		str(civil.ParseName, "Андреи\u0306", "Андрей"),
		str(civil.ParseName, "Мамед оглы", "Мамед оглы"),
		str(civil.ParseISODate, "5.3.1990", "1990-03-05"),
		str(civil.ParseSex, "Ж", "f"),
		str(civil.ParseCountry, "kaz", "KAZ"),
	}
	for i, tt := range tests {
		if tt.err != nil || tt.got != tt.want {
			t.Errorf("row %d: got %q, %v, want %q", i, tt.got, tt.err, tt.want)
		}
	}
}

func str[T fmt.Stringer](parse func(string) (T, error), in, want string) (out struct {
	got  string
	err  error
	want string
}) {
	v, err := parse(in)
	out.got, out.err, out.want = v.String(), err, want
	return out
}

func TestMasksHideAndFormatsShow(t *testing.T) {
	snils, _ := civil.ParseSNILS("11223344595")
	inn, _ := civil.ParseINN("500100732259")
	phone, _ := civil.ParsePhone("+79001234567")
	email, _ := civil.ParseEmail("ivan@example.ru")
	family, _ := civil.ParseName("Иванов")
	given, _ := civil.ParseName("Иван")
	name := civil.FullName{Family: family, Given: given}
	doc, err := civil.ParseDocument(passport(), birth, today)
	if err != nil {
		t.Fatal(err)
	}
	home, err := civil.ParseAddress(address())
	if err != nil {
		t.Fatal(err)
	}
	code, _ := civil.ParseLetterCode("00000000000")
	tests := []struct {
		v interface {
			Format() string
			Mask() string
			MaskPage() string
			slog.LogValuer
		}
		format, mask, page string
	}{
		{snils, "112-233-445 95", "112-***-*** **", "•••-•••-445 95"},
		{inn, "500100732259", "5001********", "••••••••2259"},
		{phone, "+7 900 123-45-67", "+7 *** ***-**-67", "+7 ••• •••-45-67"},
		{email, "ivan@example.ru", "i***@example.ru", "i•••@example.ru"},
		{name, "Иванов Иван", "И*** И***", "Иван И•••"},
		{doc, "45 08 123456", "45 ** ******", "•• •• •••456"},
		{birth, "05.03.1990", "****-**-**", "••.••.1990"},
		{home, "119019, Москва, ул. Новый Арбат, д. 1/2, кв. 7", "119***", "119019, Москва, •••"},
		{code, "0000-0000-000", "****-****-***", "••••-••••-•••"},
	}
	for _, tt := range tests {
		if tt.v.Format() != tt.format || tt.v.Mask() != tt.mask || tt.v.MaskPage() != tt.page {
			t.Errorf("%T: got %q, %q, %q; want %q, %q, %q", tt.v, tt.v.Format(), tt.v.Mask(), tt.v.MaskPage(), tt.format, tt.mask, tt.page)
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("seen", "value", tt.v)
		if !strings.Contains(log.String(), tt.mask) || strings.Contains(log.String(), tt.format) {
			t.Errorf("%T: the log says %q", tt.v, log.String())
		}
	}
}

func TestZeroValuesTravelAsEmptyText(t *testing.T) {
	type person struct {
		SNILS civil.SNILS
		Birth civil.Date
		Phone civil.Phone
		Email civil.Email
		Name  civil.Name
		Sex   civil.Sex
	}
	b, err := json.Marshal(person{})
	if err != nil {
		t.Fatal(err)
	}
	var back person
	if err := json.Unmarshal(b, &back); err != nil || back != (person{}) {
		t.Fatalf("Unmarshal(%s) = %+v, %v", b, back, err)
	}
	if err := json.Unmarshal([]byte(`{"SNILS":"112-233-445 96"}`), &back); civil.CodeOf(err) != "snils.check" {
		t.Fatalf("a wrong SNILS in JSON gives %v", err)
	}
}

func TestDocumentIsParsedIntoItsCanonicalForm(t *testing.T) {
	got, err := civil.ParseDocument(passport(), birth, today)
	want := civil.Document{Type: civil.RuPassport, Number: "4508123456", IssuedOn: civil.MustDate(2010, time.April, 1),
		Issuer: "ОВД «Тверской» г. Москвы", DepartmentCode: "770-001"}
	if err != nil || got != want {
		t.Fatalf("ParseDocument = %+v, %v, want %+v", got, err, want)
	}
	foreign := civil.Document{Type: civil.ForeignPassport, Number: "аа 1234567", IssuedOn: birth.AddYears(3), Issuer: "MIA 7"}
	got, err = civil.ParseDocument(foreign, birth, today)
	if err != nil || got.Number != "AA1234567" {
		t.Fatalf("a foreign child's passport: %+v, %v", got, err)
	}
}

func TestAllWrongFieldsOfADocumentAreNamed(t *testing.T) {
	_, err := civil.ParseDocument(civil.Document{Type: civil.RuPassport}, birth, today)
	var fields fault.Fields
	if !errors.As(err, &fields) {
		t.Fatalf("got %v", err)
	}
	for _, name := range []string{"document_number", "issued_on", "issuer", "department_code"} {
		if fields.Code(name) == "" {
			t.Errorf("%s is not named in %v", name, fields)
		}
	}
}

func TestPassportLapsesAtTwentyAndFortyFive(t *testing.T) {
	d := passport()
	d.IssuedOn = birth.AddYears(14)
	if got := d.LapsesOn(birth); got != birth.AddYears(20) {
		t.Errorf("issued at 14: lapses %s", got)
	}
	d.IssuedOn = birth.AddYears(20)
	if got := d.LapsesOn(birth); got != birth.AddYears(45) {
		t.Errorf("issued at 20: lapses %s", got)
	}
	if d.Lapsed(birth, birth.AddYears(45).AddDays(-1)) || !d.Lapsed(birth, birth.AddYears(45)) {
		t.Error("does not lapse on the very birthday")
	}
	d.IssuedOn = birth.AddYears(45)
	if got := d.LapsesOn(birth); !got.IsZero() || d.Lapsed(birth, today.AddYears(60)) {
		t.Errorf("issued at 45: lapses %s", got)
	}
	foreign := civil.Document{Type: civil.ForeignPassport, ExpiresOn: today}
	if foreign.Lapsed(birth, today) || !foreign.Lapsed(birth, today.AddDays(1)) {
		t.Error("a document is good on its last day and not after")
	}
}

func TestAgeIsReachedOnTheBirthday(t *testing.T) {
	leap := civil.MustDate(2004, time.February, 29)
	tests := []struct {
		birth, at civil.Date
		want      int
	}{
		{birth, civil.MustDate(2010, time.March, 4), 19},
		{birth, civil.MustDate(2010, time.March, 5), 20},
		{leap, civil.MustDate(2018, time.February, 28), 13},
		{leap, civil.MustDate(2018, time.March, 1), 14},
		{birth, birth, 0},
	}
	for _, tt := range tests {
		if got := tt.birth.Age(tt.at); got != tt.want {
			t.Errorf("%s.Age(%s) = %d, want %d", tt.birth, tt.at, got, tt.want)
		}
	}
}

func TestPersonKeyFoldsSpelling(t *testing.T) {
	name := func(s string) civil.Name {
		n, err := civil.ParseName(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	a := civil.FullName{Family: name("Соловьёва-Королёва"), Given: name("Алёна")}
	b := civil.FullName{Family: name("СОЛОВЬЕВА КОРОЛЕВА"), Given: name("алена")}
	if x, y := civil.PersonKey(a, birth), civil.PersonKey(b, birth); x != y {
		t.Errorf("%q differs from %q", x, y)
	}
	if civil.PersonKey(a, birth) == civil.PersonKey(a, birth.AddDays(1)) {
		t.Error("the birth date is not in the key")
	}
	moved := civil.FullName{Family: b.Given, Given: b.Family}
	if civil.PersonKey(b, birth) == civil.PersonKey(moved, birth) {
		t.Error("family and given name are exchanged in one key")
	}
}

func TestPatronymicMayBeAbsentAndNothingElse(t *testing.T) {
	n, err := civil.ParseFullName("Ким", "Анна", "\u00a0")
	if err != nil || n.String() != "Ким Анна" || !n.Patronymic.IsZero() {
		t.Fatalf("ParseFullName = %q, %v", n, err)
	}
	_, err = civil.ParseFullName("", "Анна2", "Ивановнa")
	var fields fault.Fields
	if !errors.As(err, &fields) || fields.Code("family_name") != "name.required" ||
		fields.Code("given_name") != "name.characters" || fields.Code("patronymic") != "name.mixed" {
		t.Fatalf("got %v", err)
	}
}

func TestSpellingsOfOneAddressShareAKeyAndKeepTheirSpelling(t *testing.T) {
	one, err := civil.ParseEmail("Maria.Ivanova@Example.org")
	if err != nil {
		t.Fatal(err)
	}
	two, err := civil.ParseEmail("maria.IVANOVA@EXAMPLE.ORG")
	if err != nil || one.Key() != two.Key() || one.String() != "Maria.Ivanova@example.org" {
		t.Errorf("%q and %q: keys %q and %q, %v", one, two, one.Key(), two.Key(), err)
	}
}
