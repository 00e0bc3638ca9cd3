package authn

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/transient"
)

// A try is an attempt that was let in, with what counted it.
type try struct {
	hits []*limit.Hit
	// shared is the place in hits from which on others count too: a success forgets what is before, which is
	// of this name or account in this place alone, and gives back its own hit of the rest.
	shared int
	// guesses are the tries at the account from where it is not known; nil in a known browser.
	guesses *limit.Hit
}

// succeeded is what follows a right password. Whoever has an account of their own does not wash away with
// it what they tried at others.
func (t *try) succeeded() []transient.Change {
	out := make([]transient.Change, len(t.hits), len(t.hits)+1)
	for i, h := range t.hits {
		if i < t.shared {
			out[i] = h.Cleared()
		} else {
			out[i] = h.Returned()
		}
	}
	return out
}

// admit counts the try where it has to be counted, everywhere or nowhere: what is refused in one place uses
// nothing up in another.
func (d *Desk) admit(ctx context.Context, t Attempt, who string, a *account.Account) (*try, error) {
	var id account.ID // nobody's 0 is asked for too, and never known: the same trips for every name
	whose := who      // and nobody's tries are counted by the name
	if a != nil {
		id, whose = a.ID, a.ID.String()
	}
	var by []limit.Counter
	var shared int
	nonce, knownBrowser := d.marked(t.Mark, id)
	here := limit.Of(perNameAndNetwork, who, t.Network)
	switch {
	case knownBrowser:
		by, shared = []limit.Counter{limit.Of(perKnownBrowser, id.String(), nonce)}, 1
	case d.networkKnown(ctx, id, t.Network):
		by, shared = []limit.Counter{here, limit.Of(perPlace, whose, t.Network)}, 2
	default:
		by, shared = []limit.Counter{here, limit.Of(perStranger, who, t.Network), limit.Of(perNetwork, t.Network), limit.Of(perUnknown, whose)}, 2
	}
	hits, err := d.limits.TakeAll(ctx, by...)
	if err != nil {
		return nil, fmt.Errorf("authn: sign in: %w", err)
	}
	admitted := &try{hits: hits, shared: shared}
	if !knownBrowser {
		admitted.guesses = hits[len(hits)-1]
	}
	return admitted, nil
}

// closed tells whether the account takes no password at all here, and until when: it is locked, or was tried
// too often from where it is not known.
func (d *Desk) closed(t *try, a *account.Account) (time.Time, bool) {
	switch {
	case a == nil:
		return time.Time{}, false
	case a.Lock.Locked(d.Now()):
		return a.Lock.Until, true
	case t.guesses != nil && t.guesses.Sum > mostGuesses:
		return t.guesses.Ends, true
	}
	return time.Time{}, false
}
