// Package seed fills the demo: fifteen people at every level, the relying parties, the service centres,
// and people who exist in the registries and have no account yet.
//
// Everybody is invented, and so are all numbers; their check digits are right. The password is known to
// the whole world, so the provider must never hold these people: only commands import this package.
package seed

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
)

// Password opens every seeded account.
const Password = "Propusk-2026"

// A Person is somebody of the demo.
type Person struct {
	Number  int // 0: exists in the registries only
	Phone   civil.Phone
	Email   civil.Email
	Person  account.Person // what the registries know
	Address civil.Address
	Level   account.Level
	Methods []account.Method
	// TOTP is the shared secret of the authenticator app, base32; empty: none.
	TOTP   string
	Role   centre.Role
	Centre string
	Locked bool
	// Checking: an application is running, and the registries never answer it.
	Checking bool
	// Note says in a few words what the person is there for.
	Note string
}

// Name is the person's full name.
func (p Person) Name() string {
	return civil.FullName{Family: p.Person.FamilyName, Given: p.Person.GivenName, Patronymic: p.Person.Patronymic}.String()
}

// row is a person as written down here: short, and parsed by the same functions as what citizens type.
type row struct {
	number             int
	family, given, pat string
	sex                civil.Sex
	born, place        string
	snils, inn         string // without their check digits
	passport, issued   string
	email              string
	level              account.Level
	methods            []account.Method
	note               string
}

var rows = []row{
	{1, "Берёзкина", "Анна", "Павловна", civil.Female, "1996-04-12", "гор. Тверь", "900000101", "6900000101", "6999000101", "2016-05-20",
		"berezkina@example.org", account.Simplified, nil, "simplified"},
	{2, "Дубравин", "Илья", "Сергеевич", civil.Male, "1992-09-30", "гор. Рязань", "900000102", "6200000102", "6199000102", "2012-10-15",
		"dubravin@example.org", account.Standard, nil, "standard"},
	{3, "Калинова", "Мария", "Викторовна", civil.Female, "1972-02-17", "гор. Псков", "900000103", "6000000103", "5899000103", "2017-03-02",
		"kalinova@example.org", account.Verified, []account.Method{account.ServiceCenter}, "verified by a visit"},
	{4, "Ивушкина", "Елена", "Андреевна", civil.Female, "1994-11-03", "гор. Кострома", "900000104", "4400000104", "3499000104", "2014-11-25",
		"ivushkina@example.org", account.Verified, []account.Method{account.MailCode}, "verified by letter"},
	{5, "Рябинин", "Олег", "Николаевич", civil.Male, "1990-06-21", "гор. Пермь", "900000105", "5900000105", "5799000105", "2010-07-08",
		"ryabinin@example.org", account.Verified, []account.Method{account.Bank}, "verified by a bank"},
	{6, "Осинцев", "Тимур", "Маратович", civil.Male, "1991-01-14", "гор. Казань", "900000106", "1600000106", "9299000106", "2011-02-01",
		"osintsev@example.org", account.Verified, []account.Method{account.QualifiedSignature}, "verified by a signature"},
	{7, "Вербицкая", "Ольга", "Игоревна", civil.Female, "1968-08-08", "гор. Омск", "900000107", "5500000107", "5299000107", "2013-09-01",
		"verbitskaya@example.org", account.Verified, []account.Method{account.MailCode, account.ServiceCenter}, "verified by letter and by a visit"},
	{8, "Кленов", "Артём", "Денисович", civil.Male, "1997-12-25", "гор. Томск", "900000108", "7000000108", "6999000108", "2018-01-17",
		"klenov@example.org", account.Simplified, nil, "checks running that are never answered"},
	{9, "Сосновская", "Вера", "Львовна", civil.Female, "1993-03-05", "гор. Калуга", "900000109", "4000000109", "2999000109", "2013-03-28",
		"sosnovskaya@example.org", account.Standard, nil, "locked"},
	{10, "Тополев", "Михаил", "Юрьевич", civil.Male, "1970-05-19", "гор. Самара", "900000110", "6300000110", "3699000110", "2015-06-11",
		"topolev@example.org", account.Verified, []account.Method{account.ServiceCenter}, "head of an organisation"},
	{11, "Ясенева", "Наталья", "Олеговна", civil.Female, "1995-07-27", "гор. Вологда", "900000111", "3500000111", "1999000111", "2015-08-14",
		"yaseneva@example.org", account.Verified, []account.Method{account.ServiceCenter}, "operator of a service centre"},
	{12, "Кедров", "Алексей", "Петрович", civil.Male, "1971-10-10", "гор. Иркутск", "900000112", "3800000112", "2599000112", "2016-11-07",
		"kedrov@example.org", account.Verified, []account.Method{account.ServiceCenter}, "administrator"},
	{13, "Лозинская", "Ирина", "Борисовна", civil.Female, "1969-01-31", "гор. Тула", "900000113", "7100000113", "7099000113", "2014-02-20",
		"lozinskaya@example.org", account.Verified, []account.Method{account.ElectronicCard}, "verified by an electronic card"},
	{14, "Пихтова", "Светлана", "Романовна", civil.Female, "1970-03-11", "гор. Пенза", "900000114", "5800000114", "5699000114", "2015-04-02",
		"pikhtova@example.org", account.Verified, []account.Method{account.ServiceCenter}, "second administrator: a recall needs two"},
	{15, "Ольшанский", "Денис", "Игоревич", civil.Male, "1988-10-05", "гор. Тамбов", "900000115", "6800000115", "6899000115", "2008-11-12",
		"olshansky@example.org", account.Verified, []account.Method{account.ServiceCenter}, "second operator: a risky act at a window needs two"},

	{0, "Черёмухин", "Павел", "Андреевич", civil.Male, "1995-02-14", "гор. Ярославль", "900000201", "7600000201", "7899000201", "2015-03-10",
		"", 0, nil, "to register by hand"},
	{0, "Жимолостина", "Дарья", "Алексеевна", civil.Female, "1998-06-01", "гор. Орёл", "900000202", "5700000202", "5499000202", "2018-06-22",
		"", 0, nil, "to register by hand"},
	{0, "Боярышников", "Роман", "", civil.Male, "1990-10-09", "гор. Курск", "900000203", "4600000203", "3899000203", "2010-11-01",
		"", 0, nil, "to register by hand: no patronymic"},
	{0, "Кизилова", "Зоя", "Тимофеевна", civil.Female, "1955-12-12", "дер. Заречье Смоленской обл.", "900000204", "6700000204", "6699000204", "2001-01-15",
		"", 0, nil, "to register by hand: no INN is found"},
	{0, "Миндалёв", "Глеб", "Егорович", civil.Male, "1999-05-05", "гор. Сочи", "900000205", "2300000205", "0399000205", "2019-05-30",
		"", 0, nil, "to register by hand: the registries never answer"},
}

