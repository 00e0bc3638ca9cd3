package ui

import (
	"slices"
	"strings"

	"github.com/propusk/propusk/idp/civil"
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

// country is the name of a state by its ISO 3166 alpha-3 code.
func (s *speaker) country(code string) string { return civil.Country(code).Name(s.lang) }

// countries are the citizenships on offer, in civil's order.
func countries() []string {
	var codes []string
	for _, c := range civil.Countries() {
		codes = append(codes, c.String())
	}
	return codes
}

// originView is what parts/origin shows.
type originView struct {
	Origin
	Text string
}

// newOrigin takes the origin as pages hold it, with or without a pointer.
func newOrigin(o any, text string) originView {
	v := originView{Text: text}
	switch o := o.(type) {
	case *Origin:
		v.Origin = *o
	case Origin:
		v.Origin = o
	}
	return v
}

// passwordView is what parts/password shows.
type passwordView struct {
	Rules     PasswordRules
	Suggested string
	Faults    []Fault
}

func newPassword(r PasswordRules, suggested string, faults []Fault) passwordView {
	if r.MinLength == 0 {
		r.MinLength = 8
	}
	return passwordView{r, suggested, faults}
}
