package wish_test

import (
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/wish"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestWishIsFulfilledByWhatSatisfiesIt(t *testing.T) {
	verified := policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}
	w := &wish.Wish{Client: "portal", Demand: verified, At: noon}
	visit := account.Assurance{Level: account.Verified, Confirmations: []account.Confirmation{{ID: "v", Method: account.ServiceCenter, At: noon}}}
	for _, test := range []struct {
		name  string
		grant grant.Grant
		party rp.Party
		want  bool
	}{
		{"a sign-in that has what was demanded", grant.Grant{Client: "portal", Created: noon.Add(time.Hour), Snapshot: visit}, rp.Party{}, true},
		{"one that asked for less", grant.Grant{Client: "portal", Created: noon.Add(time.Hour), Snapshot: account.Assurance{Level: account.Standard}}, rp.Party{}, false},
		{"one of before", grant.Grant{Client: "portal", Created: noon.Add(-time.Hour), Snapshot: visit}, rp.Party{}, false},
		{"one at another party", grant.Grant{Client: "tax", Created: noon.Add(time.Hour), Snapshot: visit}, rp.Party{}, false},
		{"one that the party would refuse by now", grant.Grant{Client: "portal", Created: noon.Add(time.Hour), Snapshot: visit},
			rp.Party{Policy: policy.Policy{Accept: []policy.Combination{{Methods: []account.Method{account.Bank}}}}}, false},
	} {
		if got := w.Fulfilled(&test.grant, &test.party, noon.Add(2*time.Hour)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestWishIsForgottenInTime(t *testing.T) {
	w := &wish.Wish{At: noon}
	if !w.Open(noon.Add(wish.Life-time.Second)) || w.Open(noon.Add(wish.Life)) {
		t.Error("a wish lives from the last refusal for its life")
	}
	if w.Closed = noon; w.Open(noon) {
		t.Error("a closed wish is open")
	}
}

func TestEntranceSaysWhoStartsTheSignIn(t *testing.T) {
	for _, test := range []struct{ initiate, want string }{
		{"https://tax.test/login", "https://tax.test/login?iss=https%3A%2F%2Fpropusk.test"},
		{"https://tax.test/login?from=propusk", "https://tax.test/login?from=propusk&iss=https%3A%2F%2Fpropusk.test"},
		{"", "https://tax.test"},
	} {
		p := &rp.Party{Home: "https://tax.test", InitiateLogin: test.initiate}
		if got := p.Entrance("https://propusk.test"); got != test.want {
			t.Errorf("Entrance of %q = %s, want %s", test.initiate, got, test.want)
		}
	}
}
