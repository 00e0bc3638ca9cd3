package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/sqlstore"
)

type migrateCommand struct{}

func (migrateCommand) Run(d *desk) (err error) {
	p, err := d.place()
	if err != nil {
		return err
	}
	db, err := sqlstore.Connect(d.ctx, p.Records, sqlstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	began := time.Now()
	if err := db.Migrate(d.ctx); err != nil {
		return err
	}
	d.printf("the database is up to date (%.1f s)\n", time.Since(began).Seconds())
	return nil
}

type keysCreate struct {
	File string `arg:"" help:"Where; the file must not exist." type:"path"`
}

func (c *keysCreate) Run(d *desk) error {
	if _, err := os.Lstat(c.File); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; a master key that is lost loses every account, so none is written over", c.File)
	}
	if _, err := seal.CreateMaster(c.File); err != nil {
		return err
	}
	d.printf("%s is made. Keep a copy off the machine: without it no account can be read.\n", c.File)
	return nil
}

type keysList struct{}

func (keysList) Run(d *desk) error {
	return d.with(func(o *stores.Opened) error {
		all, err := o.DB.Keys(d.ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tUSE\tCREATED\tUSABLE FROM\tRETIRED")
		for _, k := range all {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", k.ID, k.Use, day(k.CreatedAt), day(k.UsableFrom), day(k.RetiredAt))
		}
		return w.Flush()
	})
}

type keysRotate struct {
	Use string `arg:"" help:"seal, index, sign_es256 or sign_rs256."`
}

func (c *keysRotate) Run(d *desk) error {
	use := seal.Use(c.Use)
	if !slices.Contains(seal.Uses(), use) {
		return fmt.Errorf("no such use; want one of %v", seal.Uses())
	}
	return d.with(func(o *stores.Opened) error {
		id, err := o.Keyring.Rotate(d.ctx, use)
		if err != nil {
			return err
		}
		if err := o.RecordEvent(d.ctx, audit.Event{
			At: time.Now().UTC(), Kind: audit.KeysRotated, Detail: map[string]string{"use": c.Use, "key": fmt.Sprint(id)},
		}); err != nil {
			return err
		}
		d.printf("key %d for %s is readable now and used in two minutes; older keys go on opening and verifying\n", id, use)
		return nil
	})
}
