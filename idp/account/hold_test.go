package account

import (
	"errors"
	"slices"
	"testing"

	"github.com/propusk/propusk/idp/fault"
)

func TestHeldConfirmationCountsForNothingUntilEachHolderReleasesIt(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "bank", Method: Bank, At: noon})
	for _, by := range []string{"recall:1", "citizen", "recall:1"} {
		if err := a.Hold("bank", by, noon); err != nil {
			t.Fatal(err)
		}
	}
	if a.Level != Standard || a.Epoch != 1 || len(a.Assurance(noon).Confirmations) != 0 {
		t.Fatalf("held: %s, epoch %d; want standard and one fall", a.Level, a.Epoch)
	}
	if a.Release("bank", "recall:1", noon) || a.Level != Standard {
		t.Errorf("released by one of two: %s", a.Level)
	}
	if a.Release("bank", "nobody", noon) {
		t.Error("released by who does not hold it")
	}
	if !a.Release("bank", "citizen", noon) || a.Level != Verified || a.Epoch != 1 {
		t.Errorf("released by both: %s, epoch %d; want verified and no fall", a.Level, a.Epoch)
	}
	if err := a.Hold("letter", "recall:1", noon); !errors.Is(err, fault.NotFound) {
		t.Errorf("holding what is not there: %v", err)
	}
}

func TestHeldConfirmationOfOneMethodLeavesTheOthers(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "letter", Method: MailCode})
	_ = a.Confirm(Confirmation{ID: "visit", Method: ServiceCenter})
	_ = a.Hold("visit", "recall:1", noon)
	if got := a.Assurance(noon); a.Level != Verified || a.Epoch != 1 || len(got.Confirmations) != 1 || got.Confirmations[0].ID != "letter" {
		t.Errorf("%s with %v, epoch %d", a.Level, got.Confirmations, a.Epoch)
	}
}

func TestConfirmingAnewTakesTheHeldOnesPlace(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "old", Method: Bank})
	_ = a.Hold("old", "recall:1", noon)
	_ = a.Confirm(Confirmation{ID: "new", Method: Bank})
	if a.Release("old", "recall:1", noon) || a.Level != Verified || len(a.Confirmations) != 1 {
		t.Errorf("%s with %v", a.Level, a.Confirmations)
	}
}

func TestWaitingConfirmationChangesNothingUntilItCounts(t *testing.T) {
	a := standard(t)
	_ = a.Confirm(Confirmation{ID: "old", Method: Bank, At: noon})
	if err := a.HoldNew(Confirmation{ID: "new", Method: Bank, At: noon}, "wait"); err != nil {
		t.Fatal(err)
	}
	if got := a.Assurance(noon); a.Epoch != 0 || len(got.Confirmations) != 1 || got.Confirmations[0].ID != "old" {
		t.Fatalf("while it waits: epoch %d, %v", a.Epoch, got.Confirmations)
	}
	later := noon.AddDate(0, 0, 1)
	if a.Count("new", "recall:1", later) {
		t.Error("counted by who does not hold it")
	}
	if !a.Count("new", "wait", later) || a.Epoch != 0 || len(a.Confirmations) != 1 || a.Confirmations[0].ID != "new" {
		t.Errorf("counted: epoch %d, %v; want the new one in the old one's place", a.Epoch, a.Confirmations)
	}
	if err := (&Account{Standing: Standing{Level: Simplified}}).HoldNew(Confirmation{ID: "c", Method: Bank}, "wait"); !errors.Is(err, ErrNotStandard) {
		t.Errorf("on a simplified account: %v", err)
	}
}

func TestWaitingConfirmationIsDroppedWithoutAFall(t *testing.T) {
	a := standard(t)
	_ = a.HoldNew(Confirmation{ID: "new", Method: MailCode}, "wait")
	a.Drop("new", "recall:1")
	if len(a.Confirmations) != 1 {
		t.Error("dropped by who does not hold it")
	}
	a.Drop("new", "wait")
	if len(a.Confirmations) != 0 || len(a.Profile.Confirmed) != 0 || a.Level != Standard || a.Epoch != 0 {
		t.Errorf("dropped: %v, %s, epoch %d", a.Confirmations, a.Level, a.Epoch)
	}
	if a.Count("new", "wait", noon) {
		t.Error("what was dropped counts")
	}
}

func TestWaitingConfirmationOfAnotherPersonNeverCounts(t *testing.T) {
	a := standard(t)
	_ = a.HoldNew(Confirmation{ID: "new", Method: Bank}, "wait")
	if fell := a.Agree(person(t, "087-654-303 00", 1990), noon); fell {
		t.Error("data of another person is a fall for what did not count")
	}
	if a.Count("new", "wait", noon) || a.Level != Standard {
		t.Errorf("counts for another person: %s", a.Level)
	}
}

func TestWaitingConfirmationThatARecallHoldsWaitsForItToo(t *testing.T) {
	a := standard(t)
	_ = a.HoldNew(Confirmation{ID: "new", Method: Bank}, "wait")
	_ = a.Hold("new", "recall:1", noon)
	if a.Count("new", "wait", noon) || a.Level != Standard {
		t.Error("counts although a recall holds it")
	}
	if !a.Release("new", "recall:1", noon) || a.Level != Verified {
		t.Error("does not count when the recall is undone")
	}
}

func TestLocksForbidEverythingButTheVisit(t *testing.T) {
	for _, test := range []struct {
		locks Locks
		want  []Method // that are forbidden
	}{
		{Locks{}, nil},
		{Locks{Wait: 1}, nil},
		{Locks{Never: []Method{Bank, ServiceCenter}}, []Method{Bank}},
		{Locks{Frozen: noon}, []Method{QualifiedSignature, ElectronicCard, Bank, MailCode}},
	} {
		var got []Method
		for _, m := range Methods() {
			if test.locks.Forbids(m) {
				got = append(got, m)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v forbids %v, want %v", test.locks, got, test.want)
		}
	}
}
