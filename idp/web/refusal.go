package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

// showRefusal tells what the party needs, what the citizen has, and the ways up. back=1 turns back: the
// party gets its error. That GET ends the transaction, which only this browser can address.
func (d *Door) showRefusal(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if c.QueryParam("back") != "" {
		if err := d.SignIn.Decline(ctx, f); err != nil {
			return err
		}
		return frame.See(c, frame.WithTx("/login", tx))
	}
	step := signin.Next(f)
	if step.Kind != signin.Refusal {
		return frame.See(c, frame.WithTx("/login", tx))
	}
	a, err := d.Accounts.Account(ctx, f.Session.Account)
	if err != nil {
		return err
	}
	subject := account.Min(f.Session.Snapshot, a.Assurance(d.Now()))
	p := ui.Refusal{
		Origin: *origin(c, f), Need: demandOf(f.Party.Policy, f.Request.Demand),
		Have:    ui.Standing{Level: subject.Level.String(), Strong: slices.Contains(f.Session.AMR, "mfa")},
		Form:    ui.Form{Action: frame.WithTx("/login/refusal", tx)},
		BackURL: frame.WithTx("/login/refusal", tx) + "&back=1",
	}
	for _, r := range step.Decision.Reasons {
		p.Reasons = append(p.Reasons, string(r))
		p.Have.Locked = p.Have.Locked || r == policy.LockedByCitizen
	}
	for _, k := range subject.Confirmations {
		p.Have.Methods = append(p.Have.Methods, k.Method.String())
	}
	if k, ok := subject.Strongest(); ok && slices.Contains(step.Decision.Reasons, policy.ConfirmationTooOld) {
		p.Have.At = k.At
	}
	if p.Ways, err = d.ways(ctx, a, f, step.Decision, tx); err != nil {
		return err
	}
	if p.AcceptedBy, err = d.acceptedBy(ctx, c, a, subject, f.Session.AMR, f.Party.ID); err != nil {
		return err
	}
	return d.render(c, http.StatusOK, "", p)
}

