package confirm_test

import (
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/policy"
)

func TestWaysOfferOnlyWhatIsPossibleNow(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	const rest = 30 * 24 * time.Hour
	at := func(level account.Level, restricted bool) *account.Account {
		a := &account.Account{Standing: account.Standing{Level: level}}
		if restricted {
			a.RestrictedUntil = now.Add(time.Hour)
		}
		return a
	}
	sent := func(ago time.Duration) *confirm.Letter {
		return &confirm.Letter{Ordered: now.Add(-ago), Track: "1", Status: confirm.InTransit}
	}
	returned := sent(time.Hour)
	returned.Status, returned.Cancelled = confirm.Returned, now
	for _, test := range []struct {
		name         string
		facts        confirm.Facts
		mail, visit  string // why not; "" when open
		live         bool
		fromNotEmpty bool
	}{
		{"simplified", confirm.Facts{Account: at(account.Simplified, false)}, "not_standard", "not_standard", false, false},
		{"simplified, checks running", confirm.Facts{Account: at(account.Simplified, false), Running: true}, "checks_running", "checks_running", false, false},
		{"standard", confirm.Facts{Account: at(account.Standard, false)}, "", "", false, false},
		{"standard, new data checked", confirm.Facts{Account: at(account.Standard, false), Running: true}, "checks_running", "checks_running", false, false},
		{"restricted", confirm.Facts{Account: at(account.Verified, true)}, "restricted", "", false, true},
		{"a letter on its way", confirm.Facts{Account: at(account.Standard, false), Letter: sent(time.Hour)}, "too_soon", "", true, true},
		{"a letter 30 days old", confirm.Facts{Account: at(account.Standard, false), Letter: sent(rest)}, "", "", true, false},
		{"a letter that came back", confirm.Facts{Account: at(account.Standard, false), Letter: returned}, "", "", false, false},
	} {
		f := test.facts
		f.Rest, f.Now, f.Offered = rest, now, []account.Method{account.MailCode, account.ServiceCenter}
		for _, w := range confirm.Ways(f) {
			want := confirm.NotOffered
			switch w.Method {
			case account.MailCode:
				want = test.mail
				if w.Live != test.live || w.From.IsZero() == test.fromNotEmpty {
					t.Errorf("%s: live %v, from %v", test.name, w.Live, w.From)
				}
			case account.ServiceCenter:
				want = test.visit
			}
			if w.Blocked != want || w.Open != (want == "") {
				t.Errorf("%s: %s blocked %q, want %q", test.name, w.Method, w.Blocked, want)
			}
		}
	}
}

func TestLetterWouldNotOpenWhatRefusesIt(t *testing.T) {
	wall := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	a := &account.Account{Standing: account.Standing{Level: account.Standard}}
	tax := policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}
	pension := policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}
	for _, test := range []struct {
		ask    policy.Policy
		method account.Method
		want   bool
	}{
		{tax, account.MailCode, false}, {tax, account.ServiceCenter, true}, {pension, account.MailCode, true}, {pension, 0, false},
	} {
		if got := confirm.Would(a, test.method, test.ask, wall, wall).Met; got != test.want {
			t.Errorf("Would(%s, %+v) = %v", test.method, test.ask, got)
		}
	}
}
