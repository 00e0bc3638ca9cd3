package password_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/fault"
)

var known = password.NewBlocklist()

func TestRulesOfTheProfiles(t *testing.T) {
	esia := password.Rules{Profile: password.Esia, Known: known}
	nist := password.Rules{Profile: password.Nist, Known: known}
	second := password.Rules{Profile: password.Nist, SecondFactor: true, Known: known}
	tests := []struct {
		rules password.Rules
		pw    string
		want  []password.Broken
	}{
		{esia, "Propusk-2026", nil},
		{esia, "Мой дом 7 этажей", nil},
		{esia, strings.Repeat("Ab1-", 32), nil}, // 128 characters
		{esia, "Ab1-xyz", []password.Broken{password.Short}},
		{esia, "", []password.Broken{password.Short, password.NoLower, password.NoUpper, password.NoDigit}},
		{esia, "correct horse battery", []password.Broken{password.NoUpper, password.NoDigit}},
		{esia, "CORRECT HORSE 7", []password.Broken{password.NoLower}},
		{esia, "Ab1-xyz\x00zz", []password.Broken{password.Unprintable}},
		{esia, "Ab1-xyz\xffzz", []password.Broken{password.Unprintable}},
		{esia, strings.Repeat("Ab1-", 65), []password.Broken{password.Long}},
		{esia, strings.Repeat("Ab1-", 100000), []password.Broken{password.Long}},
		{esia, "Password1", []password.Broken{password.Breached}},
		{esia, "Qwerty2026", []password.Broken{password.Breached}}, // a year is tried after every word
		{esia, "Qwerty123", []password.Broken{password.Breached}},
		{esia, "Йцукен123", []password.Broken{password.Breached}},  // the same keys
		{esia, "Gfhjkm2026", []password.Broken{password.Breached}}, // пароль
		{esia, "Пароль123", []password.Broken{password.Breached}},
		{nist, "correct horse battery", nil},
		{nist, "correct horse", []password.Broken{password.Short}},
		{second, "correct horse", nil},
		{second, "password", []password.Broken{password.Breached}},
	}
	for _, tt := range tests {
		if got := tt.rules.Check(tt.pw); !slices.Equal(got, tt.want) {
			t.Errorf("%s: Check(%.30q) = %v, want %v", tt.rules.Profile, tt.pw, got, tt.want)
		}
	}
}

func TestPasswordDoesNotHoldWhatOthersKnow(t *testing.T) {
	r := password.Rules{Profile: password.Esia}
	personal := []string{"+79001234567", "petrov.ivan@example.ru", "Королёва", "Лев", ""}
	for pw, want := range map[string]bool{
		"Tel9001234567x":      true,
		"X-1234567-y":         true, // the number without its code
		"8(900)123-45-67Aa":   true,
		"Petrov.Ivan1":        true,
		"КОРОЛЕВА-2026-x":     true,
		"Левый берег 5":       false, // three letters stand everywhere
		"Example.ru-is-Fine1": false,
		"Propusk-2026":        false,
	} {
		got := slices.Contains(r.Check(pw, personal...), password.Personal)
		if got != want {
			t.Errorf("Check(%q) finds personal data: %v, want %v", pw, got, want)
		}
	}
}

func TestBrokenRulesBecomeFields(t *testing.T) {
	err := password.Fields("password", []password.Broken{password.Short, password.NoDigit}).Err()
	var f fault.Fields
	if !errors.As(err, &f) || f.Code("password") != "password.short" || len(f) != 2 {
		t.Fatalf("got %v", err)
	}
	if err := password.Fields("password", nil).Err(); err != nil {
		t.Fatalf("nothing broken gives %v", err)
	}
}

