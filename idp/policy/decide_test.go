package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
)

var wall = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// having is a verified subject with confirmations made days ago, in the order given.
func having(age time.Duration, methods ...account.Method) account.Assurance {
	a := account.Assurance{Level: account.Verified}
	for _, m := range methods {
		a.Confirmations = append(a.Confirmations, account.Confirmation{ID: m.String(), Method: m, At: wall.Add(-age)})
	}
	return a
}

func accept(c ...policy.Combination) policy.Policy { return policy.Policy{Accept: c} }

func TestRules(t *testing.T) {
	const day = 24 * time.Hour
	tax := accept(policy.Combination{Level: account.Verified, Refuse: []account.Method{account.MailCode}})
	pension := accept(policy.Combination{Level: account.Verified})
	voting := accept(policy.Combination{Level: account.Verified, Methods: []account.Method{account.ServiceCenter}})
	doctor := accept(policy.Combination{Level: account.Standard})
	pwd := []string{"pwd"}

	for _, tt := range []struct {
		rule    string
		subject policy.Subject
		demands []policy.Policy
		reasons []policy.Reason
		ways    []account.Method
		refused []account.Method
	}{
		{rule: "whoever asks nothing accepts everybody",
			subject: policy.Subject{Assurance: account.Assurance{Level: account.Simplified}}, demands: []policy.Policy{{}}},
		{rule: "the tax service refuses a mail code alone",
			subject: policy.Subject{Assurance: having(day, account.MailCode), AMR: pwd}, demands: []policy.Policy{tax},
			reasons: []policy.Reason{policy.MethodRefused},
			ways:    []account.Method{account.ServiceCenter, account.QualifiedSignature, account.ElectronicCard, account.Bank},
			refused: []account.Method{account.MailCode}},
		{rule: "the tax service takes a visit beside the mail code",
			subject: policy.Subject{Assurance: having(day, account.ServiceCenter, account.MailCode)}, demands: []policy.Policy{tax}},
		{rule: "the pension fund takes a mail code",
			subject: policy.Subject{Assurance: having(day, account.MailCode)}, demands: []policy.Policy{pension}},
		{rule: "the pension fund refuses the standard level",
			subject: policy.Subject{Assurance: account.Assurance{Level: account.Standard}}, demands: []policy.Policy{pension},
			reasons: []policy.Reason{policy.LevelTooLow}, ways: account.Methods()},
		{rule: "voting takes those confirmed in person, by that confirmation and not by the strongest",
			subject: policy.Subject{Assurance: having(day, account.ServiceCenter, account.Bank)}, demands: []policy.Policy{voting}},
		{rule: "voting refuses a qualified signature",
			subject: policy.Subject{Assurance: having(day, account.QualifiedSignature)}, demands: []policy.Policy{voting},
			reasons: []policy.Reason{policy.MethodRefused}, ways: []account.Method{account.ServiceCenter},
			refused: []account.Method{account.QualifiedSignature}},
		{rule: "below the level no method is spoken of, and no way where no confirmation is asked",
			subject: policy.Subject{Assurance: account.Assurance{Level: account.Simplified}}, demands: []policy.Policy{doctor},
			reasons: []policy.Reason{policy.LevelTooLow}},
		{rule: "an old confirmation is told as old, and any way mends it",
			subject: policy.Subject{Assurance: having(400*day, account.Bank)},
			demands: []policy.Policy{accept(policy.Combination{Level: account.Verified, MaxAge: 365 * day})},
			reasons: []policy.Reason{policy.ConfirmationTooOld}, ways: account.Methods()},
		{rule: "age and method are asked of one confirmation, not of two",
			subject: policy.Subject{Assurance: account.Assurance{Level: account.Verified, Confirmations: []account.Confirmation{
				{Method: account.ServiceCenter, At: wall.Add(-400 * day)}, {Method: account.MailCode, At: wall.Add(-day)}}}},
			demands: []policy.Policy{accept(policy.Combination{Methods: []account.Method{account.ServiceCenter}, MaxAge: 365 * day})},
			reasons: []policy.Reason{policy.ConfirmationTooOld}, ways: []account.Method{account.ServiceCenter},
			refused: []account.Method{account.MailCode}},
		{rule: "one password is no two factors",
			subject: policy.Subject{Assurance: having(day, account.Bank), AMR: pwd},
			demands: []policy.Policy{accept(policy.Combination{Auth: "mfa"})},
			reasons: []policy.Reason{policy.AuthenticationTooWeak}},
		{rule: "a password and a code are two factors",
			subject: policy.Subject{Assurance: having(day, account.Bank), AMR: []string{"pwd", "otp"}},
			demands: []policy.Policy{accept(policy.Combination{Auth: "mfa"})}},
		{rule: "two factors resist no phishing",
			subject: policy.Subject{Assurance: having(day, account.Bank), AMR: []string{"pwd", "otp", "mfa"}},
			demands: []policy.Policy{accept(policy.Combination{Auth: "phr"})},
			reasons: []policy.Reason{policy.AuthenticationTooWeak}},
		{rule: "an unknown demand on authentication is met by nobody",
			subject: policy.Subject{Assurance: having(day, account.Bank), AMR: []string{"hwk", "mfa"}},
			demands: []policy.Policy{accept(policy.Combination{Auth: "retina"})},
			reasons: []policy.Reason{policy.AuthenticationTooWeak}},
		{rule: "of two accepted sets the nearer one is told",
			subject: policy.Subject{Assurance: account.Assurance{Level: account.Standard}, AMR: pwd},
			demands: []policy.Policy{accept(policy.Combination{Level: account.Verified}, policy.Combination{Level: account.Standard, Auth: "mfa"})},
			reasons: []policy.Reason{policy.AuthenticationTooWeak}},
		{rule: "all policies hold together, and only ways that serve all are shown",
			subject: policy.Subject{Assurance: having(day, account.MailCode)}, demands: []policy.Policy{tax, voting},
			reasons: []policy.Reason{policy.MethodRefused}, ways: []account.Method{account.ServiceCenter},
			refused: []account.Method{account.MailCode}},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			d := policy.Decide(tt.subject, wall, tt.demands...)
			if d.Met != (len(tt.reasons) == 0) {
				t.Errorf("met = %v, reasons %v", d.Met, d.Reasons)
			}
			if diff := cmp.Diff(tt.reasons, d.Reasons); diff != "" {
				t.Errorf("reasons (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.ways, d.Ways); diff != "" {
				t.Errorf("ways (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.refused, d.Refused); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

func drawMethods(t *rapid.T, name string) []account.Method {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(account.Methods()), 0, 3, rapid.ID[account.Method]).Draw(t, name)
}

func drawPolicy(t *rapid.T) policy.Policy {
	return policy.Policy{Accept: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Combination {
		return policy.Combination{
			Level:   account.Level(rapid.IntRange(0, 3).Draw(t, "level")),
			Methods: drawMethods(t, "methods"),
			Refuse:  drawMethods(t, "refuse"),
			MaxAge:  time.Duration(rapid.IntRange(0, 2).Draw(t, "years")) * 365 * 24 * time.Hour,
			Auth:    rapid.SampledFrom([]string{"", "mfa", "phr", "phrh"}).Draw(t, "auth"),
		}
	}), 0, 3).Draw(t, "accept")}
}

func drawSubject(t *rapid.T) policy.Subject {
	s := policy.Subject{
		Assurance: account.Assurance{Level: account.Level(rapid.IntRange(1, 3).Draw(t, "level"))},
		AMR:       rapid.SliceOfDistinct(rapid.SampledFrom([]string{"pwd", "otp", "hwk", "swk"}), rapid.ID[string]).Draw(t, "amr"),
	}
	if s.Assurance.Level == account.Verified {
		for _, m := range rapid.SliceOfNDistinct(rapid.SampledFrom(account.Methods()), 1, 5, rapid.ID[account.Method]).Draw(t, "confirmed by") {
			s.Assurance.Confirmations = append(s.Assurance.Confirmations, drawConfirmation(t, m))
		}
	}
	return s
}

func drawConfirmation(t *rapid.T, m account.Method) account.Confirmation {
	return account.Confirmation{Method: m, At: wall.AddDate(0, -rapid.IntRange(0, 36).Draw(t, "months"), 0)}
}

func TestMoreAssuranceNeverRemovesAccess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p, q := drawSubject(t), drawPolicy(t), drawPolicy(t)
		before := policy.Decide(s, wall, p, q)
		more := s
		more.Assurance.Level = account.Verified
		more.Assurance.Confirmations = append(slices.Clone(s.Assurance.Confirmations),
			drawConfirmation(t, rapid.SampledFrom(account.Methods()).Draw(t, "another")))
		after := policy.Decide(more, wall, p, q)
		if before.Met && !after.Met {
			t.Fatalf("%+v is let in, %+v is not: %v", s, more, after.Reasons)
		}
	})
}

