// Package servers runs private PostgreSQL and Redis servers from the installed programs, for tests and
// measurements.
//
// Each listens on a free port of the loopback interface, keeps its files in a directory of its own and
// ends with the program that started it. Nothing of the machine's own servers is touched.
package servers

import (
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
	"syscall"
	"time"
)

// ErrMissing says that a program is not installed.
var ErrMissing = errors.New("servers: program not found")

// A Server is a running private server.
type Server struct {
	URL   string // what a client connects to
	Local string // the same by a Unix socket, if there is one
	PID   int    // of the server's first process
	Dir   string // of its data

	cmd  *exec.Cmd
	stop syscall.Signal
	done chan error
}

// Stop ends the server and waits for it.
func (s *Server) Stop() error {
	if s == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(s.stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(20 * time.Second):
		return s.cmd.Process.Kill()
	}
}

// Find looks for a program on the path and in the places where Debian keeps versioned ones; of several
// versions the newest.
func Find(name string, elsewhere ...string) (string, error) {
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

// start runs a server and waits until it accepts connections on the port.
func start(ctx context.Context, cmd *exec.Cmd, port int, stop syscall.Signal, logFile string) (*Server, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // Ctrl-C reaches us alone, and we end it in order
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{PID: cmd.Process.Pid, cmd: cmd, stop: stop, done: make(chan error, 1)}
	go func() { s.done <- cmd.Wait() }()
	for deadline := time.Now().Add(60 * time.Second); ; {
		c, err := net.DialTimeout("tcp", "127.0.0.1:"+strconv.Itoa(port), time.Second)
		if err == nil {
			return s, c.Close()
		}
		select {
		case err := <-s.done:
			text, _ := os.ReadFile(logFile)
			return nil, fmt.Errorf("%s ended at once: %w\n%s", filepath.Base(cmd.Path), err, text)
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.Stop())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("%s does not answer on port %d", filepath.Base(cmd.Path), port), s.Stop())
		}
	}
}

// unprivileged gives the identity under which a server runs that refuses to be root's. Nil: our own.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("servers: PostgreSQL refuses to run as root, and there is no user postgres or nobody")
}
