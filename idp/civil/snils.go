package civil

import "log/slog"

// SNILS is the number of a person's pension insurance account: eleven digits,
// of which the last two check the others.
type SNILS struct{ s string }

// snilsUnchecked is the greatest number issued before check digits were.
const snilsUnchecked = "001001998"

// ParseSNILS reads a SNILS written in any usual way.
func ParseSNILS(s string) (SNILS, error) {
	d, err := digits("snils", s, 11)
	if err != nil {
		return SNILS{}, err
	}
	number := d[:9]
	if number == "000000000" || number > snilsUnchecked && d[9:] != snilsCheck(number) {
		return SNILS{}, Wrong{"snils.check"}
	}
	return SNILS{d}, nil
}

// snilsCheck gives the two check digits: the sum of the digits weighted 9..1;
// below 100 itself, otherwise modulo 101, where 100 counts as 0.
func snilsCheck(number string) string {
	sum := 0
	for i := range 9 {
		sum += int(number[i]-'0') * (9 - i)
	}
	sum = sum % 101 % 100
	return string([]byte{byte('0' + sum/10), byte('0' + sum%10)})
}

// IsZero reports that no SNILS is given.
func (n SNILS) IsZero() bool { return n.s == "" }

// String returns the eleven digits.
func (n SNILS) String() string { return n.s }

// Format returns 112-233-445 95.
func (n SNILS) Format() string {
	if n.s == "" {
		return ""
	}
	return n.s[:3] + "-" + n.s[3:6] + "-" + n.s[6:9] + " " + n.s[9:]
}

// Mask returns 112-***-*** ** for logs.
func (n SNILS) Mask() string { return hide(n.Format(), 3, 0, '*') }

// MaskPage returns •••-•••-445 95 for the owner's pages.
func (n SNILS) MaskPage() string { return hide(n.Format(), 0, 5, '•') }

// LogValue masks the number.
func (n SNILS) LogValue() slog.Value { return slog.StringValue(n.Mask()) }

// MarshalText returns the canonical form.
func (n SNILS) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (n *SNILS) UnmarshalText(text []byte) error { return unmarshal(n, text, ParseSNILS) }