func TestAndIsMetWhereBothAreMetByOneConfirmation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p, q := drawSubject(t), drawPolicy(t), drawPolicy(t)
		s.Assurance.Confirmations = s.Assurance.Confirmations[:min(1, len(s.Assurance.Confirmations))]
		and, err := policy.And(p, q)
		if err != nil {
			t.Fatal(err)
		}
		together, both := policy.Decide(s, wall, p, q).Met, policy.Decide(s, wall, and).Met
		if together != both {
			t.Fatalf("%+v: both hold: %v, their And: %v", s, together, both)
		}
	})
}

func TestAndMultipliesNothingBeyondItsBound(t *testing.T) {
	many := func(n int) policy.Policy { return policy.Policy{Accept: make([]policy.Combination, n)} }
	for _, sizes := range [][2]int{{65, 0}, {0, 65}, {9, 8}, {4000, 4000}} {
		if _, err := policy.And(many(sizes[0]), many(sizes[1])); !errors.Is(err, policy.ErrTooMany) {
			t.Errorf("%d times %d: %v", sizes[0], sizes[1], err)
		}
	}
	if p, err := policy.And(many(8), many(8)); err != nil || len(p.Accept) != 64 {
		t.Errorf("eight times eight: %d, %v", len(p.Accept), err)
	}
	p, q := many(4000), many(4000)
	if n := testing.AllocsPerRun(10, func() { _, _ = policy.And(p, q) }); n > 0 {
		t.Errorf("a refusal allocates %v times", n)
	}
}

func TestEveryWayShownLeadsIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p := drawSubject(t), drawPolicy(t)
		s.AMR = []string{"hwk"}
		d := policy.Decide(s, wall, p)
		if d.Met != (len(d.Reasons) == 0) {
			t.Fatalf("met %v with reasons %v", d.Met, d.Reasons)
		}
		for _, m := range d.Ways {
			up := having(0, m)
			if after := policy.Decide(policy.Subject{Assurance: up, AMR: s.AMR}, wall, p); !after.Met {
				t.Fatalf("%s is shown as a way, and is refused: %v", m, after.Reasons)
			}
		}
	})
}

func TestACRValuesMeanAtLeast(t *testing.T) {
	for _, v := range policy.ACRValues() {
		if _, ok := policy.OfACR(v); !ok {
			t.Errorf("OfACR(%q): published and unknown", v)
		}
	}
	if _, ok := policy.OfACR("urn:propusk:loa:divine"); ok {
		t.Error("an unknown level is taken for a demand")
	}
	if _, ok := policy.OfACR("verified"); ok {
		t.Error("a bare level is taken for an acr value")
	}
	standard, _ := policy.OfACR(policy.LevelACR(account.Standard))
	if !policy.Satisfies(standard, having(0, account.Bank), nil) {
		t.Error("verified does not satisfy at least standard")
	}
	if policy.Satisfies(standard, account.Assurance{Level: account.Simplified}, nil) {
		t.Error("simplified satisfies at least standard")
	}
	if !strings.HasPrefix(policy.LevelACR(account.Verified), "urn:propusk:loa:") {
		t.Error("the level's acr has another prefix")
	}
}
