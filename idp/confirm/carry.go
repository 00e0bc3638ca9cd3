package confirm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
)

// Handlers gives the jobs of letters. Those that wait for the post pass one gate.
func (m *Mail) Handlers() job.Handlers {
	gate := job.NewGate(4)
	gated := func(h job.Handler) job.Handler {
		return func(ctx context.Context, ref string) error {
			return gate.Pass(func() error { return h(ctx, ref) })
		}
	}
	return job.Handlers{
		JobPost: gated(m.hand), JobTrack: gated(m.follow), JobRemind: m.remind,
		JobGather: m.gather, JobBatch: m.write, JobReports: m.watch,
	}
}

// Start begins what goes on by itself: reports are looked for. It may be called at every node.
func (m *Mail) Start(ctx context.Context) error {
	if m.Reports == nil {
		return nil
	}
	err := m.Atomically(ctx, func(tx Tx) error { return tx.EnqueueAt(ctx, m.Now(), job.Job{Kind: JobReports, Ref: all}) })
	if err != nil {
		return fmt.Errorf("confirm: start: %w", err)
	}
	return nil
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
	if l.Taken() || l.Code == "" {
		return nil // the post has it, or it was cancelled before
	}
	if m.Printer != nil {
		return m.queue(ctx, id)
	}
	p, err := m.parcel(ctx, l)
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	track, err := m.Post.Send(ctx, p)
	if errors.Is(err, ErrRefused) || errors.Is(err, ErrTurnedAway) && !m.Now().Before(l.Ordered.Add(m.Patience)) {
		m.Log.WarnContext(ctx, "the post refused a letter; it is cancelled and the citizen is told", "letter", id, "error", err)
		return m.refuse(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	batch := m.Now().In(m.Zone).Format(time.DateOnly)
	err = m.Atomically(ctx, func(tx Tx) error {
		if err := m.taken(ctx, tx, id, batch, track); err != nil || m.Told {
			return err
		}
		return tx.EnqueueAt(ctx, m.Now().Add(m.Poll), job.Job{Kind: JobTrack, Ref: id})
	})
	if err != nil {
		return fmt.Errorf("confirm: hand over: %w", err)
	}
	return nil
}

// taken notes that somebody else has the letter, and forgets its code: also of one that was cancelled while
// it was on its way there.
func (m *Mail) taken(ctx context.Context, tx Tx, id, batch, track string) error {
	_, err := tx.ChangeLetter(ctx, id, func(l *Letter) error {
		l.Code = ""
		if !l.Taken() {
			l.Track, l.Batch, l.Status = track, batch, Accepted
			l.Events = []LetterEvent{{Status: Accepted, At: m.Now()}}
		}
		return nil
	})
	return err
}

// parcel prints a letter.
func (m *Mail) parcel(ctx context.Context, l *Letter) (Parcel, error) {
	a, err := m.Store.Account(ctx, l.Account)
	if err != nil {
		return Parcel{}, err
	}
	code, err := civil.ParseLetterCode(l.Code)
	if err != nil {
		return Parcel{}, fmt.Errorf("a code that is none: %w", job.ErrGiveUp)
	}
	pdf, err := m.Print(Sheet{
		Lang: a.Lang, Name: l.Name, Address: l.Address, Number: l.Number(), Code: code, Ordered: l.Ordered,
		Valid: int(m.Valid / (24 * time.Hour)),
	})
	if err != nil {
		return Parcel{}, err
	}
	phone, _ := a.Profile.Contact(account.Phone)
	return Parcel{ID: l.ID, Number: l.Number(), Name: l.Name, Phone: phone.Value, Address: l.Address, PDF: pdf}, nil
}

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
	if status == Refused {
		return m.refuse(ctx, id)
	}
	err = m.Atomically(ctx, func(tx Tx) error { return m.note(ctx, tx, id, news{status: status, events: events}) })
	if err != nil {
		return fmt.Errorf("confirm: follow: %w", err)
	}
	return nil
}

// settled tells that there is nothing more to follow. A cancelled letter is followed further: that it came
// back allows another at once.
func (m *Mail) settled(l *Letter) bool {
	return m.Told || l.Track == "" || l.Status == Delivered || l.Status == Returned || !l.Used.IsZero() ||
		l.Reason == PostRefused || m.Now().After(l.Ordered.Add(2*m.Valid))
}