// takeWay begins the way up that the citizen chose. The request is kept for when the way completes at once, and
// what was wanted for when it completes later (package wish). A way that is none any more shows the page again.
func (d *Door) takeWay(c echo.Context) error {
	f, tx, err := d.load(c)
	if err != nil {
		return err
	}
	step := signin.Next(f)
	if step.Kind != signin.Refusal {
		return frame.See(c, frame.WithTx("/login", tx))
	}
	ctx := c.Request().Context()
	a, err := d.Accounts.Account(ctx, f.Session.Account)
	if err != nil {
		return err
	}
	ways, err := d.ways(ctx, a, f, step.Decision, tx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(ways, func(w ui.Way) bool { return w.Kind == frame.Field(c, "way") })
	if i < 0 {
		return frame.See(c, frame.WithTx("/login/refusal", tx))
	}
	switch ways[i].Kind {
	case "use_now":
		err = d.SignIn.Reconsider(ctx, f)
	case "sign_in_again":
	default:
		err = d.Wishes.Remember(ctx, f, tx)
	}
	if err != nil {
		return err
	}
	return frame.See(c, ways[i].URL)
}

// ways are the acts that would satisfy this party, the shortest first; only what is possible now.
func (d *Door) ways(ctx context.Context, a *account.Account, f *signin.Facts, dec policy.Decision, tx string) ([]ui.Way, error) {
	has := func(r policy.Reason) bool { return slices.Contains(dec.Reasons, r) }
	var out []ui.Way
	present := policy.Decide(policy.Subject{Assurance: a.Assurance(d.Now()), AMR: f.Session.AMR, Locks: a.Locks}, d.Wall(), f.Party.Policy, f.Request.Demand)
	if present.Met { // the citizen put it off a moment ago
		return []ui.Way{{Kind: "use_now", URL: frame.WithTx("/login", tx)}}, nil
	}
	if !a.Locks.Frozen.IsZero() { // nothing else can be started
		return []ui.Way{{Kind: "unlock", URL: "/account/locks"}}, nil
	}
	if has(policy.LevelTooLow) || has(policy.MethodRefused) || has(policy.ConfirmationTooOld) {
		up, err := d.waysUp(ctx, a, f, dec)
		if err != nil {
			return nil, err
		}
		out = append(out, up...)
	}
	if has(policy.AuthenticationTooWeak) && policy.Satisfies(policy.Combination{Auth: strongest(f)}, a.Assurance(d.Now()), []string{"pwd", "otp", "mfa"}) {
		if a.Credential.TOTP == nil {
			out = append(out, ui.Way{Kind: "second_factor", URL: "/account/security/totp"})
		} else {
			out = append(out, ui.Way{Kind: "sign_in_again", URL: frame.WithTx("/login", tx) + "&start=1"})
		}
	}
	if has(policy.LockedByCitizen) {
		out = append(out, ui.Way{Kind: "unlock", URL: "/account/locks"})
	}
	return out, nil
}

// strongest is the strongest authentication that the party's combinations ask.
func strongest(f *signin.Facts) string {
	auth := ""
	for _, p := range []policy.Policy{f.Party.Policy, f.Request.Demand} {
		for _, k := range p.Accept {
			auth = max(auth, k.Auth) // "" < mfa < phr < phrh
		}
	}
	return auth
}

// waysUp are the ways to a higher level or another confirmation, as far as they are open now: while new data
// is being checked nothing else can be started, and a letter can be ordered once in 30 days.
func (d *Door) waysUp(ctx context.Context, a *account.Account, f *signin.Facts, dec policy.Decision) ([]ui.Way, error) {
	facts, err := d.standing(ctx, a)
	if err != nil {
		return nil, err
	}
	switch {
	case facts.Running:
		return []ui.Way{{Kind: "checks", URL: "/account/checks"}}, nil
	case a.Level < account.Standard:
		return []ui.Way{{Kind: "profile", URL: "/account/profile"}}, nil
	case d.enoughUnrestricted(a, f):
		out := []ui.Way{{Kind: account.ServiceCenter.String(), URL: "/account/confirm/visit"}}
		if len(a.Profile.Contacts) > 1 {
			out = append([]ui.Way{{Kind: "second_contact", URL: "/account/contacts"}}, out...)
		}
		return out, nil
	}
	var out []ui.Way
	for _, w := range confirm.Ways(facts) {
		switch {
		case !slices.Contains(dec.Ways, w.Method):
		case w.Live:
			out = append(out, ui.Way{Kind: "letter", URL: "/account/confirm/letter"})
		case w.Open:
			out = append(out, ui.Way{Kind: w.Method.String(), URL: begins(w.Method)})
		}
	}
	return quickest(out), nil
}

// begins is where a method of confirmation begins.
func begins(m account.Method) string {
	switch m {
	case account.ServiceCenter:
		return "/account/confirm/visit"
	case account.Bank:
		return "/account/confirm/bank"
	case account.QualifiedSignature, account.ElectronicCard:
		return "/account/confirm/signature"
	}
	return "/account/confirm/letter?new=1"
}

// quickest puts what completes at once before what takes a walk, and that before what takes weeks.
func quickest(ways []ui.Way) []ui.Way {
	weight := map[string]int{"bank": 0, "qualified_signature": 1, "electronic_card": 2, "service_center": 3, "letter": 4, "mail_code": 5}
	slices.SortStableFunc(ways, func(a, b ui.Way) int { return weight[a.Kind] - weight[b.Kind] })
	return ways
}

// enoughUnrestricted tells whether only the restriction after a recovery stands in the way: then nothing is
// to be confirmed anew, the restriction is to be lifted.
func (d *Door) enoughUnrestricted(a *account.Account, f *signin.Facts) bool {
	if !d.Now().Before(a.RestrictedUntil) {
		return false
	}
	free := a.Standing
	free.RestrictedUntil = time.Time{}
	subject := policy.Subject{Assurance: free.Assurance(d.Now()), AMR: policy.Strongest(), Locks: a.Locks}
	return policy.Decide(subject, d.Wall(), f.Party.Policy, f.Request.Demand).Met
}

// demandOf says what policies ask, for a page: of each the combination with the lowest level, since that
// is the nearest.
func demandOf(policies ...policy.Policy) ui.Demand {
	d := ui.Demand{Level: account.Simplified.String()}
	level := account.Simplified
	methods := account.Methods()
	for _, p := range policies {
		if len(p.Accept) == 0 {
			continue
		}
		easiest := p.Accept[0]
		for _, k := range p.Accept[1:] {
			if levelOf(k) < levelOf(easiest) {
				easiest = k
			}
		}
		level = max(level, levelOf(easiest))
		d.MaxAge = max(d.MaxAge, easiest.MaxAge)
		d.Strong = d.Strong || easiest.Auth != ""
		methods = slices.DeleteFunc(methods, func(m account.Method) bool {
			return !slices.ContainsFunc(p.Accept, func(k policy.Combination) bool {
				return !slices.Contains(k.Refuse, m) && (len(k.Methods) == 0 || slices.Contains(k.Methods, m))
			})
		})
	}
	d.Level = level.String()
	if level == account.Verified && len(methods) < len(account.Methods()) {
		for _, m := range methods {
			d.Methods = append(d.Methods, m.String())
		}
	}
	return d
}

// levelOf is the level that a combination needs: confirmations are had at the verified one only.
func levelOf(k policy.Combination) account.Level {
	if len(k.Methods) > 0 || len(k.Refuse) > 0 || k.MaxAge > 0 {
		return account.Verified
	}
	return max(k.Level, account.Simplified)
}

// demands are the policies of the parties that have one, registered or known.
func (d *Door) demands(ctx context.Context) ([]*rp.Party, map[rp.ID]policy.Policy, error) {
	all, err := d.Read.Parties(ctx)
	if err != nil {
		return nil, nil, err
	}
	asks := map[rp.ID]policy.Policy{}
	all = slices.DeleteFunc(slices.Clone(all), func(p *rp.Party) bool {
		ask := p.Policy
		if len(ask.Accept) == 0 {
			ask = p.Announced
		}
		asks[p.ID] = ask
		return p.Disabled || len(ask.Accept) == 0
	})
	return all, asks, nil
}

// services tell who accepts the citizen as they stand, and whom what is under way will open.
func (d *Door) services(ctx context.Context, c echo.Context, a *account.Account, now account.Assurance, later func(policy.Policy) bool) ([]ui.Service, error) {
	parties, asks, err := d.demands(ctx)
	if err != nil {
		return nil, err
	}
	var out []ui.Service
	for _, p := range parties {
		s := ui.Service{Name: p.NameIn(frame.Lang(c)), Answer: "no", Demand: demandOf(asks[p.ID])}
		switch {
		case policy.Decide(policy.Subject{Assurance: now, AMR: policy.Strongest(), Locks: a.Locks}, d.Wall(), asks[p.ID]).Met:
			s.Answer = "yes"
		case later(asks[p.ID]):
			s.Answer = "later"
		}
		out = append(out, s)
	}
	return out, nil
}

// acceptedBy names the parties, but one, that accept the citizen already.
func (d *Door) acceptedBy(ctx context.Context, c echo.Context, a *account.Account, now account.Assurance, amr []string, but rp.ID) ([]string, error) {
	parties, asks, err := d.demands(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, p := range parties {
		if p.ID != but && policy.Decide(policy.Subject{Assurance: now, AMR: amr, Locks: a.Locks}, d.Wall(), asks[p.ID]).Met {
			out = append(out, p.NameIn(frame.Lang(c)))
		}
	}
	return out, nil
}
