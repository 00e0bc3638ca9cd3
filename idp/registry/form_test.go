package registry_test

import (
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
)

var today = civil.MustDate(2026, time.November, 21)

func TestFormOfAPersonParsesBack(t *testing.T) {
	p := storagetest.Person(t)
	got, err := registry.FormOf(p).Parse(today)
	if err != nil {
		t.Fatal(err)
	}
	if *got.Document != *p.Document {
		t.Errorf("document %+v, want %+v", got.Document, p.Document)
	}
	got.Document, p.Document = nil, nil
	if got != p {
		t.Errorf("person %+v, want %+v", got, p)
	}
}

func TestFormNamesEveryWrongFieldInOrder(t *testing.T) {
	var wrong fault.Fields
	_, err := registry.Form{DocumentType: "ru_passport"}.Parse(today)
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	want := []string{"family_name", "given_name", "sex", "birth_date", "birth_place", "citizenship", "snils", "document_number", "issued_on", "issuer", "department_code"}
	if len(wrong) != len(want) {
		t.Fatalf("wrong %v, want %v", wrong, want)
	}
	for i, w := range wrong {
		if w.Name != want[i] || w.Code == "" || w.Code == "unknown" {
			t.Errorf("field %d: %v, want %s", i, w, want[i])
		}
	}
}

func TestFormJudgesOneFieldByAnother(t *testing.T) {
	for _, test := range []struct {
		name, field string
		change      func(*registry.Form)
	}{
		{"passport before the 14th birthday", "issued_on", func(f *registry.Form) { f.IssuedYear = "1999" }},
		{"issued tomorrow", "issued_on", func(f *registry.Form) { f.IssuedDay, f.IssuedMonth, f.IssuedYear = "22", "11", "2026" }},
		{"born tomorrow", "birth_date", func(f *registry.Form) { f.BirthDay, f.BirthMonth, f.BirthYear = "22", "11", "2026" }},
		{"31 February", "birth_date", func(f *registry.Form) { f.BirthDay, f.BirthMonth = "31", "02" }},
		{"a digit of the SNILS exchanged", "snils", func(f *registry.Form) {
			b := []byte(f.SNILS)
			b[0] = '0' + (b[0]-'0'+1)%10
			f.SNILS = string(b)
		}},
		{"a document of no type", "document_type", func(f *registry.Form) { f.DocumentType = "library_card" }},
	} {
		f := registry.FormOf(storagetest.Person(t))
		test.change(&f)
		_, err := f.Parse(today)
		var wrong fault.Fields
		if !errors.As(err, &wrong) || wrong.Code(test.field) == "" {
			t.Errorf("%s: %v, want %s wrong", test.name, err, test.field)
		}
	}
}
