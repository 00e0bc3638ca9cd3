package civil_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/civil"
)

// snils completes nine digits by trying: independent of how the check is made.
func snils(t interface{ Fatalf(string, ...any) }, number string) string {
	for check := range 100 {
		if n, err := civil.ParseSNILS(fmt.Sprintf("%s%02d", number, check)); err == nil {
			return n.String()
		}
	}
	t.Fatalf("no check digits for %s", number)
	return ""
}

// The check digits are a remainder modulo 101 of which 100 is written as 00.
// So a wrong digit is noticed, with one exception: the ninth digit, of weight
// one, off by one, where the remainders are 0 and 100.
func TestSNILSNoticesAWrongDigit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		right := snils(t, fmt.Sprintf("%09d", rapid.IntRange(1_001_999, 999_999_999).Draw(t, "number")))
		place := rapid.IntRange(0, 10).Draw(t, "place")
		digit := byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
		wrong := []byte(right)
		if wrong[place] == digit {
			return
		}
		wrong[place] = digit
		if string(wrong[:9]) <= "001001998" {
			return // these have no check
		}
		if _, err := civil.ParseSNILS(string(wrong)); err == nil {
			offByOne := place == 8 && (right[8]-digit == 1 || digit-right[8] == 1)
			if !offByOne || right[9:] != "00" {
				t.Fatalf("%s passes for %s", wrong, right)
			}
		}
	})
}

func TestSNILSCheckDigitsAreOnlyOnePair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := fmt.Sprintf("%09d", rapid.IntRange(1_001_999, 999_999_999).Draw(t, "number"))
		good := 0
		for check := range 100 {
			if _, err := civil.ParseSNILS(fmt.Sprintf("%s%02d", number, check)); err == nil {
				good++
			}
		}
		if good != 1 {
			t.Fatalf("%s has %d pairs of check digits", number, good)
		}
	})
}

func TestINNCheckDigitsAreOnlyOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, size := range []int{9, 10} {
			number := rapid.StringMatching(fmt.Sprintf(`[1-9][0-9]{%d}`, size-1)).Draw(t, "number")
			checks, form := 10, "%s%d"
			if size == 10 {
				checks, form = 100, "%s%02d"
			}
			good := 0
			for check := range checks {
				if _, err := civil.ParseINN(fmt.Sprintf(form, number, check)); err == nil {
					good++
				}
			}
			if good != 1 {
				t.Fatalf("%s has %d endings", number, good)
			}
		}
	})
}

const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

func drawCode(t *rapid.T) civil.LetterCode {
	random := rapid.SliceOfN(rapid.Byte(), 10, 10).Draw(t, "random")
	c, err := civil.NewLetterCode(bytes.NewReader(random))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLetterCodeNoticesAnyWrongCharacter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCode(t)
		for place := range 11 {
			for i := range letters {
				wrong := []byte(c.String())
				if wrong[place] == letters[i] {
					continue
				}
				wrong[place] = letters[i]
				if _, err := civil.ParseLetterCode(string(wrong)); civil.CodeOf(err) != "letter_code.check" {
					t.Fatalf("%s for %s: %v", wrong, c, err)
				}
			}
		}
	})
}

func TestLetterCodeNoticesAnyTwoExchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCode(t)
		for i := range 11 {
			for j := range i {
				wrong := []byte(c.String())
				if wrong[i] == wrong[j] {
					continue
				}
				wrong[i], wrong[j] = wrong[j], wrong[i]
				if _, err := civil.ParseLetterCode(string(wrong)); civil.CodeOf(err) != "letter_code.check" {
					t.Fatalf("%s for %s: %v", wrong, c, err)
				}
			}
		}
	})
}

func TestLetterCodeIsReadAsPeopleTypeIt(t *testing.T) {
	typed := strings.NewReplacer("A", "а", "B", "в", "E", "е", "K", "к", "M", "М", "H", "н", "P", "р", "C", "с", "T", "т", "Y", "у", "X", "х", "0", "О", "1", "l")
	rapid.Check(t, func(t *rapid.T) {
		c := drawCode(t)
		for _, in := range []string{c.Format(), strings.ToLower(c.Format()), typed.Replace(c.Format()), " " + strings.ReplaceAll(c.Format(), "-", " – ")} {
			if got, err := civil.ParseLetterCode(in); err != nil || got != c {
				t.Fatalf("ParseLetterCode(%q) = %s, %v, want %s", in, got, err, c)
			}
		}
	})
}

func TestLetterCodeIsRandom(t *testing.T) {
	seen := map[civil.LetterCode]bool{}
	for range 1000 {
		c, err := civil.NewLetterCode(rand.Reader)
		if err != nil || seen[c] {
			t.Fatalf("code %v again, or %v", c.Mask(), err)
		}
		seen[c] = true
	}
	if _, err := civil.NewLetterCode(strings.NewReader("short")); err == nil {
		t.Fatal("a code was made without enough randomness")
	}
}
