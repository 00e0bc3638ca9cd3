package recall_test

import (
	"crypto/rand"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/storagetest"
)

// An event is something that befalls an account between a recall and its undo.
type event struct {
	name  string
	apply func(a *account.Account, at time.Time) error
}

func anyEvent(t *rapid.T, n int) event {
	m := rapid.SampledFrom(account.Methods()).Draw(t, "method")
	switch rapid.IntRange(0, 4).Draw(t, "event") {
	case 0:
		c := account.Confirmation{ID: fmt.Sprintf("later-%d-%s", n, rand.Text()), Method: m, Operator: 77}
		return event{"confirmed by " + m.String(), func(a *account.Account, at time.Time) error { c.At = at; return a.Confirm(c) }}
	case 1:
		return event{"withdrawn: " + m.String(), func(a *account.Account, at time.Time) error {
			for _, c := range a.Confirmations {
				if c.Method == m {
					return a.Withdraw(c.ID, at)
				}
			}
			return account.ErrNotStandard
		}}
	case 2:
		return event{"lowered to simplified", func(a *account.Account, at time.Time) error { return a.Lower(account.Simplified, at) }}
	case 3:
		return event{"lowered to standard", func(a *account.Account, at time.Time) error { return a.Lower(account.Standard, at) }}
	}
	return event{"agreed", func(a *account.Account, at time.Time) error { a.Agree(a.Profile.Person, at); return nil }}
}

// TestRecallThenUndoRestoresLevelAndConfirmations: whatever an account had, whatever several recalls took of
// it and whatever befell it meanwhile, after the undos it stands as if only the events had been.
func TestRecallThenUndoRestoresLevelAndConfirmations(t *testing.T) {
	h := build(t, storagetest.New(t))
	rapid.Check(t, func(rt *rapid.T) {
		now := h.Clock.Now()
		a := h.Standard(t)
		a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: rand.Text() + "@example.org", Proved: now})
		centreID, bank, batch := "c-"+rand.Text(), "b-"+rand.Text(), "l-"+rand.Text()
		for i, m := range rapid.SliceOfDistinct(rapid.SampledFrom(account.Methods()), func(m account.Method) account.Method { return m }).Draw(rt, "methods") {
			c := account.Confirmation{ID: rand.Text(), Method: m, At: now.Add(-time.Duration(rapid.IntRange(1, 96).Draw(rt, "hours")) * time.Hour)}
			switch m {
			case account.ServiceCenter:
				c.Centre = centreID
			case account.MailCode:
				c.Batch = batch
			default:
				c.Organization = bank
			}
			if err := a.Confirm(c); err != nil {
				rt.Fatal(i, err)
			}
		}
		if rapid.IntRange(0, 4).Draw(rt, "suspended") == 0 {
			_ = a.Lower(account.Simplified, now)
		}
		h.Create(t, a)
		model := h.now(t, a)

		var recalls []*recall.Recall
		fell := false
		for range rapid.IntRange(1, 3).Draw(rt, "recalls") {
			p := h.plan()
			p.Source = rapid.SampledFrom([]recall.Source{{Kind: recall.Centre, Value: centreID}, {Kind: recall.Bank, Value: bank},
				{Kind: recall.Issuer, Value: bank}, {Kind: recall.Batch, Value: batch}}).Draw(rt, "source")
			p.From = now.Add(-time.Duration(rapid.IntRange(1, 96).Draw(rt, "from")) * time.Hour)
			r := h.counted(t, p)
			before := h.now(t, a)
			if r.Counts.Accounts == 0 {
				continue
			}
			if _, err := h.desk.Approve(t.Context(), r.ID, h.second, r.Version); err != nil {
				rt.Fatal(err)
			}
			recalls = append(recalls, h.through(t, r.ID, recall.Done))
			after := h.now(t, a)
			for _, c := range after.Confirmations {
				if p.Takes(c) && c.Live() {
					rt.Errorf("%s counts after a recall of it", c.Method)
				}
			}
			if (after.Epoch != before.Epoch) != (r.Counts.Idle == 0) {
				rt.Errorf("epoch %d after %d; the dry run said %+v", after.Epoch, before.Epoch, r.Counts)
			}
			fell = fell || after.Epoch != before.Epoch
		}
		epoch := h.now(t, a).Epoch

		events := rapid.IntRange(0, 4).Draw(rt, "events")
		applied := 0
		for n := range events {
			e, at := anyEvent(rt, n), now.Add(time.Duration(n)*time.Minute)
			if _, err := h.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { return e.apply(a, at) }); err != nil {
				continue // not possible as the account stands: it did not happen
			}
			applied++
			if err := e.apply(model, at); err != nil {
				rt.Fatalf("%s is possible after a recall and not without it: %v", e.name, err)
			}
		}
		for _, i := range rapid.Permutation(recalls).Draw(rt, "order") {
			h.undone(t, i.ID)
		}

		got := h.now(t, a)
		for i := range got.Confirmations {
			if len(got.Confirmations[i].Held) == 0 {
				got.Confirmations[i].Held = nil
			}
		}
		same := len(got.Confirmations) == 0 && len(model.Confirmations) == 0 || reflect.DeepEqual(got.Confirmations, model.Confirmations)
		if got.Level != model.Level || !same {
			rt.Errorf("after the undo: %s, %+v\nwant %s, %+v", got.Level, got.Confirmations, model.Level, model.Confirmations)
		}
		if applied == 0 && got.Epoch != epoch {
			rt.Errorf("the undo moved the epoch from %d to %d: a rise ends nothing", epoch, got.Epoch)
		}
		if applied == 0 && len(recalls) == 1 && (!got.VerifiedAt.Equal(model.VerifiedAt) || !got.StandardAt.Equal(model.StandardAt)) {
			rt.Errorf("verified at %v, standard at %v; want %v and %v", got.VerifiedAt, got.StandardAt, model.VerifiedAt, model.StandardAt)
		}
		if fell && h.messages(a) == 0 {
			rt.Error("nobody was told")
		}
	})
}
