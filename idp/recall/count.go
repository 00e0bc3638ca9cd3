package recall

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// countPage is how many confirmations a dry run reads at a time.
const countPage = 500

// Count makes the dry run of a draft: it looks and changes nothing but the recall itself.
func (d *Desk) Count(ctx context.Context, id ID) (*Recall, error) {
	r, err := d.Store.Recall(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("recall: count: %w", err)
	}
	if r.State != Draft {
		return r, nil
	}
	counts, err := d.counts(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("recall: count: %w", err)
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		r, err = tx.ChangeRecall(ctx, id, func(r *Recall) error {
			if r.State == Draft { // not dropped meanwhile
				r.State, r.Counts, r.Counted = Counted, counts, d.Now()
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recall: count: %w", err)
	}
	return r, nil
}

func (d *Desk) counts(ctx context.Context, r *Recall) (*Counts, error) {
	parties, err := d.Parties.Parties(ctx)
	if err != nil {
		return nil, err
	}
	parties = slices.DeleteFunc(slices.Clone(parties), func(p *rp.Party) bool { return p.Disabled })
	c := &counter{out: &Counts{}, parties: parties, by: map[rp.ID]*Party{}, now: d.Now(), wall: d.Wall(), holder: r.ID.Holder(), filter: r.Filter}
	var mark Mark
	for {
		page, err := d.Store.Sourced(ctx, r.Filter, mark, countPage)
		if err != nil {
			return nil, err
		}
		falling, lost := c.look(page)
		if len(falling) > 0 {
			n, err := d.Store.AliveSessions(ctx, falling, c.now)
			if err != nil {
				return nil, err
			}
			c.out.Sessions += n
			uses, err := d.Store.Uses(ctx, falling, c.now)
			if err != nil {
				return nil, err
			}
			c.use(uses, lost)
		}
		if len(page) < countPage {
			break
		}
		mark = page[len(page)-1].Mark
	}
	err = d.unused(ctx, r.Filter, func(found []account.ID) error { c.out.Unused += len(found); return nil })
	if err != nil {
		return nil, err
	}
	return c.result(), nil
}

// A counter adds up what a recall would do.
type counter struct {
	out       *Counts
	filter    Filter
	holder    string
	parties   []*rp.Party
	by        map[rp.ID]*Party
	now, wall time.Time
}

func (c *counter) party(id rp.ID) *Party {
	p := c.by[id]
	if p == nil {
		p = &Party{Client: id}
		c.by[id] = p
	}
	return p
}

// A shutOut is an account that a party would not let in any more.
type shutOut struct {
	account account.ID
	client  rp.ID
}

// look judges a page of confirmations: which accounts would fall, and whom they could not go to any more.
// An account is judged once, at the first of its confirmations that the filter takes.
func (c *counter) look(page []Sourced) (falling []account.ID, lost map[shutOut]bool) {
	lost = map[shutOut]bool{}
	for _, s := range page {
		taken := c.taken(s.Standing)
		if len(taken) == 0 || taken[0].ID != s.Confirmation {
			continue
		}
		c.out.Accounts++
		c.out.Confirmations += len(taken)
		before, after := s.Standing, c.without(s.Standing, taken)
		if before.Epoch == after.Epoch {
			c.out.Idle++
			continue
		}
		falling = append(falling, before.ID)
		if after.Level == account.Verified {
			c.out.Verified++
		} else {
			c.out.Standard++
		}
		for _, p := range c.parties {
			if c.accepts(p, &before) && !c.accepts(p, &after) {
				c.party(p.ID).Lost++
				lost[shutOut{before.ID, p.ID}] = true
			}
		}
	}
	return falling, lost
}

// taken are the confirmations of an account that the filter takes, in the order of the store's list.
func (c *counter) taken(s account.Standing) []account.Confirmation {
	var out []account.Confirmation
	for _, x := range s.Confirmations {
		if c.filter.Takes(x) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b account.Confirmation) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID))
	})
	return out
}

// without is how an account would stand. Holding looks at the level and the confirmations alone.
func (c *counter) without(s account.Standing, taken []account.Confirmation) account.Standing {
	a := account.Account{Standing: s}
	if s.Level >= account.Standard {
		a.Profile.Checked = c.wall // when does not matter, that it was does
	}
	for _, x := range taken {
		_ = a.Hold(x.ID, c.holder, c.wall) // it is there
	}
	return a.Standing
}

// accepts tells whether a party lets somebody in: by the policy that it registered, and by the one that it
// announced and judges itself. What is asked of the sign-in is taken as met.
func (c *counter) accepts(p *rp.Party, s *account.Standing) bool {
	subject := policy.Subject{Assurance: s.Assurance(c.now), AMR: policy.Strongest(), Locks: s.Locks}
	return policy.Decide(subject, c.wall, p.Policy, p.Announced).Met
}

// use counts who is signed in where now.
func (c *counter) use(uses []Use, lost map[shutOut]bool) {
	for _, u := range uses {
		c.out.Grants += u.Grants
		p := c.party(u.Client)
		p.Out++
		if lost[shutOut{u.Account, u.Client}] {
			p.Using++
		}
	}
}

func (c *counter) result() *Counts {
	for _, p := range c.by {
		c.out.Parties = append(c.out.Parties, *p)
	}
	slices.SortFunc(c.out.Parties, func(a, b Party) int {
		return cmp.Or(b.Lost-a.Lost, b.Out-a.Out, cmp.Compare(a.Client, b.Client))
	})
	return c.out
}

// count is the job of the dry run.
func (d *Desk) count(ctx context.Context, ref string) error {
	_, err := d.Count(ctx, ID(ref))
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
