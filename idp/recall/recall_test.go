package recall_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/storagetest"
)

func TestRecallHoldsWhatOneOperatorConfirmedAndNothingElse(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		h := build(t, s)
		hit := h.citizen(t, h.visit())
		both := h.citizen(t, h.letter(), h.visit())
		early := h.visit()
		early.At = early.At.Add(-72 * time.Hour)
		spared := h.citizen(t, early)
		other := h.visit()
		other.Operator = h.first
		elsewhere := h.citizen(t, other)
		v := h.StartOne(t, hit)
		g := h.Granted(t, v, "tax", true)

		r := h.recalled(t, h.plan())

		for who, want := range map[*account.Account]struct {
			level account.Level
			live  int
			fell  bool
			told  int
		}{
			hit: {account.Standard, 0, true, 1}, both: {account.Verified, 1, true, 1},
			spared: {account.Verified, 1, false, 0}, elsewhere: {account.Verified, 1, false, 0},
		} {
			a := h.now(t, who)
			if got := a.Assurance(h.Clock.Now()); a.Level != want.level || len(got.Confirmations) != want.live || (a.Epoch > who.Epoch) != want.fell || h.messages(a) != want.told {
				t.Errorf("%s with %d confirmations, epoch %d after %d, told %d times; want %+v", a.Level, len(got.Confirmations), a.Epoch, who.Epoch, h.messages(a), want)
			}
		}
		if got, err := h.Session(t.Context(), v.ID); err != nil || got.Ended.IsZero() {
			t.Errorf("the session goes on: %+v, %v", got, err)
		}
		if use, err := h.GrantUse(t.Context(), g.ID); err != nil || use.Stands(h.Clock.Now()) {
			t.Errorf("the grant stands: %v", err)
		}
		events, err := h.Events(t.Context(), hit.ID, 0, 10)
		if err != nil || len(events) != 1 || events[0].Kind != audit.HeldBack || events[0].Actor != h.second || events[0].Detail["recall"] != string(r.ID) {
			t.Errorf("events: %+v, %v; want that it was held, by the one who approved", events, err)
		}
		if p, err := h.Progress(t.Context(), r.ID); err != nil || p != (recall.Progress{Treated: 2}) {
			t.Errorf("progress %+v, %v; want 2 treated", p, err)
		}
	})
}

func TestDryRunSaysWhatTheRecallDoesAndChangesNobody(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		h := build(t, s)
		hit := h.citizen(t, h.visit())
		both := h.citizen(t, h.letter(), h.visit())
		held := h.citizen(t, h.visit())
		if _, err := h.ChangeAccount(t.Context(), held.ID, func(a *account.Account) error {
			return a.Hold(a.Confirmations[0].ID, "citizen", h.Clock.Now())
		}); err != nil {
			t.Fatal(err)
		}
		h.Granted(t, h.StartOne(t, hit), "tax", false)
		h.Granted(t, h.StartOne(t, both), "portal", false)

		r := h.counted(t, h.plan())
		want := &recall.Counts{Accounts: 3, Confirmations: 3, Idle: 1, Verified: 1, Standard: 1, Sessions: 2, Grants: 2, Parties: []recall.Party{
			{Client: "tax", Lost: 2, Using: 1, Out: 1}, {Client: "voting", Lost: 2}, {Client: "pension", Lost: 1}, {Client: "portal", Out: 1},
		}}
		if !reflect.DeepEqual(r.Counts, want) {
			t.Errorf("counts\n %+v, want\n %+v", r.Counts, want)
		}
		for _, a := range []*account.Account{hit, both} {
			if got := h.now(t, a); got.Version != a.Version {
				t.Errorf("the dry run wrote account %s", a.ID)
			}
		}
	})
}

