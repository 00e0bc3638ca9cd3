package notice

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func notices(t *testing.T) *Notices {
	t.Helper()
	n, err := New(Config{Issuer: "https://propusk.example.gov.ru", Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// full has every parameter that any kind needs, at its longest.
var full = With{
	Code: "048213", Link: "https://propusk.example.gov.ru/register/link/abc", At: noon, Until: noon.AddDate(0, 1, 14),
	Device: "Samsung Internet, Android", Number: "4417-0926", Track: "80081234567890", Contact: "i•••@example.com",
	Fields: []string{"birth_date", "document_number"}, Method: account.QualifiedSignature, Level: account.Standard,
	Reason: WhyFraud, Count: 12, Last: true, What: WhatWait, Service: "The register of initiatives",
}

// segments counts the parts an SMS is cut into: GSM 7-bit is not assumed, UCS-2 is 70 alone and 67 in a row.
func segments(text string) int {
	n := len(utf16.Encode([]rune(text)))
	if n <= 70 {
		return 1
	}
	return (n + 66) / 67
}

func TestEveryMessageHasBothLanguagesAndFits(t *testing.T) {
	n := notices(t)
	for _, kind := range Kinds() {
		for _, lang := range Languages() {
			for _, channel := range kind.channels() {
				subject, text, err := n.Compose(kind, channel, lang, full)
				if err != nil {
					t.Errorf("Compose(%s, %s, %s): %v", kind, channel, lang, err)
					continue
				}
				if text == "" || strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
					t.Errorf("Compose(%s, %s, %s) = %q", kind, channel, lang, text)
				}
				if channel == SMS && segments(text) > 3 {
					t.Errorf("Compose(%s, sms, %s): %d segments: %s", kind, lang, segments(text), text)
				}
				if channel == Mail && (subject == "" || strings.ContainsAny(subject, "\r\n")) {
					t.Errorf("Compose(%s, mail, %s): subject %q", kind, lang, subject)
				}
				if cyrillic := strings.ContainsFunc(text, func(r rune) bool { return r >= 'А' && r <= 'я' }); cyrillic != (lang == "ru") {
					t.Errorf("Compose(%s, %s, %s): Cyrillic %v", kind, channel, lang, cyrillic)
				}
			}
		}
	}
}

func TestMessageWithoutAParameterIsNotComposed(t *testing.T) {
	n := notices(t)
	for kind, about := range kinds {
		if len(about.needs) == 0 {
			continue
		}
		if _, _, err := n.Compose(kind, kind.channels()[0], "ru", With{}); !errors.Is(err, fault.Invalid) {
			t.Errorf("Compose(%s) without parameters: %v, want invalid", kind, err)
		}
	}
}

func TestCodeMessageBeginsWithTheCodeAndEndsWithTheHost(t *testing.T) {
	n := notices(t)
	for _, kind := range []Kind{RegistrationCode, RecoveryCode, ContactCode, ContactClaimCode} {
		for _, lang := range Languages() {
			_, text, err := n.Compose(kind, SMS, lang, With{Code: "048213"})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(text, "048213 ") || !strings.HasSuffix(text, "\n@propusk.example.gov.ru #048213") {
				t.Errorf("%s in %s: %q", kind, lang, text)
			}
			if !strings.Contains(text, n.site(lang)) {
				t.Errorf("%s in %s does not name the service: %q", kind, lang, text)
			}
		}
	}
}

func TestEveryWordHasBothLanguages(t *testing.T) {
	for _, words := range []map[string][2]string{fieldWords, methodWords, levelWords, whyWords, whatWords, lockWords, openWords} {
		for name, w := range words {
			if w[0] == "" || w[1] == "" {
				t.Errorf("%s lacks a language", name)
			}
		}
	}
	for _, m := range account.Methods() {
		if _, ok := methodWords[m.String()]; !ok {
			t.Errorf("no words for the method %s", m)
		}
	}
}

type box []Message

func (b *box) PostMessage(_ context.Context, m Message) error { *b = append(*b, m); return nil }

func TestTakeoverIsToldToAllContactsAndNewsToOne(t *testing.T) {
	n := notices(t)
	a := &account.Account{Lang: "en"}
	a.Profile.Contacts = []account.Contact{{Kind: account.Email, Value: "i@example.com"}, {Kind: account.Phone, Value: "+79000000001"}}
	for _, test := range []struct {
		kind Kind
		want []string
	}{
		{Confirmed, []string{"+79000000001", "i@example.com"}},
		{RecoveryDone, []string{"+79000000001", "i@example.com"}},
		{ApplicationAgreed, []string{"+79000000001"}},
		{SignInNew, []string{"i@example.com"}},
	} {
		var out box
		if err := n.Tell(t.Context(), &out, a, test.kind, full); err != nil {
			t.Fatal(err)
		}
		var got []string
		ids := map[string]bool{}
		for _, m := range out {
			got, ids[m.ID] = append(got, m.To), true
			if m.ID == "" || m.Created != noon {
				t.Errorf("%s: id %q, created %v", test.kind, m.ID, m.Created)
			}
		}
		if !slices.Equal(got, test.want) || len(ids) != len(got) {
			t.Errorf("Tell(%s) went to %v, want %v", test.kind, got, test.want)
		}
	}
}
