package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/partner"
)

// A Word is a bank's word for its client.
type Word struct {
	Once      partner.Once
	Reference string
	Ticket    string // "" unless the client came from our page
	Identity  Identity
	Request   string // the id of the request, for the record
}

// turns is how often a confirmation is judged anew when the account changes meanwhile.
const turns = 3

// Confirm answers a bank's word, and confirms the account if all of it is right. What it answers is kept
// with the effect, so that a repeat of the request finds it (partner.Once); the errors are ErrReference,
// ErrTicket, partner.ErrAnswered and a fault.RetryAfter, and then nothing was done.
func (d *Desk) Confirm(ctx context.Context, p *partner.Partner, w Word) (*Outcome, error) {
	if err := d.unused(ctx, p.ID, Confirmation, w.Reference); err != nil {
		return nil, err
	}
	missed, err := d.count(ctx, d.misses(), p.ID, w.Identity.SNILS)
	if err != nil {
		return nil, err
	}
	t, err := d.take(ctx, p.ID, w)
	if err != nil {
		return nil, err
	}
	for range turns {
		var j *judgement
		if j, err = d.judge(ctx, p, w, t); err != nil {
			return nil, err
		}
		err = d.Atomically(ctx, func(tx Tx) error { return d.write(ctx, tx, p, w, j) })
		if err == nil {
			if j.outcome.Status != NotMatched {
				if err := missed.Back(ctx); err != nil {
					d.Log.WarnContext(ctx, "a question that was no miss is counted as one", "error", err)
				}
			}
			return &j.outcome, nil
		}
		if !blocked(err) && !errors.Is(err, confirm.ErrMoved) {
			break
		}
	}
	if errors.Is(err, fault.Exists) && !errors.Is(err, partner.ErrAnswered) {
		err = ErrReference
	}
	return nil, fmt.Errorf("bank: confirm: %w", err)
}

// unused refuses a reference of the past early; the store settles races.
func (d *Desk) unused(ctx context.Context, id partner.ID, kind, reference string) error {
	_, err := d.Read.Vouching(ctx, id, kind, reference)
	switch {
	case err == nil:
		return ErrReference
	case errors.Is(err, fault.NotFound):
		return nil
	}
	return fmt.Errorf("bank: %s: %w", kind, err)
}

// misses bounds how often a bank may be wrong, and registrations how many accounts it may begin.
func (d *Desk) misses() limit.Rule {
	return limit.Rule{Name: "bank misses", Free: d.Misses, Window: 24 * time.Hour}
}

func (d *Desk) registrations() limit.Rule {
	return limit.Rule{Name: "bank registrations", Free: d.Registrations, Window: 24 * time.Hour}
}

// count bounds what a bank that asks and asks can find out: of one SNILS, and by its own rule in all. A question
// counts as a miss until it is known not to be one.
func (d *Desk) count(ctx context.Context, own limit.Rule, id partner.ID, snils civil.SNILS) (*limit.Hit, error) {
	asked := limit.Rule{Name: "bank snils", Free: d.PerSNILS, Window: 24 * time.Hour}
	if _, err := d.limits.Take(ctx, asked, snils.String()); err != nil {
		return nil, fmt.Errorf("bank: count: %w", err)
	}
	hit, err := d.limits.Take(ctx, own, string(id))
	if err != nil {
		return nil, fmt.Errorf("bank: count: %w", err)
	}
	return hit, nil
}

// take marks a ticket with the reference that uses it. The code stands in the ticket before it stands in any
// answer, and a repeat finds the same one.
func (d *Desk) take(ctx context.Context, id partner.ID, w Word) (*Ticket, error) {
	if w.Ticket == "" {
		return nil, nil
	}
	t, err := d.tickets.Change(ctx, w.Ticket, func(t *Ticket) error {
		if t.Partner != id || t.Reference != "" && t.Reference != w.Reference {
			return ErrTicket
		}
		if t.Reference == "" {
			t.Reference, t.Code = w.Reference, rand.Text()
		}
		return nil
	})
	if errors.Is(err, fault.NotFound) {
		return nil, ErrTicket
	}
	if err != nil {
		return nil, fmt.Errorf("bank: ticket: %w", err)
	}
	return &t, nil
}

// A judgement is a word held against the accounts, with the answer ready and signed.
type judgement struct {
	outcome  Outcome
	account  *account.Account // nil: none was found
	proof    account.Confirmation
	vouching Vouching
}

