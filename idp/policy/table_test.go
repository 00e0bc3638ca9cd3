package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
)

const day = 24 * time.Hour

// A demand is one that a relying party may make, told in words that know nothing of the code.
type demand struct {
	name   string
	policy policy.Policy
	level  account.Level
	// takes tells whether a confirmation by the method, so old, is enough; nil: none is asked.
	takes func(m account.Method, age time.Duration) bool
	// refuses are the methods that it never takes.
	refuses []account.Method
}

func demands() []demand {
	anyone := func(account.Method, time.Duration) bool { return true }
	return []demand{
		{name: "nothing"},
		{name: "simplified", policy: accept(policy.Combination{Level: account.Simplified}), level: account.Simplified},
		{name: "standard", policy: accept(policy.Combination{Level: account.Standard}), level: account.Standard},
		{name: "verified", policy: accept(policy.Combination{Level: account.Verified}), level: account.Verified, takes: anyone},
		{name: "tax", policy: accept(policy.Combination{Level: account.Verified, Refuse: []account.Method{account.MailCode}}), level: account.Verified,
			takes: func(m account.Method, _ time.Duration) bool { return m != account.MailCode }, refuses: []account.Method{account.MailCode}},
		{name: "voting", policy: accept(policy.Combination{Level: account.Verified, Methods: []account.Method{account.ServiceCenter}}), level: account.Verified,
			takes:   func(m account.Method, _ time.Duration) bool { return m == account.ServiceCenter },
			refuses: []account.Method{account.QualifiedSignature, account.ElectronicCard, account.Bank, account.MailCode}},
		{name: "fresh", policy: accept(policy.Combination{Level: account.Verified, MaxAge: 365 * day}), level: account.Verified,
			takes: func(_ account.Method, age time.Duration) bool { return age <= 365*day }},
		{name: "fresh bank or any visit", policy: accept(
			policy.Combination{Level: account.Verified, Methods: []account.Method{account.Bank}, MaxAge: 30 * day},
			policy.Combination{Level: account.Verified, Methods: []account.Method{account.ServiceCenter}}), level: account.Verified,
			takes: func(m account.Method, age time.Duration) bool {
				return m == account.ServiceCenter || m == account.Bank && age <= 30*day
			}, refuses: []account.Method{account.QualifiedSignature, account.ElectronicCard, account.MailCode}},
	}
}

// The table of the policy decision: every level, every set of methods, three ages, every demand, and five
// states of locks. What is expected is computed here from the demand's own words, and written out below for
// the rows that people argue about.
func TestEveryLevelMethodSetAgeDemandAndLock(t *testing.T) {
	methods := account.Methods()
	locks := []struct {
		name  string
		locks account.Locks
	}{
		{"no locks", account.Locks{}},
		{"waiting", account.Locks{Wait: 72 * time.Hour}},
		{"never by bank", account.Locks{Never: []account.Method{account.Bank}}},
		{"never from afar", account.Locks{Never: []account.Method{account.MailCode, account.Bank, account.ElectronicCard, account.QualifiedSignature}}},
		{"frozen", account.Locks{Frozen: wall.Add(-time.Hour)}},
	}
	rows := 0
	for _, d := range demands() {
		for _, level := range []account.Level{account.Simplified, account.Standard, account.Verified} {
			for set := range 1 << len(methods) {
				if (level == account.Verified) != (set != 0) {
					continue // verified is who has a confirmation
				}
				for _, age := range []time.Duration{day, 200 * day, 800 * day} {
					var have []account.Method
					for i, m := range methods {
						if set&(1<<i) != 0 {
							have = append(have, m)
						}
					}
					for _, l := range locks {
						a := account.Assurance{Level: level}
						if level == account.Verified {
							a = having(age, have...)
						}
						rows++
						got := policy.Decide(policy.Subject{Assurance: a, AMR: []string{"pwd"}, Locks: l.locks}, wall, d.policy)
						want := expected(d, level, have, age, l.locks)
						if got.Met != want.Met || !slices.Equal(got.Reasons, want.Reasons) || !slices.Equal(got.Ways, want.Ways) || !slices.Equal(got.Shut, want.Shut) || !slices.Equal(got.Refused, want.Refused) {
							t.Fatalf("%s: %s by %v, %d days ago, %s:\n got %+v\nwant %+v", d.name, level, have, age/day, l.name, got, want)
						}
					}
					if level != account.Verified {
						break // nothing has an age
					}
				}
			}
		}
	}
	t.Logf("%d rows", rows)
}

