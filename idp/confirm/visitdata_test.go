package confirm_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
)

// bureaus are registries that agree, unless they have something against a field.
type bureaus struct{ against []string }

func (b *bureaus) Ask(context.Context, string, account.Person) (registry.Answer, error) {
	if len(b.against) > 0 {
		return registry.Answer{Verdict: registry.RefusedBy, Fields: b.against}, nil
	}
	return registry.Answer{Verdict: registry.AgreedWith}, nil
}

func (b *bureaus) Poll(ctx context.Context, id string) (registry.Answer, error) {
	return b.Ask(ctx, id, account.Person{})
}

// answer lets the registries answer the last application of an account, and does what follows.
func (w *window) answer(t *testing.T, id account.ID) {
	t.Helper()
	app, err := w.LastApplication(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{registry.JobPension, registry.JobInterior} {
		if err := w.registry.Handlers()[kind](t.Context(), app.ID); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // jobs run at least once
		if err := w.desk.Handlers()[confirm.JobVisitChecked](t.Context(), app.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// comparing is a comparison of this data in which everything agrees.
func comparing(p account.Person) confirm.Comparison {
	c := confirm.Comparison{Same: map[string]bool{}, Face: true, Genuine: true}
	for _, f := range confirm.Compared(p) {
		c.Same[f] = true
	}
	return c
}

func TestDataOfANewDocumentIsCheckedAndThenConfirmed(t *testing.T) {
	w := open(t, storagetest.New(t))
	fresh := w.now(t).Profile.Person
	d := *fresh.Document
	d.Number, d.Issuer = "4599123456", "Отделом внутренних дел"
	fresh.Document = &d
	v := w.visitFor(t, confirm.ToCorrect)
	var wrong fault.Fields
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.As(err, &wrong) || wrong.Code("document-number") == "" {
		t.Fatalf("before the data was taken down: %v", err)
	}
	alien := fresh
	alien.SNILS = storagetest.SNILS(t)
	if _, err := w.desk.Take(t.Context(), w.op, v.ID, alien); !errors.As(err, &wrong) || wrong.Code("snils") != "snils.other" {
		t.Errorf("another person's data: %v", err)
	}
	if _, err := w.desk.Take(t.Context(), w.op, v.ID, fresh); err != nil {
		t.Fatal(err)
	}
	if got, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(fresh)); err != nil || got.Outcome != confirm.VisitChecking {
		t.Fatalf("Settle = %+v, %v", got, err)
	}
	if a := w.now(t); a.Profile.Person.Document.Number == d.Number || a.Level != account.Standard {
		t.Errorf("the data changed before the verdict, level %s", a.Level)
	}
	w.answer(t, w.citizen.ID)
	a := w.now(t)
	if a.Profile.Person.Document.Number != d.Number || a.Level != account.Verified || len(a.Confirmations) != 1 || a.Confirmations[0].Operator != w.op.Account {
		t.Errorf("after it: %s with %+v", a.Level, a.Confirmations)
	}
	if got, err := w.Visit(t.Context(), v.ID); err != nil || got.Outcome != confirm.VisitConfirmed {
		t.Errorf("the visit: %+v, %v", got, err)
	}
	if got := w.events(t, audit.Confirmed); len(got) != 1 {
		t.Errorf("%d events", len(got))
	}
}

func TestDataThatTheRegistriesRefuseChangesNothing(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visitFor(t, confirm.ToCorrect)
	fresh := w.now(t).Profile.Person
	d := *fresh.Document
	d.Number = "4599123456"
	fresh.Document = &d
	if _, err := w.desk.Take(t.Context(), w.op, v.ID, fresh); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(fresh)); err != nil {
		t.Fatal(err)
	}
	w.bureaus.against = []string{"document_number"}
	w.answer(t, w.citizen.ID)
	got, err := w.Visit(t.Context(), v.ID)
	if err != nil || got.Outcome != confirm.VisitRefused || !slices.Contains(got.Mismatch, "document_number") {
		t.Errorf("the visit: %+v, %v", got, err)
	}
	if a := w.now(t); a.Level != account.Standard || a.Profile.Person.Document.Number == d.Number {
		t.Errorf("the account: %s, %v", a.Level, a.Profile.Person.Document.Mask())
	}
}

func newcomer(t *testing.T) confirm.Newcomer {
	return confirm.Newcomer{Person: storagetest.Person(t), Lang: "ru"}
}

func TestSomebodyIsRegisteredOnTheSpotStraightToVerified(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		n := newcomer(t)
		v, err := w.desk.RegisterHere(t.Context(), w.op, n)
		if err != nil {
			t.Fatal(err)
		}
		var wrong fault.Fields
		if _, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(n.Person)); !errors.As(err, &wrong) || wrong.Code("tel") != "tel.unproved" {
			t.Fatalf("before the phone: %v", err)
		}
		sent, err := w.desk.SendPhoneCode(t.Context(), w.op, v.ID, "+79005556677")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.EnterPhoneCode(t.Context(), w.op, v.ID, sent.Phone.Code); err != nil {
			t.Fatal(err)
		}
		if got, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(n.Person)); err != nil || got.Outcome != confirm.VisitChecking {
			t.Fatalf("Settle = %+v, %v", got, err)
		}
		w.answer(t, v.Account)
		a, err := w.Account(t.Context(), v.Account)
		if err != nil || a.Level != account.Verified || a.Credential.Password != "" || a.Profile.Processing.Version == "" {
			t.Fatalf("%+v, %v", a, err)
		}
		if by, err := w.FindAccount(t.Context(), account.ByPhone, "+79005556677"); err != nil || by.ID != v.Account {
			t.Errorf("the phone leads to %v, %v", by, err)
		}
		// The end of the visit's time changes nothing any more.
		w.Clock.Advance(confirm.VisitLife)
		if err := w.desk.Handlers()[confirm.JobVisitOver](t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Account(t.Context(), v.Account); err != nil {
			t.Errorf("the account: %v", err)
		}
	})
}

