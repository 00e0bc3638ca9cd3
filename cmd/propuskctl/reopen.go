package main

import (
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/tidings"
	"github.com/propusk/propusk/storage/sqlstore"
)

type accountReopen struct {
	by
	Account string `arg:"" help:"Account id, or mobile number beginning with +."`
	Reason  string `required:"" help:"Why, for the record; no personal data."`
}

func (c *accountReopen) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		a, err := find(d, o, c.Account)
		if err != nil {
			return err
		}
		who, err := c.take(d, o)
		if err != nil {
			return err
		}
		if err := recalls(d, o).Serves(d.ctx, who); err != nil {
			return err
		}
		err = o.Atomically(d.ctx, func(tx *sqlstore.Stores) error {
			opened, err := tidings.Reopen(d.ctx, tx, o.Notices, confirm.Order{
				Account: a.ID, Actor: who, Reason: c.Reason, Detail: map[string]string{"tool": "propuskctl"}, Now: o.Now(), Wall: time.Now().UTC(),
			})
			if err == nil {
				a = opened
			}
			return err
		})
		if err != nil {
			return err
		}
		d.printf("%s is open again, and %s; the owner is told\n", a.ID, a.Level)
		return nil
	})
}
