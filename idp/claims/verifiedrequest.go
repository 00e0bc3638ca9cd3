package claims

import (
	"bytes"
	"encoding/json"
)

// maxDemands bounds the elements of one verified_claims member: each is answered for each confirmation.
const maxDemands = 8

// A kind of member in a request.
type kind int

const (
	leaf   kind = iota // null, or an object of restrictions
	object             // null, or members
	list               // null, or filters, of which one must fit
	whole              // given as it is
)

// A shape is what the schema has at one place of the verification element, as far as we have it.
type shape struct {
	kind kind
	must bool // its parent is not valid without it
	date bool // max_age has a meaning
	// paper is released only to parties with the scope of documents.
	paper bool
	// filters of the list must name a type.
	typed bool
	in    map[string]*shape // of an object, and of a list's items
}

var (
	text   = &shape{}
	needed = &shape{must: true}
	moment = &shape{date: true}

	verificationShape = &shape{kind: object, must: true, in: map[string]*shape{
		"trust_framework": needed, "assurance_level": text, "time": moment, "verification_process": text,
		"assurance_process": {kind: object, in: map[string]*shape{
			"policy": text, "procedure": text, "assurance_details": {kind: whole},
		}},
		"evidence": {kind: list, typed: true, in: map[string]*shape{
			"type": needed,
			"check_details": {kind: list, in: map[string]*shape{
				"check_method": needed, "organization": text, "check_id": text, "time": moment,
			}},
			"document_details": {kind: object, in: map[string]*shape{
				"type": needed, "document_number": {paper: true},
				"date_of_issuance": {paper: true, date: true}, "date_of_expiry": {paper: true, date: true},
				"issuer": {kind: object, paper: true, in: map[string]*shape{"name": text, "country_code": text, "jurisdiction": text}},
			}},
			"record": {kind: object, in: map[string]*shape{
				"type": needed, "source": {kind: object, in: map[string]*shape{"name": text, "country_code": text}},
			}},
			"attestation": {kind: object, in: map[string]*shape{
				"type": needed, "reference_number": text,
				"voucher": {kind: object, in: map[string]*shape{"organization": text, "country_code": text}},
			}},
			"signature_type": needed, "issuer": needed, "serial_number": needed, "created_at": moment,
		}},
	}}
)

// A want is what a request says at one place.
type want struct {
	check restriction
	in    map[string]*want // members asked for
	each  []*want          // filters
	// unmet: a restriction on what we do not have. A party must not take silence for agreement (IDA 5.5.1).
	unmet bool
}

// parseVerified reads verified_claims of a request: an object or an array of objects.
func parseVerified(raw json.RawMessage) (VerifiedRequest, error) {
	elements := []json.RawMessage{raw}
	if first(raw) == '[' {
		if json.Unmarshal(raw, &elements) != nil || len(elements) == 0 || len(elements) > maxDemands {
			return nil, ErrRequest
		}
	}
	var out VerifiedRequest
	for _, e := range elements {
		members, err := membersOf(e)
		if err != nil {
			return nil, err
		}
		if first(members["verification"]) != '{' {
			return nil, ErrRequest
		}
		d := demand{claims: map[string]*want{}}
		if d.verification, err = parseWant(members["verification"], verificationShape); err != nil {
			return nil, err
		}
		claims, err := membersOf(members["claims"])
		if err != nil || len(claims) == 0 {
			return nil, ErrRequest
		}
		for name, c := range claims {
			if d.claims[name], err = parseWant(c, &shape{date: name == "birthdate"}); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}

func parseWant(raw json.RawMessage, s *shape) (*want, error) {
	w := &want{}
	if s.kind == whole || string(bytes.TrimSpace(raw)) == "null" && !s.typed {
		return w, nil
	}
	if s.kind == list {
		return parseList(raw, s)
	}
	members, err := membersOf(raw)
	if err != nil {
		return nil, err
	}
	if s.kind == leaf {
		w.check, err = parseRestriction(members, s.date)
		return w, err
	}
	w.in = map[string]*want{}
	for name, member := range members {
		sub, known := s.in[name]
		if !known {
			w.unmet = w.unmet || restricts(name, member)
			continue
		}
		if w.in[name], err = parseWant(member, sub); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func parseList(raw json.RawMessage, s *shape) (*want, error) {
	var filters []json.RawMessage
	if first(raw) != '[' || json.Unmarshal(raw, &filters) != nil || len(filters) == 0 {
		return nil, ErrRequest
	}
	item := &shape{kind: object, in: s.in}
	w := &want{}
	for _, f := range filters {
		if first(f) != '{' {
			return nil, ErrRequest
		}
		one, err := parseWant(f, item)
		if err != nil {
			return nil, err
		}
		if s.typed { // IDA 5.4: by value, and not by values
			if t := one.in["type"]; t == nil || t.check.value == nil || t.check.values != nil {
				return nil, ErrRequest
			}
		}
		w.each = append(w.each, one)
	}
	return w, nil
}

// restricts tells whether something we do not know carries a restriction, however deep.
func restricts(name string, raw json.RawMessage) bool {
	if name == "value" || name == "values" || name == "max_age" {
		return true
	}
	switch first(raw) {
	case '{':
		members, _ := membersOf(raw)
		for n, m := range members {
			if restricts(n, m) {
				return true
			}
		}
	case '[':
		var items []json.RawMessage
		_ = json.Unmarshal(raw, &items) // it is valid JSON: what held it was read
		for _, i := range items {
			if restricts("", i) {
				return true
			}
		}
	}
	return false
}

// asks tells whether a place restricts what may be given.
func (w *want) asks() bool {
	if w.unmet || w.check.some() {
		return true
	}
	for _, sub := range w.in {
		if sub.asks() {
			return true
		}
	}
	for _, f := range w.each {
		if f.asks() {
			return true
		}
	}
	return false
}

// wantsPaper tells whether more is asked of an identity document than its type.
func (w *want) wantsPaper(s *shape) bool {
	for name, sub := range w.in {
		if s.in[name].paper || sub.wantsPaper(s.in[name]) {
			return true
		}
	}
	for _, f := range w.each {
		if f.wantsPaper(s) {
			return true
		}
	}
	return false
}

func membersOf(raw json.RawMessage) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if first(raw) != '{' || json.Unmarshal(raw, &m) != nil {
		return nil, ErrRequest
	}
	return m, nil
}

func first(raw json.RawMessage) byte {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return 0
	}
	return raw[0]
}
