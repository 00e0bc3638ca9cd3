package civil_test

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// value is what every type of the package is.
type value interface {
	comparable
	fmt.Stringer
	encoding.TextMarshaler
	Format() string
	IsZero() bool
}

// printsBack holds a parser to its promise: what parses prints back the same,
// in both forms, and what does not is refused with a code from the list.
func printsBack[T value](t *testing.T, parse func(string) (T, error), in string) {
	t.Helper()
	v, err := parse(in)
	if err != nil {
		if !errors.Is(err, fault.Invalid) || !slices.Contains(civil.Codes(), civil.CodeOf(err)) || !v.IsZero() {
			t.Fatalf("parse(%q) = %v, %v", in, v, err)
		}
		return
	}
	text, err := v.MarshalText()
	if err != nil || string(text) != v.String() || v.IsZero() {
		t.Fatalf("MarshalText of %q = %q, %v", in, text, err)
	}
	for _, printed := range []string{v.String(), v.Format()} {
		if again, err := parse(printed); err != nil || again != v {
			t.Fatalf("parse(%q) = %v; parse(%q) = %v, %v", in, v, printed, again, err)
		}
	}
}

func FuzzSNILS(f *testing.F) {
	for _, s := range []string{"112-233-445 95", "11223344595", "001-001-998 00", "087-654-303 00", "１１２２３３４４５９５", "112-233-445 96", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { printsBack(t, civil.ParseSNILS, s) })
}

func FuzzINN(f *testing.F) {
	for _, s := range []string{"500100732259", "7707083893", "7830002293", "1027700132195", "304500116000157", "0000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		printsBack(t, civil.ParseINN, s)
		printsBack(t, civil.ParseOGRN, s)
		printsBack(t, civil.ParseOGRNIP, s)
	})
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"+79000000001", "8 (900) 123-45-67", "9001234567", "+375294911911", "+1 201 555 0123", "+44 7400 123456", "00", "+"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { printsBack(t, civil.ParsePhone, s) })
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ivan@example.ru", "Ivan@ПОЧТА.рф", "a.b+c@x--y.org", "a@b", "\"a b\"@c.d", "a@xn--80a1acny.xn--p1ai", "a@1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { printsBack(t, civil.ParseEmail, s) })
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"Иванов", "О'Коннор", "Анна-Мария", "Мамед оглы", "Андреи\u0306", "D’Artagnan", "Ивaн", "- -"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		printsBack(t, civil.ParseName, s)
		if n, err := civil.ParseName(s); err == nil {
			again, err := civil.ParseName(n.Fold())
			if err == nil && again.Fold() != n.Fold() {
				t.Fatalf("Fold(%q) = %q, and folded again %q", s, n.Fold(), again.Fold())
			}
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"1990-03-05", "05.03.1990", "29.02.2000", "2001-02-29", "0000-00-00", "5.3.90"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { printsBack(t, civil.ParseISODate, s) })
}

func FuzzLetterCode(f *testing.F) {
	for _, s := range []string{"0000-0000-000", "оооо оооо ооо", "ABCD-EFGH-JKM", "abcdefghjkm", "АВЕК-МНРС-ТХУ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { printsBack(t, civil.ParseLetterCode, s) })
}

func FuzzDocument(f *testing.F) {
	f.Add("ru_passport", "45 08 123456", "ОВД «Тверской»", "770-001", 2010, 4, 1)
	f.Add("residence_permit", "82 №1234567", "МВД", "", 2015, 12, 31)
	f.Add("foreign_passport", "АА 1234567", "MIA", "", 2020, 2, 29)
	f.Add("ru_passport", "", "<", "7", 1980, 1, 1)
	f.Fuzz(func(t *testing.T, kind, number, issuer, code string, y, m, d int) {
		issued, _ := civil.NewDate(y, time.Month(m), d)
		in := civil.Document{Type: civil.DocumentType(kind), Number: number, IssuedOn: issued, Issuer: issuer, DepartmentCode: code}
		doc, err := civil.ParseDocument(in, birth, today)
		if err != nil {
			var fields fault.Fields
			if !errors.As(err, &fields) || !doc.IsZero() {
				t.Fatalf("ParseDocument(%+v) = %v, %v", in, doc, err)
			}
			for _, field := range fields {
				if !slices.Contains(civil.Codes(), field.Code) {
					t.Fatalf("%q is not in Codes", field.Code)
				}
			}
			return
		}
		if again, err := civil.ParseDocument(doc, birth, today); err != nil || again != doc {
			t.Fatalf("%+v parses again into %+v, %v", doc, again, err)
		}
		printed := doc
		printed.Number = doc.Format()
		if again, err := civil.ParseDocument(printed, birth, today); err != nil || again != doc {
			t.Fatalf("%+v printed parses into %+v, %v", doc, again, err)
		}
	})
}
