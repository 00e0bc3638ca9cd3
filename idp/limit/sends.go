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

func (s Sending) counters() []Counter {
	rule := func(name string, free int) Rule {
		return Rule{Name: "send " + s.For + " " + name, Free: free, Window: sendsDay}
	}
	network := Of(perSender, s.Network)
	if s.Known != "" {
		return []Counter{network, Of(rule("known", sendsHere), s.Contact, s.Known)}
	}
	return []Counter{network, Of(rule("here", sendsHere), s.Contact, s.Network), Of(rule("contact", sendsAll), s.Contact)}
}

// Send counts a message, or says how long to wait; then nothing is counted.
func (k *Keeper) Send(ctx context.Context, s Sending) error {
	_, err := k.TakeAll(ctx, s.counters()...)
	return err
}
