package notice

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
)

// ErrRefused reports that a carrier will never take this message: the address does not exist, or the
// text is not one that it carries.
var ErrRefused = fmt.Errorf("notice: the carrier refuses the message: %w", fault.Invalid)

// A Carrier hands a message over, under its stable id: a repeat is not delivered twice. An error that is
// not ErrRefused asks to try again.
type Carrier interface {
	Carry(ctx context.Context, m Message) error
}

// KeepTrying is how long a message without a deadline of its own is tried.
const KeepTrying = 72 * time.Hour

// A Sender works the outbox off.
type Sender struct {
	Store    Store
	Carriers map[Channel]Carrier
	Now      func() time.Time
	Log      *slog.Logger
	// AtOnce is how many messages of a channel are handed over at a time, on a node; 6. A mail server
	// that lets us wait must not hold up the codes that go by SMS.
	AtOnce int

	gates map[Channel]job.Gate
}

// Handlers gives the job that sends.
func (s *Sender) Handlers() job.Handlers {
	s.gates = map[Channel]job.Gate{}
	for channel := range s.Carriers {
		s.gates[channel] = job.NewGate(cmp.Or(s.AtOnce, 6))
	}
	return job.Handlers{JobSend: s.Send}
}

// Send hands one message over and forgets its body. Between the two a crash may come, and the message
// goes out again under the same id. What is past its time, or refused for good, is dropped: the log says
// which, by id and channel alone.
func (s *Sender) Send(ctx context.Context, id string) error {
	m, err := s.Store.Message(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil // erased with its account
	}
	if err != nil {
		return fmt.Errorf("notice: send %s: %w", id, err)
	}
	if !m.Sent.IsZero() {
		return nil
	}
	now := s.Now()
	last := m.Expires
	if last.IsZero() {
		last = m.Created.Add(KeepTrying)
	}
	if !now.Before(last) {
		s.Log.WarnContext(ctx, "message dropped: past its time", "message", id, "channel", string(m.Channel))
		return s.done(ctx, id, now)
	}
	carrier := s.Carriers[m.Channel]
	if carrier == nil {
		s.Log.ErrorContext(ctx, "message dropped: no carrier for its channel", "message", id, "channel", string(m.Channel))
		return s.done(ctx, id, now)
	}
	err = s.gates[m.Channel].Pass(func() error { return carrier.Carry(ctx, *m) })
	if errors.Is(err, ErrRefused) {
		s.Log.WarnContext(ctx, "message dropped: refused by the carrier", "message", id, "channel", string(m.Channel))
		return s.done(ctx, id, now)
	}
	if err != nil {
		return fmt.Errorf("notice: send %s: %w", id, err)
	}
	return s.done(ctx, id, now)
}

func (s *Sender) done(ctx context.Context, id string, now time.Time) error {
	if err := s.Store.MessageSent(ctx, id, now); err != nil {
		return fmt.Errorf("notice: send %s: %w", id, err)
	}
	return nil
}
