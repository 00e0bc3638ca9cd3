package confirm

import (
	"context"
	"errors"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
)

// SendPhoneCode sends a code to the phone of the person at the window, who reads it out. A wrong number is
// fault.Fields at tel.
func (v *Visits) SendPhoneCode(ctx context.Context, op Operator, id, typed string) (*Visit, error) {
	phone, err := civil.ParsePhone(typed)
	if err != nil {
		return nil, fault.Fields{{Name: "tel", Code: civil.CodeOf(err)}}
	}
	visit, err := v.own(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if err := v.Limits.Send(ctx, limit.Sending{For: "window", Contact: phone.String(), Network: visit.Centre}); err != nil {
		return nil, fmt.Errorf("confirm: phone code: %w", err)
	}
	err = v.Atomically(ctx, func(tx VisitTx) error {
		if _, err := serving(ctx, tx, op.Account); err != nil {
			return err
		}
		a, err := tx.Account(ctx, visit.Account)
		if err != nil {
			return err
		}
		visit, err = tx.ChangeVisit(ctx, id, func(w *Visit) error {
			if w.Operator != op.Account {
				return ErrNoVisit
			}
			if err := w.decidable(v.Now(), false); err != nil {
				return err
			}
			w.Phone = &contact.Proof{Kind: account.Phone, Value: phone.String()}
			w.Phone.Send(v.Now())
			return nil
		})
		if err != nil {
			return err
		}
		return v.Notices.Code(ctx, tx, a.ID, phone.String(), a.Lang, notice.ContactCode, visit.Phone.Code, visit.Phone.Until)
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: phone code: %w", err)
	}
	return visit, nil
}

// EnterPhoneCode takes what the person read out. A wrong code costs a try: contact.ErrCode, ErrCodeSpent,
// ErrCodeOver, with the visit as it stands.
func (v *Visits) EnterPhoneCode(ctx context.Context, op Operator, id, typed string) (*Visit, error) {
	var visit *Visit
	var wrong error
	err := v.Atomically(ctx, func(tx VisitTx) error {
		if _, err := serving(ctx, tx, op.Account); err != nil {
			return err
		}
		var err error
		visit, err = tx.ChangeVisit(ctx, id, func(w *Visit) error {
			if w.Operator != op.Account {
				return ErrNoVisit
			}
			if err := w.decidable(v.Now(), false); err != nil {
				return err
			}
			if w.Phone == nil {
				wrong = fault.Fields{{Name: "tel", Code: "tel.unproved"}}
				return nil
			}
			proof := *w.Phone
			wrong = proof.Enter(typed, v.Now(), v.Wall())
			w.Phone = &proof
			return nil
		})
		return err
	})
	if errors.Is(err, fault.NotFound) {
		return nil, ErrNoVisit
	}
	if err != nil {
		return nil, fmt.Errorf("confirm: phone code: %w", err)
	}
	return visit, wrong
}
