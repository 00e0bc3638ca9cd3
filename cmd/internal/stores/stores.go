// Package stores opens the stores of an installation for the administrator's commands, beside a running
// provider or without one.
package stores

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage/sqlstore"
)

// A Place says where an installation keeps things and which time it lives by.
type Place struct {
	Records    string // data source
	Transients string
	Master     string // file of the master key
	World      string // of a demo: the directory of the outside world and its clock
	Now        func() time.Time
	Issuer     string // the provider's address; of a demo: the one it last ran at
	Help       string // the telephone that messages print
}

// issuerFile is where a demo leaves its address for the administrator's commands.
func (p Place) issuerFile() string { return filepath.Join(filepath.Dir(p.Master), "issuer") }

// LeaveIssuer writes down the address that a demo runs at.
func (p Place) LeaveIssuer(issuer string) error {
	return os.WriteFile(p.issuerFile(), []byte(issuer+"\n"), 0o600)
}

// Demo is the place of a demo in a directory.
func Demo(dir string) Place {
	provider := filepath.Join(dir, "provider")
	return Place{
		Records:    "sqlite:" + filepath.Join(provider, "propusk.db"),
		Transients: "sqlite:" + filepath.Join(provider, "transients.db"),
		Master:     filepath.Join(provider, "master.key"),
		World:      filepath.Join(dir, "world"),
		Now:        time.Now,
		Issuer:     "http://localhost:8080", // until it has run
	}
}

// Configured is the place of a configuration.
func Configured(c *config.Config) Place {
	return Place{
		Records: c.Stores.Records, Transients: c.Stores.Transients, Master: c.Keys.Master, Now: time.Now, Issuer: c.Issuer,
	}
}

// Opened are the stores of a place.
type Opened struct {
	*sqlstore.Records
	Keyring *seal.Keyring
	Now     func() time.Time
	DB      *sqlstore.DB
	Notices *notice.Notices
}

// ErrNoDemo says that a directory holds no demo.
var ErrNoDemo = errors.New("there is no demo in this directory; propusk demo makes one")

// Open opens the stores of a place whose schema is up to date.
func Open(ctx context.Context, p Place, log *slog.Logger) (*Opened, error) {
	if p.World != "" {
		if _, err := os.Stat(p.Master); errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNoDemo
		}
		clock, err := simulators.OpenClock(p.World)
		if err != nil {
			return nil, err
		}
		p.Now = clock.Now
		if issuer, err := os.ReadFile(p.issuerFile()); err == nil {
			p.Issuer = strings.TrimSpace(string(issuer))
		}
	}
	master, err := seal.LoadMaster(p.Master)
	if err != nil {
		return nil, err
	}
	db, err := sqlstore.Connect(ctx, p.Records, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	o, err := open(ctx, db, master, p.Now, log)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if o.Notices, err = notice.New(notice.Config{Issuer: p.Issuer, Help: p.Help, Now: p.Now}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return o, nil
}

func open(ctx context.Context, db *sqlstore.DB, master *seal.Master, now func() time.Time, log *slog.Logger) (*Opened, error) {
	if err := db.CheckVersion(ctx); err != nil {
		return nil, err
	}
	ring, err := seal.OpenKeyring(ctx, db, master, seal.Options{Wall: time.Now, Logger: log})
	if err != nil {
		return nil, err
	}
	records, err := sqlstore.NewRecords(db, sqlstore.Vault{Master: master, Ring: ring.Ring, Now: now, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("open the records: %w", err)
	}
	return &Opened{Records: records, Keyring: ring, Now: now, DB: db}, nil
}

// Close closes the stores.
func (o *Opened) Close() error { return o.DB.Close() }
