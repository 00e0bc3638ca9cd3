package confirm_test

import (
	"errors"
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
	w.refusedBy(t, w.visit(t), confirm.NotStandard)
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
