package confirm_test

import (
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// handed is the code of an envelope that was handed over to the citizen.
func (w *window) handed(t *testing.T) string {
	t.Helper()
	v, err := w.desk.Settle(t.Context(), w.op, w.visitFor(t, confirm.ToHandCode).ID, w.agreed())
	if err != nil || v.Code == "" {
		t.Fatalf("Settle = %+v, %v", v, err)
	}
	return v.Code
}

func TestAFallMakesACodeInADrawerVoid(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		w.change(t, func(a *account.Account) {
			if err := a.Confirm(account.Confirmation{ID: "b1", Method: account.Bank, At: w.Clock.Now(), Organization: "bank"}); err != nil {
				t.Error(err)
			}
		})
		code := w.handed(t)
		err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
			_, err := confirm.Lower(t.Context(), tx, w.desk.Notices, confirm.Lowering{
				Account: w.citizen.ID, To: account.Standard, Why: notice.WhyFraud, Reason: "case 7", Now: w.Clock.Now(), Wall: w.Clock.Now(),
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.desk.Activate(t.Context(), w.citizen.ID, code); !errors.Is(err, confirm.ErrNoEnvelope) {
			t.Errorf("Activate: %v", err)
		}
		if a := w.now(t); a.Level != account.Standard || len(a.Confirmations) != 0 {
			t.Errorf("%s with %+v", a.Level, a.Confirmations)
		}
	})
}

func TestACodeOfSomebodyWhoWasStoppedConfirmsNobody(t *testing.T) {
	w := open(t, storagetest.New(t))
	code := w.handed(t)
	w.employ(t, centre.Operator, false)
	if _, err := w.desk.Activate(t.Context(), w.citizen.ID, code); !errors.Is(err, confirm.ErrNoEnvelope) {
		t.Errorf("Activate: %v", err)
	}
	if a := w.now(t); len(a.Confirmations) != 0 {
		t.Errorf("confirmed by %+v", a.Confirmations)
	}
}

func TestACodeConfirmsAsOfTheVisitsTimeSoThatARecallFindsIt(t *testing.T) {
	w := open(t, storagetest.New(t))
	from := w.Clock.Now()
	code := w.handed(t)
	until := from.Add(time.Hour)
	w.Clock.Advance(5 * 24 * time.Hour)
	if _, err := w.desk.Activate(t.Context(), w.citizen.ID, code); err != nil {
		t.Fatal(err)
	}
	c := w.now(t).Confirmations[0]
	for kind, value := range map[recall.Kind]string{recall.Operator: w.op.Account.String(), recall.Centre: "77-014"} {
		f := recall.Filter{Source: recall.Source{Kind: kind, Value: value}, From: from, Until: until}
		if found, err := w.Sourced(t.Context(), f, recall.Mark{}, 10); err != nil || len(found) != 1 || !f.Takes(c) {
			t.Errorf("by %s: %+v, %v; confirmed at %v", kind, found, err, c.At)
		}
	}
}
