package storagetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/session"
)

// confirmed makes a verified account with confirmations, and keeps it.
func confirmed(t *testing.T, s *Stores, all ...account.Confirmation) *account.Account {
	t.Helper()
	a := s.Standard(t)
	for _, c := range all {
		ok(t, "Confirm", a.Confirm(c))
	}
	return s.Create(t, a)
}

func sources(t *testing.T, s *Stores) {
	ctx := t.Context()
	bank := "Банк «Проверочный» " + rand.Text()
	at := func(h int) time.Time { return s.Clock.Now().Add(time.Duration(h) * time.Hour) }
	by := func(id string, h int) account.Confirmation {
		return account.Confirmation{ID: id + rand.Text(), Method: account.Bank, At: at(h), Organization: bank}
	}
	filter := recall.Filter{Source: recall.Source{Kind: recall.Bank, Value: bank}, From: at(1), Until: at(4)}
	early, first, second, last := by("early", 0), by("first", 1), by("second", 3), by("last", 5)
	confirmed(t, s, early)
	one, two := confirmed(t, s, first), confirmed(t, s, second)
	confirmed(t, s, last)
	// Of another source: by the same organisation, but as the issuer of a certificate.
	confirmed(t, s, account.Confirmation{ID: rand.Text(), Method: account.QualifiedSignature, At: at(2), Organization: bank})

	ids := func(f recall.Filter) (out []string) {
		t.Helper()
		var mark recall.Mark
		for {
			page, err := s.Sourced(ctx, f, mark, 1)
			ok(t, "Sourced", err)
			if len(page) == 0 {
				return out
			}
			if got := page[0]; !slices.ContainsFunc(got.Standing.Confirmations, func(c account.Confirmation) bool { return c.ID == got.Confirmation }) {
				t.Errorf("Sourced: a standing without the confirmation %s", got.Confirmation)
			}
			out, mark = append(out, page[0].Confirmation), page[0].Mark
		}
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := ids(filter); !slices.Equal(got, want) {
			t.Errorf("%s: confirmations in the window: got %v, want %v", what, got, want)
		}
	}
	expect("as created", first.ID, second.ID)
	_, err := s.ChangeAccount(ctx, two.ID, func(a *account.Account) error { return a.Hold(second.ID, "somebody", at(5)) })
	ok(t, "Hold", err)
	expect("one is held", first.ID, second.ID)
	// A newer confirmation by the same method takes the place of the older one.
	third := by("third", 2)
	_, err = s.ChangeAccount(ctx, one.ID, func(a *account.Account) error { return a.Confirm(third) })
	ok(t, "Confirm", err)
	expect("confirmed anew", third.ID, second.ID)
	boom := errors.New("boom")
	err = s.Atomically(ctx, func(tx *tx) error {
		_, err := tx.ChangeAccount(ctx, one.ID, func(a *account.Account) error { return a.Withdraw(third.ID, at(5)) })
		ok(t, "Withdraw", err)
		return boom
	})
	is(t, "rolled back", err, boom)
	expect("rolled back", third.ID, second.ID)
	_, err = s.ChangeAccount(ctx, one.ID, func(a *account.Account) error { return a.Withdraw(third.ID, at(5)) })
	ok(t, "Withdraw", err)
	expect("withdrawn", second.ID)

	all, err := s.Confirmers(ctx, recall.Bank, 1000)
	if err != nil || !slices.Contains(all, bank) || !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Errorf("Confirmers: got %q, %v; want each bank once, in order", all, err)
	}
	if some, err := s.Confirmers(ctx, recall.Bank, 1); err != nil || len(some) != 1 {
		t.Errorf("Confirmers, at most one: got %q, %v", some, err)
	}
	every := map[recall.Kind]account.Confirmation{
		recall.Operator: {Method: account.ServiceCenter, Operator: two.ID},
		recall.Centre:   {Method: account.ServiceCenter, Centre: "77-" + rand.Text()},
		recall.Issuer:   {Method: account.ElectronicCard, Organization: "CN=" + rand.Text()},
		recall.Batch:    {Method: account.MailCode, Batch: rand.Text()},
	}
	for kind, c := range every {
		c.ID, c.At = rand.Text(), at(2).Add(123456789)
		confirmed(t, s, c)
		filter.Kind = kind
		filter.Value = map[recall.Kind]string{recall.Operator: c.Operator.String(), recall.Centre: c.Centre, recall.Issuer: c.Organization, recall.Batch: c.Batch}[kind]
		expect(string(kind), c.ID)
	}
	// Whoever looked too is a source like the first.
	seen := account.Confirmation{ID: rand.Text(), Method: account.ServiceCenter, At: at(2), Operator: two.ID, Second: one.ID}
	confirmed(t, s, seen)
	filter.Source = recall.Source{Kind: recall.Operator, Value: one.ID.String()}
	if expect("the second operator", seen.ID); !filter.Takes(seen) {
		t.Error("the filter does not take what the second operator looked at")
	}
}

