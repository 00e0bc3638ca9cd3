package confirm_test

import (
	"errors"
	"testing"

	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage/storagetest"
)

func TestVisitCodeLeadsToItsAccountOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		c, err := w.desk.Codes.New(t.Context(), w.citizen.ID)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := w.desk.Codes.Of(t.Context(), w.citizen.ID); err != nil || again.Code != c.Code || !again.Until.Equal(c.Until) {
			t.Errorf("Of = %v, %v; want %v", again, err, c)
		}
		const n = 6
		results := make(chan error, n)
		for range n {
			go func() {
				found, err := w.desk.FindByCode(t.Context(), w.op, c.Code, confirm.ToConfirm)
				if err == nil && found.Account != w.citizen.ID {
					err = errors.New("it led to somebody else")
				}
				results <- err
			}()
		}
		led := 0
		for range n {
			if err := <-results; err == nil {
				led++
			} else if !errors.Is(err, confirm.ErrNoVisitCode) || !errors.Is(err, fault.NotFound) {
				t.Error(err)
			}
		}
		if led != 1 {
			t.Errorf("the code led to the account %d times", led)
		}
		if got := w.events(t, audit.OperatorSearched); len(got) != n || got[0].Detail["by"] != "visit_code" {
			t.Errorf("%d searches recorded, the last %+v", len(got), got[0])
		}
		if _, err := w.desk.Codes.Of(t.Context(), w.citizen.ID); !errors.Is(err, fault.NotFound) {
			t.Errorf("a used code is still shown: %v", err)
		}
	})
}

func TestOnlyTheNewestVisitCodeLeadsAnywhereAndNotForLong(t *testing.T) {
	w := open(t, storagetest.New(t))
	first, _ := w.desk.Codes.New(t.Context(), w.citizen.ID)
	second, _ := w.desk.Codes.New(t.Context(), w.citizen.ID)
	if _, err := w.desk.FindByCode(t.Context(), w.op, first.Code, confirm.ToConfirm); first.Code != second.Code && !errors.Is(err, confirm.ErrNoVisitCode) {
		t.Errorf("the code before: %v", err)
	}
	w.Clock.Advance(confirm.VisitCodeLife)
	if _, err := w.desk.FindByCode(t.Context(), w.op, second.Code, confirm.ToConfirm); !errors.Is(err, confirm.ErrNoVisitCode) {
		t.Errorf("after its time: %v", err)
	}
}

func TestVisitCodeIsReadAsPeopleAndScannersTypeIt(t *testing.T) {
	for typed, want := range map[string]string{
		"48291372": "4829-1372", "4829-1372": "4829-1372", " 4829 1372\n": "4829-1372", "4829–1372": "4829-1372",
		"": "", "4829-137": "", "4829-13721": "", "4829-137x": "", "４８２９１３７２": "",
	} {
		got, err := confirm.ParseVisitCode(typed)
		var wrong fault.Fields
		if got != want || want == "" != errors.As(err, &wrong) {
			t.Errorf("ParseVisitCode(%q) = %q, %v", typed, got, err)
		}
	}
}
