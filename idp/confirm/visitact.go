package confirm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/wish"
)

// Settle ends a visit with what the person came for. Everything must have agreed; the account must be the
// one that was opened (ErrChanged), and nothing stand in the way (Obstacle). Where one pair of eyes is not
// enough (RiskRules) the visit waits for a colleague of the centre, and nothing has happened yet. The account,
// the visit, the event and the messages to all contacts are one transaction, so that of two submissions one
// acts, and the other finds that it is done and returns the same visit.
func (v *Visits) Settle(ctx context.Context, op Operator, id string, c Comparison) (*Visit, error) {
	code, err := v.drawn()
	if err != nil {
		return nil, err
	}
	visit, err := v.decide(ctx, op, id, decision{
		agrees: true, judge: c.judge,
		done: func(w *Visit) bool { return w.Outcome == VisitReason(w.Reason).outcome() || w.Outcome == VisitWaiting },
		act: func(tx VisitTx, w *Visit, a *account.Account) (audit.Event, afterwards, error) {
			if err := w.ready(); err != nil {
				return audit.Event{}, nil, err
			}
			w.Risks = v.Two.Risks(a, VisitReason(w.Reason), v.Now(), v.Wall(), v.today())
			if len(w.Risks) > 0 {
				w.Outcome = VisitWaiting
				return audit.Event{Kind: audit.OperatorAsked, Detail: map[string]string{"risks": spell(w.Risks)}}, nil, nil
			}
			return v.perform(ctx, tx, w, a, code)
		},
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: settle: %w", err)
	}
	return visit, nil
}

// Second is the decision of a colleague over a visit that waits: they have the person and the document before
// them too. Agreed, it is done as the first operator left it; otherwise the visit is refused.
func (v *Visits) Second(ctx context.Context, op Operator, id string, agree bool, c Comparison) (*Visit, error) {
	code, err := v.drawn()
	if err != nil {
		return nil, err
	}
	d := decision{
		second: true, agrees: agree,
		done: func(w *Visit) bool { return w.Second == op.Account },
		act: func(tx VisitTx, w *Visit, a *account.Account) (audit.Event, afterwards, error) {
			w.Second = op.Account
			if !agree {
				w.Outcome, w.Mismatch = VisitRefused, []string{"second"}
				return audit.Event{Kind: audit.OperatorRefused, Detail: map[string]string{"mismatch": "second"}}, nil, nil
			}
			return v.perform(ctx, tx, w, a, code)
		},
	}
	if agree {
		d.judge = func(account.Person) error { return c.glance() }
	}
	visit, err := v.decide(ctx, op, id, d)
	if err != nil {
		return nil, fmt.Errorf("confirm: second: %w", err)
	}
	return visit, nil
}

// glance wants what a colleague must see with their own eyes.
func (c Comparison) glance() error {
	var wrong fault.Fields
	if !c.Face {
		wrong.Add("face", "compare.person")
	}
	if !c.Genuine {
		wrong.Add("genuine", "compare.person")
	}
	return wrong.Err()
}

func spell(risks []Risk) string {
	var out []string
	for _, r := range risks {
		out = append(out, string(r))
	}
	return strings.Join(out, ",")
}

// ready tells what a visit still lacks for what it is for.
func (w *Visit) ready() error {
	switch why := VisitReason(w.Reason); {
	case (why == ToRestore || why == ToRegister) && (w.Phone == nil || w.Phone.Proved.IsZero()):
		return fault.Fields{{Name: "tel", Code: "tel.unproved"}}
	case why == ToCorrect && w.New == nil:
		return fault.Fields{{Name: "document-number", Code: "document.required"}}
	}
	return nil
}

// perform does what a visit is for.
func (v *Visits) perform(ctx context.Context, tx VisitTx, w *Visit, a *account.Account, code civil.LetterCode) (audit.Event, afterwards, error) {
	w.Outcome = VisitReason(w.Reason).outcome()
	switch VisitReason(w.Reason) {
	case ToConfirm:
		e, err := v.confirmed(ctx, tx, w)
		return e, nil, err
	case ToHandCode:
		e, err := v.hand(ctx, tx, w, a, code)
		return e, nil, err
	case ToRestore:
		e, err := v.restore(ctx, tx, w)
		return e, nil, err
	case ToCorrect:
		e, err := v.correct(ctx, tx, w)
		return e, nil, err
	case ToRegister:
		e, err := v.register(ctx, tx, w)
		return e, nil, err
	case ToDelete:
		return v.erase(ctx, tx, w, a)
	}
	return audit.Event{}, nil, fmt.Errorf("confirm: a visit for %q: %w", w.Reason, fault.Invalid)
}

// confirmation is what a visit gives, of both who looked.
func (w *Visit) confirmation(at time.Time) account.Confirmation {
	return account.Confirmation{ID: rand.Text(), Method: account.ServiceCenter, At: at, Operator: w.Operator, Second: w.Second, Centre: w.Centre}
}

// confirmed is the confirmation itself.
func (v *Visits) confirmed(ctx context.Context, tx VisitTx, w *Visit) (audit.Event, error) {
	c := w.confirmation(v.Wall())
	e := audit.Event{Kind: audit.Confirmed, Detail: map[string]string{"method": c.Method.String(), "confirmation": c.ID}}
	risen, err := tx.ChangeAccount(ctx, w.Account, func(a *account.Account) error {
		if !w.unchanged(a) {
			return ErrChanged
		}
		// The person stood here with the document: what a recovery left in doubt is settled.
		a.Unrestrict()
		return a.Confirm(c)
	})
	if err != nil {
		return e, err
	}
	return e, v.risen(ctx, tx, risen, c)
}

// risen is what follows every confirmation made in person.
func (v *Visits) risen(ctx context.Context, tx VisitTx, a *account.Account, c account.Confirmation) error {
	if err := lock.AtVisit(ctx, tx, v.Notices, a.ID, c.Operator, v.Now(), v.Wall()); err != nil {
		return err
	}
	if err := wish.Rose(ctx, tx, a.ID, time.Time{}); err != nil {
		return err
	}
	return v.Notices.Tell(ctx, tx, a, notice.Confirmed, notice.With{Method: c.Method, At: c.At, Link: v.Notices.DisownLink(a.ID, c.ID)})
}

// restore gives access back: the phone that was proved at the window takes the old one's place, the second
// factor, every lock on signing in and a freeze are gone, everything issued ends. A recovery through that phone
// then leads to a new password, which nobody at the window learns.
func (v *Visits) restore(ctx context.Context, tx VisitTx, w *Visit) (audit.Event, error) {
	fresh := w.Phone.Contact()
	before, err := tx.Account(ctx, w.Account)
	if err != nil {
		return audit.Event{}, err
	}
	a, err := session.Fall(ctx, tx, w.Account, func(a *account.Account) error {
		if !w.unchanged(a) {
			return ErrChanged
		}
		a.Profile.Contacts = append([]account.Contact{fresh}, without(a.Profile.Contacts, account.Phone)...)
		a.Unrestrict()
		if !a.Lock.Until.IsZero() {
			a.Lock = account.Lock{}
		}
		// They stood here and two have looked: a freeze would lead them to a page where nothing works.
		a.Locks.Frozen = time.Time{}
		a.Credential.TOTP, a.Credential.Passkeys = nil, nil
		a.Credential.Restored = account.Restoration{At: v.Now(), Phone: fresh.Value}
		a.Renew()
		return nil
	}, session.Why{Kind: audit.AccessRestored, Actor: w.Operator, Detail: map[string]string{"visit": w.ID, "centre": w.Centre}, Now: v.Now(), Wall: v.Wall()})
	if errors.Is(err, fault.Exists) {
		return audit.Event{}, fault.Fields{{Name: "tel", Code: "tel.taken"}}
	}
	if err != nil {
		return audit.Event{}, err
	}
	if err := lock.AtVisit(ctx, tx, v.Notices, a.ID, w.Operator, v.Now(), v.Wall()); err != nil {
		return audit.Event{}, err
	}
	told := notice.With{At: v.Wall(), Until: v.Now().Add(account.RestorationLife)}
	if old, ok := before.Profile.Contact(account.Phone); ok && !old.Same(fresh) {
		if err := v.Notices.To(ctx, tx, a.ID, old, a.Lang, notice.AccessRestored, told); err != nil {
			return audit.Event{}, err
		}
	}
	return audit.Event{Kind: audit.OperatorRestored}, v.Notices.Tell(ctx, tx, a, notice.AccessRestored, told)
}

func without(all []account.Contact, kind account.ContactKind) []account.Contact {
	var out []account.Contact
	for _, c := range all {
		if c.Kind != kind {
			out = append(out, c)
		}
	}
	return out
}

// erase closes the account for good. The contacts are told while they are known; what parties hold is
// theirs, and they are told that the person left.
func (v *Visits) erase(ctx context.Context, tx VisitTx, w *Visit, a *account.Account) (audit.Event, afterwards, error) {
	return audit.Event{Kind: audit.Erased}, func() error {
		err := session.End(ctx, tx, session.Scope{Account: a.ID}, true, session.Why{Actor: w.Operator, Now: v.Now(), Wall: v.Wall()})
		if err != nil {
			return err
		}
		if err := v.Notices.Tell(ctx, tx, a, notice.AccountErased, notice.With{At: v.Wall()}); err != nil {
			return err
		}
		return tx.EraseAccount(ctx, a.ID)
	}, nil
}
