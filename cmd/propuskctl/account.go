package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
)

// find reads an account by its id or its mobile number.
func find(d *desk, o *stores.Opened, who string) (*account.Account, error) {
	return findAccount(d.ctx, o.Records, who)
}

// accounts is what find looks in.
type accounts interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
}

func findAccount(ctx context.Context, s accounts, who string) (*account.Account, error) {
	if phone, err := civil.ParsePhone(who); err == nil && strings.HasPrefix(strings.TrimSpace(who), "+") {
		a, err := s.FindAccount(ctx, account.ByPhone, phone.String())
		if errors.Is(err, fault.NotFound) {
			return nil, errors.New("no account has this number")
		}
		return a, err
	}
	id, err := account.ParseID(strings.TrimSpace(who))
	if err != nil {
		return nil, errors.New("want an account id, or a mobile number that begins with +")
	}
	return s.Account(ctx, id)
}

type accountShow struct {
	Account string `arg:"" help:"Account id, or mobile number beginning with +."`
}

// masked is an account without anything personal.
type masked struct {
	ID            account.ID             `json:"account"`
	Name          string                 `json:"name"`
	Level         account.Level          `json:"level"`
	Epoch         int                    `json:"epoch"`
	Confirmations []account.Confirmation `json:"confirmations"`
	Contacts      []string               `json:"contacts"`
	SNILS         string                 `json:"snils,omitempty"`
	Document      string                 `json:"document,omitempty"`
	SecondFactor  bool                   `json:"second_factor"`
	Created       string                 `json:"created"`
	Locked        string                 `json:"locked_since,omitempty"`
	Sessions      int                    `json:"sessions"`
}

func (c *accountShow) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		live, err := o.Sessions(d.ctx, a.ID)
		if err != nil {
			return err
		}
		p := a.Profile.Person
		out := masked{
			ID: a.ID, Level: a.Level, Epoch: a.Epoch, Confirmations: a.Confirmations, Created: day(a.Created), Sessions: len(live),
			SecondFactor: a.Credential.TOTP != nil,
			Name:         civil.FullName{Family: p.FamilyName, Given: p.GivenName, Patronymic: p.Patronymic}.Mask(),
		}
		for _, contact := range a.Profile.Contacts {
			out.Contacts = append(out.Contacts, maskContact(contact))
		}
		if !p.SNILS.IsZero() {
			out.SNILS = p.SNILS.Mask()
		}
		if p.Document != nil {
			out.Document = p.Document.Mask()
		}
		if !a.Lock.Since.IsZero() {
			out.Locked = day(a.Lock.Since)
		}
		return d.json(out)
	})
}

func maskContact(c account.Contact) string {
	if phone, err := civil.ParsePhone(c.Value); c.Kind == account.Phone && err == nil {
		return phone.Mask()
	}
	if email, err := civil.ParseEmail(c.Value); err == nil {
		return email.Mask()
	}
	return "***"
}

type accountLower struct {
	Account string `arg:"" help:"Account id, or mobile number beginning with +."`
	To      string `required:"" help:"simplified or standard." enum:"simplified,standard"`
	Reason  string `required:"" help:"Why, for the record; no personal data."`
}

func (c *accountLower) Run(d *desk) error {
	to, err := account.ParseLevel(c.To)
	if err != nil {
		return err
	}
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		from := a.Level
		err = o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			lowered, err := confirm.Lower(d.ctx, tx, o.Notices, confirm.Lowering{
				Account: a.ID, To: to, Why: notice.WhyOffice, Reason: c.Reason, Now: o.Now(), Wall: time.Now().UTC(),
				Detail: map[string]string{"from": from.String(), "to": to.String(), "by": "propuskctl"},
			})
			if err == nil {
				a = lowered
			}
			return err
		})
		if err != nil {
			return err
		}
		d.printf("%s is %s now, was %s; sessions and tokens have ended, the citizen is told\n", a.ID, a.Level, from)
		return nil
	})
}

type auditList struct {
	Account string `help:"Events that concern this account: id, or mobile number beginning with +." xor:"whose"`
	Actor   string `help:"Events done by this operator or administrator." xor:"whose"`
	Limit   int    `help:"At most so many." default:"50"`
}

func (c *auditList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		who, read := c.Account, o.Events
		if c.Actor != "" {
			who, read = c.Actor, o.EventsBy
		}
		if who == "" {
			return errors.New("say whose: --account or --actor")
		}
		a, err := find(d, o, who)
		if err != nil {
			return err
		}
		events, err := read(d.ctx, a.ID, 0, c.Limit)
		if err != nil {
			return err
		}
		for _, e := range events {
			d.printf("%s  %-20s", day(e.At), e.Kind)
			for _, part := range []struct{ name, value string }{
				{"client", e.Client}, {"device", e.Device}, {"reason", e.Reason}, {"request", e.Request},
			} {
				if part.value != "" {
					d.printf("  %s=%q", part.name, part.value)
				}
			}
			if e.Actor != 0 {
				d.printf("  actor=%s", e.Actor)
			}
			if len(e.Detail) > 0 {
				d.printf("  %v", e.Detail)
			}
			d.printf("\n")
		}
		return nil
	})
}

type whyCommand struct {
	Request string `arg:"" help:"The request id, such as 7F3K-92QD."`
}

func (c *whyCommand) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		r, err := o.Refusal(d.ctx, strings.ToUpper(strings.TrimSpace(c.Request)))
		if errors.Is(err, fault.NotFound) {
			return fmt.Errorf("no refusal is kept under %s; they are kept for thirty days", c.Request)
		}
		if err != nil {
			return err
		}
		d.printf("request  %s\nat       %s\nclient   %s\nerror    %s\nreason   %s\n", r.ID, day(r.At), r.Client, r.Error, r.Reason)
		if len(r.Reasons) > 0 {
			d.printf("policy   %s\n", strings.Join(r.Reasons, ", "))
		}
		for k, v := range r.Detail {
			d.printf("%-8s %s\n", k, v)
		}
		return nil
	})
}
