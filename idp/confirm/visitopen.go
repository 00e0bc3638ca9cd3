package confirm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/registry"
)

// Serving returns the membership of somebody who serves at a window, or ErrNotStaff. Administrators
// register operators and do not confirm citizens: whoever appoints does not also decide.
func (v *Visits) Serving(ctx context.Context, id account.ID) (*centre.Member, error) {
	return serving(ctx, v.Read, id)
}

// Staff gives the membership of whoever works for a centre now, an administrator too; ErrNotStaff.
func (v *Visits) Staff(ctx context.Context, id account.ID) (*centre.Member, error) {
	return staff(ctx, v.Read, id)
}

type memberReader interface {
	Member(ctx context.Context, a account.ID) (*centre.Member, error)
}

func staff(ctx context.Context, from memberReader, id account.ID) (*centre.Member, error) {
	m, err := from.Member(ctx, id)
	switch {
	case errors.Is(err, fault.NotFound):
		return nil, ErrNotStaff
	case err != nil:
		return nil, fmt.Errorf("confirm: membership: %w", err)
	case !m.Active:
		return nil, ErrNotStaff
	}
	return m, nil
}

func serving(ctx context.Context, from memberReader, id account.ID) (*centre.Member, error) {
	m, err := staff(ctx, from, id)
	if err == nil && m.Role != centre.Operator {
		return nil, ErrNotStaff
	}
	return m, err
}

// A Found is the account that a search led to.
type Found struct{ Account account.ID }

// Find looks for the account whose checked SNILS and whose document both are those of the person at the
// window. Either alone leads nowhere, so nobody can be looked up from a list. Where nobody's SNILS is checked, the
// only one who holds both is found: an account that was taken down is not lost. The search is recorded before
// anything is answered, and who searches in vain too often waits (fault.RetryAfter). A wrong form is
// fault.Fields: document-number, reason.
func (v *Visits) Find(ctx context.Context, op Operator, snils civil.SNILS, number string, why VisitReason) (*Found, error) {
	var wrong fault.Fields
	if snils.IsZero() {
		wrong.Add("snils", "snils.required")
	}
	if code := documentFault(number); code != "" {
		wrong.Add("document-number", code)
	}
	if !why.valid() {
		wrong.Add("reason", "reason.required")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, err
	}
	e := v.event(op, m, audit.OperatorSearched, why)
	tries, err := v.mayMiss(ctx, e)
	if err != nil {
		return nil, err
	}
	var found *Found
	a, answer := v.Read.FindAccount(ctx, account.BySNILS, snils.String())
	if errors.Is(answer, fault.NotFound) {
		a, answer = v.findLowered(ctx, snils, number)
	}
	switch {
	case errors.Is(answer, fault.NotFound):
		answer, e.Detail["result"] = ErrNobody, "nobody"
	case answer != nil:
		return nil, fmt.Errorf("confirm: find: %w", answer)
	case !hasDocument(a, number):
		e.Account, e.Detail["result"] = a.ID, "other_document"
		answer = ErrOtherDocument
	default:
		e.Account, e.Detail["result"] = a.ID, "found"
		found = &Found{Account: a.ID}
	}
	if err := v.Atomically(ctx, func(tx VisitTx) error { return tx.RecordEvent(ctx, e) }); err != nil {
		return nil, fmt.Errorf("confirm: record the search: %w", err)
	}
	if found != nil {
		err = v.Limits.Back(ctx, tries...)
	}
	if err != nil {
		return nil, fmt.Errorf("confirm: find: %w", err)
	}
	return found, answer
}

// findLowered is the only account with both numbers among those whose SNILS is not checked; fault.NotFound.
func (v *Visits) findLowered(ctx context.Context, snils civil.SNILS, number string) (*account.Account, error) {
	ids, err := v.Read.FindAccounts(ctx, account.BySNILS, snils.String(), sameOthers)
	if err != nil {
		return nil, err
	}
	var only *account.Account
	for _, id := range ids {
		a, err := v.Read.Account(ctx, id)
		switch {
		case errors.Is(err, fault.NotFound):
		case err != nil:
			return nil, err
		case a.Profile.Person.SNILS != snils || !hasDocument(a, number):
		case only != nil:
			return nil, ErrNobody
		default:
			only = a
		}
	}
	if only == nil || len(ids) >= sameOthers { // there may be more than were read
		return nil, ErrNobody
	}
	return only, nil
}

// Searches that lead nowhere: somebody who tries out numbers is slowed down, and so is a centre.
var (
	missesOperator = limit.Rule{Name: "window miss operator", Free: 20, Window: time.Hour}
	missesCentre   = limit.Rule{Name: "window miss centre", Free: 200, Window: time.Hour}
)

// mayMiss counts a search as one that leads nowhere, before it is known; who finds somebody gives it back. One
// too many is recorded like every search, and looks for nobody.
func (v *Visits) mayMiss(ctx context.Context, e audit.Event) ([]*limit.Hit, error) {
	hits, err := v.Limits.TakeAll(ctx, limit.Of(missesOperator, e.Actor.String()), limit.Of(missesCentre, e.Detail["centre"]))
	if err == nil {
		return hits, nil
	}
	if errors.Is(err, fault.Limited) {
		e.Detail["result"] = "limited"
		if err := v.Atomically(ctx, func(tx VisitTx) error { return tx.RecordEvent(ctx, e) }); err != nil {
			return nil, fmt.Errorf("confirm: record the search: %w", err)
		}
	}
	return nil, fmt.Errorf("confirm: find: %w", err)
}

// hasDocument compares a number as typed with the profile's document, whose type says how to read it.
func hasDocument(a *account.Account, typed string) bool {
	d := a.Profile.Person.Document
	if d == nil {
		return false
	}
	n, err := civil.ParseDocumentNumber(d.Type, typed)
	return err == nil && n == d.Number
}

