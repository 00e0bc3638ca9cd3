package password

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/propusk/propusk/idp/fault"
)

// Profile names a set of rules, as the configuration does.
type Profile string

// The profiles.
const (
	// Esia asks for 8 characters with a lower-case letter, an upper-case
	// letter and a digit among them: what citizens know from ESIA. NIST SP
	// 800-63B-4 advises against rules of composition; the deviation is
	// recorded in design.md.
	Esia Profile = "esia"
	// Nist asks for 15 characters, or 8 beside a second factor, of any kind.
	Nist Profile = "nist"
)

// Broken is a rule that a password breaks; the pages have a sentence for each.
type Broken string

// The rules that can be broken.
const (
	Short       Broken = "password.short"
	Long        Broken = "password.long"
	Unprintable Broken = "password.unprintable"
	NoLower     Broken = "password.lower"
	NoUpper     Broken = "password.upper"
	NoDigit     Broken = "password.digit"
	Breached    Broken = "password.breached"
	Personal    Broken = "password.personal"
)

// AllBroken lists every code, for the test that each has its sentence.
func AllBroken() []Broken {
	return []Broken{Short, Long, Unprintable, NoLower, NoUpper, NoDigit, Breached, Personal}
}

// maxRunes is far above the 128 that people are promised.
const maxRunes = 256

// Rules judge a new password. The zero value is profile Esia without a list
// of known passwords.
type Rules struct {
	Profile Profile
	// SecondFactor says that the password is never the only factor.
	SecondFactor bool
	// Known holds passwords that are refused; nil for none.
	Known *Blocklist
}

// MinLength returns the fewest characters allowed.
func (r Rules) MinLength() int {
	if r.Profile == Nist && !r.SecondFactor {
		return 15
	}
	return 8
}

// Check returns the rules that pw breaks, coarse before fine; none, if it may
// be used. personal is what others know about the person: phone, e-mail,
// names.
func (r Rules) Check(pw string, personal ...string) []Broken {
	var broken []Broken
	if len(pw) > 8*maxBytes { // decomposed letters shrink, but not that much
		return []Broken{Long}
	}
	pw = norm.NFC.String(pw)
	switch n := utf8.RuneCountInString(pw); {
	case n < r.MinLength():
		broken = append(broken, Short)
	case n > maxRunes:
		return []Broken{Long}
	}
	if !utf8.ValidString(pw) || strings.ContainsFunc(pw, func(c rune) bool { return !unicode.IsGraphic(c) }) {
		broken = append(broken, Unprintable)
	}
	if r.Profile != Nist {
		if !strings.ContainsFunc(pw, unicode.IsLower) {
			broken = append(broken, NoLower)
		}
		if !strings.ContainsFunc(pw, unicode.IsUpper) {
			broken = append(broken, NoUpper)
		}
		if !strings.ContainsFunc(pw, unicode.IsDigit) {
			broken = append(broken, NoDigit)
		}
	}
	if r.Known.Contains(pw) {
		broken = append(broken, Breached)
	}
	if holdsPersonal(pw, personal) {
		broken = append(broken, Personal)
	}
	return broken
}

// Fields returns the broken rules as wrong fields of a form, or nil.
func Fields(name string, broken []Broken) fault.Fields {
	var f fault.Fields
	for _, b := range broken {
		f.Add(name, string(b))
	}
	return f
}

// holdsPersonal looks for the words in the password. Words below four letters
// are not looked for: they stand in too many innocent ones.
func holdsPersonal(pw string, personal []string) bool {
	pw = fold(pw)
	digits := onlyDigits(pw)
	for _, word := range personal {
		word, _, _ = strings.Cut(fold(word), "@")
		if n := onlyDigits(word); len(n) >= 10 && !strings.ContainsFunc(word, unicode.IsLetter) {
			if strings.Contains(digits, n[len(n)-10:]) || strings.Contains(pw, n[len(n)-7:]) {
				return true
			}
			continue
		}
		if utf8.RuneCountInString(word) >= 4 && strings.Contains(pw, word) {
			return true
		}
	}
	return false
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

func fold(s string) string {
	return strings.ReplaceAll(cases.Fold().String(norm.NFC.String(strings.TrimSpace(s))), "ё", "е")
}

// Admissible judges a new password typed twice: wrong fields "password" and "password-again", or nil.
func (r Rules) Admissible(pw, again string, personal ...string) error {
	var wrong fault.Fields
	if pw == "" {
		wrong.Add("password", "password.required")
		return wrong.Err()
	}
	wrong = append(wrong, Fields("password", r.Check(pw, personal...))...)
	if again != pw {
		wrong.Add("password-again", "password.again")
	}
	return wrong.Err()
}
