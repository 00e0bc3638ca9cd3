package print

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"flag"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var stream = regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\nendstream`)

// shown matches a string shown on the page.
var shown = regexp.MustCompile(`(?s)\(((?:\\.|[^\\()])*)\) ?Tj`)

// text is what a reader of the PDF finds, a line for each string shown.
func text(t *testing.T, pdf []byte) string {
	t.Helper()
	var out strings.Builder
	for _, s := range stream.FindAllSubmatch(pdf, -1) {
		r, err := zlib.NewReader(bytes.NewReader(s[1]))
		if err != nil {
			continue
		}
		page, err := io.ReadAll(r)
		if err != nil || !bytes.Contains(page, []byte("Tj")) {
			continue
		}
		for _, m := range shown.FindAllSubmatch(page, -1) {
			raw := regexp.MustCompile(`(?s)\\(.)`).ReplaceAllFunc(m[1], func(e []byte) []byte {
				if e[1] == 'r' {
					return []byte("\r")
				}
				return e[1:]
			})
			if bytes.IndexByte(raw, 0) >= 0 || bytes.IndexByte(raw, 4) >= 0 { // UTF-16, as our fonts are shown
				u := make([]uint16, len(raw)/2)
				for i := range u {
					u[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
				}
				out.WriteString(string(utf16.Decode(u)) + "\n")
			} else {
				out.WriteString("core font: " + string(raw) + "\n")
			}
		}
	}
	return out.String()
}

func sample(t *testing.T, lang string) confirm.Sheet {
	t.Helper()
	code, err := civil.NewLetterCode(strings.NewReader("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	return confirm.Sheet{
		Lang: lang, Name: "Ёлкина-Ковальчук Анна Сергеевна", Number: "0417-2231", Code: code, Valid: 45,
		Address: civil.Address{PostalCode: "119180", Region: "г. Москва", Locality: "Москва", Street: "ул. Большая Полянка", House: "30", Flat: "4"},
		Ordered: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
	}
}

func TestLetterSaysWhatTheGoldenFileSays(t *testing.T) {
	for _, lang := range []string{"ru", "en"} {
		pdf, err := Press{Issuer: "https://propusk.example"}.Letter(sample(t, lang))
		if err != nil {
			t.Fatal(err)
		}
		got, golden := text(t, pdf), "testdata/letter."+lang+".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("letter in %s:\n%s\nwant:\n%s", lang, got, want)
		}
		if len(pdf) > 120<<10 {
			t.Errorf("letter in %s has %d bytes", lang, len(pdf))
		}
	}
}

func TestCodeStandsAsOneStringOfACoreFont(t *testing.T) {
	l := sample(t, "ru")
	pdf, err := Press{Issuer: "https://propusk.example"}.Letter(l)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(pdf, []byte("/Courier-Bold")) {
		t.Error("the letter has no Courier-Bold")
	}
	if !strings.Contains(text(t, pdf), "core font: "+l.Code.Format()+"\n") {
		t.Errorf("the code %s is not one string", l.Code.Format())
	}
}

func TestSameLetterIsTheSamePaper(t *testing.T) {
	a, err := Press{Issuer: "https://propusk.example"}.Letter(sample(t, "ru"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Press{Issuer: "https://propusk.example"}.Letter(sample(t, "ru"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("two prints of one letter differ")
	}
}

// pixels are the image data of a PNG, which a PDF takes over as they are.
func pixels(t *testing.T, png []byte) []byte {
	t.Helper()
	var out []byte
	for at := 8; at+8 < len(png); {
		n := int(binary.BigEndian.Uint32(png[at:]))
		if string(png[at+4:at+8]) == "IDAT" {
			out = append(out, png[at+8:at+8+n]...)
		}
		at += 12 + n
	}
	if len(out) == 0 {
		t.Fatal("a PNG without an image")
	}
	return out
}

func TestQRLeadsToThePageOfTheLetterWithTheCodeInTheFragment(t *testing.T) {
	l := sample(t, "ru")
	pdf, err := Press{Issuer: "https://propusk.example/"}.Letter(l)
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]bool{
		"https://propusk.example/account/confirm/letter#GHJKMNPQRSN": true,
		"https://propusk.example/account/confirm/letter":             false,
		"https://propusk.example/account/confirm/letter?GHJKMNPQRSN": false,
	} {
		png, err := qrcode.Encode(target, qrcode.Medium, 360)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Contains(pdf, pixels(t, png)); got != want {
			t.Errorf("the QR code says %s: %v, want %v", target, got, want)
		}
	}
}
