package confirm_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/print"
	"github.com/propusk/propusk/storage/storagetest"
)

// inflated is the streams of a PDF in the clear.
func inflated(t *testing.T, pdf []byte) []byte {
	t.Helper()
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Fatal("not a PDF")
	}
	var out bytes.Buffer
	for rest := pdf; ; {
		_, after, ok := bytes.Cut(rest, []byte("stream\n"))
		if !ok {
			return out.Bytes()
		}
		body, next, _ := bytes.Cut(after, []byte("\nendstream"))
		if z, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
			_, _ = io.Copy(&out, z)
		}
		rest = next
	}
}

// drawn is a text as it stands in a content stream: UTF-16, its delimiters escaped.
func drawn(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		for _, c := range []byte{byte(u >> 8), byte(u)} {
			switch c {
			case '(', ')', '\\':
				b = append(b, '\\')
			case '\r':
				b = append(b, '\\')
				c = 'r'
			}
			b = append(b, c)
		}
	}
	return b
}

func TestFormSaysTwiceWhatWasCompared(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	if _, _, err := w.desk.Form(t.Context(), w.op, v.ID); !errors.Is(err, confirm.ErrNoVisit) {
		t.Errorf("Form of an open visit: %v", err)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
		t.Fatal(err)
	}
	w.change(t, func(a *account.Account) { a.Profile.Person.FamilyName = storagetest.Name(t, "Новикова") })
	_, pdf, err := w.desk.Form(t.Context(), w.op, v.ID)
	if err != nil {
		t.Fatal(err)
	}
	text := inflated(t, pdf)
	p := w.citizen.Profile.Person
	for _, want := range []string{
		p.FamilyName.Format(), p.GivenName.Format(), p.Patronymic.Format(), p.SNILS.Format(), p.Document.Format(), p.BirthDate.Format(), v.Number,
		"Центр обслуживания № 14", "№ " + w.op.Account.String(), "14.03.2026", "подпись",
	} {
		words := 0
		for _, word := range strings.Fields(want) { // a line may break anywhere between words
			if n := bytes.Count(text, drawn(word)); n >= 2 {
				words++
			}
		}
		if words != len(strings.Fields(want)) {
			t.Errorf("the form lacks %q in one of its copies", want)
		}
	}
	if bytes.Contains(text, drawn("Новикова")) {
		t.Error("the form says what was not compared")
	}
	if n := bytes.Count(pdf, []byte("/Type /Page\n")); n != 2 {
		t.Errorf("%d pages, want two copies", n)
	}
	w.Clock.Advance(confirm.FormLife)
	if _, _, err := w.desk.Form(t.Context(), w.op, v.ID); !errors.Is(err, confirm.ErrVisitOver) {
		t.Errorf("Form a day later: %v", err)
	}
}

func TestLongNamesAndIssuersGetAnotherPage(t *testing.T) {
	s := storagetest.New(t)
	p := storagetest.Person(t)
	p.FamilyName, p.GivenName = storagetest.Name(t, strings.Repeat("Щ", 100)), storagetest.Name(t, strings.Repeat("Ж", 100))
	p.BirthPlace, p.Document.Issuer = strings.Repeat("Населённый пункт ", 15), strings.Repeat("Отделение внутренних дел ", 10)
	pdf, err := print.Press{}.VisitForm(confirm.VisitForm{Number: "Ц-014-0000-0000", Person: p, Centre: &centre.Centre{}, Operator: storagetest.ID(t), At: s.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(pdf, []byte("/Type /Page\n")); n != 4 {
		t.Errorf("%d pages, want two for each copy", n)
	}
	if n := bytes.Count(inflated(t, pdf), drawn("Оператор:")); n != 2 {
		t.Errorf("the operator signs %d times", n)
	}
}
