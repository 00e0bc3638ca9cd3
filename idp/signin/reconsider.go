package signin

import "context"

// Reconsider takes back that the citizen did not want to use the risen level now: they found out that without
// it they are refused.
func (d *Desk) Reconsider(ctx context.Context, f *Facts) error {
	if err := f.at(Refusal); err != nil {
		return err
	}
	return d.change(ctx, f, func(g *Progress) { g.Waived = false })
}
