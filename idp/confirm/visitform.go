package confirm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// A VisitForm is what the application form of a visit says.
type VisitForm struct {
	Number   string
	Reason   VisitReason
	Person   account.Person // as it was compared
	Phone    string         // proved at the window; "" elsewhere
	Centre   *centre.Centre
	Window   string
	Operator account.ID
	Second   account.ID // 0: one was enough
	At       time.Time
}

// An EnvelopeSheet is the paper with an activation code.
type EnvelopeSheet struct {
	Number string
	Name   string
	Lang   string
	Centre *centre.Centre
	Code   civil.LetterCode
	Made   time.Time
	Until  time.Time
}

// A VisitPrinter prints the papers of visits.
type VisitPrinter interface {
	// VisitForm prints two copies: one for the centre, one for the citizen.
	VisitForm(f VisitForm) ([]byte, error)
	// Envelope prints one sheet that folds so that the code is inside.
	Envelope(e EnvelopeSheet) ([]byte, error)
}

// Form returns a visit of the operator's own and its application form as PDF. It prints what was compared,
// whatever the profile says since; after FormLife it is ErrVisitOver, so that old papers are not a way to look
// people up. That of a deletion is signed before it, while there is something to sign for. It is recorded.
func (v *Visits) Form(ctx context.Context, op Operator, id string) (*Visit, []byte, error) {
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, nil, err
	}
	visit, err := v.own(ctx, op, id)
	if err != nil {
		return nil, nil, err
	}
	sheet := VisitForm{Number: visit.Number, Reason: VisitReason(visit.Reason), Window: m.Window, Operator: op.Account, Second: visit.Second, At: visit.Closed.In(v.Zone)}
	switch {
	case sheet.Reason == ToDelete && (visit.Outcome == "" || visit.Outcome == VisitWaiting):
		p, err := v.leaving(ctx, op, visit)
		if err != nil {
			return nil, nil, err
		}
		sheet.Person, sheet.At = p, v.Now().In(v.Zone)
	case visit.Outcome == "", visit.Outcome == VisitWaiting, visit.Outcome == VisitRefused, visit.Person == nil:
		return nil, nil, ErrNoVisit
	case !v.Now().Before(visit.Closed.Add(FormLife)):
		return nil, nil, ErrVisitOver
	default:
		sheet.Person = *visit.Person
	}
	if visit.Phone != nil && !visit.Phone.Proved.IsZero() {
		sheet.Phone = visit.Phone.Value
	}
	if sheet.Centre, err = v.Read.Centre(ctx, visit.Centre); err != nil {
		return nil, nil, fmt.Errorf("confirm: form: %w", err)
	}
	pdf, err := v.Print.VisitForm(sheet)
	if err == nil {
		err = v.printed(ctx, op, m, visit, "form")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("confirm: form: %w", err)
	}
	return visit, pdf, nil
}

// leaving is whose account is to be closed, if nothing stands between them and the operator.
func (v *Visits) leaving(ctx context.Context, op Operator, visit *Visit) (account.Person, error) {
	if !v.Now().Before(visit.Opened.Add(VisitLife)) {
		return account.Person{}, ErrVisitOver
	}
	a, err := v.Read.Account(ctx, visit.Account)
	if err != nil {
		return account.Person{}, fmt.Errorf("confirm: form: %w", err)
	}
	obstacle, err := v.obstacle(ctx, v.Read, op.Account, a, ToDelete)
	switch {
	case err != nil:
		return account.Person{}, err
	case obstacle.bars(ToDelete):
		return account.Person{}, obstacle
	case !visit.unchanged(a):
		return account.Person{}, ErrChanged
	}
	return a.Profile.Person, nil
}

// printed records that a paper came out.
func (v *Visits) printed(ctx context.Context, op Operator, m *centre.Member, visit *Visit, paper string) error {
	e := v.of(op, m, audit.OperatorPrinted, visit)
	e.Detail["paper"] = paper
	return v.Atomically(ctx, func(tx VisitTx) error { return tx.RecordEvent(ctx, e) })
}

// EnvelopePaper returns the paper with the code that a visit handed over, within EnvelopePrint: printers jam.
// Later, or once another code took its place, it is ErrVisitOver. It is recorded.
func (v *Visits) EnvelopePaper(ctx context.Context, op Operator, id string) (*Visit, []byte, error) {
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, nil, err
	}
	visit, err := v.own(ctx, op, id)
	if err != nil {
		return nil, nil, err
	}
	e, err := v.Read.LastEnvelope(ctx, visit.Account)
	switch {
	case visit.Outcome != VisitHanded || visit.Person == nil, errors.Is(err, fault.NotFound):
		return nil, nil, ErrNoVisit
	case err != nil:
		return nil, nil, fmt.Errorf("confirm: envelope: %w", err)
	case visit.Code == "", e.ID != visit.ID, !e.Live(v.Now()), !v.Now().Before(visit.Closed.Add(EnvelopePrint)):
		return nil, nil, ErrVisitOver
	}
	a, err := v.Read.Account(ctx, visit.Account)
	if err != nil {
		return nil, nil, fmt.Errorf("confirm: envelope: %w", err)
	}
	p := visit.Person
	sheet := EnvelopeSheet{
		Number: visit.Number, Name: civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Format(), Lang: a.Lang,
		Made: e.Made.In(v.Zone), Until: e.Until.In(v.Zone),
	}
	if sheet.Code, err = civil.ParseLetterCode(visit.Code); err != nil {
		return nil, nil, fmt.Errorf("confirm: envelope: %w", err)
	}
	if sheet.Centre, err = v.Read.Centre(ctx, visit.Centre); err != nil {
		return nil, nil, fmt.Errorf("confirm: envelope: %w", err)
	}
	pdf, err := v.Print.Envelope(sheet)
	if err == nil {
		err = v.printed(ctx, op, m, visit, "envelope")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("confirm: envelope: %w", err)
	}
	return visit, pdf, nil
}

// forget takes the code out of a visit whose paper is printed.
func (v *Visits) forget(ctx context.Context, ref string) error {
	err := v.Atomically(ctx, func(tx VisitTx) error {
		_, err := tx.ChangeVisit(ctx, ref, func(w *Visit) error { w.Code = ""; return nil })
		return err
	})
	if err != nil && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("confirm: forget a code: %w", err)
	}
	return nil
}
