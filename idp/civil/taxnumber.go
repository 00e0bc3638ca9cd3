package civil

import "log/slog"

// INN is a taxpayer's number: twelve digits for a person, ten for a legal
// entity, the last two or one of them being check digits.
type INN struct{ s string }

var (
	innTenth    = []int{2, 4, 10, 3, 5, 9, 4, 6, 8}
	innEleventh = []int{7, 2, 4, 10, 3, 5, 9, 4, 6, 8}
	innTwelfth  = []int{3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8}
)

// ParseINN reads the number of a person or of a legal entity.
func ParseINN(s string) (INN, error) {
	d, err := digits("inn", s, 10, 12)
	if err != nil {
		return INN{}, err
	}
	ok := len(d) == 10 && d[9] == innCheck(d, innTenth) ||
		len(d) == 12 && d[10] == innCheck(d, innEleventh) && d[11] == innCheck(d, innTwelfth)
	if !ok || d[:4] == "0000" { // the first four name the tax office; there is none with this number
		return INN{}, Wrong{"inn.check"}
	}
	return INN{d}, nil
}

func innCheck(d string, weights []int) byte {
	sum := 0
	for i, w := range weights {
		sum += int(d[i]-'0') * w
	}
	return byte('0' + sum%11%10)
}

// IsZero reports that no number is given.
func (n INN) IsZero() bool { return n.s == "" }

// Personal reports that the number is a person's.
func (n INN) Personal() bool { return len(n.s) == 12 }

// String returns the digits, as they are printed too.
func (n INN) String() string { return n.s }

// Format returns the digits; an INN is printed without separators.
func (n INN) Format() string { return n.s }

// Mask keeps the tax office and hides the rest, for logs.
func (n INN) Mask() string { return hide(n.s, 4, 0, '*') }

// MaskPage keeps the last four digits, for the owner's pages.
func (n INN) MaskPage() string { return hide(n.s, 0, 4, '•') }

// LogValue masks the number.
func (n INN) LogValue() slog.Value { return slog.StringValue(n.Mask()) }

// MarshalText returns the canonical form.
func (n INN) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (n *INN) UnmarshalText(text []byte) error { return unmarshal(n, text, ParseINN) }

// OGRN is the register number of a legal entity: thirteen digits. It is
// public, so it is not masked.
type OGRN struct{ s string }

// ParseOGRN reads a legal entity's register number.
func ParseOGRN(s string) (OGRN, error) {
	d, err := registerNumber("ogrn", s, 13)
	return OGRN{d}, err
}

// IsZero reports that no number is given.
func (n OGRN) IsZero() bool { return n.s == "" }

// String returns the digits.
func (n OGRN) String() string { return n.s }

// Format returns the digits; the number is printed without separators.
func (n OGRN) Format() string { return n.s }

// Mask returns the number: it is public.
func (n OGRN) Mask() string { return n.s }

// MaskPage returns the number: it is public.
func (n OGRN) MaskPage() string { return n.s }

// LogValue returns the number: it is public.
func (n OGRN) LogValue() slog.Value { return slog.StringValue(n.s) }

// MarshalText returns the canonical form.
func (n OGRN) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (n *OGRN) UnmarshalText(text []byte) error { return unmarshal(n, text, ParseOGRN) }

// OGRNIP is the register number of an individual entrepreneur: fifteen
// digits. It is public, but it is a person's.
type OGRNIP struct{ s string }

// ParseOGRNIP reads an individual entrepreneur's register number.
func ParseOGRNIP(s string) (OGRNIP, error) {
	d, err := registerNumber("ogrnip", s, 15)
	return OGRNIP{d}, err
}

// IsZero reports that no number is given.
func (n OGRNIP) IsZero() bool { return n.s == "" }

// String returns the digits.
func (n OGRNIP) String() string { return n.s }

// Format returns the digits; the number is printed without separators.
func (n OGRNIP) Format() string { return n.s }

// Mask keeps kind, year and region and hides the rest, for logs.
func (n OGRNIP) Mask() string { return hide(n.s, 5, 0, '*') }

// MaskPage keeps the last four digits, for the owner's pages.
func (n OGRNIP) MaskPage() string { return hide(n.s, 0, 4, '•') }

// LogValue masks the number.
func (n OGRNIP) LogValue() slog.Value { return slog.StringValue(n.Mask()) }

// MarshalText returns the canonical form.
func (n OGRNIP) MarshalText() ([]byte, error) { return []byte(n.s), nil }

// UnmarshalText parses; empty text is the zero value.
func (n *OGRNIP) UnmarshalText(text []byte) error { return unmarshal(n, text, ParseOGRNIP) }

// registerNumber checks the last digit: the others as one number modulo
// their count less one (11 or 13), and of that the last digit.
func registerNumber(family, s string, length int) (string, error) {
	d, err := digits(family, s, length)
	if err != nil {
		return "", err
	}
	rest := 0
	for i := range length - 1 {
		rest = (rest*10 + int(d[i]-'0')) % (length - 2)
	}
	if d[0] == '0' || d[length-1] != byte('0'+rest%10) {
		return "", Wrong{family + ".check"}
	}
	return d, nil
}
