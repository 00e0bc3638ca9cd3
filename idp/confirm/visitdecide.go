package confirm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// Compared lists the fields of a profile that are held against the document, in its order. The names are
// those of the registries.
func Compared(p account.Person) []string {
	out := []string{"family_name", "given_name"}
	if !p.Patronymic.IsZero() {
		out = append(out, "patronymic")
	}
	out = append(out, "sex", "birth_date", "birth_place", "document_number", "issued_on")
	if p.Document != nil && !p.Document.ExpiresOn.IsZero() {
		out = append(out, "expires_on")
	}
	out = append(out, "issuer")
	if p.Document != nil && p.Document.DepartmentCode != "" {
		out = append(out, "department_code")
	}
	return out
}

// A Comparison is what the operator saw. A field that is not in Same was not answered.
type Comparison struct {
	Same    map[string]bool // by the names of Compared
	Face    bool            // the face is that of the photograph
	Genuine bool            // the document is genuine and whole
}

// judge wants every line to agree. The error is fault.Fields.
func (c Comparison) judge(p account.Person) error {
	var wrong fault.Fields
	for _, f := range Compared(p) {
		switch same, ok := c.Same[f]; {
		case !ok:
			wrong.Add(f, "compare.answer")
		case !same:
			wrong.Add(f, "compare.differs")
		}
	}
	if !c.Face {
		wrong.Add("face", "compare.person")
	}
	if !c.Genuine {
		wrong.Add("genuine", "compare.person")
	}
	return wrong.Err()
}

// A Case is an opened visit with what is compared.
type Case struct {
	Visit    *Visit
	Obstacle Obstacle // "": what it is for can be done
	// Account is nil when the obstacle lies between operator and citizen, or when the visit is closed.
	Account *account.Account
	// Person is what is held against the document in hand.
	Person     account.Person
	LetterLive bool
}

// Case returns a visit of the operator's own, open or closed.
func (v *Visits) Case(ctx context.Context, op Operator, id string) (*Case, error) {
	if _, err := v.Serving(ctx, op.Account); err != nil {
		return nil, err
	}
	visit, err := v.own(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if visit.Outcome != "" {
		return &Case{Visit: visit}, nil
	}
	if err := visit.decidable(v.Now(), false); err != nil {
		return nil, err
	}
	a, err := v.Read.Account(ctx, visit.Account)
	if err != nil {
		return nil, fmt.Errorf("confirm: case: %w", err)
	}
	c := &Case{Visit: visit}
	obstacle, err := v.obstacle(ctx, v.Read, op.Account, a, VisitReason(visit.Reason))
	if err != nil {
		return nil, err
	}
	if obstacle.bars(VisitReason(visit.Reason)) {
		c.Obstacle = obstacle
	}
	if obstacle.Partial() {
		return c, nil
	}
	if !visit.unchanged(a) {
		return nil, ErrChanged
	}
	c.Account, c.Person = a, visit.compared(a)
	letter, err := v.Read.LastLetter(ctx, a.ID)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("confirm: case: %w", err)
	}
	c.LetterLive = err == nil && letter.Live(v.Now())
	return c, nil
}

