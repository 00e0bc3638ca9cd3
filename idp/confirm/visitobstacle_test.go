package confirm_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
)

// Who may decide on whom, and what stands in the way.

func TestNobodyConfirmsTheirOwnAccount(t *testing.T) {
	w := open(t, storagetest.New(t))
	v, err := w.desk.Open(t.Context(), w.op, w.op.Account, confirm.ToRestore)
	if err != nil {
		t.Fatal(err)
	}
	w.refusedBy(t, v, confirm.OwnAccount)
	if got := w.events(t, audit.OperatorOpened); len(got) != 1 || got[0].Detail["obstacle"] != "own" {
		t.Errorf("opening recorded as %+v", got)
	}
}

func TestASecondAccountOfTheOperatorIsTheirOwn(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.change(t, func(a *account.Account) { a.Profile.Checked = time.Time{}; a.Level = account.Simplified })
	if _, err := w.ChangeAccount(t.Context(), w.citizen.ID, func(a *account.Account) error {
		a.Profile.Person.SNILS = w.mine.Profile.Person.SNILS
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.refusedBy(t, w.visit(t), confirm.OwnAccount)
}

func TestNobodyConfirmsAnAccountThatSharesTheirContact(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.change(t, func(a *account.Account) {
		a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: "olga+home@example.org"})
	})
	w.refusedBy(t, w.visit(t), confirm.SharesContact)
}

// refusedBy wants an obstacle between operator and account: nothing shown, nothing decided.
func (w *window) refusedBy(t *testing.T, v *confirm.Visit, o confirm.Obstacle) {
	t.Helper()
	one, err := w.desk.Case(t.Context(), w.op, v.ID)
	if err != nil || one.Obstacle != o || o.Partial() != (one.Account == nil) {
		t.Errorf("Case = %+v, %v, want the obstacle %s", one, err, o)
	}
	_, err = w.desk.Settle(t.Context(), w.op, v.ID, w.agreed())
	var got confirm.Obstacle
	if !errors.As(err, &got) || got != o || !errors.Is(err, fault.Denied) {
		t.Errorf("Confirm: %v, want %s", err, o)
	}
	if _, err := w.desk.Refuse(t.Context(), w.op, v.ID, nil); o.Partial() && !errors.Is(err, o) {
		t.Errorf("Refuse: %v, want %s", err, o)
	}
	if len(w.told) != 0 || len(w.events(t, audit.Confirmed)) != 0 {
		t.Errorf("told %v", w.told)
	}
}

func TestLevelBelowStandardCannotBeConfirmed(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.change(t, func(a *account.Account) {
		if err := a.Lower(account.Simplified, w.Clock.Now()); err != nil {
			t.Error(err)
		}
	})
	w.refusedBy(t, w.visit(t), confirm.Lowered)
	w.change(t, func(a *account.Account) { a.Profile.Person.Document, a.Profile.Person.SNILS = nil, civil.SNILS{} })
	w.refusedBy(t, w.visit(t), confirm.NotStandard)
}

func (w *window) obstacle(t *testing.T, why confirm.VisitReason) confirm.Obstacle {
	t.Helper()
	one, err := w.desk.Case(t.Context(), w.op, w.visitFor(t, why).ID)
	if err != nil {
		t.Fatal(err)
	}
	return one.Obstacle
}

