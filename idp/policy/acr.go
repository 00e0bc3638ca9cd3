package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

const levelPrefix = "urn:propusk:loa:"

// ACRValues lists the acr values we know, as discovery publishes them.
func ACRValues() []string {
	return []string{
		LevelACR(account.Simplified), LevelACR(account.Standard), LevelACR(account.Verified), "phr", "phrh",
	}
}

// LevelACR is the acr value of a level, which means "at least".
func LevelACR(l account.Level) string { return levelPrefix + l.String() }

// OfACR is the demand that an acr value amounts to; false for one we do not know.
func OfACR(v string) (Combination, bool) {
	if v == "phr" || v == "phrh" {
		return Combination{Auth: v}, true
	}
	name, ours := strings.CutPrefix(v, levelPrefix)
	l, err := account.ParseLevel(name)
	return Combination{Level: l}, ours && err == nil
}

// Satisfies tells whether a subject satisfies one combination, of any age.
func Satisfies(c Combination, a account.Assurance, amr []string) bool {
	return Decide(Subject{Assurance: a, AMR: amr}, time.Time{}, Policy{Accept: []Combination{c}}).Met
}

// The strengths of authentication, in order.
const (
	single = iota
	mfa    // two factors of different kinds
	phr    // phishing resistant: a key that answers only to us (EAP ACR Values 1.0)
	phrh   // the same with the key in hardware
	never  // no authentication is as strong as a demand that we do not know
)

func strengthAsked(auth string) int {
	switch auth {
	case "":
		return single
	case "mfa":
		return mfa
	case "phr":
		return phr
	case "phrh":
		return phrh
	}
	return never
}

func strength(amr []string) int {
	has := func(v ...string) bool {
		return slices.ContainsFunc(v, func(x string) bool { return slices.Contains(amr, x) })
	}
	switch {
	case has("hwk"):
		return phrh
	case has("swk", "pop"):
		return phr
	case has("mfa"), has("pwd", "pin") && has("otp", "sms", "sc"):
		return mfa
	}
	return single
}

// Impossible is a demand that nobody meets: what a party asks for when it insists on what we do not know.
func Impossible() Combination { return Combination{Auth: "unknown"} }

// MostCombinations bounds what And multiplies out. Whoever asks for more asks for nothing sensible, and
// strangers choose both factors.
const MostCombinations = 64

// ErrTooMany reports demands that multiply to more than MostCombinations.
var ErrTooMany = fmt.Errorf("policy: the demands multiply to more than %d combinations: %w", MostCombinations, fault.Invalid)

// And is the policy that two policies amount to together. A confirmation must satisfy both at once.
func And(p, q Policy) (Policy, error) {
	if len(p.Accept) == 0 {
		p, q = q, p
	}
	if len(p.Accept) > MostCombinations || len(q.Accept) > MostCombinations || len(p.Accept)*len(q.Accept) > MostCombinations {
		return Policy{}, ErrTooMany
	}
	if len(q.Accept) == 0 {
		return p, nil
	}
	out := Policy{Accept: make([]Combination, 0, len(p.Accept)*len(q.Accept))}
	for _, a := range p.Accept {
		for _, b := range q.Accept {
			out.Accept = append(out.Accept, a.and(b))
		}
	}
	return out, nil
}

func (c Combination) and(d Combination) Combination {
	out := Combination{Level: max(c.Level, d.Level), Refuse: append(slices.Clone(c.Refuse), d.Refuse...), MaxAge: c.MaxAge, Auth: c.Auth}
	if strengthAsked(d.Auth) > strengthAsked(c.Auth) {
		out.Auth = d.Auth
	}
	if d.MaxAge > 0 && (c.MaxAge == 0 || d.MaxAge < c.MaxAge) {
		out.MaxAge = d.MaxAge
	}
	switch {
	case len(c.Methods) == 0:
		out.Methods = d.Methods
	case len(d.Methods) == 0:
		out.Methods = c.Methods
	default:
		for _, m := range c.Methods {
			if slices.Contains(d.Methods, m) {
				out.Methods = append(out.Methods, m)
			}
		}
		if out.Methods == nil {
			out.Refuse = account.Methods() // no method is in both; an empty list would mean any
		}
	}
	return out
}

// Strongest is the amr of the strongest authentication there could be: judged with it, a decision is
// unmet for other reasons than the way of signing in.
func Strongest() []string { return []string{"hwk", "mfa"} }

// Best is the citizen with every confirmation, made at the zero time, and the strongest authentication: a
// policy that refuses even this one refuses everybody.
func Best() Subject {
	s := Subject{Assurance: account.Assurance{Level: account.Verified}, AMR: Strongest()}
	for _, m := range account.Methods() {
		s.Assurance.Confirmations = append(s.Assurance.Confirmations, account.Confirmation{ID: m.String(), Method: m})
	}
	return s
}
