package ui

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

var (
	monthsRu = [...]string{"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}
	nbsp     = "\u00a0"
)

// in is the moment as the clock on the wall shows it. A date without a time
// (midnight in UTC: a birthday) is never moved to another day.
func (s *speaker) in(t time.Time) time.Time {
	if t.Location() == time.UTC && t.Hour() == 0 && t.Minute() == 0 && t.Second() == 0 && t.Nanosecond() == 0 {
		return t
	}
	return t.In(s.options.Zone)
}

// date is "21 ноября 2026 года" and "21 November 2026".
func (s *speaker) date(t time.Time) string {
	t = s.in(t)
	if s.lang == "ru" {
		return fmt.Sprintf("%d%s%s %d%sгода", t.Day(), nbsp, monthsRu[t.Month()-1], t.Year(), nbsp)
	}
	return fmt.Sprintf("%d%s%s %d", t.Day(), nbsp, t.Month(), t.Year())
}

// day is a date without the year when the year is this one.
func (s *speaker) day(t time.Time) string {
	t = s.in(t)
	if t.Year() != s.options.Now().In(s.options.Zone).Year() {
		return s.date(t)
	}
	month := t.Month().String()
	if s.lang == "ru" {
		month = monthsRu[t.Month()-1]
	}
	return strconv.Itoa(t.Day()) + nbsp + month
}

// clock is "14:32".
func (s *speaker) clock(t time.Time) string { return t.In(s.options.Zone).Format("15:04") }

// stamp is a date and a time.
func (s *speaker) stamp(t time.Time) string { return s.date(t.In(s.options.Zone)) + ", " + s.clock(t) }

// ago is a moment as people tell it: today, yesterday, or the day.
func (s *speaker) ago(t time.Time) string {
	t, now := t.In(s.options.Zone), s.options.Now().In(s.options.Zone)
	switch midnight(now).Sub(midnight(t)) {
	case 0:
		return s.plain("time.today") + ", " + s.clock(t)
	case 24 * time.Hour:
		return s.plain("time.yesterday") + ", " + s.clock(t)
	}
	return s.day(t) + ", " + s.clock(t)
}

func midnight(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// machine is what a script and the datetime attribute read.
func (s *speaker) machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// seconds are whole seconds until t, never below nought.
func (s *speaker) seconds(t time.Time) int {
	return int(max(0, (t.Sub(s.options.Now())+time.Second-1)/time.Second))
}

// left is "4:12".
func (s *speaker) left(t time.Time) string {
	n := s.seconds(t)
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// wait is a length of time in words, rounded up: 5 минут, 2 часа, 30 дней.
func (s *speaker) wait(d time.Duration) string {
	unit, n := "second", ceil(d, time.Second)
	switch {
	case d > 48*time.Hour:
		unit, n = "day", ceil(d, 24*time.Hour)
	case d > 90*time.Minute:
		unit, n = "hour", ceil(d, time.Hour)
	case d > 90*time.Second:
		unit, n = "minute", ceil(d, time.Minute)
	}
	text, err := s.say("wait."+unit, "Count", n)
	if err != nil {
		return strconv.Itoa(n)
	}
	return text
}

func ceil(d, unit time.Duration) int { return int(max(1, (d+unit-1)/unit)) }

// phone is "+7 900 000-00-41"; bullets of a masked number count as digits,
// and what is not a Russian number stays as it is.
func (s *speaker) phone(p string) string {
	r := []rune(p)
	if len(r) != 12 || r[0] != '+' || r[1] != '7' {
		return p
	}
	for _, c := range r[1:] {
		if !unicode.IsDigit(c) && c != '•' && c != '*' {
			return p
		}
	}
	return "+7" + nbsp + string(r[2:5]) + nbsp + string(r[5:8]) + "-" + string(r[8:10]) + "-" + string(r[10:12])
}

// tel is a phone number as a link. html/template knows no tel addresses, so
// everything but digits is dropped before it is told to trust this one.
func (s *speaker) tel(p string) template.URL {
	var digits strings.Builder
	for _, c := range p {
		if c >= '0' && c <= '9' {
			digits.WriteRune(c)
		}
	}
	return template.URL("tel:+" + digits.String())
}

// join is "a, b и c".
func (s *speaker) join(parts []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	last := len(parts) - 1
	return strings.Join(parts[:last], ", ") + " " + s.plain("list.and") + " " + parts[last]
}

// initial is the letter on a service's mark.
func initial(name string) string {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(name, "«\" "))
	if r == utf8.RuneError {
		return "·"
	}
	return string(unicode.ToUpper(r))
}

// lowerFirst puts a sentence inside another one; abbreviations stay.
func lowerFirst(sentence string) string {
	r := []rune(sentence)
	if len(r) > 1 && unicode.IsUpper(r[0]) && !unicode.IsUpper(r[1]) {
		r[0] = unicode.ToLower(r[0])
	}
	return string(r)
}

// bars are the steps of a Stage: done or not.
func bars(st Step) []bool {
	b := make([]bool, st.Of)
	for i := range b {
		b[i] = i < st.N
	}
	return b
}

// list puts values together for a template.
func list(values ...string) []string { return values }

// upperFirst begins a line with what usually stands inside a sentence.
func upperFirst(text string) string {
	r := []rune(text)
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}
