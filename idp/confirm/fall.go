package confirm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

// An Order is what every act on somebody's confirmations has in common: by whom, why, and when.
type Order struct {
	Account account.ID
	Actor   account.ID        // an operator or administrator, if not the citizen; 0: the command line
	Why     string            // what the citizen is told: a code of notice.Why…
	Reason  string            // what is recorded; nothing personal
	Detail  map[string]string // further ids and codes
	Request string
	// Quietly sends no message: the caller has one of its own.
	Quietly bool
	// Patient says that this is one of very many: its messages have no haste.
	Patient   bool
	Now, Wall time.Time
}

// why is the order as the end of sessions records it.
func (o Order) why(kind audit.Kind, more map[string]string) session.Why {
	maps.Copy(more, o.Detail)
	return session.Why{Kind: kind, Actor: o.Actor, Reason: o.Reason, Detail: more, Request: o.Request, Patient: o.Patient, Now: o.Now, Wall: o.Wall}
}

// A Withdrawal takes one confirmation back for good.
type Withdrawal struct {
	Order
	Confirmation string
}

// Withdraw takes a confirmation back in the transaction tx. That is a fall even while others remain
// (design.md 2): everything issued ends, a live letter's code is void, the event is written, and all
// contacts are told why and how the level comes back. fault.NotFound if there is no such confirmation.
func Withdraw(ctx context.Context, tx Tx, n *notice.Notices, w Withdrawal) (*account.Account, error) {
	was, err := tx.Account(ctx, w.Account)
	if err != nil {
		return nil, fmt.Errorf("confirm: withdraw: %w", err)
	}
	var gone account.Confirmation
	for _, c := range was.Confirmations {
		if c.ID == w.Confirmation {
			gone = c
		}
	}
	detail := map[string]string{"confirmation": w.Confirmation, "method": gone.Method.String(), "from": was.Level.String()}
	a, err := session.Fall(ctx, tx, w.Account, func(a *account.Account) error {
		return a.Withdraw(w.Confirmation, w.Wall)
	}, w.why(audit.Withdrawn, detail))
	if err != nil {
		return nil, fmt.Errorf("confirm: withdraw: %w", err)
	}
	if err := Fallen(ctx, tx, a.ID, w.Now, w.Wall); err != nil {
		return nil, fmt.Errorf("confirm: withdraw: %w", err)
	}
	if err := w.tell(ctx, tx, n, a, gone.Method); err != nil {
		return nil, fmt.Errorf("confirm: withdraw: %w", err)
	}
	return a, nil
}

// tell says that a confirmation no longer counts, and what the level is now.
func (o Order) tell(ctx context.Context, tx Tx, n *notice.Notices, a *account.Account, m account.Method) error {
	if o.Quietly {
		return nil
	}
	return n.Tell(ctx, tx, a, notice.Withdrawn, notice.With{Method: m, Level: a.Level, Reason: o.Why, Patient: o.Patient})
}

// A Holding keeps confirmations from counting until By releases them.
type Holding struct {
	Order
	By string // such as "recall:7Q…" or "citizen"
	// Which says what is held; it is asked of every confirmation of the account and must be pure.
	Which func(account.Confirmation) bool
	// Letter makes a live letter's code void too, which no release brings back.
	Letter bool
}

// One is the Which of a single confirmation.
func One(id string) func(account.Confirmation) bool {
	return func(c account.Confirmation) bool { return c.ID == id }
}

// Held is what a Holding did.
type Held struct {
	Confirmations []string         // their ids; empty: there was nothing to hold
	Methods       []account.Method // of those that counted until then, strongest first
	From          account.Level
	VerifiedAt    time.Time // as it was
	Fell          bool
}

