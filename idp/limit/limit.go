// Package limit counts how often somebody tries something, and says when they may try again.
//
// A Rule lets some tries pass freely; after them each try needs a turn, and turns come at growing pauses.
// A turn is a replay mark in Transients, so of many tries at one moment, on any number of nodes, one gets
// through. Nobody sleeps in a handler: a try without a turn is answered at once, with the time to wait,
// and is not counted, so that impatience alone makes nothing worse.
package limit

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
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

// pause is what has to lie before the n-th try.
func (r Rule) pause(n int) time.Duration {
	switch {
	case n <= r.Free:
		return 0
	case r.Lock > 0 && n > r.Lock:
		return r.LockFor
	}
	d := r.First
	for range n - r.Free - 1 {
		if d *= 2; d >= r.Most {
			return r.Most
		}
	}
	return min(d, r.Most)
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

// The kinds of rows in Transients.
const (
	kindCount = "limit_count"
	kindTurn  = "limit_turn"
)

// Take counts a try of whoever the parts name together, or says how long to wait (fault.RetryAfter).
func (k *Keeper) Take(ctx context.Context, r Rule, who ...string) (*Hit, error) {
	id, err := k.id(r, who)
	if err != nil {
		return nil, err
	}
	now := k.Now()
	sum, ends, err := k.Store.Count(ctx, kindCount, id, 1, now, r.Window)
	if err != nil {
		return nil, fmt.Errorf("limit: count %s: %w", r.Name, err)
	}
	h := &Hit{keeper: k, rule: r, id: id, Sum: sum, Ends: ends}
	if sum <= r.Free {
		return h, nil
	}
	wait := ends.Sub(now)
	if r.First > 0 {
		wait, err = k.turn(ctx, id, now, r.pause(sum))
		if err != nil {
			return nil, err
		}
	}
	if wait <= 0 {
		return h, nil
	}
	if err := h.Back(ctx); err != nil {
		return nil, err
	}
	return nil, fault.RetryAfter{Err: fmt.Errorf("%s: %w", r.Name, ErrLimited), After: wait}
}

// turn takes the turn, or returns how long until the next one.
func (k *Keeper) turn(ctx context.Context, id string, now time.Time, pause time.Duration) (time.Duration, error) {
	until := now.Add(pause)
	err := k.Store.Create(ctx, kindTurn, id, []byte(strconv.FormatInt(until.UnixMicro(), 10)), now, until)
	if err == nil {
		return 0, nil
	}
	if !errors.Is(err, fault.Exists) {
		return 0, fmt.Errorf("limit: take a turn: %w", err)
	}
	value, _, err := k.Store.Get(ctx, kindTurn, id, now)
	if errors.Is(err, fault.NotFound) { // it ended between the two calls
		return time.Second, nil
	}
	if err != nil {
		return 0, fmt.Errorf("limit: read a turn: %w", err)
	}
	us, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return pause, nil
	}
	return max(time.UnixMicro(us).Sub(now), time.Millisecond), nil
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
func (h *Hit) Back(ctx context.Context) error { return h.add(ctx, -1) }

// Clear forgets all tries: this one succeeded.
func (h *Hit) Clear(ctx context.Context) error {
	if err := h.add(ctx, -h.Sum); err != nil {
		return err
	}
	if h.rule.First <= 0 || h.Sum <= h.rule.Free {
		return nil // no turn was taken; whoever takes the next try does not look for one either
	}
	if err := h.keeper.Store.Delete(ctx, kindTurn, h.id); err != nil {
		return fmt.Errorf("limit: clear %s: %w", h.rule.Name, err)
	}
	return nil
}

func (h *Hit) add(ctx context.Context, n int) error {
	if _, _, err := h.keeper.Store.Count(ctx, kindCount, h.id, n, h.keeper.Now(), h.rule.Window); err != nil {
		return fmt.Errorf("limit: give back %s: %w", h.rule.Name, err)
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
