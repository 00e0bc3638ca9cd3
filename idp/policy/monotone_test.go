package policy_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
)

// drawAny is a policy as the schema can express it, sensible or not: methods taken and refused at once, ages of
// nothing, demands on sign-ins that nobody knows.
func drawAny(t *rapid.T, name string) policy.Policy {
	return policy.Policy{Accept: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Combination {
		all := rapid.SliceOfNDistinct(rapid.SampledFrom(account.Methods()), 0, 5, rapid.ID[account.Method])
		return policy.Combination{
			Level: account.Level(rapid.IntRange(0, 3).Draw(t, "level")), Methods: all.Draw(t, "methods"), Refuse: all.Draw(t, "refuse"),
			MaxAge: time.Duration(rapid.Int64Range(0, int64(4*365*day)).Draw(t, "max age")),
			Auth:   rapid.SampledFrom([]string{"", "mfa", "phr", "phrh", "retina"}).Draw(t, "auth"),
		}
	}), 0, 4).Draw(t, name)}
}

func drawLocks(t *rapid.T) account.Locks {
	l := account.Locks{
		Never: rapid.SliceOfNDistinct(rapid.SampledFrom(account.Methods()), 0, 5, rapid.ID[account.Method]).Draw(t, "never"),
		Wait:  time.Duration(rapid.IntRange(0, 7).Draw(t, "wait")) * day,
	}
	if rapid.IntRange(0, 4).Draw(t, "frozen") == 0 {
		l.Frozen = wall
	}
	return l
}

// raise is one act that adds to what a citizen has: a level, a confirmation by a new method, one more by an old
// method, or a fresh one in the place of an old.
func raise(t *rapid.T, s policy.Subject) policy.Subject {
	a := account.Assurance{Level: s.Assurance.Level, Confirmations: slices.Clone(s.Assurance.Confirmations)}
	fresh := account.Confirmation{Method: rapid.SampledFrom(account.Methods()).Draw(t, "another"), At: wall}
	switch act := rapid.IntRange(0, 2).Draw(t, "act"); {
	case act == 0 && a.Level < account.Standard:
		a.Level = account.Standard
	case act == 1: // in the place of the older one by the same method, as account.Confirm has it
		a.Confirmations = slices.DeleteFunc(a.Confirmations, func(c account.Confirmation) bool { return c.Method == fresh.Method })
		fallthrough
	default:
		a.Level, a.Confirmations = account.Verified, append(a.Confirmations, fresh)
	}
	s.Assurance = a
	return s
}

func TestNoPolicyTakesAccessFromWhoRises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSubject(t)
		s.Locks = drawLocks(t)
		ps := []policy.Policy{drawAny(t, "party"), drawAny(t, "acr values"), drawAny(t, "claims")}
		and, err := policy.And(ps[0], ps[1])
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 4).Draw(t, "acts") {
			up := raise(t, s)
			for _, asked := range [][]policy.Policy{ps, ps[:1], {and}, {and, ps[2]}} {
				if before, after := policy.Decide(s, wall, asked...), policy.Decide(up, wall, asked...); before.Met && !after.Met {
					t.Fatalf("%+v is let in, %+v is not: %v", s, up, after.Reasons)
				}
			}
			s = up
		}
	})
}

func TestShuttingOffNeverOpensAndOnlyFreezingShutsOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p := drawSubject(t), drawAny(t, "party")
		free := policy.Decide(s, wall, p)
		s.Locks = drawLocks(t)
		locked := policy.Decide(s, wall, p)
		frozen := !s.Locks.Frozen.IsZero()
		switch {
		case locked.Met != (free.Met && !frozen):
			t.Fatalf("met %v without locks, %v with %+v", free.Met, locked.Met, s.Locks)
		case frozen != slices.Contains(locked.Reasons, policy.LockedByCitizen) && len(locked.Shut) == 0:
			t.Fatalf("locks %+v, reasons %v", s.Locks, locked.Reasons)
		}
		for _, m := range locked.Ways {
			if s.Locks.Forbids(m) || !slices.Contains(free.Ways, m) && !frozen {
				t.Fatalf("%s is a way with %+v, and without locks the ways are %v", m, s.Locks, free.Ways)
			}
		}
		if all := append(slices.Clone(locked.Ways), locked.Shut...); !free.Met && len(all) != len(free.Ways) {
			t.Fatalf("ways %v and shut %v, without locks %v", locked.Ways, locked.Shut, free.Ways)
		}
	})
}

// A way that is offered leads in, as far as confirmations go: through every policy that holds, at once.
func TestEveryWayOfEveryPolicyLeadsInTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, p, q := drawSubject(t), drawAny(t, "party"), drawAny(t, "request")
		s.AMR, s.Locks = policy.Strongest(), drawLocks(t)
		s.Locks.Frozen = time.Time{}
		d := policy.Decide(s, wall, p, q)
		if slices.Contains(d.Reasons, policy.AuthenticationTooWeak) {
			return // nobody signs in as strongly as that
		}
		for _, m := range d.Ways {
			up := s
			up.Assurance = account.Assurance{Level: account.Verified, Confirmations: append(slices.Clone(s.Assurance.Confirmations),
				account.Confirmation{Method: m, At: wall})}
			if after := policy.Decide(up, wall, p, q); !after.Met && slices.Equal(after.Reasons, d.Reasons) {
				t.Fatalf("%s is offered for %v and changes nothing: %v", m, d.Reasons, after.Reasons)
			}
			if after := policy.Decide(up, wall, p, q); !after.Met {
				t.Fatalf("%s is offered and does not lead in: %v", m, after.Reasons)
			}
		}
	})
}
