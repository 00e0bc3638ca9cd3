package ui

import (
	"slices"
	"strings"
)

// fieldKind is how an input of this id behaves, on whatever page it stands.
// The label is locale key field.<id>, the hint field.<id>.hint.
type fieldKind struct {
	kind     string // type, "" means text
	mode     string // inputmode
	complete string // autocomplete
	class    string
	max      string
	hint     bool
	optional bool
	exact    bool // no spelling help, no capital letters
}

var fieldKinds = map[string]fieldKind{
	"username":         {complete: "username", hint: true, exact: true, max: "254"},
	"password":         {kind: "password", complete: "current-password", max: "256"},
	"new-password":     {kind: "password", complete: "new-password", max: "256"},
	"password-again":   {kind: "password", complete: "new-password", max: "256"},
	"current-password": {kind: "password", complete: "current-password", max: "256"},
	"code":             {mode: "numeric", complete: "one-time-code", class: "Code", max: "16"},
	"letter-code":      {complete: "off", class: "Code Code--letter", max: "32", exact: true, hint: true},
	"visit-code":       {mode: "numeric", complete: "off", class: "Code", max: "16", hint: true, exact: true, optional: true},
	"activation-code":  {complete: "off", class: "Code Code--letter", max: "32", exact: true, hint: true},
	"tel":              {kind: "tel", mode: "tel", complete: "tel", class: "Wide-20", hint: true, max: "32"},
	"email":            {kind: "email", complete: "email", class: "Wide-20", exact: true, max: "254"},
	"family-name":      {complete: "family-name", max: "100"},
	"given-name":       {complete: "given-name", max: "100"},
	"patronymic":       {complete: "additional-name", max: "100", optional: true},
	"birth-place":      {complete: "off", hint: true, max: "300"},
	"snils":            {mode: "numeric", complete: "off", class: "Wide-20", hint: true, max: "32"},
	"document-number":  {complete: "off", class: "Wide-20", hint: true, max: "40"},
	"department-code":  {mode: "numeric", complete: "off", class: "Wide-10", max: "16"},
	"issuer":           {complete: "off", max: "300"},
	"postal-code":      {mode: "numeric", complete: "postal-code", class: "Wide-10", max: "16"},
	"region":           {complete: "address-level1", max: "100"},
	"locality":         {complete: "address-level2", max: "100"},
	"street":           {complete: "address-line1", max: "150", optional: true},
	"house":            {complete: "off", class: "Wide-10", max: "20"},
	"from":             {kind: "datetime-local", complete: "off", class: "Wide-20", hint: true},
	"until":            {kind: "datetime-local", complete: "off", class: "Wide-20", hint: true},
	"recall-reason":    {complete: "off", max: "300", hint: true},
	"undo-reason":      {complete: "off", max: "300", hint: true},
	"key-name":         {complete: "off", max: "60", hint: true},
	"flat":             {complete: "off", class: "Wide-10", max: "20", optional: true},
}

// fieldView is what parts/field shows.
type fieldView struct {
	fieldKind
	ID, Name, Label, Hint, Value, Wrong string
	Password                            bool
}

func (f fieldView) Type() string {
	if f.kind == "" {
		return "text"
	}
	return f.kind
}
func (f fieldView) Mode() string     { return f.mode }
func (f fieldView) Complete() string { return f.complete }
func (f fieldView) Class() string    { return f.class }
func (f fieldView) Max() string      { return f.max }
func (f fieldView) Optional() bool   { return f.optional }
func (f fieldView) Exact() bool      { return f.exact || f.Password }

// Described lists the ids that explain the field.
func (f fieldView) Described() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	if f.ID == "new-password" || f.Name == "password" && f.complete == "new-password" {
		ids = append(ids, "rules")
	}
	if f.Wrong != "" {
		ids = append(ids, f.ID+"-wrong")
	}
	return strings.Join(ids, " ")
}

// field makes the input of an id. Its name is the id; a new password is
// posted as "password" and has that id too.
func (s *speaker) field(id, value string, faults []Fault, extra ...string) fieldView {
	kind := fieldKinds[id]
	f := fieldView{fieldKind: kind, ID: id, Name: id, Label: s.word("field", id), Value: value, Password: kind.kind == "password"}
	if id == "new-password" {
		f.ID, f.Name = "password", "password"
	}
	f.Wrong = s.wrong(faults, f.ID)
	if kind.hint {
		f.Hint = s.word("field", id+".hint")
	}
	for i := 0; i+1 < len(extra); i += 2 {
		switch extra[i] {
		case "hint":
			f.Hint = extra[i+1]
		case "label":
			f.Label = extra[i+1]
		case "type":
			f.kind = extra[i+1]
		}
	}
	return f
}