func recalls(t *testing.T, s *Stores) {
	unusedCodes(t, s)
	ctx := t.Context()
	now := s.Clock.Now()
	r := &recall.Recall{ID: recall.ID(rand.Text()), Reason: "проверка «Ё»", State: recall.Draft, Drafted: recall.Step{By: ID(t), At: now},
		Filter: recall.Filter{Source: recall.Source{Kind: recall.Centre, Value: "centre-" + rand.Text()}, From: now.Add(-time.Hour), Until: now},
		Counts: &recall.Counts{Accounts: 3, Parties: []recall.Party{{Client: "tax", Lost: 2}}}}
	_, err := s.Recall(ctx, r.ID)
	absent(t, "Recall", err)
	ok(t, "SaveRecall", s.SaveRecall(ctx, r))
	is(t, "SaveRecall again", s.SaveRecall(ctx, r), fault.Exists)
	got, err := s.Recall(ctx, r.ID)
	ok(t, "Recall", err)
	same(t, "recall", got, r)
	boom := errors.New("boom")
	_, err = s.ChangeRecall(ctx, r.ID, func(r *recall.Recall) error { r.Reason = "other"; return boom })
	is(t, "ChangeRecall", err, boom)
	changed, err := s.ChangeRecall(ctx, r.ID, func(r *recall.Recall) error { r.State = recall.Running; return nil })
	if err != nil || changed.Version != 2 || changed.Reason != r.Reason {
		t.Errorf("ChangeRecall: got %+v, %v; want version 2 and the reason as it was", changed, err)
	}
	if state, err := s.StandRecall(ctx, r.ID); err != nil || state != recall.Running {
		t.Errorf("StandRecall: got %q, %v", state, err)
	}
	all, err := s.Recalls(ctx, 1)
	if err != nil || len(all) != 1 || all[0].ID != r.ID {
		t.Errorf("Recalls: got %v, %v; want the newest", all, err)
	}

	var accounts []account.ID
	for i := range 7 {
		a := confirmed(t, s, account.Confirmation{ID: rand.Text(), Method: account.ServiceCenter, At: now.Add(-time.Minute), Centre: r.Value, Operator: account.ID(100 + i)})
		accounts = append(accounts, a.ID)
	}
	slices.Sort(accounts)
	if n, err := s.Gather(ctx, r.ID, r.Filter); err != nil || n != 7 {
		t.Fatalf("Gather: got %d, %v; want 7", n, err)
	}
	if n, err := s.Gather(ctx, r.ID, r.Filter); err != nil || n != 0 {
		t.Errorf("Gather again: got %d, %v; want 0", n, err)
	}
	out := recall.Outcome{Held: []string{"a", "b"}, From: account.Verified, To: account.Standard, VerifiedAt: now, Fell: true}
	ok(t, "Atomically", s.Atomically(ctx, func(tx *tx) error {
		items, err := tx.TakeItems(ctx, r.ID, recall.Pending, accounts[0], 2)
		if err != nil || len(items) != 2 || items[0].Account != accounts[1] || items[1].Account != accounts[2] || items[0].Held != nil {
			return fmt.Errorf("TakeItems: got %v, %v; want the second and third account, untouched", items, err)
		}
		items[0].State, items[0].Outcome = recall.Treated, out
		return tx.SettleItem(ctx, r.ID, items[0])
	}))
	treated, err := s.TakeItems(ctx, r.ID, recall.Treated, 0, 10)
	ok(t, "TakeItems", err)
	same(t, "treated", treated, []recall.Item{{Account: accounts[1], State: recall.Treated, Outcome: out}})
	if p, err := s.Progress(ctx, r.ID); err != nil || p != (recall.Progress{Pending: 6, Treated: 1}) || p.Total() != 7 {
		t.Errorf("Progress: got %+v, %v; want 6 and 1", p, err)
	}
	is(t, "SettleItem of nobody", s.SettleItem(ctx, r.ID, recall.Item{Account: 1}), fault.NotFound)
	racingItems(t, s, r.ID)
}

