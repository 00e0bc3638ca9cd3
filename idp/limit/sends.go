package limit

import (
	"context"
	"time"
)

// A Sending is a code or a link that somebody makes us send. Messages cost money and patience, whoever they
// go to, so each is counted; what the contact belongs to plays no part, and the answer tells nothing.
type Sending struct {
	For     string // register, recover, contact: budgets of their own, so that one does not eat up another's
	Contact string // what it goes to, or the number that leads there
	Network string // where it was asked from
	// Known names the browser, if the account has signed in there: a stranger cannot use its budget up.
	Known string
}

// One network gets few messages for a contact, so that a stranger uses up a budget of their own and not the
// owner's; all networks together get many more. Whoever commands that many networks can still use those up:
// then known browsers pass, everybody else waits for the next day or comes in person.
const (
	sendsHere = 6
	sendsAll  = 30
	sendsDay  = 24 * time.Hour
)

// Whole towns share an address, so the network's own limit only makes a flood dear.
var perSender = Rule{Name: "send network", Free: 300, Window: time.Hour, First: time.Second, Most: 30 * time.Second}

// counter is a rule and whom it counts.
type counter struct {
	rule Rule
	who  []string
}

func (s Sending) counters() []counter {
	rule := func(name string, free int) Rule {
		return Rule{Name: "send " + s.For + " " + name, Free: free, Window: sendsDay}
	}
	network := counter{perSender, []string{s.Network}}
	if s.Known != "" {
		return []counter{network, {rule("known", sendsHere), []string{s.Contact, s.Known}}}
	}
	return []counter{network, {rule("here", sendsHere), []string{s.Contact, s.Network}}, {rule("contact", sendsAll), []string{s.Contact}}}
}

// Send counts a message, or says how long to wait; then nothing is counted.
func (k *Keeper) Send(ctx context.Context, s Sending) error {
	var hits []*Hit
	for _, c := range s.counters() {
		h, err := k.Take(ctx, c.rule, c.who...)
		if err != nil {
			for _, h := range hits {
				if back := h.Back(ctx); back != nil {
					return back
				}
			}
			return err
		}
		hits = append(hits, h)
	}
	return nil
}