func (v *Visits) own(ctx context.Context, op Operator, id string) (*Visit, error) {
	visit, err := v.Read.Visit(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && visit.Operator != op.Account {
		return nil, ErrNoVisit
	}
	if err != nil {
		return nil, fmt.Errorf("confirm: visit: %w", err)
	}
	return visit, nil
}

// unchanged tells whether what was compared is still what the account says. What nobody compares, the
// citizen may change at the window: the language, a contact, a code of the app used up.
func (w *Visit) unchanged(a *account.Account) bool {
	now, err := shown(a)
	return err == nil && bytes.Equal(w.Shown, now)
}

// shown is a digest of what a visit compares: the person, and what the account is at that time. The number
// that the tax registry finds by itself is not compared.
func shown(a *account.Account) ([]byte, error) {
	p := a.Profile.Person
	p.INN = civil.INN{}
	b, err := json.Marshal(struct {
		Epoch         int
		Person        account.Person
		Confirmations []account.Confirmation
	}{a.Epoch, p, a.Confirmations})
	if err != nil {
		return nil, fmt.Errorf("confirm: what is compared: %w", err)
	}
	h := sha256.Sum256(b)
	return h[:], nil
}

func (w *Visit) decidable(now time.Time, second bool) error {
	switch {
	case w.Outcome != "" && !(second && w.Outcome == VisitWaiting), second && w.Outcome == "":
		return ErrVisitClosed
	case !now.Before(w.Opened.Add(VisitLife)):
		return ErrVisitOver
	}
	return nil
}

// errAlready ends a transaction that another one has done.
var errAlready = errors.New("confirm: done already")

// Refuse ends a visit without a confirmation. mismatches are names of Compared, and face and genuine;
// others are left out. A second refusal changes nothing and returns the same visit.
func (v *Visits) Refuse(ctx context.Context, op Operator, id string, mismatches []string) (*Visit, error) {
	visit, err := v.decide(ctx, op, id, decision{
		done: func(w *Visit) bool { return w.Outcome == VisitRefused },
		act: func(_ VisitTx, w *Visit, a *account.Account) (audit.Event, afterwards, error) {
			known := append(Compared(w.compared(a)), "face", "genuine")
			w.Mismatch = slices.DeleteFunc(known, func(f string) bool { return !slices.Contains(mismatches, f) })
			w.Outcome = VisitRefused
			return audit.Event{Kind: audit.OperatorRefused, Detail: map[string]string{"mismatch": strings.Join(w.Mismatch, ",")}}, nil, nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: refuse: %w", err)
	}
	return visit, nil
}

// A decision is what somebody does to a visit.
type decision struct {
	// second says that it is a colleague's, over a visit that waits.
	second bool
	// agrees wants the comparison to stand and nothing to be in the way.
	agrees bool
	// done tells that it has been done already: of two submissions one acts, and the other finds it so.
	done  func(*Visit) bool
	judge func(account.Person) error
	// act does it and sets the outcome.
	act func(tx VisitTx, w *Visit, a *account.Account) (audit.Event, afterwards, error)
}

// afterwards is done in the transaction when the visit has been written.
type afterwards func() error

// decide is the one way in which a visit moves. The visit's own lock comes first, and so settles who was first.
func (v *Visits) decide(ctx context.Context, op Operator, id string, d decision) (*Visit, error) {
	visit, err := v.theirs(ctx, op, id, d.second)
	if err != nil {
		return nil, err
	}
	whose := visit.Account
	err = v.Atomically(ctx, func(tx VisitTx) error {
		m, err := serving(ctx, tx, op.Account)
		if err != nil {
			return err
		}
		a, err := tx.Account(ctx, whose)
		if err != nil {
			return err
		}
		var e audit.Event
		var then afterwards
		visit, err = tx.ChangeVisit(ctx, id, func(w *Visit) error {
			if !d.second && w.Operator != op.Account || d.second && (w.Operator == op.Account || w.Centre != m.Centre) {
				return ErrNoVisit
			}
			if d.done(w) {
				return errAlready
			}
			if err := w.decidable(v.Now(), d.second); err != nil {
				return err
			}
			obstacle, err := v.obstacle(ctx, tx, op.Account, a, VisitReason(w.Reason))
			if err != nil {
				return err
			}
			if obstacle.Partial() || d.agrees && obstacle.bars(VisitReason(w.Reason)) {
				return obstacle
			}
			if d.agrees {
				if !w.unchanged(a) {
					return ErrChanged
				}
				p := w.compared(a)
				w.Person = &p
			}
			if d.judge != nil {
				if err := d.judge(w.compared(a)); err != nil {
					return err
				}
			}
			if e, then, err = d.act(tx, w, a); err != nil {
				return err
			}
			if w.Outcome != VisitWaiting {
				w.Closed, w.At = v.Now(), v.Wall()
			}
			return nil
		})
		if err != nil {
			return err
		}
		full := v.of(op, m, e.Kind, visit)
		for k, s := range e.Detail {
			full.Detail[k] = s
		}
		if err := tx.RecordEvent(ctx, full); err != nil || then == nil {
			return err
		}
		return then()
	})
	if errors.Is(err, errAlready) {
		return v.theirs(ctx, op, id, d.second)
	}
	return visit, err
}

// theirs is a visit of the operator's own, or one of their centre's that waits for a second pair of eyes.
func (v *Visits) theirs(ctx context.Context, op Operator, id string, second bool) (*Visit, error) {
	if !second {
		return v.own(ctx, op, id)
	}
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, err
	}
	visit, err := v.Read.Visit(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && (visit.Operator == op.Account || visit.Centre != m.Centre || len(visit.Risks) == 0) {
		return nil, ErrNoVisit
	}
	if err != nil {
		return nil, fmt.Errorf("confirm: visit: %w", err)
	}
	return visit, nil
}

// compared is the data that is held against the document in hand.
func (w *Visit) compared(a *account.Account) account.Person {
	if w.New != nil {
		return *w.New
	}
	return a.Profile.Person
}

// bars tells whether the obstacle stands in the way of this. New data is what a lapsed document calls for, and
// access can be given back while data is checked.
func (o Obstacle) bars(why VisitReason) bool {
	switch o {
	case "":
		return false
	case DocumentLapse:
		return why != ToCorrect
	case NotStandard:
		return why != ToRegister
	case Lowered:
		return why == ToConfirm || why == ToHandCode
	case Staff:
		return why == ToRestore || why == ToDelete
	case ChecksRunning:
		return why == ToConfirm || why == ToHandCode || why == ToCorrect
	}
	return true
}
