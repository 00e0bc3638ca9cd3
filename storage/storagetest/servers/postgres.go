package servers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
)

// debianPostgres is where Debian's packages keep the programs, a directory for each version.
const debianPostgres = "/usr/lib/postgresql/*/bin/"

// FindPostgres returns the paths of initdb and postgres, or ErrMissing.
func FindPostgres() (initdb, postgres string, err error) {
	if initdb, err = find("initdb", debianPostgres+"initdb"); err != nil {
		return "", "", err
	}
	postgres, err = find("postgres", filepath.Join(filepath.Dir(initdb), "postgres"))
	return initdb, postgres, err
}

// Postgres starts a PostgreSQL server with its files in a directory under dir; "" is the system's place
// for temporary ones, and then they go with the server.
func Postgres(ctx context.Context, dir string, d Durability) (*Server, error) {
	initdb, postgres, err := FindPostgres()
	if err != nil {
		return nil, err
	}
	at, err := settle(dir, "postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(at.home, "data")
	// The locale C sorts by bytes; nothing in Propusk leaves an order that people see to the database.
	init := exec.CommandContext(ctx, initdb, "-D", data, "-U", "propusk", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.Dir, init.SysProcAttr = at.home, &syscall.SysProcAttr{Credential: at.who}
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + at.home, "-c", "max_connections=300", "-c", "shared_buffers=128MB"}
	if d == Fast {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	// SIGINT is PostgreSQL's fast shutdown: clients are cut off, files are left in order.
	s, err := start(ctx, at, port, "INT", postgres, args...)
	if err != nil {
		return nil, err
	}
	s.URL = fmt.Sprintf("postgres://propusk@127.0.0.1:%d/postgres?sslmode=disable", port)
	s.Local = fmt.Sprintf("postgres://propusk@/postgres?host=%s&port=%d", url.QueryEscape(at.home), port)
	if err := answers(ctx, s.URL); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// answers waits until PostgreSQL, which listens before it is ready, takes a connection.
func answers(ctx context.Context, dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for range 200 {
		if err = db.PingContext(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}
