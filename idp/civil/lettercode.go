package civil

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
)

// LetterCode is the code printed in a registered letter: ten random characters
// and a check character, from an alphabet in which no two are mistaken for
// each other. It holds 50 random bits.
//
// The check character is the sum of the others, each times its own power of a
// generator, in the field of 32 elements. So any one wrong character, and any
// two exchanged ones, are noticed before a try is spent on them.
type LetterCode struct{ s string }

const (
	letterAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // without I L O U
	letterRandom   = 10
	letterLength   = letterRandom + 1
)

// NewLetterCode draws a code from rand.
func NewLetterCode(rand io.Reader) (LetterCode, error) {
	var b [letterRandom]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return LetterCode{}, fmt.Errorf("civil: draw a letter code: %w", err)
	}
	c := make([]byte, letterLength)
	for i := range b {
		c[i] = letterAlphabet[b[i]%32] // 256 is 8 times 32, so every character is as likely
	}
	c[letterRandom] = letterCheck(string(c[:letterRandom]))
	return LetterCode{string(c)}, nil
}

// ParseLetterCode reads a code as people type it: in lower case, with
// whatever between the groups, O for 0, I and L for 1, and Cyrillic letters
// that look like Latin ones.
func ParseLetterCode(s string) (LetterCode, error) {
	if len(s) > maxInput {
		return LetterCode{}, Wrong{"letter_code.length"}
	}
	c := strings.Map(func(r rune) rune {
		switch r = asLatin(r); r {
		case '.', ',', '_', '/', ':', '*':
			return -1
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, squeeze(s))
	switch {
	case c == "":
		return LetterCode{}, Wrong{"letter_code.required"}
	case strings.ContainsFunc(c, func(r rune) bool { return !strings.ContainsRune(letterAlphabet, r) }):
		return LetterCode{}, Wrong{"letter_code.characters"}
	case len(c) != letterLength:
		return LetterCode{}, Wrong{"letter_code.length"}
	case c[letterRandom] != letterCheck(c[:letterRandom]):
		return LetterCode{}, Wrong{"letter_code.check"}
	}
	return LetterCode{c}, nil
}

// letterCheck evaluates the characters as a polynomial without constant term
// at the generator 2 of GF(32): every place has its own factor, none of them
// zero or one, which is what notices exchanges, with the check character too.
func letterCheck(s string) byte {
	sum := byte(0)
	for i := range len(s) {
		sum = double(sum ^ byte(strings.IndexByte(letterAlphabet, s[i])))
	}
	return letterAlphabet[sum]
}

// double multiplies by the generator modulo x⁵+x²+1.
func double(v byte) byte {
	v <<= 1
	if v&32 != 0 {
		v ^= 0b100101
	}
	return v
}

// cyrillicLookalikes are upper-case letters that a Russian keyboard gives for
// a Latin letter of the same shape.
var cyrillicLookalikes = map[rune]rune{
	'А': 'A', 'В': 'B', 'Е': 'E', 'К': 'K', 'М': 'M', 'Н': 'H', 'О': 'O', 'Р': 'P', 'С': 'C', 'Т': 'T', 'У': 'Y', 'Х': 'X',
}

// asLatin is the upper-case Latin letter that r was meant as, or r.
func asLatin(r rune) rune {
	r = unicode.ToUpper(r)
	if l, ok := cyrillicLookalikes[r]; ok {
		return l
	}
	return r
}

// IsZero reports that no code is given.
func (c LetterCode) IsZero() bool { return c.s == "" }

// String returns the eleven characters. It is a secret.
func (c LetterCode) String() string { return c.s }

// Format returns XXXX-XXXX-XXX, as printed in the letter.
func (c LetterCode) Format() string {
	if c.s == "" {
		return ""
	}
	return c.s[:4] + "-" + c.s[4:8] + "-" + c.s[8:]
}

// Mask hides all of it.
func (c LetterCode) Mask() string { return hide(c.Format(), 0, 0, '*') }

// MaskPage hides all of it.
func (c LetterCode) MaskPage() string { return hide(c.Format(), 0, 0, '•') }

// LogValue hides all of it.
func (c LetterCode) LogValue() slog.Value { return slog.StringValue(c.Mask()) }

// MarshalText returns the canonical form.
func (c LetterCode) MarshalText() ([]byte, error) { return []byte(c.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (c *LetterCode) UnmarshalText(text []byte) error { return unmarshal(c, text, ParseLetterCode) }