func TestRegistrationThatIsNotFinishedLeavesNothing(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		v, err := w.desk.RegisterHere(t.Context(), w.op, newcomer(t))
		if err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(confirm.VisitLife)
		for range 2 {
			if err := w.desk.Handlers()[confirm.JobVisitOver](t.Context(), v.ID); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Account(t.Context(), v.Account); !errors.Is(err, fault.NotFound) {
			t.Errorf("the account: %v", err)
		}
	})
}

func TestNobodyRegistersThemselvesOrWithATakenPhone(t *testing.T) {
	w := open(t, storagetest.New(t))
	n := newcomer(t)
	n.Person.SNILS = w.mine.Profile.Person.SNILS
	if _, err := w.desk.RegisterHere(t.Context(), w.op, n); !errors.Is(err, confirm.OwnAccount) {
		t.Errorf("the operator's own: %v", err)
	}
	n = newcomer(t)
	n.Person.Document = nil
	var wrong fault.Fields
	if _, err := w.desk.RegisterHere(t.Context(), w.op, n); !errors.As(err, &wrong) {
		t.Errorf("without a document: %v", err)
	}
	n = newcomer(t)
	v, err := w.desk.RegisterHere(t.Context(), w.op, n)
	if err != nil {
		t.Fatal(err)
	}
	taken, _ := w.citizen.Profile.Contact(account.Phone)
	sent, err := w.desk.SendPhoneCode(t.Context(), w.op, v.ID, taken.Value)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.EnterPhoneCode(t.Context(), w.op, v.ID, sent.Phone.Code); err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(n.Person)); !errors.As(err, &wrong) || wrong.Code("tel") != "tel.taken" {
		t.Errorf("a taken phone: %v", err)
	}
	if got, err := w.Visit(t.Context(), v.ID); err != nil || got.Outcome != "" {
		t.Errorf("the visit: %+v, %v", got, err)
	}
}

// corrected is a visit that waits for the registries, and the data it asked them about.
func (w *window) corrected(t *testing.T) (*confirm.Visit, account.Person) {
	t.Helper()
	p := w.now(t).Profile.Person
	d := *p.Document
	d.Number, p.Document = "4599123456", &d
	v := w.visitFor(t, confirm.ToCorrect)
	if _, err := w.desk.Take(t.Context(), w.op, v.ID, p); err != nil {
		t.Fatal(err)
	}
	v, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(p))
	if err != nil || v.Outcome != confirm.VisitChecking {
		t.Fatalf("Settle = %+v, %v", v, err)
	}
	return v, p
}

func TestWhatIsCheckedLaterIsConfirmedAsOfTheVisit(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.corrected(t)
	at := w.Clock.Now()
	w.Clock.Advance(26 * time.Hour)
	w.answer(t, w.citizen.ID)
	if a := w.now(t); len(a.Confirmations) != 1 || !a.Confirmations[0].At.Equal(at) {
		t.Errorf("confirmed %+v, want as of %v", a.Confirmations, at)
	}
}

func TestNobodyIsConfirmedByTheWordOfAnOperatorWhoWasStopped(t *testing.T) {
	w := open(t, storagetest.New(t))
	v, _ := w.corrected(t)
	w.employ(t, centre.Operator, false)
	w.answer(t, w.citizen.ID)
	if a := w.now(t); len(a.Confirmations) != 0 || a.Level != account.Standard {
		t.Errorf("%s with %+v", a.Level, a.Confirmations)
	}
	if got, err := w.Visit(t.Context(), v.ID); err != nil || got.Outcome != confirm.VisitRefused || !slices.Equal(got.Mismatch, []string{"operator"}) {
		t.Errorf("the visit: %+v, %v", got, err)
	}
}

func TestAnApplicationOfTheCitizensOwnEndsTheVisitsOne(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		v, p := w.corrected(t)
		first, err := w.LastApplication(t.Context(), w.citizen.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.Clock.Advance(time.Minute)
		later := w.visit(t) // a newer visit of the account is not the one that asked
		own := &registry.Application{ID: rand.Text(), Account: w.citizen.ID, Person: p, State: registry.Running, Filed: w.Clock.Now()}
		before, err := w.DB.OpenJobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := w.FileApplication(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		if after, err := w.DB.OpenJobs(t.Context()); err != nil || after != before+1 {
			t.Errorf("%d jobs before and %d after, %v; want one more, for the visit", before, after, err)
		}
		if err := w.desk.Handlers()[confirm.JobVisitChecked](t.Context(), first.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := w.Visit(t.Context(), v.ID); err != nil || got.Outcome != confirm.VisitRefused {
			t.Errorf("the visit: %+v, %v", got, err)
		}
		if got, err := w.Visit(t.Context(), later.ID); err != nil || got.Outcome != "" {
			t.Errorf("the newer visit: %+v, %v", got, err)
		}
	})
}
