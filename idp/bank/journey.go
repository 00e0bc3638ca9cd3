package bank

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/session"
)

// Banks lists those that citizens can be sent to, by name.
func (d *Desk) Banks(ctx context.Context, lang string) ([]*partner.Partner, error) {
	all, err := d.Partners.Store.Partners(ctx)
	if err != nil {
		return nil, fmt.Errorf("bank: list: %w", err)
	}
	all = slices.DeleteFunc(all, func(p *partner.Partner) bool { return p.Kind != partner.Bank || p.Disabled || p.Home == "" })
	slices.SortFunc(all, func(a, b *partner.Partner) int {
		switch x, y := a.NameIn(lang), b.NameIn(lang); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return all, nil
}

// Leave begins a citizen's journey to a bank and returns the address to send the browser to. Its errors are
// those of confirm.May, and fault.NotFound for a bank that is none.
func (d *Desk) Leave(ctx context.Context, s *session.Session, a *account.Account, id partner.ID) (address string, err error) {
	p, err := d.Partners.Partner(ctx, id)
	if err != nil {
		return "", fmt.Errorf("bank: leave: %w", err)
	}
	if p.Kind != partner.Bank || p.Disabled || p.Home == "" {
		return "", fmt.Errorf("bank: leave: %w", fault.NotFound)
	}
	if err := confirm.May(ctx, d.Read, a, account.Bank, d.Now()); err != nil {
		return "", fmt.Errorf("bank: leave: %w", err)
	}
	u, err := url.Parse(p.Home)
	if err != nil {
		return "", fmt.Errorf("bank: leave: the bank's page is no address: %w", fault.Unavailable)
	}
	ticket := rand.Text()
	if err := d.tickets.Create(ctx, ticket, Ticket{Account: a.ID, Session: s.ID, Partner: id}, d.Now().Add(ticketLife)); err != nil {
		return "", fmt.Errorf("bank: leave: %w", err)
	}
	u.RawQuery = url.Values{"ticket": {ticket}}.Encode()
	return u.String(), nil
}

// A Return is what the page of a citizen who comes back shows.
type Return struct {
	Partner *partner.Partner
	// Status is the bank's answer, or "" if the bank has said nothing under this ticket.
	Status Status
	Fields []string
	// Held tells of a waiting one that nothing is left to agree to: it counts when the citizen's time to object is
	// over.
	Held bool
}

// Returned reads a journey's end and changes nothing. ErrTicket: it is over; ErrNotHere: it is another's.
func (d *Desk) Returned(ctx context.Context, s *session.Session, a *account.Account, ticket, code string) (*Return, error) {
	t, v, err := d.journey(ctx, s, a, ticket, code)
	if err != nil {
		return nil, err
	}
	p, err := d.Partners.Partner(ctx, t.Partner)
	if err != nil {
		return nil, fmt.Errorf("bank: return: %w", err)
	}
	out := &Return{Partner: p}
	if v != nil {
		if v.held() {
			if v, err = d.settled(ctx, v); err != nil {
				return nil, err
			}
		}
		out.Held = v.held()
		out.Status, out.Fields = v.Body.Outcome.Status, v.Body.Outcome.Fields
	}
	return out, nil
}

// journey opens a ticket for the session that left with it. The code comes with the bank's answer: a ticket
// alone is known to whoever began the journey, and that may be a stranger who lured the bank's client into it.
func (d *Desk) journey(ctx context.Context, s *session.Session, a *account.Account, ticket, code string) (*Ticket, *Vouching, error) {
	t, err := d.tickets.Load(ctx, ticket)
	if errors.Is(err, fault.NotFound) {
		return nil, nil, ErrTicket
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bank: return: %w", err)
	}
	if t.Session != s.ID || t.Account != a.ID {
		return nil, nil, ErrNotHere
	}
	if t.Reference == "" {
		return &t, nil, nil
	}
	if subtle.ConstantTimeCompare([]byte(code), []byte(t.Code)) != 1 {
		return nil, nil, ErrNotHere
	}
	v, err := d.Read.Vouching(ctx, t.Partner, Confirmation, t.Reference)
	if errors.Is(err, fault.NotFound) {
		return &t, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("bank: return: %w", err)
	}
	return &t, v, nil
}

// Agree makes a confirmation that waits for the citizen, and tells whether it counts at once. Done already is
// done. Its errors are those of Returned and of confirm.May, and ErrTicket if there is nothing to agree to.
func (d *Desk) Agree(ctx context.Context, s *session.Session, a *account.Account, ticket, code, request string) (counts bool, err error) {
	t, v, err := d.journey(ctx, s, a, ticket, code)
	if err != nil {
		return false, err
	}
	switch {
	case v != nil && v.Body.Outcome.Status == Confirmed:
		return true, nil
	case v != nil && v.held():
		return false, nil
	case v == nil || v.Body.Outcome.Status != Waiting || v.Body.Person == nil:
		return false, ErrTicket
	}
	p, err := d.Partners.Partner(ctx, t.Partner)
	if err != nil {
		return false, fmt.Errorf("bank: agree: %w", err)
	}
	if p.Disabled {
		return false, ErrTicket
	}
	at := d.Wall().UTC().Truncate(time.Second)
	proof := account.Confirmation{ID: rand.Text(), Method: account.Bank, At: at, Organization: p.Organization(), Serial: t.Reference}
	out := Outcome{Reference: t.Reference}
	out.made(a, proof)
	if err := d.sign(p.ID, Confirmation, &out); err != nil {
		return false, err
	}
	same, err := d.Ring.CheckKeyedHash(*v.Body.Person, vouchedFor, personOf(a), []byte(t.Reference))
	if err != nil {
		return false, fmt.Errorf("bank: agree: %w", err)
	}
	if !same {
		return false, confirm.ErrMoved
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		done := false
		_, err := tx.ChangeVouching(ctx, t.Partner, Confirmation, t.Reference, func(v *Vouching) error {
			if done = v.Body.Outcome.Status != Waiting || v.held(); done {
				out = v.Body.Outcome
				return nil
			}
			v.Body.Outcome, v.Body.Person, v.Confirmation = out, nil, proof.ID
			return nil
		})
		if err != nil || done {
			return err
		}
		fresh, err := tx.Account(ctx, a.ID)
		if err != nil {
			return err
		}
		if personOf(fresh) != personOf(a) {
			return confirm.ErrMoved
		}
		_, c, err := confirm.Prove(ctx, tx, d.Notices, confirm.Proof{
			Account: a.ID, Confirmation: proof, Judged: a.Profile.Person, Request: request, Now: d.Now(), Wall: d.Wall(),
			Detail: map[string]string{"partner": string(p.ID)},
		})
		if err == nil && c.Live() != (out.Status == Confirmed) {
			return confirm.ErrMoved
		}
		return err
	})
	if err != nil {
		return false, fmt.Errorf("bank: agree: %w", err)
	}
	return out.Status == Confirmed, nil
}
