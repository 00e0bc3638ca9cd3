package civil

import (
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/propusk/propusk/idp/fault"
)

// An Address is a Russian postal address. ParseAddress makes a right one.
type Address struct {
	PostalCode string `json:"postal_code"`
	Region     string `json:"region"`
	Locality   string `json:"locality"`
	Street     string `json:"street,omitempty"` // a village may have none
	House      string `json:"house"`
	Flat       string `json:"flat,omitempty"`
}

// ParseAddress checks an address as typed and returns it in canonical form.
// The error is a fault.Fields named as the fields are in JSON.
func ParseAddress(in Address) (Address, error) {
	var wrong fault.Fields
	part := func(name, value, required string, longest int) string {
		if len(value) <= maxInput && line(value) == "" {
			if required != "" {
				wrong.Add(name, required)
			}
			return ""
		}
		s, err := parseText("address", value, longest)
		if err != nil {
			wrong.Add(name, CodeOf(err))
		}
		return s
	}
	var out Address
	postal, err := digits("address", in.PostalCode, 6)
	if err != nil || postal[0] == '0' {
		wrong.Add("postal_code", "address.postal_code")
	}
	out.PostalCode = postal
	out.Region = part("region", in.Region, "address.region", 100)
	out.Locality = part("locality", in.Locality, "address.locality", 100)
	out.Street = part("street", in.Street, "", 150)
	out.House = part("house", in.House, "address.house", 30)
	out.Flat = part("flat", in.Flat, "", 20)
	if err := wrong.Err(); err != nil {
		return Address{}, err
	}
	return out, nil
}

// IsZero reports that no address is given.
func (a Address) IsZero() bool { return a == Address{} }

// String returns the address in one line.
func (a Address) String() string { return a.Format() }

// Format returns the address in one line, as written on an envelope.
func (a Address) Format() string {
	parts := []string{a.PostalCode, a.Place(), a.Street, a.House, a.Flat}
	if a.House != "" {
		parts[3] = "д. " + a.House
	}
	if a.Flat != "" {
		parts[4] = "кв. " + a.Flat
	}
	var out []string
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, ", ")
}

// Place returns region and locality. A city that is a region of its own stands once, however people wrote
// it in the two fields, as the fuller of the two.
func (a Address) Place() string {
	switch {
	case a.Region == "" || a.Locality == "":
		return a.Region + a.Locality
	case city(a.Region) != city(a.Locality):
		return a.Region + ", " + a.Locality
	case len(a.Region) > len(a.Locality):
		return a.Region
	}
	return a.Locality
}

// city is the name of a place without the word for city.
func city(s string) string {
	s = strings.ReplaceAll(strings.ToLower(s), "ё", "е")
	for _, word := range []string{"город ", "гор. ", "гор.", "г. ", "г.", "г "} {
		if rest, ok := strings.CutPrefix(s, word); ok {
			s = rest
			break
		}
	}
	for _, word := range []string{" город", " г.", " г"} {
		s = strings.TrimSuffix(s, word)
	}
	return strings.TrimSpace(s)
}

// Mask keeps the region's part of the postal code, for logs.
func (a Address) Mask() string { return hide(a.PostalCode, 3, 0, '*') }

// MaskPage keeps locality and postal code, for the owner's pages.
func (a Address) MaskPage() string {
	if a.IsZero() {
		return ""
	}
	s := a.PostalCode + ", " + a.Locality
	if utf8.RuneCountInString(a.Street) > 0 {
		s += ", •••"
	}
	return s
}

// LogValue masks the address.
func (a Address) LogValue() slog.Value { return slog.StringValue(a.Mask()) }
