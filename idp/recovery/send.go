package recovery

import (
	"context"
	"errors"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
)

// JobSend sends what a flow has to send; its ref is the flow's id.
const JobSend = "recovery_send"

// A Mailing is the messages of a flow. It lies in the flow, sealed, until the job has posted it.
type Mailing struct {
	To       []account.Contact `json:"to,omitempty"`
	Token    string            `json:"token"` // of the link
	InPerson bool              `json:"in_person,omitempty"`
}

// Handlers gives the job that sends.
func (d *Desk) Handlers() job.Handlers { return job.Handlers{JobSend: d.Send} }

// prepare counts, and readies the proofs and what is to be posted. The flow is the caller's to keep.
func (d *Desk) prepare(ctx context.Context, id string, f *Flow, a *account.Account, network string) error {
	named := account.Contact{Kind: account.ContactKind(f.Named), Value: f.Typed}
	s := limit.Sending{For: "recover", Contact: named.Key(), Network: network, Known: f.Known}
	if err := d.limits.Send(ctx, s); err != nil {
		return fmt.Errorf("recovery: send: %w", err)
	}
	inPerson, err := d.onlyInPerson(ctx, d.Accounts, a)
	if err != nil {
		return err
	}
	now := d.Now()
	f.Phone, f.Mail = contact.Proof{Kind: account.Phone, Deaf: true}, contact.Proof{Kind: account.Email, Deaf: true}
	f.Phone.Send(now)
	f.Mail.Send(now)
	f.Mailing = &Mailing{Token: contact.NewToken(), To: recipients(named, a), InPerson: inPerson}
	if err := d.links.Create(ctx, contact.TokenID(f.Mailing.Token), id, now.Add(contact.LinkLife)); err != nil {
		return fmt.Errorf("recovery: keep the link: %w", err)
	}
	for _, c := range f.Mailing.To {
		p := &f.Phone
		if c.Kind == account.Email {
			p = &f.Mail
		}
		p.Value, p.Deaf = c.Value, a == nil || inPerson
	}
	if a != nil {
		f.Identity = !a.Profile.Person.SNILS.IsZero()
	}
	return nil
}

// recipients are the contact that was named, as its holder spells it; for a SNILS, or a number that was
// read as one, all contacts of the account; and for a SNILS that nobody holds nobody.
func recipients(named account.Contact, a *account.Account) []account.Contact {
	if a == nil {
		if named.Kind == account.Phone || named.Kind == account.Email {
			return []account.Contact{named}
		}
		return nil
	}
	for _, c := range a.Profile.Contacts {
		if c.Same(named) {
			return []account.Contact{c}
		}
	}
	return a.Profile.Contacts
}

// order enqueues the job, for every name alike. The flow is kept by then.
func (d *Desk) order(ctx context.Context, id string) error {
	err := d.Atomically(ctx, func(tx Tx) error { return tx.Enqueue(ctx, job.Job{Kind: JobSend, Ref: id}) })
	if err != nil {
		return fmt.Errorf("recovery: order the messages: %w", err)
	}
	return nil
}

// Send posts the messages of a flow. A crash before they are taken out of the flow posts them once more,
// with the same code and the same link.
func (d *Desk) Send(ctx context.Context, id string) error {
	f, err := d.flows.Load(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && f.Mailing == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("recovery: send: %w", err)
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		for _, c := range f.Mailing.To {
			if err := d.post(ctx, tx, &f, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recovery: send: %w", err)
	}
	_, err = d.flows.Change(ctx, id, func(g *Flow) error {
		if g.Mailing != nil && g.Mailing.Token == f.Mailing.Token {
			g.Mailing = nil
		}
		return nil
	})
	if err != nil && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("recovery: send: %w", err)
	}
	return nil
}

func (d *Desk) post(ctx context.Context, tx Tx, f *Flow, c account.Contact) error {
	switch {
	case f.Account == 0:
		return d.Notices.To(ctx, tx, 0, c, f.Lang, notice.RecoveryNoAccount, notice.With{})
	case f.Mailing.InPerson:
		return d.Notices.To(ctx, tx, f.Account, c, f.Lang, notice.RecoveryInPerson, notice.With{})
	case c.Kind == account.Email:
		return d.Notices.Link(ctx, tx, f.Account, c.Value, f.Lang, notice.RecoveryLink, "/recover/link/"+f.Mailing.Token, f.Mail.Until)
	}
	return d.Notices.Code(ctx, tx, f.Account, c.Value, f.Lang, notice.RecoveryCode, f.Phone.Code, f.Phone.Until)
}
