package policy

import (
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// Decide judges a subject by all the policies, which hold together: the party's own and the request's. wall
// is when; ages of confirmations are told by it, as strangers tell them.
//
// Each policy is met by one of its combinations. The reasons of an unmet one are those of the combination
// that lacks the least, so that nobody is told of demands they need not meet; a missing level hides the
// refusal of methods, which cannot be judged before it.
//
// What the citizen shut off comes before all policies: nobody lets a frozen account in, not even who demands
// nothing, and a method that is shut off is no way. Where that leaves no way the reasons say so.
func Decide(s Subject, wall time.Time, policies ...Policy) Decision {
	d := Decision{Met: true}
	frozen := !s.Locks.Frozen.IsZero()
	if frozen {
		d.Met, d.Reasons = false, []Reason{LockedByCitizen}
	}
	for _, p := range policies {
		if len(p.Accept) == 0 {
			continue
		}
		var least []Reason
		lowest := account.Level(0)
		for i, c := range p.Accept {
			why := c.lacks(s, wall)
			if i == 0 || worse(least, why) {
				least = why
			}
			if l := c.level(); i == 0 || l < lowest {
				lowest = l
			}
		}
		d.Level = max(d.Level, lowest)
		if len(least) > 0 {
			d.Met = false
			for _, r := range least {
				if !slices.Contains(d.Reasons, r) {
					d.Reasons = append(d.Reasons, r)
				}
			}
		}
		for _, c := range s.Assurance.Confirmations {
			if p.refuses(c.Method) && !slices.Contains(d.Refused, c.Method) {
				d.Refused = append(d.Refused, c.Method)
			}
		}
	}
	if d.Met {
		return Decision{Met: true, Level: d.Level}
	}
	if d.Level == account.Verified && (d.has(LevelTooLow) || d.has(MethodRefused) || d.has(ConfirmationTooOld)) {
		for _, m := range ways(s, wall, policies) {
			if s.Locks.Forbids(m) {
				d.Shut = append(d.Shut, m)
			} else {
				d.Ways = append(d.Ways, m)
			}
		}
		if len(d.Ways) == 0 && len(d.Shut) > 0 && !frozen {
			d.Reasons = append(d.Reasons, LockedByCitizen)
		}
	}
	slices.SortFunc(d.Reasons, func(a, b Reason) int { return slices.Index(order, a) - slices.Index(order, b) })
	slices.SortFunc(d.Refused, func(a, b account.Method) int { return int(b) - int(a) })
	return d
}

// order is that in which reasons are told: what must be done first stands first.
var order = []Reason{LockedByCitizen, LevelTooLow, MethodRefused, ConfirmationTooOld, AuthenticationTooWeak}

func (d *Decision) has(r Reason) bool { return slices.Contains(d.Reasons, r) }

// worse tells whether a lacks more than b: more reasons, or one that takes the citizen longer to mend.
func worse(a, b []Reason) bool { return weight(a) > weight(b) }

func weight(rs []Reason) int {
	w := 0
	for _, r := range rs {
		w += 1 << (len(order) - slices.Index(order, r))
	}
	return w
}

// lacks gives what keeps the subject from satisfying the combination.
func (c Combination) lacks(s Subject, wall time.Time) []Reason {
	var why []Reason
	switch {
	case s.Assurance.Level < c.level():
		why = append(why, LevelTooLow)
	case c.confirmed():
		why = c.unconfirmed(s.Assurance.Confirmations, wall)
	}
	if strength(s.AMR) < strengthAsked(c.Auth) {
		why = append(why, AuthenticationTooWeak)
	}
	return why
}

// unconfirmed looks for one live confirmation that is all the combination asks.
func (c Combination) unconfirmed(have []account.Confirmation, wall time.Time) []Reason {
	old := false
	for _, x := range have {
		switch {
		case !x.Live() || !c.takes(x.Method):
		case c.MaxAge > 0 && wall.Sub(x.At) > c.MaxAge:
			old = true
		default:
			return nil
		}
	}
	if old {
		return []Reason{ConfirmationTooOld}
	}
	return []Reason{MethodRefused}
}

// confirmed tells whether the combination asks for a confirmation. Refusing a method does: else a further
// confirmation, by a refused method, could take away what the standard level gave.
func (c Combination) confirmed() bool {
	return c.Level >= account.Verified || len(c.Methods) > 0 || len(c.Refuse) > 0 || c.MaxAge > 0
}

// level is the level that the combination needs: methods and ages are only had at the verified one.
func (c Combination) level() account.Level {
	if c.confirmed() {
		return account.Verified
	}
	return max(c.Level, account.Simplified)
}

func (c Combination) takes(m account.Method) bool {
	return !slices.Contains(c.Refuse, m) && (len(c.Methods) == 0 || slices.Contains(c.Methods, m))
}

// ways are the methods of which one more confirmation, made now, would have all the policies met. How strongly
// the citizen signs in is another matter, and counts as settled, as far as it can be.
func ways(s Subject, wall time.Time, policies []Policy) []account.Method {
	return slices.DeleteFunc(account.Methods(), func(m account.Method) bool {
		up := Subject{AMR: Strongest(), Assurance: account.Assurance{
			Level: account.Verified, Confirmations: append(slices.Clone(s.Assurance.Confirmations), account.Confirmation{Method: m, At: wall}),
		}}
		return slices.ContainsFunc(policies, func(p Policy) bool {
			return len(p.Accept) > 0 && !slices.ContainsFunc(p.Accept, func(c Combination) bool { return len(c.lacks(up, wall)) == 0 })
		})
	})
}

// refuses tells whether no combination that looks at confirmations takes the method.
func (p Policy) refuses(m account.Method) bool {
	return !slices.ContainsFunc(p.Accept, func(c Combination) bool { return c.takes(m) })
}

// Reasons lists every reason there is, in the order in which they are told.
func Reasons() []Reason { return slices.Clone(order) }
