package claims

import (
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"time"
)

// A restriction is what a request allows a value to be (IDA 5.5). The zero one allows everything.
type restriction struct {
	value  any   // nil: any; a JSON null in the request is impossible, and met by nothing
	values []any // nil: any
	// age is how many seconds may lie between the value and the present; negative: any number.
	age float64
	set bool
}

type impossible struct{}

func parseRestriction(members map[string]json.RawMessage, date bool) (restriction, error) {
	r := restriction{age: -1}
	for name, raw := range members {
		switch name {
		case "value":
			r.set = true
			if json.Unmarshal(raw, &r.value) != nil || r.value == nil {
				r.value = impossible{}
			}
		case "values":
			r.set = true
			if first(raw) != '[' || json.Unmarshal(raw, &r.values) != nil || len(r.values) == 0 {
				return r, ErrRequest
			}
		case "max_age":
			r.set = true
			if !date || json.Unmarshal(raw, &r.age) != nil || r.age < 0 || math.IsInf(r.age, 0) || string(raw) == "null" {
				return r, ErrRequest
			}
		case "essential":
			var b bool
			if json.Unmarshal(raw, &b) != nil {
				return r, ErrRequest
			}
		}
	}
	return r, nil
}

func (r *restriction) some() bool { return r.set }

// met tells whether a value is allowed. A list is allowed if it is the value, or has it.
func (r *restriction) met(have any, wall time.Time) bool {
	if !r.set {
		return true
	}
	is := func(v any) bool {
		if reflect.DeepEqual(v, have) {
			return true
		}
		items, ok := have.([]any)
		return ok && slices.ContainsFunc(items, func(i any) bool { return reflect.DeepEqual(i, v) })
	}
	switch {
	case r.value != nil && !is(r.value), r.values != nil && !slices.ContainsFunc(r.values, is):
		return false
	case r.age < 0:
		return true
	}
	at, ok := lastSecond(have)
	return ok && wall.Sub(at).Seconds() <= r.age
}

// lastSecond is when a date or a time was last true: ages count from there.
func lastSecond(v any) (time.Time, bool) {
	s, _ := v.(string)
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	t, err := time.Parse(time.DateOnly, s)
	return t.Add(24*time.Hour - time.Second), err == nil
}

// A picker chooses from what there is what was asked for.
type picker struct {
	wall   time.Time
	papers bool // the party may have the identity document
}

// object picks members; false says that a restriction is not met. Of what was not asked for it gives only
// what the schema demands.
func (p *picker) object(w *want, s *shape, have tree) (tree, bool) {
	if w.unmet {
		return nil, false
	}
	out := tree{}
	for name, sub := range s.in {
		asked := w.in[name]
		if asked == nil {
			if !sub.must {
				continue
			}
			asked = &want{}
		}
		v, there := have[name]
		if !there || sub.paper && !p.papers {
			if asked.asks() {
				return nil, false
			}
			continue
		}
		switch sub.kind {
		case leaf:
			if !asked.check.met(v, p.wall) {
				return nil, false
			}
			out[name] = v
		case whole:
			out[name] = v
		case object:
			inner, ok := p.object(asked, sub, v.(tree))
			if !ok {
				return nil, false
			}
			if len(inner) > 0 {
				out[name] = inner
			}
		case list:
			items := p.list(asked, sub, v.([]any))
			if len(items) == 0 {
				return nil, false
			}
			out[name] = items
		}
	}
	return out, true
}

// list picks the items that one of the filters lets pass, each as the first such filter asks for it.
func (p *picker) list(w *want, s *shape, have []any) []any {
	filters := w.each
	if filters == nil {
		filters = []*want{{}}
	}
	var out []any
	for _, item := range have {
		for _, f := range filters {
			if picked, ok := p.object(f, s, item.(tree)); ok {
				out = append(out, picked)
				break
			}
		}
	}
	return out
}
