// Package storage opens the two bundles of stores: Records, what is kept, and Transients, what has a deadline.
//
// Keys come from the same database as what they seal, so opening has two steps:
//
//	st, err := storage.Open(ctx, config)               // the database, migrated or checked, and Transients
//	ring, err := seal.OpenKeyring(ctx, st.DB, master, …) // reads the keyring from it
//	records, err := st.Records(sqlstore.Vault{Master: master, Ring: ring.Ring, Now: now})
package storage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/storage/redis"
	"github.com/propusk/propusk/storage/sqlstore"
)

// Config says where the stores are.
type Config struct {
	// Records is "sqlite:/path/records.db" or "postgres://user@host/database".
	Records string
	// Transients is "sqlite:/path/transients.db" or "redis://host:port[,host:port…][/db][?master=name&prefix=text]".
	Transients string
	// RecordConns and TransientConns are how many connections are kept; 0 chooses.
	RecordConns, TransientConns int
	// Migrate brings the schema up to date; otherwise an old schema is an error.
	Migrate bool
	// Now is the movable clock, by which garbage is judged.
	Now func() time.Time
	// Observe, if set, hears of every round trip to a store, as "records query" or "transients evalsha".
	Observe func(op string)
	Logger  *slog.Logger
}

// Transients is the store of what has a deadline, open.
type Transients interface {
	transient.Store
	Ping(ctx context.Context) error
	Close() error
}

// Storage is the stores, open.
type Storage struct {
	DB         *sqlstore.DB
	Transients Transients
}

// Open opens both stores and makes sure that the schema is the one this program knows.
func Open(ctx context.Context, c Config) (*Storage, error) {
	db, err := sqlstore.Connect(ctx, c.Records, sqlstore.Options{Conns: c.RecordConns, Observe: named("records ", c.Observe)})
	if err != nil {
		return nil, fmt.Errorf("storage: records: %w", err)
	}
	s := &Storage{DB: db}
	if c.Migrate {
		err = db.Migrate(ctx)
	} else {
		err = db.CheckVersion(ctx)
	}
	if err == nil {
		s.Transients, err = OpenTransients(ctx, c)
	}
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("storage: %w", err)
	}
	return s, nil
}

// OpenTransients opens Transients alone.
func OpenTransients(ctx context.Context, c Config) (Transients, error) {
	observe := named("transients ", c.Observe)
	switch {
	case strings.HasPrefix(c.Transients, "sqlite:"):
		t, err := sqlstore.OpenTransients(ctx, c.Transients, sqlstore.Options{Conns: c.TransientConns, Observe: observe}, c.Now, c.Logger)
		if err != nil {
			return nil, fmt.Errorf("transients: %w", err)
		}
		return t, nil
	case strings.HasPrefix(c.Transients, "redis://"), strings.HasPrefix(c.Transients, "rediss://"):
		t, err := redis.Open(ctx, c.Transients, redis.Options{Conns: c.TransientConns, Observe: observe})
		if err != nil {
			return nil, fmt.Errorf("transients: %w", err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("transients: want sqlite:/path/to/file.db or redis://host:port: %w", fault.Invalid)
}

// named puts a name before each op.
func named(name string, observe func(op string)) func(op string) {
	if observe == nil {
		return nil
	}
	return func(op string) { observe(name + op) }
}

// Records makes the stores of what is kept, once there are keys.
func (s *Storage) Records(v sqlstore.Vault) (*sqlstore.Records, error) {
	return sqlstore.NewRecords(s.DB, v)
}

// Ping tells whether both stores answer.
func (s *Storage) Ping(ctx context.Context) error {
	return errors.Join(s.DB.Ping(ctx), s.Transients.Ping(ctx))
}

// Close closes both stores.
func (s *Storage) Close() error {
	var errs []error
	if s.Transients != nil {
		errs = append(errs, s.Transients.Close())
	}
	return errors.Join(append(errs, s.DB.Close())...)
}
