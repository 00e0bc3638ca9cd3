package main

import (
	"errors"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/storage/sqlstore"
)

type accountRelease struct {
	Account string `arg:"" help:"Account id, or mobile number beginning with +."`
	Reason  string `required:"" help:"Why, for the record; no personal data."`
}

// errNotFrozen refuses to give back what nobody took.
var errNotFrozen = errors.New("the citizen has frozen no confirmation of this account")

func (c *accountRelease) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		held := 0
		for _, x := range a.Confirmations {
			if x.HeldBy(confirm.Disowned) {
				held++
			}
		}
		if held == 0 {
			return errNotFrozen
		}
		var now *account.Account
		err = o.Atomically(d.ctx, func(tx *sqlstore.Stores) (err error) {
			now, _, err = confirm.Release(d.ctx, tx, o.Notices, confirm.Releasing{
				Order: confirm.Order{
					Account: a.ID, Reason: c.Reason, Detail: map[string]string{"with": "propuskctl"}, Now: o.Now(), Wall: time.Now().UTC(),
				},
				By: confirm.Disowned,
			})
			return err
		})
		if err != nil {
			return err
		}
		d.printf("%s: %d frozen confirmations are given back; the account is %s, and the citizen is told\n", a.ID, held, now.Level)
		return nil
	})
}
