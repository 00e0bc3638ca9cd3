package confirm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// A Queue is what an operator has before them today.
type Queue struct {
	Mine    []QueueLine // open, and theirs
	Waiting []QueueLine // of the centre, for a second pair of eyes: a colleague's first, then their own
	Closed  []QueueLine // theirs, of today
}

// A QueueLine is one visit.
type QueueLine struct {
	ID     string
	Number string
	Reason VisitReason
	Opened time.Time
	// Outcome is as of visits; "" is open.
	Outcome string
	Name    string // masked
	Own     bool   // opened by the reader
}

// queueLines is how many visits of a centre's day are looked at.
const queueLines = 200

// Queue lists today's visits that concern an operator: their own, and those of the centre that wait for a
// colleague. Names are masked, and nothing is opened by it.
func (v *Visits) Queue(ctx context.Context, op Operator) (*Queue, error) {
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, err
	}
	y, month, d := v.Now().In(v.Zone).Date()
	since := time.Date(y, month, d, 0, 0, 0, 0, v.Zone)
	if open := v.Now().Add(-VisitLife); open.Before(since) {
		since = open // just after midnight
	}
	all, err := v.Read.VisitsOf(ctx, m.Centre, since, queueLines)
	if err != nil {
		return nil, fmt.Errorf("confirm: queue: %w", err)
	}
	var q Queue
	var own []QueueLine
	for _, w := range all {
		mine := w.Operator == op.Account
		line := QueueLine{ID: w.ID, Number: w.Number, Reason: VisitReason(w.Reason), Opened: w.Opened, Outcome: w.Outcome, Own: mine}
		over := !v.Now().Before(w.Opened.Add(VisitLife))
		var into *[]QueueLine
		switch {
		case w.Outcome == VisitWaiting && !over && mine:
			into = &own
		case w.Outcome == VisitWaiting && !over && w.Account != op.Account:
			into = &q.Waiting
		case w.Outcome == "" && !over && mine:
			into = &q.Mine
		case w.Outcome != "" && w.Outcome != VisitWaiting && (mine || w.Second == op.Account):
			into = &q.Closed
		default:
			continue
		}
		if line.Name, err = v.masked(ctx, w.Account); err != nil {
			return nil, err
		}
		*into = append(*into, line)
	}
	q.Waiting = append(q.Waiting, own...)
	return &q, nil
}

// Colleague opens a visit that waits for a second pair of eyes, for an operator of the same centre who did not
// open it, and records that they saw it, once. Once decided, it is shown to whoever decided.
func (v *Visits) Colleague(ctx context.Context, op Operator, id string) (*Case, error) {
	visit, err := v.theirs(ctx, op, id, true)
	if err != nil {
		return nil, err
	}
	if visit.Outcome != VisitWaiting {
		if visit.Second != op.Account {
			return nil, ErrNoVisit
		}
		return &Case{Visit: visit}, nil
	}
	if err := visit.decidable(v.Now(), true); err != nil {
		return nil, err
	}
	c := &Case{Visit: visit}
	err = v.Atomically(ctx, func(tx VisitTx) error {
		m, err := serving(ctx, tx, op.Account)
		if err != nil {
			return err
		}
		a, err := tx.Account(ctx, visit.Account)
		if err != nil {
			return err
		}
		obstacle, err := v.obstacle(ctx, tx, op.Account, a, VisitReason(visit.Reason))
		if err != nil {
			return err
		}
		*c = Case{Visit: visit}
		if obstacle.bars(VisitReason(visit.Reason)) {
			c.Obstacle = obstacle
		}
		if !obstacle.Partial() {
			if !visit.unchanged(a) {
				return ErrChanged
			}
			c.Account, c.Person = a, visit.compared(a)
		}
		if slices.Contains(visit.Looked, op.Account) {
			return nil
		}
		w, err := tx.ChangeVisit(ctx, id, func(w *Visit) error {
			if err := w.decidable(v.Now(), true); err != nil {
				return err
			}
			w.Looked = append(w.Looked, op.Account)
			return nil
		})
		if err != nil {
			return err
		}
		e := v.of(op, m, audit.OperatorOpened, w)
		e.Detail["second"] = "1"
		return tx.RecordEvent(ctx, e)
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: second: %w", err)
	}
	return c, nil
}

// An Other is an account that may be the same person's: of the same name and birth date,
// the same SNILS or the same document.
type Other struct {
	Name   string   // masked
	Level  string   // as spelled on the wire
	Shares []string // person, snils, document
}

// sameOthers is how many are looked at: names are shared by strangers.
const sameOthers = 20

// others looks for accounts that may be the same person's as one, by data that need not be its own.
func others(ctx context.Context, from VisitTx, self account.ID, p account.Person) ([]Other, error) {
	shares := map[account.ID][]string{}
	var order []account.ID
	look := func(by account.Key, value, what string) error {
		ids, err := from.FindAccounts(ctx, by, value, sameOthers)
		if err != nil {
			return fmt.Errorf("confirm: others: %w", err)
		}
		for _, id := range ids {
			if id == self {
				continue
			}
			if shares[id] == nil {
				order = append(order, id)
			}
			shares[id] = append(shares[id], what)
		}
		return nil
	}
	if !p.BirthDate.IsZero() {
		name := civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}
		if err := look(account.ByPerson, civil.PersonKey(name, p.BirthDate), "person"); err != nil {
			return nil, err
		}
	}
	if !p.SNILS.IsZero() {
		if err := look(account.BySNILS, p.SNILS.String(), "snils"); err != nil {
			return nil, err
		}
	}
	if p.Document != nil {
		if err := look(account.ByDocument, p.Document.Key(), "document"); err != nil {
			return nil, err
		}
	}
	var out []Other
	for _, id := range order {
		a, err := from.Account(ctx, id)
		if errors.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("confirm: others: %w", err)
		}
		out = append(out, Other{Name: maskedName(a.Profile.Person), Level: a.Level.String(), Shares: shares[id]})
	}
	return out, nil
}

// noteOthers adds to an event how many there are.
func noteOthers(e *audit.Event, w *Visit) {
	if len(w.Others) > 0 {
		e.Detail["others"] = strconv.Itoa(len(w.Others))
	}
}

func maskedName(p account.Person) string {
	return strings.Join(strings.Fields(p.FamilyName.MaskPage()+" "+p.GivenName.MaskPage()+" "+p.Patronymic.MaskPage()), " ")
}
