// Package job says what is done later: at once after a change commits, or when a deadline passes.
//
// A job is enqueued in the transaction of the change that needs it, so that neither exists without the
// other. Its arguments are ids only; it runs at least once, and its effects in our stores must stand
// once: every handler checks the state it acts on.
package job

import (
	"context"
	"errors"
	"time"
)

// A Job names a kind of work and the id of what it is done to.
type Job struct {
	Kind string // two letters or more, such as "registry_check"
	Ref  string // an id, never personal data
	// Patient work comes by the thousand and may wait: it has workers of its own, so that it never stands
	// before the code that somebody waits for. It says nothing about deadlines (EnqueueAt).
	Patient bool
}

// A Queue takes jobs inside the transaction it belongs to.
type Queue interface {
	// Enqueue runs the job as soon as the transaction has committed.
	Enqueue(ctx context.Context, jobs ...Job) error
	// EnqueueAt runs the job when Now reaches at. Of one job (kind and ref) at most one deadline stands:
	// a second call moves it. A zero time takes the deadline away.
	EnqueueAt(ctx context.Context, at time.Time, j Job) error
}

// A Handler does one job. An error has it tried again with growing pauses; Again asks for a pause that
// is no failure.
type Handler func(ctx context.Context, ref string) error

// Handlers maps the kinds of jobs to what does them.
type Handlers map[string]Handler

// Again is returned by a handler that wants to run once more after a while, without it counting as a failure.
type Again struct{ After time.Duration }

func (a Again) Error() string { return "again after " + a.After.String() }

// ErrGiveUp, wrapped by a handler's error, ends a job that can never succeed.
var ErrGiveUp = errors.New("job: give up")
