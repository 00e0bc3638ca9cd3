// Package transient keeps what has a deadline: pages in progress, tries, limits and replay marks.
//
// The store keeps bytes and deadlines; a Box gives one kind of value a type and seals it, so that
// nothing personal lies readable in Redis or in a file. A rolled-back copy of what a browser holds gains
// nothing, because the browser holds only the id: what changes stands here.
package transient

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/seal"
)

// A Store keeps small values until their deadlines. Its methods are atomic and safe for concurrent use
// by many nodes. Deadlines are compared with the now of the call, never with the store's own clock:
// time can be moved in tests and in the demo. The garbage of passed deadlines is the store's to remove.
type Store interface {
	// Put keeps value under kind and id, whatever was there.
	Put(ctx context.Context, kind, id string, value []byte, now, deadline time.Time) error
	// Create keeps value if nothing alive is there; otherwise fault.Exists. It is the replay mark.
	Create(ctx context.Context, kind, id string, value []byte, now, deadline time.Time) error
	// Get returns the value and its revision; fault.NotFound when absent or past its deadline.
	Get(ctx context.Context, kind, id string, now time.Time) (value []byte, revision int64, err error)
	// Replace keeps value if the revision is still the one given; otherwise fault.Conflict. Absent or
	// past its deadline: fault.NotFound.
	Replace(ctx context.Context, kind, id string, revision int64, value []byte, now, deadline time.Time) error
	// Take returns the value and removes it; of parallel calls one gets it, the others fault.NotFound.
	Take(ctx context.Context, kind, id string, now time.Time) ([]byte, error)
	// Delete removes the value; absent is no error.
	Delete(ctx context.Context, kind, id string) error
	// Count adds one to a counter that lives for window from its first hit, and returns the sum and the
	// time at which the counter ends. add may be 0 to only look, or negative to give a hit back.
	Count(ctx context.Context, kind, id string, add int, now time.Time, window time.Duration) (sum int, ends time.Time, err error)
	// Admit counts a hit at every meter, or at none of them and says why. A meter is a counter of the same
	// kind and id.
	Admit(ctx context.Context, kind string, meters []Meter, now time.Time) ([]Tally, *Refusal, error)
	// Write makes several changes in one trip, in order, each as atomic as its own method, and returns the
	// error of each. One that fails does not stop the others.
	Write(ctx context.Context, now time.Time, changes ...Change) []error
}

// A Meter is a counter that lets some hits pass freely; each further one needs a turn, and after it the next
// turn comes only when a pause is over.
type Meter struct {
	ID     string
	Free   int
	Window time.Duration // from the first hit
	// Pauses follow the hits Free+1, Free+2 and so on, the last one all that come after. With none, what is
	// above Free waits for the end of the window.
	Pauses []time.Duration
}

// Pause is what follows the n-th hit, if it is above Free and there are pauses.
func (m Meter) Pause(n int) time.Duration { return m.Pauses[min(n-m.Free, len(m.Pauses))-1] }

// A Tally is what a meter says after a hit.
type Tally struct {
	Sum  int       // hits in the window, this one among them
	Ends time.Time // the end of the window
}

// A Refusal says which meter refused a hit, and how long it will.
type Refusal struct {
	Meter int
	Wait  time.Duration
}

// A Change is one write of several.
type Change struct {
	Do       Verb
	Kind, ID string
	Value    []byte    // of Put, Create and Replace
	Deadline time.Time // likewise
	Revision int64     // that Replace wants
	Hits     int       // that Release takes back from a meter
	Turn     bool      // Release: the turn is free again
}

// A Verb is what a Change does.
type Verb int

// Put, Create, Replace and Delete are the methods of the Store. Release takes hits back from a meter that
// still counts; else it does nothing.
const (
	Put Verb = iota + 1
	Create
	Replace
	Delete
	Release
)

// A Sealer seals values; seal.Ring is one.
type Sealer interface {
	AppendSeal(dst []byte, p seal.Purpose, plaintext, aad []byte) []byte
	OpenBytes(p seal.Purpose, sealed, aad []byte) ([]byte, error)
}
