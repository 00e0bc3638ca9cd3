package confirm_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/storagetest"
)

// colleague is another operator of the same centre.
func (w *window) colleague(t *testing.T, where string) confirm.Operator {
	t.Helper()
	a := w.Create(t, w.Standard(t))
	if err := w.SaveMember(t.Context(), &centre.Member{Account: a.ID, Centre: where, Role: centre.Operator, Window: "4", Active: true}); err != nil {
		t.Fatal(err)
	}
	return confirm.Operator{Account: a.ID, Session: "s2", Request: "TEST-0002"}
}

func (w *window) visitFor(t *testing.T, why confirm.VisitReason) *confirm.Visit {
	t.Helper()
	v, err := w.desk.Open(t.Context(), w.op, w.citizen.ID, why)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func seen() confirm.Comparison { return confirm.Comparison{Face: true, Genuine: true} }

func TestRisksOfAnAct(t *testing.T) {
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	today, day := civil.DateOf(now), 24*time.Hour
	was := func(f func(*account.Account)) *account.Account {
		a := &account.Account{Created: now.Add(-400 * day)}
		a.Profile.Person.BirthDate = civil.MustDate(1980, 1, 1)
		a.Profile.Contacts = []account.Contact{{Kind: account.Phone, Value: "+79000000001", Proved: now.Add(-400 * day)}}
		f(a)
		return a
	}
	calm := func(*account.Account) {}
	rules := confirm.RiskRules{Fresh: 7 * day, Age: 80}
	for _, test := range []struct {
		name  string
		rules confirm.RiskRules
		why   confirm.VisitReason
		a     *account.Account
		want  []confirm.Risk
	}{
		{"nothing", rules, confirm.ToConfirm, was(calm), nil},
		{"a contact of six days", rules, confirm.ToConfirm, was(func(a *account.Account) { a.Profile.Contacts[0].Proved = now.Add(-6 * day) }), []confirm.Risk{confirm.FreshContact}},
		{"a contact of seven days", rules, confirm.ToConfirm, was(func(a *account.Account) { a.Profile.Contacts[0].Proved = now.Add(-7 * day) }), nil},
		{"the contact the account began with", rules, confirm.ToConfirm, was(func(a *account.Account) {
			a.Created, a.Profile.Contacts[0].Proved = now.Add(-day), now.Add(-day).Add(time.Minute)
		}), nil},
		{"restricted", rules, confirm.ToConfirm, was(func(a *account.Account) { a.RestrictedUntil = now.Add(time.Hour) }), []confirm.Risk{confirm.FreshAccess}},
		{"restored yesterday", rules, confirm.ToHandCode, was(func(a *account.Account) { a.Credential.Restored.At = now.Add(-day) }), []confirm.Risk{confirm.FreshAccess}},
		{"restoring", rules, confirm.ToRestore, was(calm), []confirm.Risk{confirm.FreshAccess}},
		{"eighty today", rules, confirm.ToConfirm, was(func(a *account.Account) { a.Profile.Person.BirthDate = civil.MustDate(1946, 11, 21) }), []confirm.Risk{confirm.GreatAge}},
		{"eighty tomorrow", rules, confirm.ToConfirm, was(func(a *account.Account) { a.Profile.Person.BirthDate = civil.MustDate(1946, 11, 22) }), nil},
		{"deleting", rules, confirm.ToDelete, was(calm), []confirm.Risk{confirm.CannotBeUndone}},
		{"deleting, one is enough elsewhere", confirm.RiskRules{Off: true}, confirm.ToDelete, was(calm), []confirm.Risk{confirm.CannotBeUndone}},
		{"restoring, one is enough", confirm.RiskRules{Fresh: 7 * day, Age: 80, Off: true}, confirm.ToRestore, was(calm), nil},
		{"never by age", confirm.RiskRules{Fresh: 7 * day, Age: -1}, confirm.ToConfirm, was(func(a *account.Account) { a.Profile.Person.BirthDate = civil.MustDate(1926, 1, 1) }), nil},
	} {
		if got := test.rules.Risks(test.a, test.why, now, now, today); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestARiskyConfirmationWaitsForAColleagueWhoLooksToo(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		w.change(t, func(a *account.Account) { a.RestrictedUntil = w.Clock.Now().Add(72 * time.Hour) })
		v := w.visit(t)
		for range 2 { // the second finds it so
			got, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed())
			if err != nil || got.Outcome != confirm.VisitWaiting || !slices.Equal(got.Risks, []confirm.Risk{confirm.FreshAccess}) {
				t.Fatalf("Settle = %+v, %v", got, err)
			}
		}
		if a := w.now(t); len(a.Confirmations) != 0 || len(w.told) != 0 {
			t.Fatalf("something happened while waiting: %v, %d messages", a.Confirmations, len(w.told))
		}
		if got := w.events(t, audit.OperatorAsked); len(got) != 1 || got[0].Detail["risks"] != "restored" {
			t.Errorf("recorded %+v", got)
		}
		if _, err := w.desk.Second(t.Context(), w.op, v.ID, true, seen()); !errors.Is(err, confirm.ErrNoVisit) {
			t.Errorf("the same operator: %v", err)
		}
		if err := s.SaveCentre(t.Context(), &centre.Centre{ID: "77-099"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.Second(t.Context(), w.colleague(t, "77-099"), v.ID, true, seen()); !errors.Is(err, confirm.ErrNoVisit) {
			t.Errorf("an operator of another centre: %v", err)
		}
		other := w.colleague(t, "77-014")
		var wrong fault.Fields
		if _, err := w.desk.Second(t.Context(), other, v.ID, true, confirm.Comparison{Face: true}); !errors.As(err, &wrong) || wrong.Code("genuine") == "" {
			t.Errorf("without looking: %v", err)
		}
		errs := make(chan error, 4)
		for range 4 {
			go func() {
				done, err := w.desk.Second(t.Context(), other, v.ID, true, seen())
				if err == nil && (done.Outcome != confirm.VisitConfirmed || done.Second != other.Account) {
					err = errors.New(done.Outcome)
				}
				errs <- err
			}()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		a := w.now(t)
		if len(a.Confirmations) != 1 || a.Confirmations[0].Operator != w.op.Account || a.Confirmations[0].Second != other.Account || a.Assurance(w.Clock.Now()).Level != account.Verified {
			t.Errorf("account stands at %s with %+v", a.Assurance(w.Clock.Now()).Level, a.Confirmations)
		}
	})
}

func TestAColleagueMaySayNo(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visitFor(t, confirm.ToDelete)
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
		t.Fatal(err)
	}
	other := w.colleague(t, "77-014")
	got, err := w.desk.Second(t.Context(), other, v.ID, false, confirm.Comparison{})
	if err != nil || got.Outcome != confirm.VisitRefused || got.Second != other.Account {
		t.Fatalf("Second = %+v, %v", got, err)
	}
	if _, err := w.Account(t.Context(), w.citizen.ID); err != nil {
		t.Errorf("the account: %v", err)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.Is(err, confirm.ErrVisitClosed) {
		t.Errorf("Settle after it: %v", err)
	}
}

func TestAccessIsGivenBackToAPhoneProvedAtTheWindow(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.change(t, func(a *account.Account) {
		a.Credential.TOTP = &account.TOTP{Secret: "JBSWY3DPEHPK3PXP"}
		a.Locks.Frozen = w.Clock.Now()
		a.Lock = account.Lock{Since: w.Clock.Now(), Until: w.Clock.Now().Add(time.Hour)}
	})
	before := w.now(t)
	v := w.visitFor(t, confirm.ToRestore)
	var wrong fault.Fields
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.As(err, &wrong) || wrong.Code("tel") != "tel.unproved" {
		t.Fatalf("without a phone: %v", err)
	}
	if _, err := w.desk.SendPhoneCode(t.Context(), w.op, v.ID, "12"); !errors.As(err, &wrong) || wrong.Code("tel") == "" {
		t.Errorf("a number that is none: %v", err)
	}
	sent, err := w.desk.SendPhoneCode(t.Context(), w.op, v.ID, "+7 900 123-45-67")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.EnterPhoneCode(t.Context(), w.op, v.ID, other(sent.Phone.Code)); !errors.Is(err, contact.ErrCode) {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := w.desk.EnterPhoneCode(t.Context(), w.op, v.ID, sent.Phone.Code); err != nil {
		t.Fatal(err)
	}
	if got, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil || got.Outcome != confirm.VisitWaiting {
		t.Fatalf("Settle = %+v, %v", got, err)
	}
	w.told = nil
	if got, err := w.desk.Second(t.Context(), w.colleague(t, "77-014"), v.ID, true, seen()); err != nil || got.Outcome != confirm.VisitRestored {
		t.Fatalf("Second = %+v, %v", got, err)
	}
	a := w.now(t)
	phone, _ := a.Profile.Contact(account.Phone)
	if phone.Value != "+79001234567" || a.Credential.TOTP != nil || !a.Lock.Since.IsZero() || !a.Locks.Frozen.IsZero() || a.Epoch <= before.Epoch {
		t.Errorf("phone %v, lock %v, epoch %d", phone, a.Lock, a.Epoch)
	}
	if _, ok := a.Profile.Contact(account.Email); !ok {
		t.Error("the mailbox went too")
	}
	if !a.Credential.Restored.Covers(phone, w.Clock.Now()) || a.Credential.Restored.Covers(phone, w.Clock.Now().Add(account.RestorationLife)) {
		t.Error("the phone opens the account for three days and no longer")
	}
	old, _ := before.Profile.Contact(account.Phone)
	var to []string
	for _, m := range w.told {
		to = append(to, m.To)
	}
	for _, want := range []string{old.Value, "+79001234567", "anna@example.org"} {
		if !slices.Contains(to, want) {
			t.Errorf("told %q, and not %s", to, want)
		}
	}
}

func other(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func TestAnActivationCodeConfirmsAtHomeAsOfTheVisit(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		first, err := w.desk.Settle(t.Context(), w.op, w.visitFor(t, confirm.ToHandCode).ID, w.agreed())
		if err != nil || first.Outcome != confirm.VisitHanded || first.Code == "" {
			t.Fatalf("Settle = %+v, %v", first, err)
		}
		if a := w.now(t); a.Level != account.Standard {
			t.Errorf("handed over: %s already", a.Level)
		}
		w.Clock.Advance(time.Minute)
		second, err := w.desk.Settle(t.Context(), w.op, w.visitFor(t, confirm.ToHandCode).ID, w.agreed())
		if err != nil {
			t.Fatal(err)
		}
		var spent *confirm.WrongCodeError
		if _, err := w.desk.Activate(t.Context(), w.citizen.ID, first.Code); !errors.As(err, &spent) || spent.Left != 4 {
			t.Errorf("the code of the envelope before: %v", err)
		}
		var wrong fault.Fields
		if _, err := w.desk.Activate(t.Context(), w.citizen.ID, "nonsense"); !errors.As(err, &wrong) {
			t.Errorf("what is no code: %v", err)
		}
		errs := make(chan error, 4)
		for range 4 {
			go func() { _, err := w.desk.Activate(t.Context(), w.citizen.ID, second.Code); errs <- err }()
		}
		won := 0
		for range 4 {
			if err := <-errs; err == nil {
				won++
			} else if !errors.Is(err, confirm.ErrNoEnvelope) {
				t.Error(err)
			}
		}
		a := w.now(t)
		if won != 1 || len(a.Confirmations) != 1 || a.Confirmations[0].Method != account.ServiceCenter || a.Confirmations[0].Centre != "77-014" || a.Confirmations[0].Operator != w.op.Account {
			t.Errorf("%d entered it, account has %+v", won, a.Confirmations)
		}
	})
}

func TestActivationCodeEndsAfterFiveWrongOnesAndAfterItsTime(t *testing.T) {
	w := open(t, storagetest.New(t))
	hand := func() string {
		v, err := w.desk.Settle(t.Context(), w.op, w.visitFor(t, confirm.ToHandCode).ID, w.agreed())
		if err != nil {
			t.Fatal(err)
		}
		return v.Code
	}
	alien := hand()
	w.Clock.Advance(time.Minute)
	right := hand()
	for range 5 {
		if _, err := w.desk.Activate(t.Context(), w.citizen.ID, alien); err == nil {
			t.Fatal("a wrong code")
		}
	}
	if _, err := w.desk.Activate(t.Context(), w.citizen.ID, right); !errors.Is(err, confirm.ErrNoEnvelope) {
		t.Errorf("after five wrong ones: %v", err)
	}
	w.Clock.Advance(time.Minute)
	right = hand()
	w.Clock.Advance(confirm.EnvelopeLife)
	if _, err := w.desk.Activate(t.Context(), w.citizen.ID, right); !errors.Is(err, confirm.ErrNoEnvelope) {
		t.Errorf("after its time: %v", err)
	}
}

func TestAnAccountIsErasedByTwoAndItsContactsAreFreeAgain(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		v := w.visitFor(t, confirm.ToDelete)
		if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
			t.Fatal(err)
		}
		w.told = nil
		if _, err := w.desk.Second(t.Context(), w.colleague(t, "77-014"), v.ID, true, seen()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Account(t.Context(), w.citizen.ID); !errors.Is(err, fault.NotFound) {
			t.Errorf("the account: %v", err)
		}
		if _, err := w.Visit(t.Context(), v.ID); !errors.Is(err, fault.NotFound) {
			t.Errorf("the visit: %v", err)
		}
		if len(w.told) != 2 {
			t.Errorf("%d messages, want one to each contact", len(w.told))
		}
		again := w.Standard(t)
		again.Profile.Contacts = w.citizen.Profile.Contacts
		again.Profile.Person = w.citizen.Profile.Person
		w.Create(t, again)
		if got, err := w.FindAccount(t.Context(), account.BySNILS, w.citizen.Profile.Person.SNILS.String()); err != nil || got.ID != again.ID {
			t.Errorf("the SNILS: %v, %v", got, err)
		}
	})
}