// secrets of the authenticator apps, base32.
var secrets = map[int]string{11: "KRUGK4TBOR5WKZDFNVXWQ2LO", 12: "MFSG22LOFVSGK3LPNRUW4ZZR", 14: "ONSWG33OMQQGCZDNNFXC2MJU", 15: "ORUGS4TEMVXHIYLTMUQGS3TF"}

// People returns everybody, the fifteen with accounts first.
func People() ([]Person, error) {
	out := make([]Person, 0, len(rows))
	for _, r := range rows {
		p, err := r.person()
		if err != nil {
			return nil, fmt.Errorf("seed: %s: %w", r.family, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (r row) person() (Person, error) {
	p := &parser{}
	out := Person{Number: r.number, Level: r.level, Methods: r.methods, Note: r.note, TOTP: secrets[r.number]}
	number := r.number
	if number == 0 { // those without an account have their own range, beside the seeded 01 to 15
		tail, err := strconv.Atoi(r.snils[6:])
		p.keep(err)
		number = tail - 201 + 21
	} else {
		out.Email = parse(p, civil.ParseEmail, r.email)
	}
	out.Phone = parse(p, civil.ParsePhone, fmt.Sprintf("+790000000%02d", number))
	out.Person = account.Person{
		FamilyName: parse(p, civil.ParseName, r.family), GivenName: parse(p, civil.ParseName, r.given), Sex: r.sex,
		BirthDate: parse(p, civil.ParseISODate, r.born), BirthPlace: r.place,
		Citizenship: parse(p, civil.ParseCountry, "RUS"), SNILS: parse(p, civil.ParseSNILS, withSNILSCheck(r.snils)),
	}
	if r.pat != "" {
		out.Person.Patronymic = parse(p, civil.ParseName, r.pat)
	}
	if !strings.Contains(r.note, "no INN") {
		out.Person.INN = parse(p, civil.ParseINN, withINNCheck(r.inn))
	}
	doc, err := civil.ParseDocument(civil.Document{
		Type: civil.RuPassport, Number: r.passport, IssuedOn: parse(p, civil.ParseISODate, r.issued),
		Issuer: "Отделом УМВД России по " + strings.TrimPrefix(r.place, "гор. "), DepartmentCode: r.passport[:2] + "0-00" + r.snils[8:],
	}, out.Person.BirthDate, civil.DateOf(epoch))
	p.keep(err)
	out.Person.Document = &doc
	out.Address, err = civil.ParseAddress(civil.Address{
		PostalCode: "17" + r.snils[5:], Region: "Заречная область", Locality: "гор. Заречный",
		Street: "ул. Садовая", House: strconv.Itoa(number), Flat: strconv.Itoa(number + 10),
	})
	p.keep(err)
	switch r.number {
	case 8:
		out.Checking = true
	case 9:
		out.Locked = true
	case 11, 15:
		out.Role, out.Centre = centre.Operator, mainCentre
	case 12, 14:
		out.Role, out.Centre = centre.Administrator, mainCentre
	}
	return out, p.err
}

// epoch is when the seeded people rose. It is fixed, so that their claims can be golden files.
var epoch = time.Date(2025, time.March, 14, 9, 30, 0, 0, time.UTC)

// NeverAnswered tells whether the registries never answer about the person.
func (p Person) NeverAnswered() bool {
	return p.Checking || strings.Contains(p.Note, "never answer")
}

// Registered is the person as the registries of the outside world have them.
func (p Person) Registered() simulators.Person {
	d := p.Person.Document
	return simulators.Person{
		Phone: p.Phone.String(), FamilyName: p.Person.FamilyName.String(), GivenName: p.Person.GivenName.String(),
		Patronymic: p.Person.Patronymic.String(), Sex: p.Person.Sex.String(), BirthDate: p.Person.BirthDate.String(),
		BirthPlace: p.Person.BirthPlace, Citizenship: p.Person.Citizenship.String(), SNILS: p.Person.SNILS.String(),
		INN: p.Person.INN.String(), NeverAnswers: p.NeverAnswered(), Address: p.Address.Format(),
		Document: simulators.Document{
			Type: d.Type.String(), Number: d.Number, IssuedOn: d.IssuedOn.String(), Issuer: d.Issuer, DepartmentCode: d.DepartmentCode,
		},
	}
}

// A parser keeps the first error of many.
type parser struct{ err error }

func (p *parser) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

func parse[T any](p *parser, f func(string) (T, error), s string) T {
	v, err := f(s)
	if err != nil {
		p.keep(fmt.Errorf("%q: %w", s, err))
	}
	return v
}
