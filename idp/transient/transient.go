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
}

// A Sealer seals values; seal.Ring is one.
type Sealer interface {
	AppendSeal(dst []byte, p seal.Purpose, plaintext, aad []byte) []byte
	OpenBytes(p seal.Purpose, sealed, aad []byte) ([]byte, error)
}
