package confirm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
)

// Handlers gives the jobs of letters. Those that wait for the post pass one gate.
func (m *Mail) Handlers() job.Handlers {
	gate := job.NewGate(4)
	gated := func(h job.Handler) job.Handler {
		return func(ctx context.Context, ref string) error {
			return gate.Pass(func() error { return h(ctx, ref) })
		}
	}
	return job.Handlers{JobPost: gated(m.hand), JobTrack: gated(m.follow), JobRemind: m.remind}
}

// hand gives a letter to the post and then forgets its code. Between the two a crash may come: the post
// gets the same letter under the same id once more, and takes it as one.
func (m *Mail) hand(ctx context.Context, id string) error {
	l, err := m.Store.Letter(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	if l.Track != "" || l.Code == "" {
		return nil // the post has it, or it was cancelled before
	}
	a, err := m.Store.Account(ctx, l.Account)
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	code, err := civil.ParseLetterCode(l.Code)
	if err != nil {
		return fmt.Errorf("confirm: hand over: a code that is none: %w", job.ErrGiveUp)
	}
	pdf, err := m.Print(Sheet{
		Lang: a.Lang, Name: l.Name, Address: l.Address, Number: l.Number(), Code: code, Ordered: l.Ordered,
		Valid: int(m.Valid / (24 * time.Hour)),
	})
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	phone, _ := a.Profile.Contact(account.Phone)
	track, err := m.Post.Send(ctx, Parcel{ID: l.ID, Name: l.Name, Phone: phone.Value, Address: l.Address, PDF: pdf})
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	err = m.Atomically(ctx, func(tx Tx) error {
		_, err := tx.ChangeLetter(ctx, id, func(l *Letter) error {
			l.Code = "" // also of one cancelled while it was on its way
			if l.Track == "" {
				l.Track, l.Status = track, Accepted
				l.Events = []LetterEvent{{Status: Accepted, At: m.Now()}}
			}
			return nil
		})
		if err != nil {
			return err
		}
		return tx.EnqueueAt(ctx, m.Now().Add(m.Poll), job.Job{Kind: JobTrack, Ref: id})
	})
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	return nil
}

// order is how far each status is; a post that goes back on what it said is not followed, but for a return.
var order = []LetterStatus{Ordered, Accepted, Printed, HandedOver, InTransit, Arrived, Delivered, Returned}

func further(s, than LetterStatus) bool { return slices.Index(order, s) > slices.Index(order, than) }

// follow asks the post where a letter is, until it is delivered or returned.
func (m *Mail) follow(ctx context.Context, id string) error {
	l, err := m.Store.Letter(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirm: follow: %w", err)
	}
	if m.settled(l) {
		return nil
	}
	status, events, err := m.Post.Follow(ctx, id)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		m.Log.WarnContext(ctx, "the post does not say where a letter is", "letter", id, "error", err)
		status, events = l.Status, nil
	}
	err = m.Atomically(ctx, func(tx Tx) error { return m.note(ctx, tx, id, status, events) })
	if err != nil {
		return fmt.Errorf("confirm: follow: %w", err)
	}
	return nil
}

// settled tells that there is nothing more to follow. A cancelled letter is followed further: that it came
// back allows another at once.
func (m *Mail) settled(l *Letter) bool {
	return l.Track == "" || l.Status == Delivered || l.Status == Returned || !l.Used.IsZero() ||
		m.Now().After(l.Ordered.Add(2*m.Valid))
}

// note writes news of a letter down, and does once what each of them asks for.
func (m *Mail) note(ctx context.Context, tx Tx, id string, status LetterStatus, events []LetterEvent) error {
	now := m.Now()
	var handed, arrived, returned bool
	l, err := tx.ChangeLetter(ctx, id, func(l *Letter) error {
		handed, arrived, returned = false, false, false
		if !further(status, l.Status) {
			return nil
		}
		live := l.Live(now)
		passed := func(s LetterStatus) bool { return !further(s, status) && further(s, l.Status) }
		handed = live && l.ValidTill.IsZero() && status != Returned && passed(HandedOver)
		arrived = live && status == Arrived
		returned = status == Returned && l.Used.IsZero() && (live || l.Cancelled.IsZero())
		if handed {
			l.ValidTill = now.Add(m.Valid)
		}
		l.Status = status
		if len(events) > 0 {
			l.Events = events
		}
		if returned {
			l.Cancelled, l.Reason = now, "returned"
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !m.settled(l) {
		if err := tx.EnqueueAt(ctx, now.Add(m.Poll), job.Job{Kind: JobTrack, Ref: id}); err != nil {
			return err
		}
	}
	if !handed && !arrived && !returned {
		return nil
	}
	a, err := tx.Account(ctx, l.Account)
	if err != nil {
		return err
	}
	if handed {
		if err := tx.EnqueueAt(ctx, l.ValidTill.Add(-remindBefore), job.Job{Kind: JobRemind, Ref: id}); err != nil {
			return err
		}
		if err := m.Notices.Tell(ctx, tx, a, notice.LetterHandedOver, notice.With{Track: l.Track, Until: l.ValidTill}); err != nil {
			return err
		}
	}
	if arrived {
		return m.Notices.Tell(ctx, tx, a, notice.LetterArrived, notice.With{Track: l.Track})
	}
	if returned {
		if err := m.record(ctx, tx, audit.LetterCancelled, l, "returned"); err != nil {
			return err
		}
		return m.Notices.Tell(ctx, tx, a, notice.LetterReturned, notice.With{Track: l.Track})
	}
	return nil
}

const remindBefore = 7 * 24 * time.Hour

// remind tells, once, that a code will end.
func (m *Mail) remind(ctx context.Context, id string) error {
	err := m.Atomically(ctx, func(tx Tx) error {
		due := false
		l, err := tx.ChangeLetter(ctx, id, func(l *Letter) error {
			if due = l.Live(m.Now()) && l.Reminded.IsZero(); due {
				l.Reminded = m.Now()
			}
			return nil
		})
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || !due {
			return err
		}
		a, err := tx.Account(ctx, l.Account)
		if err != nil {
			return err
		}
		return m.Notices.Tell(ctx, tx, a, notice.LetterExpiring, notice.With{Until: l.ValidTill})
	})
	if err != nil {
		return fmt.Errorf("confirm: remind: %w", err)
	}
	return nil
}
