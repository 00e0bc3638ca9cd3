package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/ui"
)

func (d *Door) mountAssurance(g *echo.Group) {
	g.GET("/assurance", d.assurance)
	g.POST("/assurance", d.revokeOrForget)
}

// assurance tells all about how sure services can be of the citizen: the level and what stands behind it, who
// takes it and why others do not, where they were turned away, and who received what.
func (d *Door) assurance(c echo.Context) error {
	s, a := whoever(c)
	ctx := c.Request().Context()
	now := a.Assurance(d.Now())
	p := ui.Assurance{
		Form: ui.Form{Action: "/account/assurance"}, Level: now.Level.String(), Frozen: a.Locks.Frozen, Wait: a.Locks.Wait,
		Rose: d.rose(s, a), Notice: told(c, "revoked", "forgotten"),
	}
	switch now.Level {
	case account.Simplified:
		p.Since = a.Created
	case account.Standard:
		p.Since = a.StandardAt
	case account.Verified:
		p.Since = a.VerifiedAt
	}
	for _, m := range a.Locks.Never {
		p.Never = append(p.Never, m.String())
	}
	if d.Now().Before(a.RestrictedUntil) && a.Level > account.Simplified {
		p.Lowered = &ui.Lowered{Until: a.RestrictedUntil}
	}
	parties, asks, err := d.demands(ctx)
	if err != nil {
		return err
	}
	if p.Confirmations, err = d.proofs(c, a, parties, asks); err != nil {
		return err
	}
	facts, err := d.standing(ctx, a)
	if err != nil {
		return err
	}
	later, err := d.underWay(ctx, a, &ui.Account{})
	if err != nil {
		return err
	}
	for _, party := range parties {
		p.Services = append(p.Services, d.judged(c, party, asks[party.ID], facts, now, later))
	}
	if p.Wishes, err = d.wishes(c, a); err != nil {
		return err
	}
	names, err := d.partyNames(ctx, c)
	if err != nil {
		return err
	}
	grants, err := d.Read.Grants(ctx, a.ID)
	if err != nil {
		return err
	}
	sessions, err := d.sessions(ctx, s, grants, names, frame.Lang(c))
	if err != nil {
		return err
	}
	consents, err := d.Read.Consents(ctx, a.ID)
	if err != nil {
		return err
	}
	p.Receivers = d.receivers(s, grants, sessions, consents, names)
	return d.render(c, http.StatusOK, "assurance", p)
}

// judged is one service: its answer to the citizen as they stand, and if that is no, why, and which ways that
// are open now would change it.
func (d *Door) judged(c echo.Context, p *rp.Party, ask policy.Policy, facts confirm.Facts, now account.Assurance, later func(policy.Policy) bool) ui.AssuredService {
	a := facts.Account
	out := ui.AssuredService{Service: ui.Service{Name: p.NameIn(frame.Lang(c)), Answer: "no", Demand: demandOf(ask)}}
	dec := policy.Decide(policy.Subject{Assurance: now, AMR: policy.Strongest(), Locks: a.Locks}, d.Wall(), ask)
	switch {
	case dec.Met:
		out.Answer = "yes"
		return out
	case later(ask):
		out.Answer = "later"
		return out
	}
	out.Reasons = reasons(dec)
	switch {
	case !a.Locks.Frozen.IsZero():
		out.Ways = []ui.Way{{Kind: "unlock", URL: "/account/locks"}}
	case facts.Running:
		out.Ways = []ui.Way{{Kind: "checks", URL: "/account/checks"}}
	case a.Level < account.Standard:
		out.Ways = []ui.Way{{Kind: "profile", URL: "/account/profile"}}
	default:
		for _, w := range confirm.Ways(facts) {
			if w.Open && slices.Contains(dec.Ways, w.Method) {
				out.Ways = append(out.Ways, ui.Way{Kind: w.Method.String(), URL: begins(w.Method)})
			}
		}
		out.Ways = quickest(out.Ways)
		if len(out.Ways) == 0 && slices.Contains(dec.Reasons, policy.LockedByCitizen) {
			out.Ways = []ui.Way{{Kind: "unlock", URL: "/account/locks"}}
		}
	}
	return out
}

// proofs are the citizen's confirmations, those that do not count too, and until when services that want them
// fresh take them.
func (d *Door) proofs(c echo.Context, a *account.Account, parties []*rp.Party, asks map[rp.ID]policy.Policy) ([]ui.HeldConfirmation, error) {
	ctx := c.Request().Context()
	waiting, err := d.Locks.Changes(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	where, err := d.places(ctx, c, a)
	if err != nil {
		return nil, err
	}
	var out []ui.HeldConfirmation
	for _, k := range a.Confirmations {
		row := ui.HeldConfirmation{
			Confirmation: ui.Confirmation{Method: k.Method.String(), At: k.At}, State: "counts", Where: where[k.Centre],
		}
		switch {
		case slices.Contains(k.Held, lock.HeldBy):
			row.State = "waiting"
			for _, w := range waiting {
				if w.Confirmation == k.ID {
					row.Until = w.Due
				}
			}
		case len(k.Held) > 0:
			row.State = "held"
		case k.Suspended:
			row.State = "suspended"
		default:
			for _, p := range parties {
				if until, ok := asks[p.ID].Until(k); ok {
					row.Ages = append(row.Ages, ui.Age{Service: p.NameIn(frame.Lang(c)), Until: until, Past: !d.Wall().Before(until)})
				}
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// places are the names of the centres where the citizen was confirmed, by id.
func (d *Door) places(ctx context.Context, c echo.Context, a *account.Account) (map[string]string, error) {
	out := map[string]string{}
	if !slices.ContainsFunc(a.Confirmations, func(k account.Confirmation) bool { return k.Centre != "" }) {
		return out, nil
	}
	all, err := d.Read.Centres(ctx)
	for _, k := range all {
		out[k.ID] = spoken(k.Name, frame.Lang(c))
	}
	return out, err
}

// revokeOrForget takes back a service's access, or gives up a wish.
func (d *Door) revokeOrForget(c echo.Context) error {
	_, a := whoever(c)
	revoke, forget := frame.Field(c, "revoke"), frame.Field(c, "forget")
	switch {
	case (revoke == "") == (forget == ""):
		return frame.ErrForm
	case revoke != "":
		return d.revoke(c, a.ID, rp.ID(revoke))
	}
	if err := d.Wishes.Forget(c.Request().Context(), a.ID, rp.ID(forget)); err != nil {
		return err
	}
	return frame.See(c, "/account/assurance?notice=forgotten")
}
