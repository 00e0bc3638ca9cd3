package account

import (
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// Hold keeps a confirmation from counting until by releases it: a recall that can be undone, a citizen who
// says that it was not them. Holding one that counted is a fall. Held twice by the same is held once.
func (a *Account) Hold(id, by string, at time.Time) error {
	i := slices.IndexFunc(a.Confirmations, func(c Confirmation) bool { return c.ID == id })
	if i < 0 {
		return fmt.Errorf("account: no such confirmation: %w", fault.NotFound)
	}
	if slices.Contains(a.Confirmations[i].Held, by) {
		return nil
	}
	fell := a.Confirmations[i].Live()
	a.Confirmations = slices.Clone(a.Confirmations)
	c := &a.Confirmations[i]
	c.Held = append(slices.Clone(c.Held), by)
	a.settle(at)
	if fell {
		a.Epoch++
	}
	return nil
}

// Release takes back what by held, and tells whether the confirmation counts again by it. Like every rise
// it shows at the next sign-in. A confirmation that is gone, or that by does not hold, is left alone.
func (a *Account) Release(id, by string, at time.Time) (rose bool) {
	i := slices.IndexFunc(a.Confirmations, func(c Confirmation) bool { return c.ID == id })
	if i < 0 || !slices.Contains(a.Confirmations[i].Held, by) {
		return false
	}
	a.Confirmations = slices.Clone(a.Confirmations)
	c := &a.Confirmations[i]
	c.Held = slices.DeleteFunc(slices.Clone(c.Held), func(o string) bool { return o == by })
	a.settle(at)
	return c.Live()
}

// Locks are what citizens shut off on their own accounts. They are no fall: what counts goes on counting,
// but for Frozen.
type Locks struct {
	Never  []Method      `json:"never,omitempty"` // no new confirmation by these
	Wait   time.Duration `json:"wait,omitempty"`  // how long a change waits before it takes effect, in nanoseconds
	Frozen time.Time     `json:"frozen,omitzero"` // since when nothing at all may be done (Wall)
}

// Forbids tells whether a new confirmation by the method is shut off. A frozen account forbids all.
func (l Locks) Forbids(m Method) bool { return !l.Frozen.IsZero() || slices.Contains(l.Never, m) }
