// Package servers gives a test its own PostgreSQL database and its own part of a Redis, from the installed programs.
//
// Of each program one server is started in a test binary, on a free port, when the first test asks. It
// runs under a shell that ends it when the test binary is gone, however that came; so nothing stays
// behind. Where make test has started servers for everybody (PROPUSK_TEST_POSTGRES, PROPUSK_TEST_REDIS)
// these are used. Without the program a test skips, and with PROPUSK_REQUIRE=1 it fails.
package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
)

var (
	postgres = sync.OnceValues(func() (string, error) { return server("PROPUSK_TEST_POSTGRES", startPostgres) })
	redis    = sync.OnceValues(func() (string, error) { return server("PROPUSK_TEST_REDIS", startRedis) })
)

// server is the shared one, or our own.
func server(variable string, start func() (string, error)) (string, error) {
	if url := os.Getenv(variable); url != "" {
		return url, nil
	}
	return start()
}

// StartPostgres returns the data source of an empty database, which is dropped at the end of the test.
func StartPostgres(t testing.TB) (dsn string) {
	t.Helper()
	base, err := postgres()
	missing(t, err)
	db, err := sql.Open("pgx", base)
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
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// StartRedis returns a data source whose keys have a prefix of their own.
func StartRedis(t testing.TB) (dsn string) {
	t.Helper()
	base, err := redis()
	missing(t, err)
	return base + "?prefix=" + rand.Text() + ":"
}

// errMissing says that a program is not installed.
var errMissing = errors.New("program not found")

func missing(t testing.TB, err error) {
	t.Helper()
	switch {
	case errors.Is(err, errMissing) && os.Getenv("PROPUSK_REQUIRE") != "1":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
}

// find looks for a program on the path and where Debian keeps PostgreSQL's.
func find(name string) (string, error) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1], nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: %s", errMissing, name)
	}
	return path, nil
}

func startPostgres() (string, error) {
	initdb, err := find("initdb")
	if err != nil {
		return "", err
	}
	program, err := find("postgres")
	if err != nil {
		return "", err
	}
	who, dir, err := home()
	if err != nil {
		return "", err
	}
	data := filepath.Join(dir, "data")
	init := exec.Command(initdb, "-D", data, "-U", "propusk", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.Dir, init.SysProcAttr = dir, &syscall.SysProcAttr{Credential: who}
	if out, err := init.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	// SIGINT is PostgreSQL's fast shutdown.
	err = start(who, dir, port, "INT", program, "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories="+dir, "-c", "max_connections=300",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	dsn := fmt.Sprintf("postgres://propusk@127.0.0.1:%d/postgres?sslmode=disable", port)
	if err != nil {
		return "", err
	}
	return dsn, answers(dsn)
}

// answers waits until PostgreSQL, which listens before it is ready, takes a connection.
func answers(dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	for range 200 {
		if err = db.PingContext(context.Background()); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func startRedis() (string, error) {
	program, err := find("redis-server")
	if err != nil {
		return "", err
	}
	who, dir, err := home()
	if err != nil {
		return "", err
	}
	port, err := freePort()
	if err != nil {
		return "", err
	}
	err = start(who, dir, port, "TERM", program, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--save", "")
	return fmt.Sprintf("redis://127.0.0.1:%d/0", port), err
}

// home makes a directory for a server and says who runs it: PostgreSQL refuses to be root's.
func home() (*syscall.Credential, string, error) {
	dir, err := os.MkdirTemp("", "propusk-test-")
	if err != nil || os.Getuid() != 0 {
		return nil, dir, err
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32) // numbers on every system with these users
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, dir, os.Chown(dir, int(uid), int(gid))
	}
	return nil, "", errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// watch runs a server until its own input ends, which it does with the process that holds the other end.
const watch = `dir=$1 signal=$2; shift 2
"$@" </dev/null >"$dir/log" 2>&1 & server=$!
read -r _
kill -"$signal" "$server"; wait "$server"
rm -rf "$dir"`

// held are the ends of pipes that keep the servers running.
var held struct {
	sync.Mutex
	ends []*os.File
}

func start(who *syscall.Credential, dir string, port int, signal, program string, args ...string) error {
	in, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	held.Lock()
	held.ends = append(held.ends, hold)
	held.Unlock()
	cmd := exec.Command("/bin/sh", append([]string{"-c", watch, "watch", dir, signal, program}, args...)...)
	cmd.Stdin, cmd.Dir = in, dir
	// A group of its own: Ctrl-C reaches the tests alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	in.Close()
	for range 400 {
		if c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second); err == nil {
			return c.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return fmt.Errorf("%s does not answer on port %d\n%s", filepath.Base(program), port, log)
}