// judge compares, and prepares all that the transaction will write: nothing is signed inside one.
func (d *Desk) judge(ctx context.Context, p *partner.Partner, w Word, t *Ticket) (*judgement, error) {
	j := &judgement{outcome: Outcome{Reference: w.Reference, Status: NotMatched}}
	a, err := d.Read.FindAccount(ctx, account.BySNILS, w.Identity.SNILS.String())
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("bank: find: %w", err)
	}
	if err == nil && a.Profile.Person.BirthDate == w.Identity.BirthDate && (t == nil || t.Account == a.ID) {
		j.account = a
		if err := d.weigh(ctx, w, t, j); err != nil {
			return nil, err
		}
	}
	if t != nil {
		back := url.Values{"ticket": {w.Ticket}, "code": {t.Code}}
		j.outcome.ReturnTo = d.Issuer + "/account/confirm/bank/return?" + back.Encode()
	}
	j.vouching = Vouching{Partner: p.ID, Kind: Confirmation, Reference: w.Reference, At: d.Now()}
	if j.account != nil {
		j.vouching.Account = a.ID
	}
	switch j.outcome.Status {
	case Confirmed:
		at := d.Wall().UTC().Truncate(time.Second)
		j.proof = account.Confirmation{ID: rand.Text(), Method: account.Bank, At: at, Organization: p.Organization(), Serial: w.Reference}
		j.vouching.Confirmation = j.proof.ID
		j.outcome.made(a, j.proof)
	case Waiting:
		digest, err := d.Ring.KeyedHash(vouchedFor, personOf(a), []byte(w.Reference))
		if err != nil {
			return nil, fmt.Errorf("bank: confirm: %w", err)
		}
		j.vouching.Body.Person = &digest
	}
	if err := d.sign(p.ID, Confirmation, &j.outcome); err != nil {
		return nil, err
	}
	j.vouching.Body.Outcome = j.outcome
	return j, nil
}

// made puts the confirmation into an outcome that is to be signed. One that its citizen has time to object to does
// not count yet, and the bank is told of it when it does.
func (o *Outcome) made(a *account.Account, c account.Confirmation) {
	if a.Locks.Wait > 0 {
		o.Status = Waiting
		return
	}
	o.Status, o.Confirmation, o.ConfirmedAt = Confirmed, c.ID, &c.At
}

// weigh decides about an account that was found.
func (d *Desk) weigh(ctx context.Context, w Word, t *Ticket, j *judgement) error {
	differs := w.Identity.differs(j.account)
	onlyPhone := slices.Equal(differs, []string{phoneField})
	if len(differs) > 0 && !(onlyPhone && t != nil) {
		j.outcome.Fields = differs
		return nil
	}
	switch err := confirm.May(ctx, d.Read, j.account, account.Bank, d.Now()); {
	case blocked(err):
		j.outcome.Status = Refused
	case err != nil:
		return fmt.Errorf("bank: confirm: %w", err)
	case onlyPhone:
		j.outcome.Status = Waiting
	default:
		j.outcome.Status = Confirmed
	}
	return nil
}

// write is the effect. The answer comes first: of parallel repeats one goes on.
func (d *Desk) write(ctx context.Context, tx Tx, p *partner.Partner, w Word, j *judgement) error {
	if err := w.Once.Keep(ctx, tx, http.StatusCreated, j.outcome, d.Now()); err != nil {
		return err
	}
	v := j.vouching
	if err := tx.SaveVouching(ctx, &v); err != nil {
		return err
	}
	if j.proof.ID != "" {
		if fresh, err := tx.Account(ctx, j.account.ID); err != nil {
			return err
		} else if len(w.Identity.differs(fresh)) != len(w.Identity.differs(j.account)) || personOf(fresh) != personOf(j.account) {
			return confirm.ErrMoved
		}
		_, c, err := confirm.Prove(ctx, tx, d.Notices, confirm.Proof{
			Account: j.account.ID, Confirmation: j.proof, Judged: j.account.Profile.Person, Request: w.Request, Now: d.Now(), Wall: d.Wall(),
			Detail: map[string]string{"partner": string(p.ID)},
		})
		if err == nil && c.Live() != (j.outcome.Status == Confirmed) {
			return confirm.ErrMoved // the receipt, signed already, would say what is not so
		}
		return err
	}
	if j.account == nil {
		return nil
	}
	return tx.RecordEvent(ctx, audit.Event{
		At: d.Wall(), Kind: audit.BankAsked, Account: j.account.ID, Reason: string(j.outcome.Status), Request: w.Request,
		Detail: map[string]string{"partner": string(p.ID), "reference": w.Reference},
	})
}

const vouchedFor = "vouched person"

// personOf is all of an account that a bank's word was held against, but for the phone.
func personOf(a *account.Account) string {
	p := a.Profile.Person
	document := ""
	if p.Document != nil {
		document = p.Document.Key()
	}
	name := civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}
	return civil.PersonKey(name, p.BirthDate) + "|" + p.SNILS.String() + "|" + document
}
