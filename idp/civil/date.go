package civil

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Date is a day of the calendar, without a time and without a zone: what is
// written in documents.
type Date struct {
	year       int16
	month, day int8
}

// Years outside these are slips of the pen.
const minYear, maxYear = 1850, 2200

// NewDate makes a date, if the calendar has it.
func NewDate(year int, month time.Month, day int) (Date, error) {
	if year < minYear || year > maxYear {
		return Date{}, Wrong{"date.year"}
	}
	t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	if t.Year() != year || t.Month() != month || t.Day() != day {
		return Date{}, Wrong{"date.none"}
	}
	return Date{int16(year), int8(month), int8(day)}, nil
}

// MustDate is NewDate for dates written in a program; it panics.
func MustDate(year int, month time.Month, day int) Date {
	d, err := NewDate(year, month, day)
	if err != nil {
		panic(fmt.Sprintf("civil: %d-%d-%d: %v", year, month, day, err))
	}
	return d
}

// DateOf returns the day of t in t's own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date{int16(y), int8(m), int8(d)}
}

// ParseDate reads the three fields of a form.
func ParseDate(year, month, day string) (Date, error) {
	var n [3]int
	empty := 0
	for i, s := range []string{year, month, day} {
		if len(s) > maxInput {
			return Date{}, Wrong{"date.characters"}
		}
		s = squeeze(s)
		if s == "" {
			empty++
			continue
		}
		if len(s) > 4 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
			return Date{}, Wrong{"date.characters"}
		}
		n[i], _ = strconv.Atoi(s)
	}
	if empty == 3 {
		return Date{}, Wrong{"date.required"}
	}
	if empty > 0 {
		return Date{}, Wrong{"date.none"}
	}
	return NewDate(n[0], time.Month(n[1]), n[2])
}

// ParseISODate reads 2006-01-02, and 02.01.2006 as it is printed.
func ParseISODate(s string) (Date, error) {
	if len(s) > maxInput {
		return Date{}, Wrong{"date.characters"}
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return NewDate(t.Date())
	}
	s = strings.TrimSpace(bare(s))
	if s == "" {
		return Date{}, Wrong{"date.required"}
	}
	if p := strings.Split(s, "."); len(p) == 3 {
		return ParseDate(p[2], p[1], p[0])
	}
	if p := strings.FieldsFunc(s, isDash); len(p) == 3 {
		return ParseDate(p[0], p[1], p[2])
	}
	return Date{}, Wrong{"date.characters"}
}

// CheckBirth tells whether d can be the birth date of somebody alive today.
func CheckBirth(d, today Date) error {
	switch {
	case d.IsZero():
		return Wrong{"date.required"}
	case d.After(today):
		return Wrong{"birth.future"}
	case d.Age(today) > 130:
		return Wrong{"birth.too_old"}
	}
	return nil
}

// IsZero reports that no date is given.
func (d Date) IsZero() bool { return d == Date{} }

// Year returns the year.
func (d Date) Year() int { return int(d.year) }

// Month returns the month.
func (d Date) Month() time.Month { return time.Month(d.month) }

// Day returns the day of the month.
func (d Date) Day() int { return int(d.day) }

// Compare orders dates: -1, 0 or 1.
func (d Date) Compare(e Date) int {
	a, b := d.number(), e.number()
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (d Date) number() int { return int(d.year)*10000 + int(d.month)*100 + int(d.day) }

// Before reports that d is earlier than e.
func (d Date) Before(e Date) bool { return d.Compare(e) < 0 }

// After reports that d is later than e.
func (d Date) After(e Date) bool { return d.Compare(e) > 0 }

// AddYears returns the same day n years on; 29 February becomes 1 March where
// there is none.
func (d Date) AddYears(n int) Date { return DateOf(d.Time(time.UTC).AddDate(n, 0, 0)) }

// AddDays returns the day n days on.
func (d Date) AddDays(n int) Date { return DateOf(d.Time(time.UTC).AddDate(0, 0, n)) }

// Age returns the full years from birth date d to the day at.
func (d Date) Age(at Date) int {
	years := at.Year() - d.Year()
	if at.Before(d.AddYears(years)) {
		years--
	}
	return years
}

// Time returns the first moment of the day in loc.
func (d Date) Time(loc *time.Location) time.Time {
	return time.Date(int(d.year), time.Month(d.month), int(d.day), 0, 0, 0, 0, loc)
}

// String returns 2006-01-02.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day)
}

// Format returns 02.01.2006, as documents print it.
func (d Date) Format() string {
	if d.IsZero() {
		return ""
	}
	return fmt.Sprintf("%02d.%02d.%04d", d.day, d.month, d.year)
}

// Mask hides the whole date, for logs.
func (d Date) Mask() string { return hide(d.String(), 0, 0, '*') }

// MaskPage keeps the year, for the owner's pages.
func (d Date) MaskPage() string { return hide(d.Format(), 0, 4, '•') }

// LogValue masks the date: it is a birthday more often than not.
func (d Date) LogValue() slog.Value { return slog.StringValue(d.Mask()) }

// MarshalText returns the canonical form.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText parses; empty text is the zero value.
func (d *Date) UnmarshalText(text []byte) error { return unmarshal(d, text, ParseISODate) }
