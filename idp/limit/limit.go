// Package limit counts how often somebody tries something, and says when they may try again.
//
// A Rule lets some tries pass freely; after them each try needs a turn, and turns come at growing pauses.
// A counter and its turns are a meter in Transients, so of many tries at one moment, on any number of nodes,
// one gets through. Nobody sleeps in a handler: a try without a turn is answered at once, with the time to wait,
// and is not counted, so that impatience alone makes nothing worse.
package limit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

// A Rule says how many tries are free and how the others are slowed down.
type Rule struct {
	Name   string        // of the counter; two rules never share one
	Free   int           // tries that pass freely within the window
	Window time.Duration // how long a try is remembered, from the first one
	// First is the pause after the free tries; it doubles with each further try, up to Most. With First
	// zero there are no turns: what is above Free waits for the end of the window.
	First, Most time.Duration
	// Lock is the number of tries after which a turn comes only every LockFor; 0: never.
	Lock    int
	LockFor time.Duration
}

// ErrLimited is the cause inside every fault.RetryAfter of this package.
var ErrLimited = errors.New("limit: too many tries")

// pauses are what lies between the tries above Free, as far as they differ.
func (r Rule) pauses() []time.Duration {
	if r.First <= 0 {
		return nil
	}
	var out []time.Duration
	for n, d := r.Free+1, r.First; ; n, d = n+1, min(2*d, r.Most) {
		switch {
		case r.Lock > 0 && n > r.Lock:
			return append(out, r.LockFor)
		case r.Lock <= 0 && d >= r.Most:
			return append(out, r.Most)
		}
		out = append(out, min(d, r.Most))
	}
}

// A Digester hides what is counted by: telephone numbers and networks do not lie readable in Transients.
type Digester interface {
	KeyedHash(kind, value string, salt []byte) (seal.IndexDigest, error)
}

// A Keeper keeps the counters.
type Keeper struct {
	Store  transient.Store
	Digest Digester
	Now    func() time.Time
}

// A Hit is one try that passed and was counted.
type Hit struct {
	keeper *Keeper
	rule   Rule
	id     string
	Sum    int       // tries in the window, this one among them
	Ends   time.Time // the end of the window
}

// kindCount is the kind of meters in Transients.
const kindCount = "limit_count"

// A Counter is a rule and whom it counts, by the parts that name them together.
type Counter struct {
	Rule Rule
	Who  []string
}

// Of makes a Counter.
func Of(r Rule, who ...string) Counter { return Counter{r, who} }

// Take counts a try of whoever the parts name together, or says how long to wait (fault.RetryAfter).
func (k *Keeper) Take(ctx context.Context, r Rule, who ...string) (*Hit, error) {
	hits, err := k.TakeAll(ctx, Of(r, who...))
	if err != nil {
		return nil, err
	}
	return hits[0], nil
}

// TakeAll counts a try by all counters in one step, or by none and says how long to wait (fault.RetryAfter).
func (k *Keeper) TakeAll(ctx context.Context, by ...Counter) ([]*Hit, error) {
	meters := make([]transient.Meter, len(by))
	for i, c := range by {
		id, err := k.id(c.Rule, c.Who)
		if err != nil {
			return nil, err
		}
		meters[i] = transient.Meter{ID: id, Free: c.Rule.Free, Window: c.Rule.Window, Pauses: c.Rule.pauses()}
	}
	tallies, refused, err := k.Store.Admit(ctx, kindCount, meters, k.Now())
	if err != nil {
		return nil, fmt.Errorf("limit: count %s: %w", by[0].Rule.Name, err)
	}
	if refused != nil {
		cause := fmt.Errorf("%s: %w", by[refused.Meter].Rule.Name, ErrLimited)
		return nil, fault.RetryAfter{Err: cause, After: max(refused.Wait, time.Millisecond)}
	}
	hits := make([]*Hit, len(by))
	for i, t := range tallies {
		hits[i] = &Hit{keeper: k, rule: by[i].Rule, id: meters[i].ID, Sum: t.Sum, Ends: t.Ends}
	}
	return hits, nil
}

// Look tells how many tries stand, without counting one.
func (k *Keeper) Look(ctx context.Context, r Rule, who ...string) (int, error) {
	id, err := k.id(r, who)
	if err != nil {
		return 0, err
	}
	sum, _, err := k.Store.Count(ctx, kindCount, id, 0, k.Now(), r.Window)
	if err != nil {
		return 0, fmt.Errorf("limit: look at %s: %w", r.Name, err)
	}
	return sum, nil
}

// Back gives one try back.
func (h *Hit) Back(ctx context.Context) error { return h.keeper.write(ctx, h.Returned()) }

// Clear forgets all tries: this one succeeded.
func (h *Hit) Clear(ctx context.Context) error { return h.keeper.write(ctx, h.Cleared()) }

// Returned is what Back writes, for who has more to write.
func (h *Hit) Returned() transient.Change {
	return transient.Change{Do: transient.Release, Kind: kindCount, ID: h.id, Hits: 1}
}

// Cleared is what Clear writes. Whoever took a turn gives it back.
func (h *Hit) Cleared() transient.Change {
	return transient.Change{Do: transient.Release, Kind: kindCount, ID: h.id, Hits: h.Sum, Turn: h.Sum > h.rule.Free}
}

// Back gives the tries back in one trip.
func (k *Keeper) Back(ctx context.Context, hits ...*Hit) error {
	changes := make([]transient.Change, len(hits))
	for i, h := range hits {
		changes[i] = h.Returned()
	}
	return k.write(ctx, changes...)
}

func (k *Keeper) write(ctx context.Context, changes ...transient.Change) error {
	if err := errors.Join(k.Store.Write(ctx, k.Now(), changes...)...); err != nil {
		return fmt.Errorf("limit: give back: %w", err)
	}
	return nil
}

func (k *Keeper) id(r Rule, who []string) (string, error) {
	d, err := k.Digest.KeyedHash("limit "+r.Name, strings.Join(who, "\x00"), nil)
	if err != nil {
		return "", fmt.Errorf("limit: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(d.Digest), nil
}
