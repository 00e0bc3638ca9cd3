package confirm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/registry"
)

// Data that an operator takes down from a document goes to the registries like anybody's: the operator vouches
// for the face and the paper, not for what the registries know. When they agree, the visit confirms.
//
//	compared ─▶ checking ─┬─▶ confirmed
//	                      └─▶ refused, with the fields

// The jobs. The ref of JobVisitChecked is an application's id, those of the others a visit's.
const (
	JobVisitChecked = "visit_checked"
	JobVisitOver    = "visit_over"    // somebody who was registered left before the end
	JobVisitPrinted = "visit_printed" // an envelope's code is forgotten
)

// Handlers gives the jobs of visits.
func (v *Visits) Handlers() job.Handlers {
	return job.Handlers{JobVisitChecked: v.checked, JobVisitOver: v.over, JobVisitPrinted: v.forget}
}

// Take takes down the data of a new document for a visit of ToCorrect. It must be the same person's (SNILS)
// and whole: fault.Fields by the registries' names.
func (v *Visits) Take(ctx context.Context, op Operator, id string, p account.Person) (*Visit, error) {
	if err := registry.Whole(p, v.Registry.Today()); err != nil {
		return nil, err
	}
	var visit *Visit
	err := v.Atomically(ctx, func(tx VisitTx) error {
		m, err := serving(ctx, tx, op.Account)
		if err != nil {
			return err
		}
		w, err := v.own(ctx, op, id)
		if err != nil {
			return err
		}
		a, err := tx.Account(ctx, w.Account)
		if err != nil {
			return err
		}
		obstacle, err := v.obstacle(ctx, tx, op.Account, a, ToCorrect)
		if err != nil {
			return err
		}
		if obstacle.bars(ToCorrect) {
			return obstacle
		}
		same, err := others(ctx, tx, a.ID, p)
		if err != nil {
			return err
		}
		visit, err = tx.ChangeVisit(ctx, id, func(w *Visit) error {
			switch {
			case w.Operator != op.Account || VisitReason(w.Reason) != ToCorrect:
				return ErrNoVisit
			case p.SNILS != a.Profile.Person.SNILS:
				return fault.Fields{{Name: "snils", Code: "snils.other"}}
			}
			if err := w.decidable(v.Now(), false); err != nil {
				return err
			}
			w.New, w.Others = &p, same
			return nil
		})
		if err != nil {
			return err
		}
		e := v.of(op, m, audit.OperatorSearched, visit)
		e.Detail["by"] = "person"
		noteOthers(&e, visit)
		return tx.RecordEvent(ctx, e)
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: take down: %w", err)
	}
	return visit, nil
}

// correct sends the data of the new document to the registries. Level and old data stay until the verdict.
func (v *Visits) correct(ctx context.Context, tx VisitTx, w *Visit) (audit.Event, error) {
	return audit.Event{Kind: audit.OperatorTookData}, v.file(ctx, tx, w, *w.New)
}

// file asks the registries, and notes by what the visit ends.
func (v *Visits) file(ctx context.Context, tx VisitTx, w *Visit, p account.Person) error {
	app, err := v.Registry.File(ctx, tx, registry.Filing{Account: w.Account, Person: p, Follow: JobVisitChecked, For: w.ID})
	if err == nil {
		w.Application = app.ID
	}
	return err
}

// Newcomer is somebody without an account who stands at the window.
type Newcomer struct {
	Person account.Person
	Lang   string
}

// RegisterHere begins to register somebody on the spot: an account that nobody can sign in to, and the visit
// at which the phone is proved and the document compared. Like a search it is recorded before anything comes of
// it. What is not finished within the visit's time is erased. Wrong data is fault.Fields; an operator registers
// neither themselves nor anybody of their own contacts (Obstacle).
func (v *Visits) RegisterHere(ctx context.Context, op Operator, n Newcomer) (*Visit, error) {
	if err := registry.Whole(n.Person, v.Registry.Today()); err != nil {
		return nil, err
	}
	id, err := account.NewID(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("confirm: register: %w", err)
	}
	n.Person.INN = civil.INN{}
	visit := &Visit{ID: rand.Text(), Account: id, Operator: op.Account, Reason: string(ToRegister), Opened: v.Now()}
	tail := caseNumber()
	err = v.Atomically(ctx, func(tx VisitTx) error {
		m, err := serving(ctx, tx, op.Account)
		if err != nil {
			return err
		}
		a := &account.Account{
			Standing: account.Standing{ID: id, Epoch: 1, Level: account.Simplified}, Created: v.Wall(), Lang: n.Lang,
			Profile: account.Profile{Person: n.Person, Processing: account.Processing{Version: v.Processing, At: v.Wall()}},
		}
		mine, err := tx.Account(ctx, op.Account)
		if err != nil {
			return err
		}
		if o := Between(mine, a, false, v.today()); o.Partial() {
			return o
		}
		if err := tx.CreateAccount(ctx, a); err != nil {
			return err
		}
		w := *visit
		w.Centre = m.Centre
		if w.Others, err = others(ctx, tx, id, n.Person); err != nil {
			return err
		}
		w.Number = "Ц-" + m.Centre[strings.LastIndexByte(m.Centre, '-')+1:] + "-" + tail
		if w.Shown, err = shown(a); err != nil {
			return err
		}
		if err := tx.SaveVisit(ctx, &w); err != nil {
			return err
		}
		if err := tx.EnqueueAt(ctx, w.Opened.Add(VisitLife), job.Job{Kind: JobVisitOver, Ref: w.ID}); err != nil {
			return err
		}
		visit = &w
		e := v.of(op, m, audit.OperatorOpened, &w)
		noteOthers(&e, &w)
		return tx.RecordEvent(ctx, e)
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: register: %w", err)
	}
	return visit, nil
}

// register gives the new account its phone and sends the data to the registries. From now on the person can
// set a password by recovering through that phone.
func (v *Visits) register(ctx context.Context, tx VisitTx, w *Visit) (audit.Event, error) {
	fresh := w.Phone.Contact()
	a, err := tx.ChangeAccount(ctx, w.Account, func(a *account.Account) error {
		a.Profile.Contacts = []account.Contact{fresh}
		a.Credential.Restored = account.Restoration{At: v.Now(), Phone: fresh.Value}
		return nil
	})
	if errors.Is(err, fault.Exists) {
		return audit.Event{}, fault.Fields{{Name: "tel", Code: "tel.taken"}}
	}
	if err != nil {
		return audit.Event{}, err
	}
	return audit.Event{Kind: audit.Registered, Detail: map[string]string{
		"contact": string(account.Phone), "processing_version": a.Profile.Processing.Version,
	}}, v.file(ctx, tx, w, a.Profile.Person)
}

// asked is the visit that an application was filed at; fault.NotFound.
func (v *Visits) asked(ctx context.Context, app *registry.Application) (*Visit, error) {
	if app.For == "" { // filed before this was kept
		return v.Read.LastVisit(ctx, app.Account)
	}
	w, err := v.Read.Visit(ctx, app.For)
	if err == nil && w.Application != app.ID {
		return nil, ErrNoVisit
	}
	return w, err
}

// checked ends a visit when the registries have answered, or when an application of the citizen's own has ended
// the visit's. It confirms as of the visit, by its time too, and not by the word of an operator who has been
// stopped since: such a visit is refused.
func (v *Visits) checked(ctx context.Context, application string) error {
	app, err := v.Read.Application(ctx, application)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirm: checked: %w", err)
	}
	last, err := v.asked(ctx, app)
	if errors.Is(err, fault.NotFound) || err == nil && last.Outcome != VisitChecking || app.State == registry.Running {
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirm: checked: %w", err)
	}
	err = v.Atomically(ctx, func(tx VisitTx) error {
		a, err := tx.Account(ctx, app.Account)
		if err != nil {
			return err
		}
		stopped := stillStaff(ctx, tx, last.Operator, last.Second)
		if stopped != nil && !errors.Is(stopped, ErrNotStaff) {
			return stopped
		}
		moved := false
		w, err := tx.ChangeVisit(ctx, last.ID, func(w *Visit) error {
			if moved = w.Outcome == VisitChecking; !moved {
				return nil
			}
			w.Outcome, w.Mismatch = VisitRefused, app.Refusals()
			switch {
			case app.State != registry.Agreed || w.Person == nil || !a.Profile.Person.SamePerson(*w.Person):
			case stopped != nil:
				w.Mismatch = append(w.Mismatch, "operator")
			default:
				w.Outcome = VisitConfirmed
			}
			return nil
		})
		if err != nil || !moved {
			return err
		}
		e := audit.Event{
			At: v.Wall(), Kind: audit.OperatorRefused, Account: w.Account, Actor: w.Operator, Reason: w.Reason,
			Detail: map[string]string{"centre": w.Centre, "visit": w.ID, "number": w.Number, "mismatch": strings.Join(w.Mismatch, ",")},
		}
		if w.Outcome == VisitConfirmed {
			c := w.confirmation(w.At)
			if c.At.IsZero() { // settled before this was kept
				c.At = w.Closed
			}
			risen, err := tx.ChangeAccount(ctx, w.Account, func(a *account.Account) error {
				a.Unrestrict()
				return a.Confirm(c)
			})
			if err != nil {
				return err
			}
			if err := v.risen(ctx, tx, risen, c); err != nil {
				return err
			}
			e.Kind = audit.Confirmed
			e.Detail["method"], e.Detail["confirmation"] = c.Method.String(), c.ID
			delete(e.Detail, "mismatch")
		}
		return tx.RecordEvent(ctx, e)
	})
	if err != nil {
		return fmt.Errorf("confirm: checked: %w", err)
	}
	return nil
}

// over erases who was registered and left before the phone was proved.
func (v *Visits) over(ctx context.Context, ref string) error {
	w, err := v.Read.Visit(ctx, ref)
	if errors.Is(err, fault.NotFound) || err == nil && (VisitReason(w.Reason) != ToRegister || w.Outcome == VisitChecking || w.Outcome == VisitConfirmed) {
		return nil
	}
	if err == nil {
		err = v.Atomically(ctx, func(tx VisitTx) error { return tx.RemoveUnclaimed(ctx, w.Account) })
	}
	if err != nil && !errors.Is(err, fault.Conflict) && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("confirm: over: %w", err)
	}
	return nil
}
