// Package wish remembers where citizens wanted to go when a relying party's demand turned them away.
//
//	refused ──a way chosen──▶ open ──confirmed at once──▶ back in the same request
//	                            │──confirmed later──▶ told, with a link that starts anew
//	                            └──signed in there, or given up──▶ closed
//
// Two things are kept. The request itself, sealed as it was, waits in Transients for the session that was
// refused, for as long as the request lives: a way that completes at once leads back into it. What outlives
// it is a Wish: the party, and what its request demanded beside the party's own policy. A wish opens nothing.
package wish

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// Life is how long a wish is remembered after the last time it was refused: a letter takes weeks, and whoever
// has not come back in a season does not expect to be reminded.
const Life = 90 * 24 * time.Hour

// A Wish is a party that a citizen wanted to enter. Of one citizen and one party there is one, which a later
// refusal renews.
type Wish struct {
	Account account.ID `json:"account"`
	Client  rp.ID      `json:"client"`
	// Demand is what the request asked beside the party's own policy.
	Demand policy.Policy `json:"demand"`
	First  time.Time     `json:"first"` // Now: the first refusal
	At     time.Time     `json:"at"`    // Now: the last
	// Told is when the citizen was told that the party would let them in (Now).
	Told    time.Time `json:"told,omitzero"`
	Closed  time.Time `json:"closed,omitzero"`
	Version int64     `json:"-"`
}

// ID names the wish of a citizen for a party.
func ID(a account.ID, client rp.ID) string { return a.String() + "." + string(client) }

// Open tells whether the wish still stands at now.
func (w *Wish) Open(now time.Time) bool { return w.Closed.IsZero() && now.Before(w.At.Add(Life)) }

// Fulfilled tells whether a grant gave what was wished: it came after the last refusal, and what it says of
// the citizen satisfies what was demanded.
func (w *Wish) Fulfilled(g *grant.Grant, p *rp.Party, wall time.Time) bool {
	if g.Client != w.Client || g.Created.Before(w.At) {
		return false
	}
	return policy.Decide(policy.Subject{Assurance: g.Snapshot, AMR: g.AMR}, wall, p.Policy, w.Demand).Met
}

// A Store keeps wishes, sealed under the key of their citizen: where somebody wanted to go is their own affair.
type Store interface {
	// SaveWish writes a wish. One of the same citizen and party is renewed: its demand, its time, and that
	// nothing was told of it yet.
	SaveWish(ctx context.Context, w *Wish) error
	// Wishes returns the newest wishes of an account that are not closed.
	Wishes(ctx context.Context, a account.ID) ([]*Wish, error)
	// ChangeWish changes a wish under a lock; fault.NotFound. Account, client and the first time stay.
	ChangeWish(ctx context.Context, id string, f func(*Wish) error) (*Wish, error)
}

// JobRose looks whether an account that rose may enter where it wanted; its ref is the account's id.
const JobRose = "wish_rose"

// Pause is how long after a confirmation that completes at once the citizen is left alone: they are being
// led back, and a message would tell them what they see.
const Pause = time.Minute

// Rose has the wishes of an account looked at, in the transaction in which it rose: at a time, or at once when
// the time is zero. Whatever raises a level or adds a confirmation calls it.
func Rose(ctx context.Context, q job.Queue, id account.ID, at time.Time) error {
	j := job.Job{Kind: JobRose, Ref: id.String()}
	if at.IsZero() {
		return q.Enqueue(ctx, j)
	}
	return q.EnqueueAt(ctx, at, j)
}
