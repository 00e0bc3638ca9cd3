package civil

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/propusk/propusk/idp/fault"
)

// Name is one part of a person's name, as the document has it: letters of the
// Cyrillic or Latin alphabet, hyphens, apostrophes and spaces.
type Name struct{ s string }

const maxName = 100

// ParseName reads one part of a name. Case is kept. Hyphens and apostrophes
// of all kinds become one kind each, spaces become single.
func ParseName(s string) (Name, error) {
	if len(s) > 0 && len(s) <= maxName && !strings.ContainsFunc(s, func(r rune) bool { return !russian(r) }) {
		return Name{s}, nil // what most are, and nothing below would change or refuse
	}
	return parseName(s)
}

func parseName(s string) (Name, error) {
	if len(s) > maxInput {
		return Name{}, Wrong{"name.long"}
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case isDash(r):
			return '-'
		case strings.ContainsRune("'’‘ʼʹ`´′", r):
			return '\''
		}
		return r
	}, line(s))
	s = strings.ReplaceAll(strings.ReplaceAll(s, " -", "-"), "- ", "-")
	if s == "" {
		return Name{}, Wrong{"name.required"}
	}
	if utf8.RuneCountInString(s) > maxName {
		return Name{}, Wrong{"name.long"}
	}
	letters := 0
	for _, r := range s {
		switch {
		case russian(r) || unicode.IsLetter(r) && unicode.In(r, unicode.Cyrillic, unicode.Latin):
			letters++
		case r != '-' && r != '\'' && r != ' ':
			return Name{}, Wrong{"name.characters"}
		}
	}
	if letters == 0 || strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") || strings.Contains(s, "--") || strings.Contains(s, "''") {
		return Name{}, Wrong{"name.characters"}
	}
	for word := range strings.FieldsSeq(s) {
		if strings.ContainsFunc(word, isCyrillic) && strings.ContainsFunc(word, isLatin) {
			return Name{}, Wrong{"name.mixed"} // a Latin "a" among Cyrillic letters: no registry would agree
		}
	}
	return Name{s}, nil
}

func isCyrillic(r rune) bool { return russian(r) || unicode.Is(unicode.Cyrillic, r) }
func isLatin(r rune) bool    { return !russian(r) && unicode.Is(unicode.Latin, r) }

// IsZero reports that no name is given; a patronymic may be absent.
func (n Name) IsZero() bool { return n.s == "" }

// String returns the name.
func (n Name) String() string { return n.s }

// Format returns the name.
func (n Name) Format() string { return n.s }

// Mask keeps the first letter, for logs.
func (n Name) Mask() string { return n.hide("***") }

// MaskPage keeps the first letter, for pages.
func (n Name) MaskPage() string { return n.hide("•••") }

func (n Name) hide(hidden string) string {
	if n.s == "" {
		return ""
	}
	_, size := utf8.DecodeRuneInString(n.s)
	return n.s[:size] + hidden
}

// LogValue masks the name.
func (n Name) LogValue() slog.Value { return slog.StringValue(n.Mask()) }

// MarshalText returns the canonical form.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (n *Name) UnmarshalText(text []byte) error { return unmarshal(n, text, ParseName) }

// FullName is a person's name as documents print it.
type FullName struct {
	Family     Name `json:"family_name"`
	Given      Name `json:"given_name"`
	Patronymic Name `json:"patronymic,omitzero"`
}

// ParseFullName reads the three fields of a form; the patronymic may be empty.
// The error is a fault.Fields with the names family_name, given_name and
// patronymic.
func ParseFullName(family, given, patronymic string) (FullName, error) {
	var wrong fault.Fields
	part := func(field, s string, optional bool) Name {
		n, err := ParseName(s)
		if code := CodeOf(err); code != "" && !(optional && code == "name.required") {
			wrong.Add(field, code)
		}
		return n
	}
	n := FullName{part("family_name", family, false), part("given_name", given, false), part("patronymic", patronymic, true)}
	if err := wrong.Err(); err != nil {
		return FullName{}, err
	}
	return n, nil
}

// IsZero reports that no name is given.
func (n FullName) IsZero() bool { return n == FullName{} }

// String returns family name, given name, patronymic.
func (n FullName) String() string {
	return strings.Join(strings.Fields(n.Family.s+" "+n.Given.s+" "+n.Patronymic.s), " ")
}

// Format returns family name, given name, patronymic.
func (n FullName) Format() string { return n.String() }

// Mask keeps the first letters, for logs.
func (n FullName) Mask() string {
	return strings.TrimSpace(n.Family.Mask() + " " + n.Given.Mask() + " " + n.Patronymic.Mask())
}

// MaskPage keeps the given name and the first letter of the others, as banks do.
func (n FullName) MaskPage() string {
	return strings.Join(strings.Fields(n.Given.s+" "+n.Patronymic.s+" "+n.Family.MaskPage()), " ")
}

// LogValue masks the name.
func (n FullName) LogValue() slog.Value { return slog.StringValue(n.Mask()) }

// Fold is the form in which two spellings of one name are equal: NFC, without
// case, ё as е, hyphens as spaces.
func (n Name) Fold() string { return fold(n.s) }

func fold(s string) string {
	s = norm.NFC.String(cases.Fold().String(norm.NFC.String(s)))
	s = strings.Map(func(r rune) rune {
		switch {
		case r == 'ё':
			return 'е'
		case isDash(r):
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// PersonKey is what the blind index finds a person by: the full name, folded,
// and the birth date.
func PersonKey(n FullName, birth Date) string {
	return n.Family.Fold() + "|" + n.Given.Fold() + "|" + n.Patronymic.Fold() + "|" + birth.String()
}

// Sex is the sex written in the document.
type Sex string

// The two that documents know; the zero value is "not given".
const (
	Male   Sex = "m"
	Female Sex = "f"
)

// ParseSex reads m or f, and what people and registries write instead.
func ParseSex(s string) (Sex, error) {
	if len(s) <= maxInput {
		switch strings.ToLower(strings.TrimSpace(bare(s))) {
		case "m", "male", "м", "муж", "мужской":
			return Male, nil
		case "f", "female", "ж", "жен", "женский":
			return Female, nil
		}
	}
	return "", Wrong{"sex.unknown"}
}

// String returns m or f.
func (s Sex) String() string { return string(s) }

// IsZero reports that no sex is given.
func (s Sex) IsZero() bool { return s == "" }

// UnmarshalText parses; empty text is the zero value.
func (s *Sex) UnmarshalText(text []byte) error { return unmarshal(s, text, ParseSex) }
