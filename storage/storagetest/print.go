package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/confirm"
)

func batchesTest(t *testing.T, s *Stores) {
	ctx := t.Context()
	at := s.Clock.Now().UTC().Truncate(time.Microsecond)
	waiting := func(batch string, limit int) []string {
		t.Helper()
		ids, err := s.BatchLetters(ctx, batch, limit)
		ok(t, "BatchLetters", err)
		return ids
	}

	// What waits, waits in the order in which it came, whatever it is called.
	for i, id := range []string{"C", "A", "B"} {
		ok(t, "QueueLetter", s.QueueLetter(ctx, id, at.Add(time.Duration(i)*time.Second)))
	}
	ok(t, "QueueLetter again", s.QueueLetter(ctx, "C", at.Add(time.Hour)))
	if got := waiting("", 10); !slices.Equal(got, []string{"C", "A", "B"}) {
		t.Errorf("waiting: %v", got)
	}
	if got := waiting("", 2); !slices.Equal(got, []string{"C", "A"}) {
		t.Errorf("two of them: %v", got)
	}
	ok(t, "PutInBatch", s.PutInBatch(ctx, "A", "2026-11-22-1"))
	ok(t, "QueueLetter of one in a batch", s.QueueLetter(ctx, "A", at))
	ok(t, "UnqueueLetter", s.UnqueueLetter(ctx, "B"))
	if w, in := waiting("", 10), waiting("2026-11-22-1", 10); !slices.Equal(w, []string{"C"}) || !slices.Equal(in, []string{"A"}) {
		t.Errorf("waiting %v, in the batch %v", w, in)
	}

	_, err := s.Batch(ctx, "unknown")
	absent(t, "Batch", err)
	first := &confirm.Batch{ID: "2026-11-21-1", Gathered: at.Add(-24 * time.Hour)}
	second := &confirm.Batch{ID: "2026-11-22-1", Gathered: at}
	ok(t, "SaveBatch", s.SaveBatch(ctx, first))
	ok(t, "SaveBatch", s.SaveBatch(ctx, second))
	second.Written, second.Letters = at.Add(time.Minute), []string{"A"}
	ok(t, "SaveBatch, changed", s.SaveBatch(ctx, second))
	got, err := s.Batch(ctx, second.ID)
	ok(t, "Batch", err)
	same(t, "batch", got, second)
	all, err := s.Batches(ctx, 10)
	if err != nil || len(all) != 2 || all[0].ID != second.ID {
		t.Errorf("Batches: %v, %v; want the newest first", all, err)
	}

	// Letters under way.
	a := s.Create(t, s.Standard(t))
	since := s.Clock.Now()
	letter := func(id string) *confirm.Letter {
		s.Clock.Advance(time.Second)
		l := &confirm.Letter{ID: id, Account: a.ID, Status: confirm.Ordered, Ordered: s.Clock.Now()}
		ok(t, "SaveLetter", s.SaveLetter(ctx, l))
		return l
	}
	one, two, three := letter("live-1"), letter("live-2"), letter("live-3")
	_, err = s.ChangeLetter(ctx, two.ID, func(l *confirm.Letter) error { l.Cancelled = s.Clock.Now(); return nil })
	ok(t, "ChangeLetter", err)
	live, err := s.LiveLetters(ctx, since, 10)
	if err != nil || len(live) != 2 || live[0].ID != one.ID || live[1].ID != three.ID {
		t.Errorf("LiveLetters: %v, %v", live, err)
	}
	if live, err := s.LiveLetters(ctx, three.Ordered, 10); err != nil || len(live) != 1 {
		t.Errorf("LiveLetters since the last: %v, %v", live, err)
	}
}
