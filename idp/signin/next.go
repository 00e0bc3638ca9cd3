package signin

import (
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/session"
)

// The OAuth error codes that Next gives (OpenID Connect Core 1.0 section 3.1.2.6, and its companion
// for unmet authentication requirements).
const (
	AccessDenied    = "access_denied"
	LoginRequired   = "login_required"
	ConsentRequired = "consent_required"
	Unmet           = "unmet_authentication_requirements"
)

// Next names the next step of a request. It is pure: the same facts, the same step.
//
// The order is that of what may be learnt. Who signs in comes first, since a policy is judged of somebody;
// the policy comes before consent, so that nobody allows data to a party that will turn them away; and a
// party hears why somebody was refused only as one code (design.md 2). Silently consent comes first: there
// the policy's answer goes to the party, and before the citizen's word it hears nothing of them at all.
func Next(f *Facts) Step {
	r := f.Request
	silent := r.Prompted("none")
	switch {
	case f.Progress.Answered || !f.Now.Before(r.Deadline):
		return Step{Kind: Stale}
	case f.Progress.Denied:
		return Step{Kind: Fail, Error: AccessDenied}
	}

	fresh := f.fresh()
	if !f.usable() || !fresh && f.again() || !f.hinted() {
		switch {
		case silent:
			return Step{Kind: Fail, Error: LoginRequired}
		case f.NeedsFactor():
			return Step{Kind: SecondFactor}
		case f.usable() && f.Session.ID == f.Progress.Session && !f.hinted():
			// Somebody signed in here, and it is not whom the party asked for. Asking again would go round
			// in circles; the party hears that its citizen did not sign in.
			return Step{Kind: Fail, Error: LoginRequired}
		}
		return Step{Kind: SignIn}
	}

	unconsented := f.unconsented()
	if silent && unconsented {
		return Step{Kind: Fail, Error: ConsentRequired}
	}
	present := f.Standing.Assurance(f.Now)
	subject := account.Min(f.Session.Snapshot, present)
	if s, wait := f.judge(subject, present, silent, fresh); wait {
		return s
	}
	if unconsented {
		return Step{Kind: Consent}
	}
	answer := Step{Kind: Answer, Subject: subject, ACR: acr(r.ACR, subject, f.Session.AMR)}
	if f.Party != nil && !f.Party.Trusted {
		answer.Until = f.Consent.Until
	}
	return answer
}

// judge holds the subject against the party's policy and the request's demand.
func (f *Facts) judge(subject, present account.Assurance, silent, fresh bool) (Step, bool) {
	if f.Party == nil {
		return Step{}, false
	}
	decide := func(a account.Assurance, amr []string) policy.Decision {
		return policy.Decide(policy.Subject{Assurance: a, AMR: amr, Locks: f.Standing.Locks}, f.Wall, f.Party.Policy, f.Request.Demand)
	}
	decision := decide(subject, f.Session.AMR)
	if decision.Met {
		return Step{}, false
	}
	unmet := Unmet
	if f.Party.DeniedError != "" {
		unmet = f.Party.DeniedError
	}
	switch {
	case silent || f.Progress.Declined:
		return Step{Kind: Fail, Error: unmet, Decision: decision}, true
	case f.NeedsFactor():
		return Step{Kind: SecondFactor}, true
	case !f.Progress.Waived && decide(present, f.Session.AMR).Met:
		return Step{Kind: UseNow, Decision: decision}, true
	case !fresh && decide(subject, policy.Strongest()).Met:
		// Only the way of signing in is too weak: sign in anew, with all the factors there are.
		return Step{Kind: SignIn, Decision: decision}, true
	}
	return Step{Kind: Refusal, Decision: decision}, true
}

// usable tells whether the browser's session stands and counts at this door. Staff and citizens do not
// serve each other's (design.md 8).
func (f *Facts) usable() bool {
	s := f.Session
	if s == nil || !s.Alive(f.Standing.Epoch, f.Now) {
		return false
	}
	if f.Standing.Lock.Endless() {
		return false // locked without end; a passing lock only closes the way in
	}
	return (s.Kind == session.Operator) == (f.Request.Door == "operator")
}

// fresh tells whether the citizen proved a factor in this request.
func (f *Facts) fresh() bool {
	s := f.Session
	return s != nil && (s.ID == f.Progress.Session || !s.AuthTime.Before(f.Request.Started))
}

// again tells whether the party wants its citizen asked again.
func (f *Facts) again() bool {
	r := f.Request
	if r.Prompted("login") || r.Prompted("select_account") || r.Prompted("create") {
		return true
	}
	return r.MaxAge != nil && f.Wall.Sub(f.Session.AuthTime) >= time.Duration(*r.MaxAge)*time.Second
}

func (f *Facts) hinted() bool {
	return f.Request.HintedFor == 0 || f.Session != nil && f.Session.Account == f.Request.HintedFor
}

// unconsented tells whether the citizen must still be asked. Scope openid needs consent like any other: it
// says who they are to this party, at what level, and how that was confirmed.
//
// What was allowed on the page counts only together with the consent that was kept, and for whoever
// allowed it: another person may have signed in to this browser since.
func (f *Facts) unconsented() bool {
	if f.Party == nil {
		return false
	}
	asked := f.Request.Asked()
	if f.Request.Prompted("consent") && !f.allowed(asked) {
		return true
	}
	return !f.Party.Trusted && !f.Consent.Covers(asked, f.Now)
}

func (f *Facts) allowed(asked []string) bool {
	by := f.Progress.AllowedBy
	return by != 0 && by == f.Session.Account &&
		!slices.ContainsFunc(asked, func(s string) bool { return !contains(f.Progress.Allowed, s) })
}

// acr is the first satisfied of what was asked, or the level's own.
func acr(asked []string, a account.Assurance, amr []string) string {
	for _, v := range asked {
		if c, ok := policy.OfACR(v); ok && policy.Satisfies(c, a, amr) {
			return v
		}
	}
	return policy.LevelACR(a.Level)
}

func contains(list []string, s string) bool { return slices.Contains(list, s) }
