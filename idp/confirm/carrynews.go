package confirm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
)

// order is how far each status is; a post that goes back on what it said is not followed, but for a return.
var order = []LetterStatus{Ordered, Accepted, Printed, HandedOver, InTransit, Arrived, Delivered, Returned}

func further(s, than LetterStatus) bool { return slices.Index(order, s) > slices.Index(order, than) }

// A Report is news of a letter that somebody brings us: a printer, or staff who print it themselves.
type Report struct {
	Status LetterStatus // Printed and what follows, or Refused
	At     time.Time    // zero: now
	Place  string
	Track  string // fourteen digits, once it is known
}

// maxPlace bounds what a page shows of where a letter is.
const maxPlace = 200

// Validate tells what is wrong with a report.
func (r Report) Validate() error {
	var wrong fault.Fields
	if r.Status != Refused && !further(r.Status, Accepted) {
		wrong = append(wrong, fault.Field{Name: "status", Code: "unknown"})
	}
	if r.Track != "" && !ValidTrack(r.Track) {
		wrong = append(wrong, fault.Field{Name: "track", Code: "digits"})
	}
	if len(r.Place) > maxPlace || !utf8.ValidString(r.Place) {
		wrong = append(wrong, fault.Field{Name: "place", Code: "too_long"})
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}

// ValidTrack takes the fourteen digits of a Russian registered item.
func ValidTrack(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) == 14
}

// Report takes news of a letter. The same news again, and what is behind what is known already, changes no
// more than the letter's history. fault.NotFound if there is no such letter, ErrNotPrinted if nobody was
// given it yet, fault.Fields if the report is none.
func (m *Mail) Report(ctx context.Context, id string, r Report) error {
	if err := r.Validate(); err != nil {
		return err
	}
	l, err := m.Store.Letter(ctx, id)
	if err != nil {
		return fmt.Errorf("confirm: report: %w", err)
	}
	if !l.Taken() {
		return ErrNotPrinted
	}
	if r.Status == Refused {
		return m.refuse(ctx, id)
	}
	now := m.Now()
	if r.At.IsZero() || r.At.After(now) {
		r.At = now
	}
	if r.At.Before(l.Ordered) {
		r.At = l.Ordered
	}
	err = m.Atomically(ctx, func(tx Tx) error {
		return m.note(ctx, tx, id, news{status: r.Status, one: LetterEvent{Status: r.Status, At: r.At.UTC(), Place: r.Place}, track: r.Track})
	})
	if err != nil {
		return fmt.Errorf("confirm: report: %w", err)
	}
	return nil
}

// news is what is told of a letter: its whole history, or one event of it.
type news struct {
	status LetterStatus
	events []LetterEvent
	one    LetterEvent
	track  string
}

// enter writes news into a letter's history.
func (n news) enter(l *Letter) {
	if l.Track == "" {
		l.Track = n.track
	}
	if further(n.status, l.Status) {
		l.Status = n.status
		if len(n.events) > 0 {
			l.Events = n.events
		}
	}
	if n.one.Status == "" || slices.ContainsFunc(l.Events, func(e LetterEvent) bool { return e.Status == n.one.Status }) {
		return
	}
	l.Events = append(slices.Clone(l.Events), n.one)
	slices.SortStableFunc(l.Events, func(a, b LetterEvent) int {
		return cmp.Compare(slices.Index(order, a.Status), slices.Index(order, b.Status))
	})
}

// note writes news of a letter down, and does once what each of them asks for.
func (m *Mail) note(ctx context.Context, tx Tx, id string, n news) error {
	now := m.Now()
	var handed, arrived, returned bool
	l, err := tx.ChangeLetter(ctx, id, func(l *Letter) error {
		handed, arrived, returned = false, false, false
		if further(n.status, l.Status) {
			live := l.Live(now)
			passed := func(s LetterStatus) bool { return !further(s, n.status) && further(s, l.Status) }
			handed = live && l.ValidTill.IsZero() && n.status != Returned && passed(HandedOver)
			arrived = live && n.status == Arrived
			returned = n.status == Returned && l.Used.IsZero() && (live || l.Cancelled.IsZero())
		}
		n.enter(l)
		if handed {
			l.ValidTill = now.Add(m.Valid)
		}
		if returned {
			l.Cancelled, l.Reason = now, CameBack
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
		if err := m.record(ctx, tx, audit.LetterCancelled, l, CameBack); err != nil {
			return err
		}
		return m.Notices.Tell(ctx, tx, a, notice.LetterReturned, notice.With{Track: l.Track})
	}
	return nil
}

// refuse cancels a letter that the post does not take: its code is void, the citizen is told and may order
// another at once. A letter that is over, or that came as far as its addressee, is left as it is.
func (m *Mail) refuse(ctx context.Context, id string) error {
	err := m.Atomically(ctx, func(tx Tx) error {
		done := false
		l, err := tx.ChangeLetter(ctx, id, func(l *Letter) error {
			done = l.Used.IsZero() && l.Cancelled.IsZero() && !further(l.Status, Arrived)
			if done {
				l.Cancelled, l.Reason, l.Code = m.Now(), PostRefused, ""
			}
			return nil
		})
		if err != nil || !done {
			return err
		}
		if err := m.record(ctx, tx, audit.LetterCancelled, l, PostRefused); err != nil {
			return err
		}
		a, err := tx.Account(ctx, l.Account)
		if err != nil {
			return err
		}
		return m.Notices.Tell(ctx, tx, a, notice.LetterRefused, notice.With{Number: l.Number()})
	})
	if err != nil {
		return fmt.Errorf("confirm: refused by the post: %w", err)
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
