package servers

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// Durability says whether a server writes as a production server does.
type Durability bool

// Tests throw the data away and need no disk; measurements must pay for it.
const (
	Fast    Durability = false
	Durable Durability = true
)

// debianPostgres is where Debian's packages keep the programs, a directory for each version.
const debianPostgres = "/usr/lib/postgresql/*/bin/"

// FindPostgres returns the paths of initdb and postgres, or ErrMissing.
func FindPostgres() (initdb, postgres string, err error) {
	if initdb, err = Find("initdb", debianPostgres+"initdb"); err != nil {
		return "", "", err
	}
	postgres, err = Find("postgres", filepath.Join(filepath.Dir(initdb), "postgres"))
	return initdb, postgres, err
}

// Postgres starts a PostgreSQL server with its files under dir.
func Postgres(ctx context.Context, dir string, d Durability) (*Server, error) {
	initdb, postgres, err := FindPostgres()
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "postgres")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	if who != nil {
		// The way to a private temporary directory is closed to others: open it for passing through.
		if err := os.Chmod(dir, 0o711); err != nil {
			return nil, err
		}
		if err := os.Chown(home, int(who.Uid), int(who.Gid)); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(home, "data")
	// The locale C sorts by bytes; nothing in Propusk leaves an order that people see to the database.
	init := exec.CommandContext(ctx, initdb, "-D", data, "-U", "propusk", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.Dir = home
	init.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	args := []string{"-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + home, "-c", "max_connections=300", "-c", "shared_buffers=128MB"}
	if d == Fast {
		args = append(args, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	cmd := exec.Command(postgres, args...)
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	// SIGINT is PostgreSQL's fast shutdown: clients are cut off, files are left in order.
	s, err := start(ctx, cmd, port, syscall.SIGINT, filepath.Join(dir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	s.Dir = data
	s.URL = fmt.Sprintf("postgres://propusk@127.0.0.1:%d/postgres?sslmode=disable", port)
	s.Local = fmt.Sprintf("postgres://propusk@/postgres?host=%s&port=%d", url.QueryEscape(home), port)
	return s, nil
}
