package authn

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/limit"
)

// A try is an attempt that was let in, with what counted it.
type try struct {
	// own are the counters of this name or account in this place: a success forgets them. shared are those
	// that others count in too: a success gives back its own hit.
	own, shared []*limit.Hit
	// guesses are the tries at the account from where it is not known; nil in a known browser.
	guesses *limit.Hit
}

func (t *try) back(ctx context.Context) error {
	for _, h := range append(t.own[:len(t.own):len(t.own)], t.shared...) {
		if err := h.Back(ctx); err != nil {
			return err
		}
	}
	return nil
}

// succeeded is what follows a right password. Whoever has an account of their own does not wash away with
// it what they tried at others.
func (t *try) succeeded(ctx context.Context) error {
	for _, h := range t.own {
		if err := h.Clear(ctx); err != nil {
			return err
		}
	}
	for _, h := range t.shared {
		if err := h.Back(ctx); err != nil {
			return err
		}
	}
	return nil
}

// admit counts the try where it has to be counted.
func (d *Desk) admit(ctx context.Context, t Attempt, who string, a *account.Account) (*try, error) {
	var id account.ID // nobody's 0 is asked for too, and never known: the same trips for every name
	whose := who      // and nobody's tries are counted by the name
	if a != nil {
		id, whose = a.ID, a.ID.String()
	}
	admitted := &try{}
	take := func(to *[]*limit.Hit, r limit.Rule, who ...string) (*limit.Hit, error) {
		h, err := d.limits.Take(ctx, r, who...)
		if err == nil {
			*to = append(*to, h)
		}
		return h, err
	}
	nonce, knownBrowser := d.marked(t.Mark, id)
	var err error
	switch {
	case knownBrowser:
		_, err = take(&admitted.own, perKnownBrowser, id.String(), nonce)
	case d.networkKnown(ctx, id, t.Network):
		if _, err = take(&admitted.own, perNameAndNetwork, who, t.Network); err == nil {
			admitted.guesses, err = take(&admitted.own, perPlace, whose, t.Network)
		}
	default:
		if _, err = take(&admitted.own, perNameAndNetwork, who, t.Network); err == nil {
			_, err = take(&admitted.own, perStranger, who, t.Network)
		}
		if err == nil {
			_, err = take(&admitted.shared, perNetwork, t.Network)
		}
		if err == nil {
			admitted.guesses, err = take(&admitted.shared, perUnknown, whose)
		}
	}
	if err != nil {
		if back := admitted.back(ctx); back != nil {
			return nil, back
		}
		return nil, fmt.Errorf("authn: sign in: %w", err)
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