func TestAnAccountThatWasTakenDownIsFoundAndPutRightAtTheWindow(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		w.change(t, func(a *account.Account) {
			if err := a.Lower(account.Simplified, w.Clock.Now()); err != nil {
				t.Error(err)
			}
		})
		p := w.now(t).Profile.Person
		var why confirm.VisitReason = confirm.ToCorrect
		if found, err := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, why); err != nil || found.Account != w.citizen.ID {
			t.Fatalf("Find = %+v, %v", found, err)
		}
		if _, err := w.desk.Find(t.Context(), w.op, p.SNILS, "4500000000", why); !errors.Is(err, confirm.ErrNobody) {
			t.Errorf("by another document: %v", err)
		}
		for why, want := range map[confirm.VisitReason]confirm.Obstacle{
			confirm.ToConfirm: confirm.Lowered, confirm.ToHandCode: confirm.Lowered,
			confirm.ToCorrect: "", confirm.ToRestore: "", confirm.ToDelete: "",
		} {
			if got := w.obstacle(t, why); got != want {
				t.Errorf("%s: the obstacle %q, want %q", why, got, want)
			}
		}
		d := *p.Document
		d.Number, p.Document = "4599123456", &d
		v := w.visitFor(t, why)
		if _, err := w.desk.Take(t.Context(), w.op, v.ID, p); err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.Settle(t.Context(), w.op, v.ID, comparing(p)); err != nil {
			t.Fatal(err)
		}
		w.answer(t, w.citizen.ID)
		if a := w.now(t); a.Level != account.Verified || a.Profile.Person.Document.Number != d.Number {
			t.Errorf("%s with the document %s", a.Level, a.Profile.Person.Document.Mask())
		}
	})
}

func TestOfTwoUncheckedAccountsWithOnePersonsNumbersNoneIsFound(t *testing.T) {
	w := open(t, storagetest.New(t))
	lower := func(a *account.Account) { a.Profile.Checked, a.Level = time.Time{}, account.Simplified }
	w.change(t, lower)
	p := w.now(t).Profile.Person
	second := w.Standard(t)
	lower(second)
	second.Profile.Person = p
	w.Create(t, second)
	if found, err := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, confirm.ToCorrect); !errors.Is(err, confirm.ErrNobody) {
		t.Errorf("Find = %+v, %v", found, err)
	}
}

func TestNoWindowTakesOverTheAccountOfStaff(t *testing.T) {
	w := open(t, storagetest.New(t))
	other := w.colleague(t, "77-014")
	all := map[confirm.VisitReason]confirm.Obstacle{
		confirm.ToRestore: confirm.Staff, confirm.ToDelete: confirm.Staff, confirm.ToConfirm: "", confirm.ToCorrect: "",
	}
	w.citizen.ID = other.Account
	for why, want := range all {
		if got := w.obstacle(t, why); got != want {
			t.Errorf("%s: the obstacle %q, want %q", why, got, want)
		}
	}
	v := w.visitFor(t, confirm.ToDelete)
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.Is(err, confirm.Staff) {
		t.Errorf("Settle: %v", err)
	}
	if err := w.SaveMember(t.Context(), &centre.Member{Account: other.Account, Centre: "77-014", Role: centre.Operator}); err != nil {
		t.Fatal(err)
	}
	if got := w.obstacle(t, confirm.ToDelete); got != "" {
		t.Errorf("once the membership has ended: the obstacle %q", got)
	}
}

func TestWhoSearchesInVainTooOftenWaits(t *testing.T) {
	w := open(t, storagetest.New(t))
	p := w.now(t).Profile.Person
	for range 30 { // whom they find costs nothing
		if _, err := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, confirm.ToConfirm); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 20 {
		var err error
		if n%2 == 0 {
			_, err = w.desk.FindByCode(t.Context(), w.op, fmt.Sprintf("%08d", n), confirm.ToConfirm)
		} else {
			_, err = w.desk.Find(t.Context(), w.op, p.SNILS, "4500000000", confirm.ToConfirm)
		}
		if !errors.Is(err, fault.NotFound) {
			t.Fatalf("search %d: %v", n, err)
		}
	}
	c, err := w.desk.Codes.New(t.Context(), w.citizen.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.FindByCode(t.Context(), w.op, c.Code, confirm.ToConfirm); !errors.Is(err, fault.Limited) {
		t.Errorf("by a code: %v", err)
	}
	if _, err := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, confirm.ToConfirm); !errors.Is(err, fault.Limited) {
		t.Errorf("by numbers: %v", err)
	}
	if got := w.events(t, audit.OperatorSearched); len(got) != 52 || got[0].Detail["result"] != "limited" {
		t.Errorf("%d searches recorded, the last %+v", len(got), got[0])
	}
	if _, err := w.desk.FindByCode(t.Context(), w.colleague(t, "77-014"), c.Code, confirm.ToConfirm); err != nil {
		t.Errorf("a colleague: %v", err)
	}
	w.Clock.Advance(time.Hour)
	if _, err := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, confirm.ToConfirm); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestWhileDataIsCheckedNothingIsConfirmed(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	changed := w.citizen.Profile.Person
	changed.BirthPlace = "г. Тула"
	err := w.FileApplication(t.Context(), &registry.Application{ID: "a1", Account: w.citizen.ID, Person: changed, State: registry.Running, Filed: w.Clock.Now()})
	if err != nil {
		t.Fatal(err)
	}
	w.refusedBy(t, v, confirm.ChecksRunning)
}

