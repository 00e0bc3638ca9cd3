package seed

import (
	"encoding/base32"
	"fmt"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

func everybody(t *testing.T) []Person {
	t.Helper()
	all, err := People()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheSeededPeopleAreThoseOfTheDesign(t *testing.T) {
	want := []string{
		"", "simplified []", "standard []", "verified [service_center]", "verified [mail_code]", "verified [bank]",
		"verified [qualified_signature]", "verified [mail_code service_center]", "simplified []", "standard []",
		"verified [service_center]", "verified [service_center]", "verified [service_center]", "verified [electronic_card]",
		"verified [service_center]", "verified [service_center]",
	}
	all := everybody(t)
	for n := 1; n <= 15; n++ {
		p := all[n-1]
		if p.Number != n {
			t.Fatalf("person %d has number %d", n, p.Number)
		}
		if got := fmt.Sprintf("%s %v", p.Level, p.Methods); got != want[n] {
			t.Errorf("person %02d = %s, want %s", n, got, want[n])
		}
		if got := p.Phone.String(); got != fmt.Sprintf("+790000000%02d", n) {
			t.Errorf("person %02d has phone %s", n, got)
		}
		if p.Locked != (n == 9) || p.Checking != (n == 8) || (p.TOTP != "") != (n == 11 || n == 12 || n == 14 || n == 15) || (p.Role != "") != (n == 11 || n == 12 || n == 14 || n == 15) {
			t.Errorf("person %02d: locked %t, checking %t, TOTP %t, role %q", n, p.Locked, p.Checking, p.TOTP != "", p.Role)
		}
	}
}

func TestNobodySharesANumber(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range everybody(t) {
		for _, n := range []string{p.Phone.String(), p.Person.SNILS.String(), p.Person.Document.Number, p.Email.String(), p.Person.INN.String()} {
			if n != "" && seen[n] {
				t.Errorf("%s is used twice", n)
			}
			seen[n] = true
		}
	}
}

func TestNoPassportLapsesSoon(t *testing.T) {
	soon := civil.DateOf(time.Now().AddDate(3, 0, 0))
	for _, p := range everybody(t) {
		if p.Person.Document.Lapsed(p.Person.BirthDate, soon) {
			t.Errorf("the passport of %s lapses on %s", p.Name(), p.Person.Document.LapsesOn(p.Person.BirthDate))
		}
	}
}

func TestTOTPSecretsAreBase32(t *testing.T) {
	for n, s := range secrets {
		if raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(s); err != nil || len(raw) < 15 {
			t.Errorf("secret of %d: %d bytes, %v", n, len(raw), err)
		}
	}
}

func TestVerifiedPeopleHaveAMethod(t *testing.T) {
	for _, p := range everybody(t) {
		if (p.Level == account.Verified) != (len(p.Methods) > 0) {
			t.Errorf("%s is %s by %v", p.Name(), p.Level, p.Methods)
		}
	}
}
