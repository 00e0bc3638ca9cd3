package rp

import (
	"context"
	"time"
)

// A Refusal is the exact reason behind an error that an integrator met, kept for look-up by request id.
// It names no citizen.
type Refusal struct {
	ID      string // the request id, also at the end of error_uri
	Client  ID
	Error   string            // the OAuth error code
	Reason  string            // the exact cause in a developer's words, English
	Reasons []string          // of the policy decision, if one was made
	Detail  map[string]string // parameter names, never values of persons
	At      time.Time
}

// A RefusalStore keeps refusals for thirty days.
type RefusalStore interface {
	SaveRefusal(ctx context.Context, r Refusal) error
	Refusal(ctx context.Context, id string) (*Refusal, error)
}