// dateView is what parts/date shows: three inputs under one legend.
type dateView struct {
	ID, Legend, Wrong string
	Optional          bool
	Parts             []datePart
}

type datePart struct {
	ID, Label, Value, Complete, Class, Max string
	Bad                                    bool
}

// threeFields makes a date of three inputs; id is birth or issued. A fault
// may name the whole (birth, birth-date) or one part (birth-year).
func (s *speaker) threeFields(id, day, month, year string, faults []Fault) dateView {
	d := dateView{ID: id, Legend: s.word("field", id), Optional: id == "expires"}
	whole := false
	for _, f := range faults {
		f.Field = strings.ReplaceAll(f.Field, "_", "-")
		if group(f.Field) != id {
			continue
		}
		if d.Wrong == "" {
			d.Wrong = s.sentence(f)
		}
		if f.Field == id || f.Field == id+"-date" || f.Field == id+"-on" {
			whole = true
		}
	}
	for _, p := range []struct{ part, value, max string }{{"day", day, "2"}, {"month", month, "9"}, {"year", year, "4"}} {
		v := datePart{ID: id + "-" + p.part, Label: s.word("date", p.part), Value: p.value, Class: "Date-" + p.part, Max: p.max}
		if id == "birth" {
			v.Complete = "bday-" + p.part
		}
		v.Bad = whole
		for _, f := range faults {
			v.Bad = v.Bad || strings.ReplaceAll(f.Field, "_", "-") == v.ID
		}
		d.Parts = append(d.Parts, v)
	}
	return d
}

// group is the date a part of it belongs to, else the field itself.
func group(field string) string {
	field = strings.ReplaceAll(field, "_", "-")
	for _, id := range []string{"birth", "issued", "expires"} {
		if rest, ok := strings.CutPrefix(field, id+"-"); ok && (rest == "day" || rest == "month" || rest == "year" || rest == "date" || rest == "on") {
			return id
		}
	}
	return field
}

// wrong is the sentence at a field, or nothing.
func (s *speaker) wrong(faults []Fault, id string) string {
	for _, f := range faults {
		if strings.ReplaceAll(f.Field, "_", "-") == id {
			return s.sentence(f)
		}
	}
	return ""
}

// sentence is a fault in words: fault.<code>, or a variant of it that counts
// tries, tells a wait or names a date.
func (s *speaker) sentence(f Fault) string {
	key := "fault." + f.Code
	if f.Count > 0 {
		if text, err := s.say(key+".count", "Count", f.Count); err == nil {
			return text
		}
	}
	if f.Wait > 0 {
		if text, err := s.say(key+".wait", "Wait", s.wait(f.Wait)); err == nil {
			return text
		}
	}
	if !f.When.IsZero() {
		if text, err := s.say(key+".when", "When", s.date(f.When)); err == nil {
			return text
		}
	}
	if text, err := s.say(key); err == nil {
		return text
	}
	return s.plain("fault.unknown")
}

// summaryLine is one line of the box above the heading.
type summaryLine struct{ Href, Text string }

// summary makes the box's lines. A sentence that would be unclear away from
// its field is led by the field's label.
func (s *speaker) summary(faults []Fault) []summaryLine {
	var out []summaryLine
	for _, f := range faults {
		line := summaryLine{Href: "#main-form", Text: s.sentence(f)}
		if f.Field != "" {
			field, id := strings.ReplaceAll(f.Field, "_", "-"), group(f.Field)
			line.Href = "#" + field
			if id != field && (strings.HasSuffix(field, "-date") || strings.HasSuffix(field, "-on")) || slices.Contains([]string{"birth", "issued", "expires"}, field) {
				line.Href = "#" + id + "-day"
			}
			if label := s.word("field", id); label != id && !selfEvident(f.Code) {
				line.Text = label + ": " + lowerFirst(line.Text)
			}
		}
		out = append(out, line)
	}
	return out
}

// selfEvident codes say themselves what they are about.
func selfEvident(code string) bool {
	about, _, _ := strings.Cut(code, ".")
	switch about {
	case "login", "key", "contact", "code", "letter_code", "activation_code", "visit_code", "totp", "consent", "password", "reason", "compare", "identity":
		return true
	}
	return false
}

// calm faults are no slip of the pen: a code or a password that did not fit.
func calm(faults []Fault) bool {
	for _, f := range faults {
		about, _, _ := strings.Cut(f.Code, ".")
		if !slices.Contains([]string{"login", "code", "totp", "identity"}, about) && f.Code != "password.wrong" && f.Code != "letter_code.wrong" && f.Code != "activation_code.wrong" {
			return false
		}
	}
	return true
}
