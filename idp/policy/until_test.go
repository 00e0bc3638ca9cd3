package policy_test

import (
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
)

func TestUntilWhenAConfirmationIsTaken(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const year = 365 * 24 * time.Hour
	bank := account.Confirmation{Method: account.Bank, At: at}
	for _, test := range []struct {
		name   string
		accept []policy.Combination
		want   time.Time
	}{
		{"no policy", nil, time.Time{}},
		{"at any age", []policy.Combination{{Level: account.Verified}}, time.Time{}},
		{"for a year", []policy.Combination{{Level: account.Verified, MaxAge: year}}, at.Add(year)},
		{"the longer of two", []policy.Combination{{MaxAge: year}, {MaxAge: 3 * year}}, at.Add(3 * year)},
		{"one of them at any age", []policy.Combination{{MaxAge: year}, {Methods: []account.Method{account.Bank}}}, time.Time{}},
		{"at any age, but another method", []policy.Combination{{MaxAge: year}, {Methods: []account.Method{account.ServiceCenter}}}, at.Add(year)},
		{"refused", []policy.Combination{{MaxAge: year, Refuse: []account.Method{account.Bank}}}, time.Time{}},
	} {
		got, ok := policy.Policy{Accept: test.accept}.Until(bank)
		if !got.Equal(test.want) || ok == test.want.IsZero() {
			t.Errorf("%s: %v, %v; want %v", test.name, got, ok, test.want)
		}
		// What is said must be what is decided: taken just before the moment, not after it.
		judged := func(when time.Time) bool {
			s := policy.Subject{Assurance: account.Assurance{Level: account.Verified, Confirmations: []account.Confirmation{bank}}, AMR: policy.Strongest()}
			return policy.Decide(s, when, policy.Policy{Accept: test.accept}).Met
		}
		if ok && (!judged(got) || judged(got.Add(time.Nanosecond))) {
			t.Errorf("%s: the decision does not turn at %v", test.name, got)
		}
	}
}
