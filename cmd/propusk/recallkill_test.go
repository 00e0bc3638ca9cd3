package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

// recalled is how many accounts the recall takes back that the provider is killed in: ten thousand where make
// test provides servers, a tenth in a plain go test, which is to be quick.
var recalled = map[bool]int{true: 10_000, false: 1_000}[os.Getenv("PROPUSK_TEST_POSTGRES") != ""]

// TestKilledDuringARecallEveryAccountIsTreatedOnce kills the provider in the middle of a recall, and again
// while it writes to the people. When all is done every account has fallen once, with one event, and one
// message has gone out to each, at least once and under one id.
func TestKilledDuringARecallEveryAccountIsTreatedOnce(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) (records, transients string){
		"sqlite": func(t *testing.T) (string, string) {
			dir := t.TempDir()
			return "sqlite:" + filepath.Join(dir, "propusk.db"), "sqlite:" + filepath.Join(dir, "transients.db")
		},
		"postgres+redis": func(t *testing.T) (string, string) { return servers.StartPostgres(t), servers.StartRedis(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killingARecall(t, newVictim(t, open))
		})
	}
}

func killingARecall(t *testing.T, v *victim) {
	suspect, drafter, approver := v.staff(t), v.staff(t), v.staff(t)
	made := make([]*account.Account, recalled)
	at := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	for i := range made {
		a := idptest.Citizen(t, at, account.Standard)
		a.Profile.Contacts = a.Profile.Contacts[:1] // one message each
		if err := a.Confirm(account.Confirmation{ID: "visit-" + a.ID.String(), Method: account.ServiceCenter, At: at, Operator: suspect}); err != nil {
			t.Fatal(err)
		}
		made[i] = a
	}
	if err := v.stores.Seed(t.Context(), recalled, func(i int) *account.Account { return made[i] }, nil); err != nil {
		t.Fatal(err)
	}
	desk := recall.New(recall.Config{
		Store: v.stores.Records, Parties: v.stores.Records, Notices: v.stores.Notices, Now: time.Now, Wall: time.Now, Log: discard(),
		Atomically: func(ctx context.Context, f func(recall.Tx) error) error {
			return v.stores.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	})
	r, err := desk.Draft(t.Context(), drafter, recall.Plan{Reason: "test", Filter: recall.Filter{
		Source: recall.Source{Kind: recall.Operator, Value: suspect.String()}, From: at.Add(-time.Hour), Until: at.Add(time.Minute),
	}})
	if err != nil {
		t.Fatal(err)
	}
	v.await(t, "the dry run", time.Minute, func() bool { r = v.recall(t, r.ID); return r.State == recall.Counted })
	if r.Counts.Accounts != recalled {
		t.Fatalf("counted %d accounts, want %d", r.Counts.Accounts, recalled)
	}
	if _, err := desk.Approve(t.Context(), r.ID, approver, r.Version); err != nil {
		t.Fatal(err)
	}
	progress := func() recall.Progress {
		p, err := v.stores.Progress(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for p := progress(); p.Treated < recalled/4; p = progress() {
		if p.Total() == recalled && p.Pending == 0 {
			t.Fatal("the recall was through before the kill; the test proves nothing")
		}
		time.Sleep(10 * time.Millisecond)
	}
	v.kill()
	if p := progress(); p.Pending == 0 || p.Treated == 0 {
		t.Fatalf("killed at %+v, want in the middle", p)
	} else {
		t.Logf("killed with %d treated, %d to do", p.Treated, p.Pending)
	}
	if err := v.launch(); err != nil {
		t.Fatal(err)
	}
	v.await(t, "the recall", 3*time.Minute, func() bool { return v.recall(t, r.ID).State == recall.Done })
	v.kill()
	if n, err := v.stores.DB.OpenJobs(t.Context()); err != nil {
		t.Fatal(err)
	} else {
		t.Logf("killed again with %d jobs open", n)
	}
	if err := v.launch(); err != nil {
		t.Fatal(err)
	}
	v.await(t, "every job", 5*time.Minute, func() bool {
		n, err := v.stores.DB.OpenJobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
	if p := progress(); p.Treated != recalled || p.Total() != recalled {
		t.Errorf("progress %+v, want all treated", p)
	}
	for _, a := range made {
		got, err := v.stores.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.Level != account.Standard || got.Epoch != a.Epoch+1 || len(got.Confirmations[0].Held) != 1 {
			t.Fatalf("account %s: %s, epoch %d after %d, %+v; want one fall", a.ID, got.Level, got.Epoch, a.Epoch, got.Confirmations)
		}
	}
	v.heldOnce(t, made)
	v.toldOnce(t, made)
	v.repeatsWereTheSame(t)
}

// staff makes an account with a role: an administrator, or somebody whom the role does not matter of.
func (v *victim) staff(t *testing.T) account.ID {
	t.Helper()
	a := idptest.Citizen(t, time.Now(), account.Standard)
	if err := v.stores.CreateAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if err := v.stores.SaveMember(t.Context(), &centre.Member{Account: a.ID, Centre: "77-001", Role: centre.Administrator, Active: true}); err != nil {
		t.Fatal(err)
	}
	return a.ID
}

func (v *victim) recall(t *testing.T, id recall.ID) *recall.Recall {
	t.Helper()
	r, err := v.stores.Recall(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// heldOnce looks for one event of each account.
func (v *victim) heldOnce(t *testing.T, all []*account.Account) {
	t.Helper()
	for _, a := range all {
		es, err := v.stores.Events(t.Context(), a.ID, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(es) != 1 || es[0].Kind != audit.HeldBack {
			t.Fatalf("account %s has %d events %+v, want that it was held, once", a.ID, len(es), es)
		}
	}
}

// toldOnce compares the outbox with what the gateway was given: one message each, all handed over.
func (v *victim) toldOnce(t *testing.T, all []*account.Account) {
	t.Helper()
	sent := v.messages(t)
	if len(sent) != len(all) {
		t.Errorf("%d messages for %d accounts", len(sent), len(all))
	}
	v.mu.Lock()
	came := map[string]int{}
	for key, times := range v.calls {
		if id, ok := strings.CutPrefix(key, "/sms/v1/messages "); ok {
			came[id] += len(times)
		}
	}
	v.mu.Unlock()
	again := 0
	for id, done := range sent {
		if !done || came[id] == 0 {
			t.Errorf("message %s: done with %v, handed over %d times", id, done, came[id])
		}
		again += max(0, came[id]-1)
	}
	t.Logf("%d messages, %d of them handed over twice under their one id", len(sent), again)
}