func TestListFromAFileIsAdded(t *testing.T) {
	r := password.Rules{Known: password.NewBlocklist()}
	const pw = "Vasilek-77-na-pole"
	if broken := r.Check(pw); len(broken) > 0 {
		t.Fatalf("before: %v", broken)
	}
	path := filepath.Join(t.TempDir(), "pwned.txt")
	sum := sha1.Sum([]byte(pw))
	if err := os.WriteFile(path, fmt.Appendf(nil, "0000000000000000\n%X:42\r\n\n", sum), 0o600); err != nil {
		t.Fatal(err)
	}
	before := r.Known.Len()
	if err := r.Known.Load(path); err != nil {
		t.Fatal(err)
	}
	if broken := r.Check(pw); !slices.Equal(broken, []password.Broken{password.Breached}) || r.Known.Len() != before+2 {
		t.Fatalf("after: %v, %d more", broken, r.Known.Len()-before)
	}
	for _, bad := range []string{"abcd", "zzzzzzzzzzzzzzzz", strings.Repeat("a", 41)} {
		os.WriteFile(path, []byte(bad), 0o600)
		if err := r.Known.Load(path); err == nil {
			t.Errorf("a file of %q is read", bad)
		}
	}
	if known.Len() < 20000 {
		t.Errorf("the built-in list has %d passwords only", known.Len())
	}
}

func TestMeterTellsWeakFromStrong(t *testing.T) {
	for pw, want := range map[string][2]int{
		"":                        {0, 0},
		"password":                {0, 0},
		"Qwerty123":               {0, 1},
		"Kamiro-tezupa-bonefi-47": {4, 4},
		"мама мыла раму в октябре": {3, 4},
	} {
		if got := password.Strength(pw); got < want[0] || got > want[1] {
			t.Errorf("Strength(%q) = %d, want %v", pw, got, want)
		}
	}
	alone, personal := password.Strength("korolevskaya"), password.Strength("korolevskaya", "Korolevskaya@example.ru")
	if personal >= alone {
		t.Errorf("what others know gives %d, not less than %d", personal, alone)
	}
}

func TestMeterIsQuickOnLongInput(t *testing.T) {
	for _, pw := range []string{strings.Repeat("a", 1<<20), strings.Repeat("Ab1-", 64), strings.Repeat("qwertyйцукен", 30), strings.Repeat("19901990", 30)} {
		begin := time.Now()
		password.Strength(pw, "ivan@example.ru", "Иванов")
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("Strength of %d bytes took %v", len(pw), took)
		}
	}
}

func TestGeneratedPasswordMeetsEveryProfile(t *testing.T) {
	seen := map[string]bool{}
	for range 300 {
		pw, err := password.Generate(rand.Reader)
		if err != nil || seen[pw] {
			t.Fatalf("Generate = %q, %v, or again", pw, err)
		}
		seen[pw] = true
		for _, p := range []password.Profile{password.Esia, password.Nist} {
			if broken := (password.Rules{Profile: p, Known: known}).Check(pw); len(broken) > 0 {
				t.Errorf("%q breaks %v of %s", pw, broken, p)
			}
		}
		for i := range len(pw) - 1 {
			if pw[i] == pw[i+1] {
				t.Errorf("%q has equal neighbours", pw)
			}
		}
	}
	if _, err := password.Generate(bytes.NewReader(nil)); err == nil {
		t.Error("a password was made without randomness")
	}
}

func FuzzStrengthAndRules(f *testing.F) {
	for _, s := range []string{"Propusk-2026", "пароль", "\xff\xfe", "1/1/1990", "é́́", "aaaa", "11111111", "p@ssw0rd"} {
		f.Add(s, "Иванов")
	}
	r := password.Rules{Known: known}
	f.Fuzz(func(t *testing.T, pw, personal string) {
		if s := password.Strength(pw, personal); s < 0 || s > 4 {
			t.Fatalf("Strength = %d", s)
		}
		for _, b := range r.Check(pw, personal) {
			if !slices.Contains(password.AllBroken(), b) {
				t.Fatalf("unknown rule %q", b)
			}
		}
	})
}