func TestALapsedDocumentConfirmsNobody(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.Clock.Advance(6 * 365 * 24 * time.Hour) // past the 45th birthday
	w.refusedBy(t, w.visit(t), confirm.DocumentLapse)
}

func TestOnlyActiveOperatorsServe(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	all := func(t *testing.T) {
		t.Helper()
		p := w.citizen.Profile.Person
		_, find := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, confirm.ToConfirm)
		_, open := w.desk.Open(t.Context(), w.op, w.citizen.ID, confirm.ToConfirm)
		_, one := w.desk.Case(t.Context(), w.op, v.ID)
		_, done := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed())
		_, refuse := w.desk.Refuse(t.Context(), w.op, v.ID, nil)
		_, journal := w.desk.Journal(t.Context(), w.op)
		_, _, form := w.desk.Form(t.Context(), w.op, v.ID)
		for i, err := range []error{find, open, one, done, refuse, journal, form} {
			if !errors.Is(err, confirm.ErrNotStaff) || !errors.Is(err, fault.Denied) {
				t.Errorf("call %d: %v, want ErrNotStaff", i, err)
			}
		}
	}
	t.Run("an administrator", func(t *testing.T) { w.employ(t, centre.Administrator, true); all(t) })
	t.Run("one who left", func(t *testing.T) { w.employ(t, centre.Operator, false); all(t) })
	w.employ(t, centre.Operator, true)
	t.Run("a citizen", func(t *testing.T) {
		if _, err := w.desk.Serving(t.Context(), w.citizen.ID); !errors.Is(err, confirm.ErrNotStaff) {
			t.Errorf("Serving: %v", err)
		}
	})
}

func TestAVisitBelongsToItsOperator(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	other := w.Create(t, w.Standard(t))
	if err := w.SaveMember(t.Context(), &centre.Member{Account: other.ID, Centre: "77-014", Role: centre.Operator, Active: true}); err != nil {
		t.Fatal(err)
	}
	op := confirm.Operator{Account: other.ID}
	if _, err := w.desk.Case(t.Context(), op, v.ID); !errors.Is(err, confirm.ErrNoVisit) {
		t.Errorf("Case: %v", err)
	}
	if _, err := w.desk.Settle(t.Context(), op, v.ID, w.agreed()); !errors.Is(err, confirm.ErrNoVisit) {
		t.Errorf("Confirm: %v", err)
	}
}

func TestTheAccountOfSomebodyWhoDiedIsServedAtNoWindow(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.change(t, func(a *account.Account) { a.Lock.Deceased = w.Clock.Now() })
	for _, why := range confirm.VisitReasons() {
		w.refusedBy(t, w.visitFor(t, why), confirm.Closed)
	}
	if a := w.now(t); a.Lock.Deceased.IsZero() || len(a.Confirmations) != 0 {
		t.Errorf("lock %+v, %d confirmations", a.Lock, len(a.Confirmations))
	}
}
