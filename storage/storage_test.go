package storage_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/storage"
	"github.com/propusk/propusk/storage/redis"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

func TestEveryPairOfStoresKeepsTheContract(t *testing.T) {
	storagetest.Each(t, storagetest.Conformance)
}

func TestHotStatementsGoByAnIndex(t *testing.T) { storagetest.Each(t, storagetest.Plans) }

func TestHotCallsAreOneTrip(t *testing.T) { storagetest.Each(t, storagetest.Trips) }

func TestFilesOfSQLiteHoldNothingPersonal(t *testing.T) { storagetest.Secret(t, storagetest.New(t)) }

func TestSchemaIsMadeOnceAndChecked(t *testing.T) {
	for name, dsn := range map[string]func(testing.TB) string{
		"sqlite": func(t testing.TB) string {
			return "sqlite:" + filepath.Join(t.TempDir(), "с пробелом %.db") + "?synchronous=off"
		},
		"postgres": servers.StartPostgres,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, where := t.Context(), dsn(t)
			connect := func() *sqlstore.DB {
				db, err := sqlstore.Connect(ctx, where, sqlstore.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				return db
			}
			db := connect()
			if err := db.CheckVersion(ctx); !errors.Is(err, sqlstore.ErrBehind) {
				t.Errorf("CheckVersion of an empty database: got %v, want ErrBehind", err)
			}
			done := make(chan error, 3)
			for range cap(done) {
				node := connect()
				go func() { done <- node.Migrate(ctx) }()
			}
			for range cap(done) {
				if err := <-done; err != nil {
					t.Errorf("Migrate beside others: %v", err)
				}
			}
			if err := db.Migrate(ctx); err != nil {
				t.Errorf("Migrate again: %v", err)
			}
			if err := db.CheckVersion(ctx); err != nil {
				t.Errorf("CheckVersion: %v", err)
			}
		})
	}
}

func TestEventsAreNeverChanged(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		if err := s.RecordEvent(t.Context(), audit.Event{At: s.Clock.Now(), Kind: audit.SignedIn, Account: 7}); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{`UPDATE event SET kind = 'nothing'`, `DELETE FROM event`} {
			if _, err := s.Raw(t).Exec(statement); err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: got %v, want it refused", statement, err)
			}
		}
	})
}

func TestDataSourcesThatAreWrongAreRefusedWithoutQuotingThem(t *testing.T) {
	now := time.Now
	for _, c := range []storage.Config{
		{Records: "mysql://u:secret@h/d", Transients: "sqlite:/tmp/t.db"},
		{Records: "postgres://u:secret@h:port/d", Transients: "sqlite:/tmp/t.db"},
		{Records: "sqlite:", Transients: "sqlite:/tmp/t.db"},
		{Records: "sqlite:" + filepath.Join(t.TempDir(), "r.db") + "?sync=secret", Transients: "sqlite:/tmp/t.db"},
		{Records: "sqlite:" + filepath.Join(t.TempDir(), "r.db"), Transients: "memcached://secret", Migrate: true},
		{Records: "sqlite:" + filepath.Join(t.TempDir(), "r.db"), Transients: "redis://u:secret@/x", Migrate: true},
		{Records: "sqlite:" + filepath.Join(t.TempDir(), "r.db"), Transients: "redis://h/x?secret=1", Migrate: true},
	} {
		c.Now = now
		_, err := storage.Open(t.Context(), c)
		if !errors.Is(err, fault.Invalid) {
			t.Errorf("Open(%q, %q): got %v, want fault.Invalid", c.Records, c.Transients, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("the error quotes the data source: %v", err)
		}
	}
}

func TestSilentStoresAreUnavailable(t *testing.T) {
	_, err := sqlstore.Connect(t.Context(), "postgres://u@127.0.0.1:1/d?sslmode=disable", sqlstore.Options{})
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("PostgreSQL: got %v, want fault.Unavailable", err)
	}
	_, err = redis.Open(t.Context(), "redis://127.0.0.1:1", redis.Options{})
	if !errors.Is(err, fault.Unavailable) {
		t.Errorf("Redis: got %v, want fault.Unavailable", err)
	}
}