// racingItems has several take at once: every item is taken by one.
func racingItems(t *testing.T, s *Stores, id recall.ID) {
	taken := make(chan account.ID, 100)
	errs := parallel(4, func(int) error {
		for {
			n := 0
			err := s.Atomically(t.Context(), func(tx *tx) error {
				items, err := tx.TakeItems(t.Context(), id, recall.Pending, 0, 2)
				if err != nil {
					return err
				}
				for _, i := range items {
					i.State = recall.Treated
					if err := tx.SettleItem(t.Context(), id, i); err != nil {
						return err
					}
				}
				if n = len(items); n > 0 {
					time.Sleep(time.Millisecond)
				}
				for _, i := range items {
					taken <- i.Account
				}
				return nil
			})
			if n == 0 || err != nil {
				return err
			}
		}
	})
	ok(t, "racing", errors.Join(errs...))
	close(taken)
	seen := map[account.ID]bool{}
	for a := range taken {
		if seen[a] {
			t.Errorf("account %s was taken twice", a)
		}
		seen[a] = true
	}
	if p, err := s.Progress(t.Context(), id); err != nil || p.Pending != 0 || len(seen) != 6 {
		t.Errorf("after the race: %+v, %v, %d taken; want none pending and 6 taken", p, err, len(seen))
	}
}

func inUse(t *testing.T, s *Stores) {
	ctx := t.Context()
	now := s.Clock.Now()
	a, b := confirmed(t, s), confirmed(t, s)
	alive, ended := s.StartOne(t, a), s.StartOne(t, a)
	s.Granted(t, alive, "tax", false)
	s.Granted(t, alive, "tax", false)
	s.Granted(t, ended, "portal", false)
	s.Granted(t, ended, "voting", true)
	_, err := s.EndSessions(ctx, session.Scope{Account: a.ID, Session: ended.ID}, false, now)
	ok(t, "EndSessions", err)
	of := []account.ID{a.ID, b.ID}
	if n, err := s.AliveSessions(ctx, of, alive.Expires); err != nil || n != 0 {
		t.Errorf("AliveSessions, all expired: got %d, %v; want 0", n, err)
	}
	if n, err := s.AliveSessions(ctx, of, now); err != nil || n != 1 {
		t.Errorf("AliveSessions: got %d, %v; want 1", n, err)
	}
	uses, err := s.Uses(ctx, of, now)
	ok(t, "Uses", err)
	same(t, "uses", uses, []recall.Use{{Account: a.ID, Client: "tax", Grants: 2}, {Account: a.ID, Client: "voting", Grants: 1}})
	if uses, err := s.Uses(ctx, nil, now); err != nil || len(uses) != 0 {
		t.Errorf("Uses of nobody: got %v, %v", uses, err)
	}
}

// unusedCodes are found page by page, each once: letters by time and id, envelopes by id.
func unusedCodes(t *testing.T, s *Stores) {
	ctx, now := t.Context(), s.Clock.Now()
	a, b := s.Create(t, s.Standard(t)), s.Create(t, s.Standard(t))
	from := now.Add(1000 * time.Hour) // of this test alone
	var letters, envelopes []string
	for i, of := range []account.ID{a.ID, a.ID, b.ID, b.ID, b.ID} {
		at := from.Add(time.Duration(i/2) * time.Nanosecond * 1500) // two of one time
		l := &confirm.Letter{ID: rand.Text(), Account: of, Ordered: at}
		e := &confirm.Envelope{ID: rand.Text(), Account: of, Made: at, Until: at.Add(time.Hour)}
		if i == 4 {
			l.Cancelled, e.Used = at, at
		} else {
			letters, envelopes = append(letters, l.ID), append(envelopes, e.ID)
		}
		ok(t, "SaveLetter", s.SaveLetter(ctx, l))
		ok(t, "SaveEnvelope", s.SaveEnvelope(ctx, e))
	}
	var found []string
	for since, after := from, ""; ; {
		page, err := s.UnusedLetters(ctx, since, after, 1)
		ok(t, "UnusedLetters", err)
		if len(page) == 0 {
			break
		}
		since, after = page[0].Ordered, page[0].ID
		found = append(found, after)
	}
	slices.Sort(letters[:2])
	slices.Sort(letters[2:])
	same(t, "unused letters", found, letters)
	found = nil
	for after := ""; ; {
		page, err := s.UnusedEnvelopes(ctx, from, after, 3)
		ok(t, "UnusedEnvelopes", err)
		for _, e := range page {
			after = e.ID
			found = append(found, after)
		}
		if len(page) < 3 {
			break
		}
	}
	slices.Sort(envelopes)
	same(t, "unused envelopes", found, envelopes)

	id := recall.ID(rand.Text())
	ok(t, "SaveRecall", s.SaveRecall(ctx, &recall.Recall{ID: id, State: recall.Running, Drafted: recall.Step{By: ID(t), At: now.Add(-time.Hour)}}))
	n, err := s.AddItems(ctx, id, []account.ID{a.ID, b.ID, a.ID})
	if err != nil || n != 2 {
		t.Errorf("AddItems: %d, %v; want each account once", n, err)
	}
	n, err = s.AddItems(ctx, id, []account.ID{b.ID})
	if err != nil || n != 0 {
		t.Errorf("AddItems again: %d, %v; want none", n, err)
	}
}