// HoldBack holds confirmations in the transaction tx. If one of them counted, that is a fall: everything
// issued ends and all contacts are told why and how the level comes back. Confirmations that counted for
// nothing are held too, so that what would have revived them does not. Held twice by the same is held once
// and leaves no second event.
func HoldBack(ctx context.Context, tx Tx, n *notice.Notices, h Holding) (*account.Account, Held, error) {
	var held Held
	var was *account.Account
	detail := map[string]string{"by": h.By}
	a, err := session.Fall(ctx, tx, h.Account, func(a *account.Account) error {
		if was, held = a, h.held(a); len(held.Confirmations) == 0 {
			return errNothing
		}
		for _, id := range held.Confirmations {
			if err := a.Hold(id, h.By, h.Wall); err != nil {
				return err
			}
		}
		detail["confirmations"], detail["from"] = strings.Join(held.Confirmations, " "), held.From.String()
		return nil
	}, h.why(audit.HeldBack, detail))
	if errors.Is(err, errNothing) {
		return was, Held{}, nil
	}
	if err != nil {
		return nil, Held{}, fmt.Errorf("confirm: hold back: %w", err)
	}
	if h.Letter {
		if err := Fallen(ctx, tx, a.ID, h.Now, h.Wall); err != nil {
			return nil, Held{}, fmt.Errorf("confirm: hold back: %w", err)
		}
	}
	if held.Fell {
		if err := h.tell(ctx, tx, n, a, held.Methods[0]); err != nil {
			return nil, Held{}, fmt.Errorf("confirm: hold back: %w", err)
		}
	}
	return a, held, nil
}

// errNothing ends a change that would change nothing.
var errNothing = errors.New("confirm: nothing to do")

// held is what the holding will hold of an account.
func (h Holding) held(a *account.Account) Held {
	out := Held{From: a.Level, VerifiedAt: a.VerifiedAt}
	for _, c := range a.Confirmations {
		if !h.Which(c) || c.HeldBy(h.By) {
			continue
		}
		out.Confirmations = append(out.Confirmations, c.ID)
		if c.Live() {
			out.Fell, out.Methods = true, append(out.Methods, c.Method)
		}
	}
	return out
}

// A Releasing gives back what By holds.
type Releasing struct {
	Order
	By string
	// VerifiedAt is since when the account counts as verified if it does by this; zero: since Wall.
	VerifiedAt time.Time
}

// Release gives back in the transaction tx whatever of an account is held by By. Confirmations that are
// gone since, or that somebody else holds too, stay as they are. If something counts again by it, all
// contacts are told; like every rise it shows at the next sign-in. What had ended stays ended.
func Release(ctx context.Context, tx Tx, n *notice.Notices, r Releasing) (*account.Account, bool, error) {
	at := r.VerifiedAt
	if at.IsZero() {
		at = r.Wall
	}
	var back []account.Method
	var ids []string
	var was *account.Account
	a, err := tx.ChangeAccount(ctx, r.Account, func(a *account.Account) error {
		back, ids = nil, nil
		for _, c := range a.Confirmations {
			if !c.HeldBy(r.By) {
				continue
			}
			ids = append(ids, c.ID)
			if a.Release(c.ID, r.By, at) {
				back = append(back, c.Method)
			}
		}
		if was = a; len(ids) == 0 {
			return errNothing
		}
		return nil
	})
	if errors.Is(err, errNothing) {
		return was, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("confirm: release: %w", err)
	}
	detail := map[string]string{"by": r.By, "confirmations": strings.Join(ids, " "), "to": a.Level.String()}
	maps.Copy(detail, r.Detail)
	e := audit.Event{At: r.Wall, Kind: audit.Released, Account: a.ID, Actor: r.Actor, Reason: r.Reason, Detail: detail, Request: r.Request}
	if err := tx.RecordEvent(ctx, e); err != nil {
		return nil, false, fmt.Errorf("confirm: release: %w", err)
	}
	if len(back) == 0 || r.Quietly {
		return a, len(back) > 0, nil
	}
	if err := n.Tell(ctx, tx, a, notice.Restored, notice.With{Method: back[0], Level: a.Level, Patient: r.Patient}); err != nil {
		return nil, false, fmt.Errorf("confirm: release: %w", err)
	}
	return a, true, nil
}
