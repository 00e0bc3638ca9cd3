package account

import (
	"errors"
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
