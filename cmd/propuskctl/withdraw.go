package main

import (
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
)

type accountWithdraw struct {
	Account      string `arg:"" help:"Account id, or mobile number beginning with +."`
	Confirmation string `required:"" help:"Id of the confirmation, as account show names it."`
	Reason       string `required:"" help:"Why, for the record; no personal data."`
	Fraud        bool   `help:"Tell the citizen that somebody else seems to use the account."`
}

func (c *accountWithdraw) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		why := notice.WhyOffice
		if c.Fraud {
			why = notice.WhyFraud
		}
		from := a.Level
		err = o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			fallen, err := confirm.Withdraw(d.ctx, tx, o.Notices, confirm.Withdrawal{Confirmation: c.Confirmation, Order: confirm.Order{
				Account: a.ID, Why: why, Reason: c.Reason, Detail: map[string]string{"tool": "propuskctl"}, Now: o.Now(), Wall: time.Now().UTC(),
			}})
			if err == nil {
				a = fallen
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