func TestAnotherAdministratorThanTheDrafterApproves(t *testing.T) {
	h := build(t, storagetest.New(t))
	h.citizen(t, h.visit())
	operator, gone := h.employ(t, centre.Operator, true), h.employ(t, centre.Administrator, false)
	ctx := t.Context()
	r := h.counted(t, h.plan())
	for who, want := range map[account.ID]error{h.first: recall.ErrSamePerson, operator: recall.ErrNotAdministrator, gone: recall.ErrNotAdministrator, 0: recall.ErrNotAdministrator} {
		if _, err := h.desk.Approve(ctx, r.ID, who, r.Version); !errors.Is(err, want) {
			t.Errorf("Approve by %s: %v, want %v", who, err, want)
		}
	}
	if _, err := h.desk.Approve(ctx, r.ID, h.second, r.Version-1); !errors.Is(err, recall.ErrMoved) {
		t.Errorf("Approve of what was shown before the count: %v, want ErrMoved", err)
	}
	h.Clock.Advance(recall.CountLife + time.Second)
	if _, err := h.desk.Approve(ctx, r.ID, h.second, r.Version); !errors.Is(err, recall.ErrStale) {
		t.Errorf("Approve of yesterday's count: %v, want ErrStale", err)
	}
	if _, err := h.desk.Recount(ctx, r.ID, h.first); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Approve(ctx, r.ID, h.second, 0); !errors.Is(err, recall.ErrState) {
		t.Errorf("Approve before the new count: %v, want ErrState", err)
	}
	r, err := h.desk.Count(ctx, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = h.desk.Approve(ctx, r.ID, h.second, r.Version); err != nil {
		t.Errorf("Approve by the second administrator: %v", err)
	}
	done := h.through(t, r.ID, recall.Done)
	if _, err := h.desk.ApproveUndo(ctx, r.ID, h.first, done.Version); !errors.Is(err, recall.ErrState) {
		t.Errorf("an undo that nobody asked for: %v, want ErrState", err)
	}
	asked, err := h.desk.AskUndo(ctx, r.ID, h.first, "ошибка")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.ApproveUndo(ctx, r.ID, h.first, asked.Version); !errors.Is(err, recall.ErrSamePerson) {
		t.Errorf("an undo approved by who asked: %v, want ErrSamePerson", err)
	}
	if _, err := h.desk.KeepRecalled(ctx, r.ID, h.second); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.ApproveUndo(ctx, r.ID, h.second, 0); !errors.Is(err, recall.ErrState) {
		t.Errorf("an undo that was turned down: %v, want ErrState", err)
	}
	events, err := h.EventsBy(ctx, h.second, 0, 20)
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, e := range events {
		if e.Kind == audit.RecallChanged {
			steps = append(steps, e.Reason)
		}
	}
	if want := []string{"undo_refused", "approved"}; !slices.Equal(steps, want) {
		t.Errorf("recorded of the second administrator: %v, want %v", steps, want)
	}
}

func TestNobodyDecidesOnTheirOwnConfirmations(t *testing.T) {
	h := build(t, storagetest.New(t))
	p := h.plan()
	p.Value = h.second.String() // an operator until yesterday
	if _, err := h.desk.Draft(t.Context(), h.second, p); !errors.Is(err, recall.ErrConcerned) {
		t.Errorf("Draft: %v, want ErrConcerned", err)
	}
	by := h.visit()
	by.Operator = h.second
	h.citizen(t, by)
	r := h.counted(t, p)
	if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); !errors.Is(err, recall.ErrConcerned) {
		t.Errorf("Approve: %v, want ErrConcerned", err)
	}
}

func TestWrongPlansAreRefusedFieldByField(t *testing.T) {
	h := build(t, storagetest.New(t))
	for field, change := range map[string]func(*recall.Plan){
		"source": func(p *recall.Plan) { p.Value = " " },
		"from":   func(p *recall.Plan) { p.From = time.Time{} },
		"until":  func(p *recall.Plan) { p.Until = h.Clock.Now().Add(time.Minute) },
		"reason": func(p *recall.Plan) { p.Reason = "" },
	} {
		p := h.plan()
		change(&p)
		_, err := h.desk.Draft(t.Context(), h.first, p)
		var wrong fault.Fields
		if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Name != field {
			t.Errorf("wrong %s: %v", field, err)
		}
	}
	r := h.counted(t, h.plan())
	if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); !errors.Is(err, recall.ErrNobody) {
		t.Errorf("a recall of nobody: %v, want ErrNobody", err)
	}
	if _, err := h.desk.Drop(t.Context(), r.ID, h.first); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Recount(t.Context(), r.ID, h.first); !errors.Is(err, recall.ErrState) {
		t.Errorf("a count of what was dropped: %v, want ErrState", err)
	}
}

func TestOfTwoWhoApproveAtOnceOneIsTold(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		h := build(t, s)
		third := h.employ(t, centre.Administrator, true)
		a := h.citizen(t, h.visit())
		r := h.counted(t, h.plan())
		errs := make(chan error, 2)
		for _, by := range []account.ID{h.second, third} {
			go func() { _, err := h.desk.Approve(t.Context(), r.ID, by, r.Version); errs <- err }()
		}
		x, y := <-errs, <-errs
		if (x == nil) == (y == nil) || !errors.Is(errors.Join(x, y), recall.ErrMoved) {
			t.Errorf("approved at once: %v and %v; want one nil, one ErrMoved", x, y)
		}
		h.through(t, r.ID, recall.Done)
		if n := h.messages(a); n != 1 {
			t.Errorf("the citizen was told %d times", n)
		}
	})
}

