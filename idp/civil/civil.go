// Package civil holds what a state knows people by: numbers, documents, phones, names and dates, parsed, checked, printed and masked.
//
// Parse at the border, then trust. Every type here is a value that only its
// Parse function makes, so a civil.SNILS that is not zero is right, and
// nothing checks it twice. The zero value means "not given".
//
// Each type has the same five faces:
//
//	String    canonical: stored, compared, sent to registries
//	Format    as printed on the document, with its separators
//	Mask      for logs: 112-***-*** **; LogValue gives the same to slog
//	MaskPage  for pages, where the owner has to recognise it: •••-•••-445 95
//	MarshalText, UnmarshalText
//
// Parsing forgives what people and their clipboards do: spaces and hyphens of
// all kinds, brackets, invisible characters, full-width digits. What is
// refused is refused with a Wrong, whose code has a sentence on the pages.
package civil

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/propusk/propusk/idp/fault"
)

// Wrong says what is wrong with an input, by one of Codes. It is an error of
// the kind fault.Invalid and never holds the input.
type Wrong struct{ Code string }

func (w Wrong) Error() string { return "civil: " + w.Code }

// Is makes Wrong an error of the kind fault.Invalid.
func (w Wrong) Is(target error) bool { return target == fault.Invalid }

// CodeOf returns the code of the Wrong in err, or "".
func CodeOf(err error) string {
	var w Wrong
	if errors.As(err, &w) {
		return w.Code
	}
	return ""
}

// Codes lists every code that a Wrong, or a field of this package's forms,
// can carry. The pages have a sentence for each.
func Codes() []string { return slices.Clone(codes) }

var codes = []string{
	"address.characters", "address.long", "address.house", "address.locality", "address.region", "address.postal_code",
	"birth.future", "birth.too_old",
	"country.unknown",
	"date.required", "date.characters", "date.year", "date.none",
	"department.required", "department.format",
	"document.type", "document.required", "document.characters", "document.length", "document.expired", "document.expires_before_issue",
	"email.required", "email.format", "email.local", "email.domain", "email.long",
	"inn.required", "inn.characters", "inn.length", "inn.check",
	"issuer.required", "issuer.characters", "issuer.long",
	"letter_code.required", "letter_code.characters", "letter_code.length", "letter_code.check",
	"name.required", "name.characters", "name.long", "name.mixed",
	"ogrn.required", "ogrn.characters", "ogrn.length", "ogrn.check",
	"ogrnip.required", "ogrnip.characters", "ogrnip.length", "ogrnip.check",
	"passport.length", "passport.too_early", "passport.future",
	"phone.required", "phone.characters", "phone.format", "phone.not_mobile",
	"place.required", "place.characters", "place.long",
	"sex.unknown",
	"snils.required", "snils.characters", "snils.length", "snils.check",
}

// maxInput bounds what any parser looks at; nothing of ours is longer.
const maxInput = 1024

// bare drops what nobody sees and gives full-width signs their usual form:
// format characters (zero-width, soft hyphen, BOM, direction marks), variation
// selectors and controls go, except that a tab or line end becomes a space.
func bare(s string) string {
	if !strings.ContainsFunc(s, unusual) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.In(r, unicode.Cf, unicode.Cc, unicode.Variation_Selector), r == '\u115F', r == '\u3164':
			return -1
		case r >= '\uFF01' && r <= '\uFF5E':
			return r - 0xFEE0
		}
		return r
	}, s)
}

// unusual is every rune but ASCII's printable ones and the Russian letters, of which the rest of this file
// would think long: what the store holds is made of these, and is read at every request for claims.
func unusual(r rune) bool {
	return (r < ' ' || r > '~') && !russian(r)
}

func russian(r rune) bool { return r >= 'А' && r <= 'я' || r == 'Ё' || r == 'ё' }

// isDash knows hyphens and dashes of all kinds, the minus sign among them.
func isDash(r rune) bool {
	if r < '\u02D7' {
		return r == '-'
	}
	return unicode.Is(unicode.Pd, r) || r == '\u2212' || r == '\u2043' || r == '\u02D7'
}

// squeeze is bare without anything that only separates.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || isDash(r) || strings.ContainsRune("()[]{}№", r) {
			return -1
		}
		return r
	}, bare(s))
}

// digits returns the digits of s, of one of the lengths, or a Wrong of the
// family "snils.", "inn." and so on.
func digits(family, s string, lengths ...int) (string, error) {
	if len(s) > maxInput {
		return "", Wrong{family + ".length"}
	}
	s = squeeze(s)
	switch {
	case s == "":
		return "", Wrong{family + ".required"}
	case strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }):
		return "", Wrong{family + ".characters"}
	case !slices.Contains(lengths, len(s)):
		return "", Wrong{family + ".length"}
	}
	return s, nil
}

// line is one line of free text: NFC, nothing invisible, single spaces.
func line(s string) string {
	return strings.Join(strings.Fields(norm.NFC.String(bare(s))), " ")
}

// hide replaces letters and digits by sign, but for the first head and the
// last tail of them; separators stay, so that the shape is recognised.
func hide(s string, head, tail int, sign rune) string {
	hidable := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	n := 0
	for _, r := range s {
		if hidable(r) {
			n++
		}
	}
	i := 0
	return strings.Map(func(r rune) rune {
		if !hidable(r) {
			return r
		}
		i++
		if i <= head || i > n-tail {
			return r
		}
		return sign
	}, s)
}

// unmarshal parses text into v, where empty text is the zero value.
func unmarshal[T any](v *T, text []byte, parse func(string) (T, error)) error {
	if len(text) == 0 {
		var zero T
		*v = zero
		return nil
	}
	x, err := parse(string(text))
	if err != nil {
		return err
	}
	*v = x
	return nil
}
