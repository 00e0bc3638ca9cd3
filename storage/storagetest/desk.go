package storagetest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/confirm"
)

// desks: the visits of a centre, the newest first, and none of another's.
func desks(t *testing.T, s *Stores) {
	ctx := t.Context()
	a, operator := s.Create(t, s.Standard(t)), ID(t)
	since := s.Clock.Now()
	visit := func(centre string) *confirm.Visit {
		s.Clock.Advance(time.Minute)
		v := &confirm.Visit{ID: rand.Text(), Account: a.ID, Operator: operator, Centre: centre, Reason: "confirm", Opened: s.Clock.Now()}
		ok(t, "SaveVisit", s.SaveVisit(ctx, v))
		return v
	}
	first, _, last := visit("77-101"), visit("77-102"), visit("77-101")
	ids := func(centre string, since time.Time, limit int) (out []string) {
		all, err := s.VisitsOf(ctx, centre, since, limit)
		ok(t, "VisitsOf", err)
		for _, v := range all {
			out = append(out, v.ID)
		}
		return out
	}
	same(t, "visits of a centre", ids("77-101", since, 10), []string{last.ID, first.ID})
	same(t, "the newest", ids("77-101", since, 1), []string{last.ID})
	same(t, "since the last", ids("77-101", last.Opened, 10), []string{last.ID})
	same(t, "of nobody", len(ids("77-103", since, 10)), 0)
	ok(t, "ChangeVisit", func() error {
		_, err := s.ChangeVisit(ctx, last.ID, func(v *confirm.Visit) error { v.Outcome = confirm.VisitWaiting; return nil })
		return err
	}())
	all, err := s.VisitsOf(ctx, "77-101", since, 10)
	if err != nil || len(all) != 2 || all[0].Outcome != confirm.VisitWaiting {
		t.Errorf("after a change: %v, %v", all, err)
	}
	ok(t, "EraseAccount", s.EraseAccount(ctx, a.ID))
	same(t, "of somebody erased", len(ids("77-101", since, 10)), 0)
}