func TestTwoNodesRunningOneRecallTreatEveryAccountOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		h := build(t, s)
		var all []*account.Account
		for range 60 {
			all = append(all, h.citizen(t, h.visit()))
		}
		r := h.counted(t, h.plan())
		if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
			t.Fatal(err)
		}
		errs := make(chan error, 3)
		for range 3 {
			go func() { errs <- h.desk.Handlers()[recall.JobRun](t.Context(), string(r.ID)) }()
		}
		for range 3 {
			// One that ends while another still has accounts in hand comes again later.
			if err := <-errs; err != nil && !errors.As(err, new(job.Again)) {
				t.Error(err)
			}
		}
		h.through(t, r.ID, recall.Done)
		for _, a := range all {
			if got := h.now(t, a); got.Epoch != a.Epoch+1 || h.messages(a) != 1 {
				t.Errorf("account %s: epoch %d after %d, told %d times; want one fall, told once", a.ID, got.Epoch, a.Epoch, h.messages(a))
			}
		}
	})
}

func TestCitizenWhoConfirmsAnewMeanwhileKeepsThat(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		h := build(t, s)
		var all []*account.Account
		for range 40 {
			all = append(all, h.citizen(t, h.visit()))
		}
		r := h.counted(t, h.plan())
		if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
			t.Fatal(err)
		}
		fresh := func(i int) account.Confirmation {
			return account.Confirmation{ID: fmt.Sprintf("anew-%d", i), Method: account.ServiceCenter, At: h.Clock.Now().Add(time.Minute), Centre: "77-015", Operator: h.first}
		}
		confirming := make(chan error)
		go func() {
			var err error
			for i, a := range all {
				_, e := h.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { return a.Confirm(fresh(i)) })
				err = errors.Join(err, e)
			}
			confirming <- err
		}()
		h.through(t, r.ID, recall.Done)
		if err := <-confirming; err != nil {
			t.Fatal(err)
		}
		for i, a := range all {
			got := h.now(t, a)
			if live := got.Assurance(h.Clock.Now()).Confirmations; got.Level != account.Verified || len(live) != 1 || live[0].ID != fresh(i).ID {
				t.Errorf("account %d: %s, %+v; want verified by the new confirmation", i, got.Level, got.Confirmations)
			}
		}
		h.undone(t, r.ID)
		for i, a := range all {
			if got := h.now(t, a); len(got.Confirmations) != 1 || got.Confirmations[0].ID != fresh(i).ID {
				t.Errorf("account %d after the undo: %+v; want the new confirmation alone", i, got.Confirmations)
			}
		}
	})
}

func TestWhatWasBeingConfirmedWhileTheWindowClosedIsTakenToo(t *testing.T) {
	h := build(t, storagetest.New(t))
	h.citizen(t, h.visit())
	r := h.counted(t, h.plan())
	late := h.citizen(t, h.visit()) // committed after the count, and of within the window
	if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
		t.Fatal(err)
	}
	h.through(t, r.ID, recall.Done)
	if got := h.now(t, late); got.Level != account.Standard {
		t.Errorf("the late one is %s", got.Level)
	}
}

func TestBrokenAccountDoesNotKeepTheOthers(t *testing.T) {
	h := build(t, storagetest.New(t))
	var all []*account.Account
	for range 12 {
		all = append(all, h.citizen(t, h.visit()))
	}
	if _, err := h.Raw(t).ExecContext(t.Context(), `UPDATE account SET profile = x'00' WHERE id = $1`, int64(all[5].ID)); err != nil {
		t.Fatal(err)
	}
	r := h.counted(t, h.plan())
	if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
		t.Fatal(err)
	}
	var again job.Again
	if err := h.desk.Handlers()[recall.JobRun](t.Context(), string(r.ID)); !errors.As(err, &again) || again.After == 0 {
		t.Fatalf("run: %v, want to come again later", err)
	}
	for i, a := range all {
		if i != 5 && h.now(t, a).Level != account.Standard {
			t.Errorf("account %d was not treated", i)
		}
	}
	if p, err := h.Progress(t.Context(), r.ID); err != nil || p.Pending != 1 {
		t.Errorf("progress %+v, %v; want the broken one pending", p, err)
	}
}

func TestUndoOfARunningRecallLeavesTheRestAlone(t *testing.T) {
	h := build(t, storagetest.New(t))
	h.desk.Chunk, h.desk.Lanes, h.desk.Batch = 3, 1, 3
	var all []*account.Account
	for range 9 {
		all = append(all, h.citizen(t, h.visit()))
	}
	r := h.counted(t, h.plan())
	if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
		t.Fatal(err)
	}
	if err := h.desk.Handlers()[recall.JobRun](t.Context(), string(r.ID)); !errors.As(err, new(job.Again)) {
		t.Fatalf("run: %v, want to come again", err)
	}
	h.undone(t, r.ID)
	if p, err := h.Progress(t.Context(), r.ID); err != nil || p != (recall.Progress{Pending: 6, Back: 3}) {
		t.Errorf("progress %+v, %v; want 3 given back and 6 never touched", p, err)
	}
	touched := 0
	for _, a := range all {
		got := h.now(t, a)
		if got.Level != account.Verified {
			t.Errorf("account %s is %s", a.ID, got.Level)
		}
		touched += got.Epoch - a.Epoch
	}
	if touched != 3 {
		t.Errorf("%d fell, want 3", touched)
	}
}
