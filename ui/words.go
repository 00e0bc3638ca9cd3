package ui

import (
	"slices"
	"sort"
	"strings"
	"time"
)

// allMethods in order of strength.
var allMethods = []string{"service_center", "qualified_signature", "electronic_card", "bank", "mail_code"}

// methods are ways of confirmation in one phrase: "банк, подпись или визит".
func (s *speaker) methods(names []string) string {
	var words []string
	for _, m := range names {
		words = append(words, s.word("method.short", m))
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " " + s.plain("list.or") + " " + words[last]
}

// demand says what a service asks, for a person.
func (s *speaker) demand(d Demand) string {
	text := s.word("demand", d.Level)
	if d.Level == "verified" && len(d.Methods) > 0 {
		missing := slices.DeleteFunc(slices.Clone(allMethods), func(m string) bool { return slices.Contains(d.Methods, m) })
		switch {
		case len(d.Methods) == 1 && d.Methods[0] == "service_center":
			text = s.plain("demand.in-person")
		case len(missing) == 1 && missing[0] == "mail_code":
			text = s.plain("demand.no-letter")
		case len(missing) > 0:
			text = s.plain("demand.only") + " " + s.methods(d.Methods)
		}
	}
	if d.MaxAge > 0 {
		text += "; " + s.plain("demand.fresh") + " " + s.wait(d.MaxAge)
	}
	if d.Strong {
		text += "; " + s.plain("demand.strong")
	}
	return text
}

// age is how old a confirmation may be.
func (s *speaker) age(d time.Duration) string { return s.wait(d) }

// event is one line of history.
func (s *speaker) event(e Event) string {
	text := s.word("event", e.Kind)
	if text == e.Kind {
		text = s.plain("event.other")
	}
	var more []string
	if e.Level != "" {
		more = append(more, lowerFirst(s.word("level", e.Level)))
	}
	if e.Method != "" {
		more = append(more, s.word("method.short", e.Method))
	}
	if e.Service != "" {
		more = append(more, e.Service)
	}
	if len(more) > 0 {
		text += ": " + strings.Join(more, ", ")
	}
	if e.Count > 1 {
		times, err := s.say("event.times", "Count", e.Count)
		if err == nil {
			text += ", " + times
		}
	}
	return text
}

// A country is one line of the citizenship list.
type country struct{ Code, Name string }

// country is the name of a state by its ISO 3166 alpha-3 code.
func (s *speaker) country(code string) string { return s.word("country", code) }

// sortedCountries puts Russia first and the others by name.
func sortedCountries(s *speaker) []country {
	out := make([]country, 0, len(countryCodes))
	for _, c := range countryCodes {
		out = append(out, country{c, s.country(c)})
	}
	sort.SliceStable(out, func(i, j int) bool {
		if (out[i].Code == "RUS") != (out[j].Code == "RUS") {
			return out[i].Code == "RUS"
		}
		return out[i].Name < out[j].Name
	})
	return out
}
