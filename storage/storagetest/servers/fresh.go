package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
)

// Of each program one server runs in a test binary, from when the first test asks. Where make test has
// started servers for everybody (PROPUSK_TEST_POSTGRES, PROPUSK_TEST_REDIS) these are used.
var (
	postgres = sync.OnceValues(func() (*Server, error) { return shared("PROPUSK_TEST_POSTGRES", Postgres) })
	redis    = sync.OnceValues(func() (*Server, error) { return shared("PROPUSK_TEST_REDIS", Redis) })
)

func shared(variable string, start func(context.Context, string, Durability) (*Server, error)) (*Server, error) {
	if url := os.Getenv(variable); url != "" {
		return &Server{URL: url}, nil
	}
	return start(context.Background(), "", Fast)
}

// StartPostgres returns the data source of an empty database, which is dropped at the end of the test.
func StartPostgres(t testing.TB) (dsn string) {
	t.Helper()
	s, err := postgres()
	missing(t, err)
	db, err := sql.Open("pgx", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	name := "test_" + strings.ToLower(rand.Text()[:16])
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
		db.Close()
	})
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// StartRedis returns a data source whose keys have a prefix of their own.
func StartRedis(t testing.TB) (dsn string) {
	t.Helper()
	s, err := redis()
	missing(t, err)
	return s.URL + "?prefix=" + rand.Text() + ":"
}

// missing skips a test without its program, or fails it where everything is required.
func missing(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, ErrMissing) && os.Getenv("PROPUSK_REQUIRE") != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}
