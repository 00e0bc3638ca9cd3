package confirm

import (
	"bytes"
	"context"
	"crypto/rand"
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
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/wish"
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
	Obstacle Obstacle // "" : it can be confirmed
	// Account is nil when the obstacle lies between operator and citizen, or when the visit is closed.
	Account    *account.Account
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
	if err := visit.decidable(v.Now()); err != nil {
		return nil, err
	}
	a, err := v.Read.Account(ctx, visit.Account)
	if err != nil {
		return nil, fmt.Errorf("confirm: case: %w", err)
	}
	c := &Case{Visit: visit}
	if c.Obstacle, err = v.obstacle(ctx, v.Read, op.Account, a); err != nil {
		return nil, err
	}
	if c.Obstacle.Partial() {
		return c, nil
	}
	if !visit.unchanged(a) {
		return nil, ErrChanged
	}
	c.Account = a
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

func (w *Visit) decidable(now time.Time) error {
	switch {
	case w.Outcome != "":
		return ErrVisitClosed
	case !now.Before(w.Opened.Add(VisitLife)):
		return ErrVisitOver
	}
	return nil
}

// errAlready ends a transaction that another one has done.
var errAlready = errors.New("confirm: done already")

// Confirm ends a visit with a confirmation. Everything must have agreed; the account must be the one that
// was opened (ErrChanged), and nothing stand in the way (Obstacle). The account, the visit, the event and
// the messages to all contacts are one transaction, so that of two submissions one confirms, and the other
// finds that it is done and returns the same visit.
func (v *Visits) Confirm(ctx context.Context, op Operator, id string, c Comparison) (*Visit, error) {
	confirmation := account.Confirmation{
		ID: rand.Text(), Method: account.ServiceCenter, At: v.Wall(), Operator: op.Account,
	}
	visit, err := v.decide(ctx, op, id, VisitConfirmed, func(tx VisitTx, visit *Visit, a *account.Account) (audit.Event, error) {
		done := confirmation
		done.Centre = visit.Centre
		e := audit.Event{Kind: audit.Confirmed, Detail: map[string]string{
			"method": done.Method.String(), "confirmation": done.ID,
		}}
		risen, err := tx.ChangeAccount(ctx, visit.Account, func(a *account.Account) error {
			if !visit.unchanged(a) {
				return ErrChanged
			}
			// The person stood here with the document: what a recovery left in doubt is settled.
			a.Unrestrict()
			return a.Confirm(done)
		})
		if err != nil {
			return e, err
		}
		if err := lock.AtVisit(ctx, tx, v.Notices, risen.ID, op.Account, v.Now(), done.At); err != nil {
			return e, err
		}
		if err := wish.Rose(ctx, tx, risen.ID, time.Time{}); err != nil {
			return e, err
		}
		return e, v.Notices.Tell(ctx, tx, risen, notice.Confirmed, notice.With{
			Method: done.Method, At: done.At, Link: v.Notices.DisownLink(risen.ID, done.ID),
		})
	}, c.judge)
	if err != nil {
		return nil, fmt.Errorf("confirm: visit: %w", err)
	}
	return visit, nil
}

// Refuse ends a visit without a confirmation. mismatches are names of Compared, and face and genuine;
// others are left out. A second refusal changes nothing and returns the same visit.
func (v *Visits) Refuse(ctx context.Context, op Operator, id string, mismatches []string) (*Visit, error) {
	visit, err := v.decide(ctx, op, id, VisitRefused, func(_ VisitTx, visit *Visit, a *account.Account) (audit.Event, error) {
		known := append(Compared(a.Profile.Person), "face", "genuine")
		visit.Mismatch = slices.DeleteFunc(known, func(f string) bool { return !slices.Contains(mismatches, f) })
		return audit.Event{Kind: audit.OperatorRefused, Detail: map[string]string{
			"mismatch": strings.Join(visit.Mismatch, ","),
		}}, nil
	}, nil)
	if err != nil {
		return nil, fmt.Errorf("confirm: refuse: %w", err)
	}
	return visit, nil
}

// decide closes a visit one way. The visit's own lock comes first, and so settles who was first.
func (v *Visits) decide(ctx context.Context, op Operator, id, outcome string,
	act func(tx VisitTx, visit *Visit, a *account.Account) (audit.Event, error), judge func(account.Person) error) (*Visit, error) {
	visit, err := v.own(ctx, op, id)
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
		visit, err = tx.ChangeVisit(ctx, id, func(w *Visit) error {
			if w.Operator != op.Account {
				return ErrNoVisit
			}
			if w.Outcome == outcome {
				return errAlready
			}
			if err := w.decidable(v.Now()); err != nil {
				return err
			}
			obstacle, err := v.obstacle(ctx, tx, op.Account, a)
			if err != nil {
				return err
			}
			if obstacle != "" && (outcome == VisitConfirmed || obstacle.Partial()) {
				return obstacle
			}
			if outcome == VisitConfirmed {
				if !w.unchanged(a) {
					return ErrChanged
				}
				p := a.Profile.Person
				w.Person = &p
			}
			if judge != nil {
				if err := judge(a.Profile.Person); err != nil {
					return err
				}
			}
			if e, err = act(tx, w, a); err != nil {
				return err
			}
			w.Outcome, w.Closed = outcome, v.Now()
			return nil
		})
		if err != nil {
			return err
		}
		full := v.of(op, m, e.Kind, visit)
		for k, s := range e.Detail {
			full.Detail[k] = s
		}
		return tx.RecordEvent(ctx, full)
	})
	if errors.Is(err, errAlready) {
		return v.own(ctx, op, id)
	}
	return visit, err
}