// expected is the rule in plain steps.
func expected(d demand, level account.Level, have []account.Method, age time.Duration, l account.Locks) policy.Decision {
	var out policy.Decision
	frozen := !l.Frozen.IsZero()
	enough := level >= d.level
	switch {
	case level < d.level:
		out.Reasons = append(out.Reasons, policy.LevelTooLow)
	case d.takes != nil && !slices.ContainsFunc(have, func(m account.Method) bool { return d.takes(m, age) }):
		enough = false
		if slices.ContainsFunc(have, func(m account.Method) bool { return d.takes(m, 0) }) {
			out.Reasons = append(out.Reasons, policy.ConfirmationTooOld)
		} else {
			out.Reasons = append(out.Reasons, policy.MethodRefused)
		}
	}
	out.Met = enough && !frozen
	if !enough && d.level == account.Verified {
		for _, m := range account.Methods() {
			switch {
			case slices.Contains(d.refuses, m):
			case m != account.ServiceCenter && (frozen || slices.Contains(l.Never, m)):
				out.Shut = append(out.Shut, m)
			default:
				out.Ways = append(out.Ways, m)
			}
		}
	}
	if frozen || !enough && len(out.Ways) == 0 && len(out.Shut) > 0 {
		out.Reasons = append([]policy.Reason{policy.LockedByCitizen}, out.Reasons...)
	}
	if !out.Met {
		for _, m := range have {
			if slices.Contains(d.refuses, m) {
				out.Refused = append(out.Refused, m)
			}
		}
	}
	return out
}

func TestRowsThatPeopleArgueAbout(t *testing.T) {
	byName := map[string]policy.Policy{}
	for _, d := range demands() {
		byName[d.name] = d.policy
	}
	onlyBank := accept(policy.Combination{Level: account.Verified, Methods: []account.Method{account.Bank}})
	never := func(ms ...account.Method) account.Locks { return account.Locks{Never: ms} }
	for _, row := range []struct {
		rule   string
		have   account.Assurance
		locks  account.Locks
		demand policy.Policy
		want   string // reasons; then ways
	}{
		{"a frozen account is let in nowhere, not even where anybody is", account.Assurance{Level: account.Simplified}, account.Locks{Frozen: wall}, policy.Policy{},
			"[locked_by_citizen] []"},
		{"a frozen account is told what else it lacks, and only the visit is a way", having(day, account.MailCode), account.Locks{Frozen: wall}, byName["tax"],
			"[locked_by_citizen method_refused] [service_center]"},
		{"who shut the bank off is not sent there", having(day, account.MailCode), never(account.Bank), byName["tax"],
			"[method_refused] [service_center qualified_signature electronic_card]"},
		{"where only the bank would do, and is shut off, the citizen stands in their own way", having(day, account.MailCode), never(account.Bank), onlyBank,
			"[locked_by_citizen method_refused] []"},
		{"what was confirmed by a method shut off since goes on counting", having(day, account.Bank), never(account.Bank), onlyBank, "[] []"},
		{"a waiting period shuts nobody out", having(day, account.Bank), account.Locks{Wait: 72 * time.Hour}, onlyBank, "[] []"},
		{"a visit that somebody wrote into the locks is a way all the same", account.Assurance{Level: account.Standard}, never(account.ServiceCenter), byName["voting"],
			"[level_too_low] [service_center]"},
	} {
		d := policy.Decide(policy.Subject{Assurance: row.have, Locks: row.locks}, wall, row.demand)
		if got := fmt.Sprint(d.Reasons, " ", d.Ways); got != row.want || d.Met != (len(d.Reasons) == 0) {
			t.Errorf("%s: met %v, %s; want %s", row.rule, d.Met, got, row.want)
		}
	}
}
