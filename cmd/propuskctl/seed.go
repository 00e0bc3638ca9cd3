package main

import (
	"errors"
	"os"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/cmd/internal/progress"
	"github.com/propusk/propusk/cmd/internal/seed"
	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/idp/authn/password"
)

// seedCommand fills a database for measurements.
type seedCommand struct {
	Accounts int  `required:"" help:"How many accounts there shall be; those that stand are left."`
	Yes      bool `help:"Do it: everybody knows these accounts' password, so a database with citizens must never hold them."`
}

var errNotMeant = errors.New("these accounts have a password that everybody knows; if this database holds no citizens, say --yes")

func (c *seedCommand) Run(d *desk) error {
	if !c.Yes {
		return errNotMeant
	}
	if c.Accounts < 1 || c.Accounts > 50_000_000 {
		return errors.New("want 1 to 50000000 accounts")
	}
	params := password.Default
	if d.line.Config != "" {
		cfg, err := config.Load(d.line.Config, os.Environ())
		if err != nil {
			return err
		}
		params = password.Params{Memory: cfg.Passwords.MemoryKiB, Time: cfg.Passwords.Passes, Threads: cfg.Passwords.Threads}
	}
	hash, err := password.NewHasher(params, password.Limit{}).Hash(d.ctx, seed.Password)
	if err != nil {
		return err
	}
	return d.with(func(o *stores.Opened) error {
		line := progress.Start(d.out, "accounts", int64(c.Accounts), time.Now)
		crowd := &seed.Crowd{
			Records: o.Records, Hash: hash,
			Made: func(n int) { line.Add(int64(n)) }, Stood: func(n int) { line.Skip(int64(n)) },
		}
		if err := crowd.Write(d.ctx, c.Accounts); err != nil {
			return err
		}
		line.End()
		d.printf("phones %s to %s, password %s\n", seed.CrowdPhone(0), seed.CrowdPhone(c.Accounts-1), seed.Password)
		return nil
	})
}
