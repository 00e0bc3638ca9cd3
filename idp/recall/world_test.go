package recall_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// A house is an installation with two administrators, and an operator who is no longer trusted.
type house struct {
	*storagetest.Stores
	desk          *recall.Desk
	notices       *notice.Notices
	first, second account.ID // administrators
	suspect       account.ID
	mu            sync.Mutex
	told          []notice.Message
}

// outbox keeps what was posted beside the real one.
type outbox struct {
	*sqlstore.Stores
	posted *[]notice.Message
}

func (o outbox) PostMessage(ctx context.Context, m notice.Message) error {
	*o.posted = append(*o.posted, m)
	return o.Stores.PostMessage(ctx, m)
}

func (h *house) atomically(ctx context.Context, f func(recall.Tx) error) error {
	var posted []notice.Message
	err := h.Atomically(ctx, func(tx *sqlstore.Stores) error {
		posted = nil
		return f(outbox{tx, &posted})
	})
	if err == nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, posted...)
	}
	return err
}

func build(t testing.TB, s *storagetest.Stores) *house {
	t.Helper()
	h := &house{Stores: s}
	var err error
	if h.notices, err = notice.New(notice.Config{Issuer: "http://localhost:8080", Now: s.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	h.desk = recall.New(recall.Config{
		Store: s.Records, Parties: s.Records, Notices: h.notices, Now: s.Clock.Now, Wall: s.Clock.Now,
		Log: slog.New(slog.DiscardHandler), Atomically: h.atomically,
	})
	if err := s.SaveCentre(t.Context(), &centre.Centre{ID: "77-014"}); err != nil {
		t.Fatal(err)
	}
	h.first, h.second = h.employ(t, centre.Administrator, true), h.employ(t, centre.Administrator, true)
	h.suspect = h.employ(t, centre.Operator, false)
	for _, p := range []*rp.Party{
		{ID: "portal"},
		{ID: "tax", Backchannel: "https://tax.example/out", Policy: policy.Policy{Accept: []policy.Combination{
			{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}},
		{ID: "voting", Announced: policy.Policy{Accept: []policy.Combination{{Methods: []account.Method{account.ServiceCenter}}}}},
		{ID: "pension", Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}},
	} {
		if err := s.SaveParty(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

func (h *house) employ(t testing.TB, role centre.Role, active bool) account.ID {
	t.Helper()
	a := h.Create(t, h.Standard(t))
	if err := h.SaveMember(t.Context(), &centre.Member{Account: a.ID, Centre: "77-014", Role: role, Window: "1", Active: active}); err != nil {
		t.Fatal(err)
	}
	return a.ID
}

// visit is a confirmation that the suspect made, an hour ago.
func (h *house) visit() account.Confirmation {
	return account.Confirmation{ID: rand.Text(), Method: account.ServiceCenter, At: h.Clock.Now().Add(-time.Hour), Centre: "77-014", Operator: h.suspect}
}

func (h *house) letter() account.Confirmation {
	return account.Confirmation{ID: rand.Text(), Method: account.MailCode, At: h.Clock.Now().Add(-2 * time.Hour), Letter: rand.Text()}
}

// citizen makes a standard account, and confirms it.
func (h *house) citizen(t testing.TB, all ...account.Confirmation) *account.Account {
	t.Helper()
	a := h.Standard(t)
	for _, c := range all {
		if err := a.Confirm(c); err != nil {
			t.Fatal(err)
		}
	}
	return h.Create(t, a)
}

func (h *house) now(t testing.TB, a *account.Account) *account.Account {
	t.Helper()
	got, err := h.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// plan takes back all that the suspect did in the last two days.
func (h *house) plan() recall.Plan {
	now := h.Clock.Now()
	return recall.Plan{Reason: "проверка центра 77-014", Filter: recall.Filter{
		Source: recall.Source{Kind: recall.Operator, Value: h.suspect.String()}, From: now.Add(-48 * time.Hour), Until: now,
	}}
}

// counted drafts a recall and makes its dry run.
func (h *house) counted(t testing.TB, p recall.Plan) *recall.Recall {
	t.Helper()
	r, err := h.desk.Draft(t.Context(), h.first, p)
	if err != nil {
		t.Fatalf("Draft: %v", err)
	}
	if r, err = h.desk.Count(t.Context(), r.ID); err != nil || r.State != recall.Counted {
		t.Fatalf("Count: %+v, %v", r, err)
	}
	return r
}

// recalled drafts, counts, approves and runs.
func (h *house) recalled(t testing.TB, p recall.Plan) *recall.Recall {
	t.Helper()
	r := h.counted(t, p)
	if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
		t.Fatalf("Approve: %v", err)
	}
	return h.through(t, r.ID, recall.Done)
}

func (h *house) undone(t testing.TB, id recall.ID) *recall.Recall {
	t.Helper()
	r, err := h.desk.AskUndo(t.Context(), id, h.second, "ошибка")
	if err != nil {
		t.Fatalf("AskUndo: %v", err)
	}
	if _, err := h.desk.ApproveUndo(t.Context(), id, h.first, r.Version); err != nil {
		t.Fatalf("ApproveUndo: %v", err)
	}
	return h.through(t, id, recall.Undone)
}

// through runs the job until it does not come again.
func (h *house) through(t testing.TB, id recall.ID, want recall.State) *recall.Recall {
	t.Helper()
	for {
		err := h.desk.Handlers()[recall.JobRun](t.Context(), string(id))
		var again job.Again
		if errors.As(err, &again) && again.After == 0 {
			continue
		}
		if err != nil {
			t.Fatalf("run: %v", err)
		}
		r, err := h.Recall(t.Context(), id)
		if err != nil || r.State != want {
			t.Fatalf("after the run: %+v, %v; want %s", r, err, want)
		}
		return r
	}
}

// messages counts what was posted to an account.
func (h *house) messages(a *account.Account) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.told {
		if m.Account == a.ID {
			n++
		}
	}
	return n
}