// documentFault is what is wrong with a number that no type of document has.
func documentFault(typed string) string {
	var first string
	for _, t := range civil.DocumentTypes() {
		_, err := civil.ParseDocumentNumber(t, typed)
		if err == nil {
			return ""
		}
		first = civil.CodeOf(err) // of the last type: the one that takes most
	}
	return first
}

// Open opens an account that was found, and records it with the reason. What stands in the way of a
// confirmation does not prevent the opening, so that it can be explained: see Case.
func (v *Visits) Open(ctx context.Context, op Operator, id account.ID, why VisitReason) (*Visit, error) {
	if !why.valid() {
		return nil, fault.Fields{{Name: "reason", Code: "reason.required"}}
	}
	visit := &Visit{ID: rand.Text(), Account: id, Operator: op.Account, Reason: string(why), Opened: v.Now()}
	tail := caseNumber()
	err := v.Atomically(ctx, func(tx VisitTx) error {
		m, err := serving(ctx, tx, op.Account)
		if err != nil {
			return err
		}
		a, err := tx.Account(ctx, id)
		if err != nil {
			return err
		}
		obstacle, err := v.obstacle(ctx, tx, op.Account, a, why)
		if err != nil {
			return err
		}
		visit.Centre = m.Centre
		if visit.Others = nil; !obstacle.Partial() {
			if visit.Others, err = others(ctx, tx, a.ID, a.Profile.Person); err != nil {
				return err
			}
		}
		if visit.Shown, err = shown(a); err != nil {
			return err
		}
		visit.Number = "Ц-" + m.Centre[strings.LastIndexByte(m.Centre, '-')+1:] + "-" + tail
		if err := tx.SaveVisit(ctx, visit); err != nil {
			return err
		}
		e := v.of(op, m, audit.OperatorOpened, visit)
		if obstacle != "" {
			e.Detail["obstacle"] = string(obstacle)
		}
		noteOthers(&e, visit)
		return tx.RecordEvent(ctx, e)
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: open: %w", err)
	}
	return visit, nil
}

// caseNumber draws the part of a number that tells the visits of a centre apart: 4829-1372.
func caseNumber() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	n := binary.BigEndian.Uint64(b[:]) % 1_0000_0000
	return fmt.Sprintf("%04d-%04d", n/1_0000, n%1_0000)
}

// obstacle tells what stands between an operator and an account that they want something for, or "".
func (v *Visits) obstacle(ctx context.Context, from interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
	memberReader
}, operator account.ID, a *account.Account, why VisitReason) (Obstacle, error) {
	mine, err := from.Account(ctx, operator)
	if err != nil {
		return "", fmt.Errorf("confirm: the operator's account: %w", err)
	}
	running := false
	switch last, err := from.LastApplication(ctx, a.ID); {
	case errors.Is(err, fault.NotFound):
	case err != nil:
		return "", fmt.Errorf("confirm: application: %w", err)
	default:
		running = last.State == registry.Running
	}
	o := Between(mine, a, running, v.today())
	if o.bars(why) || !Staff.bars(why) {
		return o, nil
	}
	switch _, err := staff(ctx, from, a.ID); {
	case errors.Is(err, ErrNotStaff):
		return o, nil
	case err != nil:
		return "", err
	}
	return Staff, nil
}

// Between judges whether the operator, whose own account is mine, may confirm an account. checking says
// that data of it is being checked.
func Between(mine, a *account.Account, checking bool, today civil.Date) Obstacle {
	p := a.Profile.Person
	switch {
	case mine.ID == a.ID, !p.SNILS.IsZero() && p.SNILS == mine.Profile.Person.SNILS:
		return OwnAccount // a second account of the same person is their own too
	case shareContact(mine, a):
		return SharesContact
	case !a.Lock.Deceased.IsZero():
		return Closed
	case checking:
		return ChecksRunning
	case p.Document == nil, a.Level < account.Standard && p.SNILS.IsZero():
		return NotStandard
	case p.Document.Lapsed(p.BirthDate, today):
		return DocumentLapse
	case a.Level < account.Standard:
		return Lowered
	}
	return ""
}

// shareContact tells whether two accounts are reached at one place. One contact belongs to one account,
// but one mailbox has many spellings.
func shareContact(a, b *account.Account) bool {
	for _, x := range a.Profile.Contacts {
		for _, y := range b.Profile.Contacts {
			if x.Kind == y.Kind && mailbox(x) == mailbox(y) {
				return true
			}
		}
	}
	return false
}

// mailbox is where a contact ends up: mail is told apart neither by case nor by what follows a plus sign.
func mailbox(c account.Contact) string {
	if c.Kind != account.Email {
		return c.Value
	}
	local, domain, _ := strings.Cut(strings.ToLower(c.Value), "@")
	local, _, _ = strings.Cut(local, "+")
	return local + "@" + domain
}

// event is one act of an operator.
func (v *Visits) event(op Operator, m *centre.Member, kind audit.Kind, why VisitReason) audit.Event {
	return audit.Event{
		At: v.Wall(), Kind: kind, Actor: op.Account, Session: op.Session, Device: op.Device, Request: op.Request,
		Reason: string(why), Detail: map[string]string{"centre": m.Centre},
	}
}

// of is event about a visit.
func (v *Visits) of(op Operator, m *centre.Member, kind audit.Kind, visit *Visit) audit.Event {
	e := v.event(op, m, kind, VisitReason(visit.Reason))
	e.Account = visit.Account
	e.Detail["visit"], e.Detail["number"] = visit.ID, visit.Number
	return e
}
