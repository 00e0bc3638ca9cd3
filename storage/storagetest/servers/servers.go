// Package servers runs private PostgreSQL and Redis servers from the installed programs, for tests and measurements.
//
// Each listens on a free port of the loopback interface and keeps its files in a directory of its own. It
// runs under a shell that ends it when the program that started it is gone, however that came; so nothing
// stays behind, and nothing of the machine's own servers is touched.
//
// Tests ask StartPostgres and StartRedis for a database, or a part of a Redis, of their own.
package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing says that a program is not installed.
var ErrMissing = errors.New("servers: program not found")

// Durability says whether a server writes as a production server does.
type Durability bool

// Tests throw the data away and need no disk; measurements must pay for it.
const (
	Fast    Durability = false
	Durable Durability = true
)

// A Server is a running private server. It runs for as long as the value is held.
type Server struct {
	URL   string // what a client connects to
	Local string // the same by a Unix socket, if there is one
	PID   int    // of the server's first process

	watcher *exec.Cmd
	hold    *os.File // the watcher ends the server when this is closed
	done    chan error
}

// Stop ends the server and waits for it. Files go with it unless the caller said where they lie.
func (s *Server) Stop() error {
	if err := s.hold.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(20 * time.Second):
		return syscall.Kill(-s.watcher.Process.Pid, syscall.SIGKILL) // the group that start made
	}
}

// find looks for a program on the path and in the places where Debian keeps versioned ones; of several
// versions the newest.
func find(name string, elsewhere ...string) (string, error) {
	var found []string
	for _, pattern := range elsewhere {
		m, _ := filepath.Glob(pattern) // the patterns are constants
		found = append(found, m...)
	}
	slices.Sort(found)
	if len(found) > 0 {
		return found[len(found)-1], nil
	}
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return "", fmt.Errorf("%w: %s", ErrMissing, name)
}

// FreePort asks the system for a port that nobody listens on.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// A place is where a server keeps its files, and who runs it: PostgreSQL refuses to be root's. Nil: ourselves.
type place struct {
	home    string
	who     *syscall.Credential
	passing bool // home goes with the server
}

// settle makes a place in dir, or where temporary ones are made.
func settle(dir, name string) (place, error) {
	home, err := os.MkdirTemp(dir, "propusk-"+name+"-")
	p := place{home: home, passing: dir == ""}
	if err != nil || os.Getuid() != 0 {
		return p, err
	}
	if dir != "" {
		// The way to a private directory is closed to others: open it for passing through.
		if err := os.Chmod(dir, 0o711); err != nil {
			return place{}, err
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		p.who = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return p, errors.Join(err1, err2, os.Chown(home, int(uid), int(gid)))
	}
	return place{}, errors.New("servers: PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}

// watch runs a server and tells its process, until its own input ends; which it does with the process that
// holds the other end.
const watch = `dir=$1 passing=$2 signal=$3; shift 3
"$@" </dev/null >"$dir/log" 2>&1 & server=$!
echo "$server"
read -r _
kill -"$signal" "$server"; wait "$server"
if "$passing"; then rm -rf "$dir"; fi`

// start runs a server in its place and waits until it accepts connections on the port. signal is what ends
// it in order.
func start(ctx context.Context, at place, port int, signal, program string, args ...string) (*Server, error) {
	in, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer in.Close() // the watcher has its own copy
	s := &Server{hold: hold, done: make(chan error, 1)}
	s.watcher = exec.Command("/bin/sh", append([]string{"-c", watch, "watch", at.home, strconv.FormatBool(at.passing), signal, program}, args...)...)
	s.watcher.Stdin, s.watcher.Dir = in, at.home
	// A group of its own: Ctrl-C reaches us alone, and we end it in order.
	s.watcher.SysProcAttr = &syscall.SysProcAttr{Credential: at.who, Setpgid: true}
	told, err := s.watcher.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	if err := s.watcher.Start(); err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	line, err := bufio.NewReader(told).ReadString('\n')
	if err == nil {
		s.PID, err = strconv.Atoi(strings.TrimSpace(line))
	}
	go func() { s.done <- s.watcher.Wait() }()
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	for range 400 {
		if c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second); err == nil {
			return s, c.Close()
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.Stop())
		case <-time.After(50 * time.Millisecond):
		}
	}
	log, _ := os.ReadFile(filepath.Join(at.home, "log"))
	return nil, errors.Join(fmt.Errorf("%s does not answer on port %d\n%s", filepath.Base(program), port, log), s.Stop())
}
