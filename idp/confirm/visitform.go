package confirm

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
)

// A VisitForm is what the application form of a confirmed visit says.
type VisitForm struct {
	Number   string
	Person   account.Person // as it was compared
	Centre   *centre.Centre
	Window   string
	Operator account.ID
	At       time.Time
}

// A VisitPrinter prints it, in two copies: one for the centre, one for the citizen.
type VisitPrinter interface {
	VisitForm(f VisitForm) ([]byte, error)
}

// Form returns a confirmed visit of the operator's own and its application form as PDF. It prints what was
// compared, whatever the profile says since; after FormLife it is ErrVisitOver, so that old papers are not
// a way to look people up.
func (v *Visits) Form(ctx context.Context, op Operator, id string) (*Visit, []byte, error) {
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, nil, err
	}
	visit, err := v.own(ctx, op, id)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case visit.Outcome != VisitConfirmed || visit.Person == nil:
		return nil, nil, ErrNoVisit
	case !v.Now().Before(visit.Closed.Add(FormLife)):
		return nil, nil, ErrVisitOver
	}
	c, err := v.Read.Centre(ctx, visit.Centre)
	if err != nil {
		return nil, nil, fmt.Errorf("confirm: form: %w", err)
	}
	pdf, err := v.Print.VisitForm(VisitForm{
		Number: visit.Number, Person: *visit.Person, Centre: c, Window: m.Window, Operator: op.Account, At: visit.Closed.In(v.Zone),
	})
	if err != nil {
		return nil, nil, fmt.Errorf("confirm: form: %w", err)
	}
	return visit, pdf, nil
}
