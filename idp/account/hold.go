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

// HoldNew gathers a confirmation that does not count until by releases it: one whose citizen asked for time to
// object. It leaves everything else as it is, a live confirmation by the same method too, and so is neither
// a rise nor a fall. One by the same method that waited before gives way to it. Only a Standard or Verified
// account can gather confirmations.
func (a *Account) HoldNew(c Confirmation, by string) error {
	if a.Level < Standard {
		return ErrNotStandard
	}
	c.Held = []string{by}
	a.Confirmations = append(slices.DeleteFunc(slices.Clone(a.Confirmations), func(o Confirmation) bool {
		return o.Method == c.Method && o.HeldBy(by)
	}), c)
	a.own()
	slices.SortStableFunc(a.Confirmations, func(x, y Confirmation) int { return int(y.Method) - int(x.Method) })
	return nil
}

// Count releases what HoldNew gathered. It takes the place of older ones by its method, as if it were made
// now, and tells whether it counts; one that is gone, or of another person than the present, does not.
func (a *Account) Count(id, by string, at time.Time) (rose bool) {
	if !a.Release(id, by, at) {
		return false
	}
	i := slices.IndexFunc(a.Confirmations, func(c Confirmation) bool { return c.ID == id })
	fresh := a.Confirmations[i]
	a.Confirmations = slices.DeleteFunc(a.Confirmations, func(o Confirmation) bool { return o.Method == fresh.Method && o.ID != id })
	a.own()
	a.settle(at)
	return true
}

// Drop takes back what HoldNew gathered, before it counted. That is no fall.
func (a *Account) Drop(id, by string) {
	a.Confirmations = slices.DeleteFunc(slices.Clone(a.Confirmations), func(c Confirmation) bool {
		return c.ID == id && slices.Contains(c.Held, by)
	})
	a.own()
}

// Locks are what citizens shut off on their own accounts. They are no fall: what counts goes on counting,
// but for Frozen.
type Locks struct {
	Never  []Method      `json:"never,omitempty"` // no new confirmation by these; never the visit
	Wait   time.Duration `json:"wait,omitempty"`  // how long a change waits before it takes effect, in nanoseconds
	Frozen time.Time     `json:"frozen,omitzero"` // since when nobody is let in and nothing changes (Wall)
}

// Forbids tells whether a new confirmation by the method is shut off. A frozen account forbids all that work
// from afar. A visit nobody can shut off: whoever stands at the window with the document in hand is the citizen,
// and it is the way back of those who have lost every other.
func (l Locks) Forbids(m Method) bool {
	return m != ServiceCenter && (!l.Frozen.IsZero() || slices.Contains(l.Never, m))
}

// Any tells whether anything is shut off.
func (l Locks) Any() bool { return len(l.Never) > 0 || l.Wait > 0 || !l.Frozen.IsZero() }
