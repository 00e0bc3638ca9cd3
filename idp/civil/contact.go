package civil

import (
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
)

// Phone is a mobile number in the international form of E.164: +79001234567.
type Phone struct{ s string }

// phoneRegion is where a number without a country code belongs.
const phoneRegion = "RU"

// phoneMarks are written between digits, and mean nothing.
var phoneMarks = strings.NewReplacer(".", "", "/", "")

// ParsePhone reads a mobile number; 8 900… and 900… are Russian.
func ParsePhone(s string) (Phone, error) {
	if len(s) > maxInput {
		return Phone{}, Wrong{"phone.format"}
	}
	s = phoneMarks.Replace(squeeze(s))
	if s == "" {
		return Phone{}, Wrong{"phone.required"}
	}
	if strings.ContainsFunc(strings.TrimPrefix(s, "+"), func(r rune) bool { return r < '0' || r > '9' }) {
		return Phone{}, Wrong{"phone.characters"}
	}
	number, err := phonenumbers.Parse(s, phoneRegion)
	if err != nil || !phonenumbers.IsValidNumber(number) {
		return Phone{}, Wrong{"phone.format"}
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return Phone{phonenumbers.Format(number, phonenumbers.E164)}, nil
	}
	return Phone{}, Wrong{"phone.not_mobile"}
}

// IsZero reports that no phone is given.
func (p Phone) IsZero() bool { return p.s == "" }

// String returns +79001234567.
func (p Phone) String() string { return p.s }

// Format returns +7 900 123-45-67.
func (p Phone) Format() string {
	number, err := phonenumbers.Parse(p.s, phoneRegion)
	if p.s == "" || err != nil {
		return p.s
	}
	return phonenumbers.Format(number, phonenumbers.INTERNATIONAL)
}

// Mask keeps the country and the last two digits, for logs.
func (p Phone) Mask() string { return p.hide(2, '*') }

// MaskPage keeps the country and the last four digits, for the owner's pages.
func (p Phone) MaskPage() string { return p.hide(4, '•') }

func (p Phone) hide(tail int, sign rune) string {
	s := p.Format()
	country, rest, found := strings.Cut(s, " ")
	if !found {
		return hide(s, 1, tail, sign)
	}
	return country + " " + hide(rest, 0, tail, sign)
}

// LogValue masks the number.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.Mask()) }

// MarshalText returns the canonical form.
func (p Phone) MarshalText() ([]byte, error) { return []byte(p.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (p *Phone) UnmarshalText(text []byte) error { return unmarshal(p, text, ParsePhone) }

// Email is an address for mail. The domain is in its lower-case ASCII form;
// the local part is kept as it was written, since only its own server knows
// whether case matters there; Key does without the case.
type Email struct{ local, domain string }

// ParseEmail reads an address, without a name or angle brackets.
func ParseEmail(s string) (Email, error) {
	if len(s) > maxInput {
		return Email{}, Wrong{"email.long"}
	}
	s = strings.TrimSpace(bare(s))
	if s == "" {
		return Email{}, Wrong{"email.required"}
	}
	local, domain, found := strings.Cut(s, "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") {
		return Email{}, Wrong{"email.format"}
	}
	if len(local) > 64 || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") ||
		strings.Contains(local, "..") || strings.ContainsFunc(local, notAtext) {
		return Email{}, Wrong{"email.local"}
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil || !isHostname(ascii) {
		return Email{}, Wrong{"email.domain"}
	}
	if len(local)+1+len(ascii) > 254 {
		return Email{}, Wrong{"email.long"}
	}
	return Email{local, ascii}, nil
}

// notAtext refuses what RFC 5322 does not let stand in an unquoted local part.
func notAtext(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
		strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r))
}

// isHostname asks for two labels or more, the last one not a number: an
// address written as digits is not a name.
func isHostname(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 || len(s) > 253 {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for i := range len(l) {
			if c := l[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return false
			}
		}
	}
	last := labels[len(labels)-1]
	return last[0] < '0' || last[0] > '9'
}

// IsZero reports that no address is given.
func (e Email) IsZero() bool { return e.local == "" }

// String returns local@domain.
func (e Email) String() string {
	if e.IsZero() {
		return ""
	}
	return e.local + "@" + e.domain
}

// Key is what the spellings of one address share, and what it is looked up and
// counted by: whether case matters to its server or not, no two people have
// addresses that differ in nothing else.
func (e Email) Key() string { return strings.ToLower(e.String()) }

// Format returns the address with its domain as people read it.
func (e Email) Format() string {
	if e.IsZero() {
		return ""
	}
	domain, err := idna.Display.ToUnicode(e.domain)
	if err != nil {
		domain = e.domain
	}
	return e.local + "@" + domain
}

// Mask keeps the first letter and the domain, for logs.
func (e Email) Mask() string { return e.hide(e.String(), "***") }

// MaskPage keeps the first letter and the domain, for the owner's pages.
func (e Email) MaskPage() string { return e.hide(e.Format(), "•••") }

// The count of hidden letters is not told: it would narrow a guess.
func (e Email) hide(s, hidden string) string {
	if e.IsZero() {
		return ""
	}
	_, size := utf8.DecodeRuneInString(s)
	return s[:size] + hidden + s[strings.LastIndexByte(s, '@'):]
}

// LogValue masks the address.
func (e Email) LogValue() slog.Value { return slog.StringValue(e.Mask()) }

// MarshalText returns the canonical form.
func (e Email) MarshalText() ([]byte, error) { return []byte(e.String()), nil }

// UnmarshalText parses; empty text is the zero value.
func (e *Email) UnmarshalText(text []byte) error { return unmarshal(e, text, ParseEmail) }
