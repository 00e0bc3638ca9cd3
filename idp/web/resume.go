package web

import (
	"errors"

	"github.com/labstack/echo/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/web/frame"
	"github.com/propusk/propusk/idp/wish"
	"github.com/propusk/propusk/ui"
)

// resume leads on from a way up that has just completed. If a party's request was refused in this session, still
// waits, and would not be refused any more, the citizen goes back into it: its dispatcher has them use the
// risen level now, asks what else is to be asked, and ends at the party. Otherwise they go to the page
// otherwise, and the wish behind the request is told when it can be fulfilled.
//
// Every handler that completes a way ends with it:
//
//	return d.resume(c, "/account/confirm/done")
func (d *Door) resume(c echo.Context, otherwise string) error {
	back, _, err := d.waitingRequest(c)
	if err != nil {
		return err
	}
	if back == "" {
		back = otherwise
	}
	return frame.See(c, back)
}

// waitingRequest is the address of the request that was refused in this session and can go on now, and whose
// it is; "" when there is none.
func (d *Door) waitingRequest(c echo.Context) (address string, client rp.ID, err error) {
	ctx := c.Request().Context()
	s, _ := whoever(c)
	tx, client, err := d.Wishes.Waiting(ctx, s.ID)
	if err != nil || tx == "" {
		return "", "", err
	}
	f, err := d.SignIn.Load(ctx, tx, d.visitors.Browser(c), s.ID)
	switch {
	case isSealed(err), errors.Is(err, signin.ErrOtherBrowser), errors.Is(err, signin.ErrStale), errors.Is(err, fault.NotFound):
		return "", "", nil // over, or not this browser's any more
	case err != nil:
		return "", "", err
	}
	if k := signin.Next(f).Kind; k == signin.Refusal || k == signin.Stale || k == signin.Fail {
		return "", "", nil
	}
	return frame.WithTx("/login", tx), client, nil
}

// origin of a party that waits, for pages that lead back to it.
func (d *Door) originOf(c echo.Context, id rp.ID) (*ui.Origin, error) {
	p, err := d.Read.Party(c.Request().Context(), id)
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &ui.Origin{Name: p.NameIn(frame.Lang(c)), Host: host(p.Home)}, nil
}

// wishes are where the citizen wanted to go: those who would let them in now with the address where that
// begins, the others with what is missing.
func (d *Door) wishes(c echo.Context, a *account.Account) ([]ui.Wish, error) {
	all, err := d.Wishes.Standings(c.Request().Context(), a)
	if err != nil {
		return nil, err
	}
	var out []ui.Wish
	for _, w := range all {
		out = append(out, d.wish(c, w))
	}
	return out, nil
}

func (d *Door) wish(c echo.Context, w wish.Standing) ui.Wish {
	out := ui.Wish{
		ID: string(w.Client), Name: w.Party.NameIn(frame.Lang(c)), Open: w.Decision.Met, At: w.At,
		Demand: demandOf(w.Party.Policy, w.Demand),
	}
	if w.Decision.Met {
		out.URL = w.Party.Entrance(d.issuer())
	}
	out.Reasons = reasons(w.Decision)
	return out
}

// issuer is the provider's name, as relying parties write it.
func (d *Door) issuer() string { return d.Public.Scheme + "://" + d.Public.Host }

func reasons(dec policy.Decision) (out []string) {
	for _, r := range dec.Reasons {
		out = append(out, string(r))
	}
	return out
}
