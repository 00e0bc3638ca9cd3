package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
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
)

func strengthAsked(auth string) int {
	switch auth {
	case "":
		return single
	case "mfa":
		return mfa
	case "phr":
		return phr
	}
	return phrh // an unknown demand is taken for the strongest, never for none
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

// Strongest is the amr of the strongest authentication there could be: judged with it, a decision is
// unmet for other reasons than the way of signing in.
func Strongest() []string { return []string{"hwk", "mfa"} }
