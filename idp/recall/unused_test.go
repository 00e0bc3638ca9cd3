package recall_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/storagetest"
)

// sent is a letter that is on its way to somebody.
func (h *house) sent(t *testing.T, a *account.Account, batch string) *confirm.Letter {
	t.Helper()
	now := h.Clock.Now()
	l := &confirm.Letter{ID: rand.Text(), Account: a.ID, Ordered: now.Add(-48 * time.Hour), Status: confirm.HandedOver, Batch: batch, ValidTill: now.Add(40 * 24 * time.Hour)}
	if err := h.SaveLetter(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return l
}

// handed is an envelope that an operator gave somebody an hour ago.
func (h *house) handed(t *testing.T, a *account.Account, by account.ID) *confirm.Envelope {
	t.Helper()
	now := h.Clock.Now()
	e := &confirm.Envelope{ID: rand.Text(), Account: a.ID, Centre: "77-014", Operator: by, Made: now.Add(-time.Hour), Until: now.Add(confirm.EnvelopeLife)}
	if err := h.SaveEnvelope(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e
}

// voided tells how many events say that a code of the account was recalled.
func (h *house) voided(t *testing.T, a *account.Account, kind audit.Kind, r *recall.Recall) (n int) {
	t.Helper()
	events, err := h.Events(t.Context(), a.ID, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if e.Kind == kind && e.Reason == confirm.Recalled && e.Actor == h.second && e.Detail["recall"] == string(r.ID) {
			n++
		}
	}
	return n
}

func TestRecallOfABatchMakesItsUnusedLettersVoid(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		h := build(t, s)
		batch, other := rand.Text(), rand.Text()
		used := h.letter()
		used.Batch = batch
		entered := h.citizen(t, used)
		waiting, elsewhere, over := h.citizen(t), h.citizen(t), h.citizen(t)
		void, stays, old := h.sent(t, waiting, batch), h.sent(t, elsewhere, other), h.sent(t, over, batch)
		if _, err := h.ChangeLetter(t.Context(), old.ID, func(l *confirm.Letter) error { l.ValidTill = h.Clock.Now(); return nil }); err != nil {
			t.Fatal(err)
		}
		plan := h.plan()
		plan.Source = recall.Source{Kind: recall.Batch, Value: batch}
		counted := h.counted(t, plan)
		if counted.Counts.Accounts != 1 || counted.Counts.Unused != 1 {
			t.Errorf("counted %+v; want one account and one unused code", counted.Counts)
		}
		if l, err := h.Letter(t.Context(), void.ID); err != nil || !l.Cancelled.IsZero() {
			t.Errorf("the dry run cancelled the letter: %v", err)
		}
		if _, err := h.desk.Approve(t.Context(), counted.ID, h.second, counted.Version); err != nil {
			t.Fatal(err)
		}
		r := h.through(t, counted.ID, recall.Done)

		l, err := h.Letter(t.Context(), void.ID)
		if err != nil || l.Cancelled.IsZero() || l.Reason != confirm.Recalled || l.Live(h.Clock.Now()) {
			t.Errorf("the letter: %+v, %v; want it void", l, err)
		}
		if at := confirm.NextLetter(l, time.Hour); !at.IsZero() {
			t.Errorf("another letter from %s; want at once", at)
		}
		if n := h.voided(t, waiting, audit.LetterCancelled, r); n != 1 || h.messages(waiting) != 1 {
			t.Errorf("%d events and %d messages, want one each", n, h.messages(waiting))
		}
		if l, err := h.Letter(t.Context(), stays.ID); err != nil || !l.Live(h.Clock.Now()) || h.messages(elsewhere)+h.messages(over) != 0 {
			t.Errorf("the letter of another batch: %+v, %v; want it alive and nobody else told", l, err)
		}
		if h.now(t, entered).Level != account.Standard {
			t.Error("who entered a code of the batch did not fall")
		}
		if p, err := h.Progress(t.Context(), r.ID); err != nil || p != (recall.Progress{Treated: 2}) {
			t.Errorf("progress %+v, %v; want 2 treated", p, err)
		}
		h.undone(t, r.ID)
		if l, err := h.Letter(t.Context(), void.ID); err != nil || l.Live(h.Clock.Now()) || h.messages(waiting) != 1 {
			t.Errorf("after the undo: %+v, %v; want the code void for good", l, err)
		}
	})
}

func TestBatchThatNobodyHasUsedIsRecalledToo(t *testing.T) {
	h := build(t, storagetest.New(t))
	batch := rand.Text()
	a := h.citizen(t)
	l := h.sent(t, a, batch)
	plan := h.plan()
	plan.Source = recall.Source{Kind: recall.Batch, Value: batch}
	h.recalled(t, plan)
	if got, err := h.Letter(t.Context(), l.ID); err != nil || got.Live(h.Clock.Now()) {
		t.Errorf("%+v, %v; want the letter void", got, err)
	}
}

func TestRecallMakesEnvelopesOfItsWindowVoid(t *testing.T) {
	for _, source := range []recall.Kind{recall.Operator, recall.Centre} {
		t.Run(string(source), func(t *testing.T) {
			storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
				h := build(t, s)
				untouched, fallen, elsewhere, late := h.citizen(t), h.citizen(t, h.visit()), h.citizen(t), h.citizen(t)
				void, both := h.handed(t, untouched, h.suspect), h.handed(t, fallen, h.suspect)
				stays := &confirm.Envelope{ID: rand.Text(), Account: elsewhere.ID, Centre: "78-001", Operator: h.first, Made: void.Made, Until: void.Until}
				after := &confirm.Envelope{ID: rand.Text(), Account: late.ID, Centre: "77-014", Operator: h.suspect, Made: h.Clock.Now(), Until: void.Until}
				for _, e := range []*confirm.Envelope{stays, after} {
					if err := h.SaveEnvelope(t.Context(), e); err != nil {
						t.Fatal(err)
					}
				}
				plan := h.plan()
				if source == recall.Centre {
					plan.Source = recall.Source{Kind: recall.Centre, Value: "77-014"}
				}
				r := h.recalled(t, plan)
				if r.Counts.Unused != 2 {
					t.Errorf("counted %d unused codes, want 2", r.Counts.Unused)
				}
				for _, a := range []*account.Account{untouched, fallen} {
					e, err := h.LastEnvelope(t.Context(), a.ID)
					if err != nil || e.Live(h.Clock.Now()) || h.voided(t, a, audit.CodeCancelled, r) != 1 {
						t.Errorf("%+v, %v; want the code void, once", e, err)
					}
				}
				if void.ID == both.ID || h.messages(untouched) != 1 || h.messages(elsewhere)+h.messages(late) != 0 {
					t.Errorf("told %d and %d times; want those concerned and nobody else", h.messages(untouched), h.messages(elsewhere)+h.messages(late))
				}
				for _, a := range []*account.Account{elsewhere, late} {
					if e, err := h.LastEnvelope(t.Context(), a.ID); err != nil || !e.Live(h.Clock.Now()) {
						t.Errorf("%+v, %v; want the code of another source or time alive", e, err)
					}
				}
			})
		})
	}
}
