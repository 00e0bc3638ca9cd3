package apart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/propusk/propusk/idp/authn/password/argon"
)

// Config says what a Crew is made of.
type Config struct {
	// Path and Args start a worker: a program that calls Main.
	Path string
	Args []string
	// Workers is how many there are; as many as hashes are admitted at once.
	Workers int
	// Threads is how many processors one hash may use.
	Threads uint8
	Log     *slog.Logger
}

// A Crew hashes passwords in a few processes. A worker that died is replaced when the next password comes.
type Crew struct {
	Config
	places chan *place // those at which nothing is asked
	closed chan struct{}
	once   sync.Once
}

// A place is one of the crew's, with a worker or without.
type place struct {
	worker *worker
	failed int       // how often in a row none could be started, or died at its work
	rest   time.Time // until then nobody tries to start one
}

// The pauses after failures in a row, and how long a worker may take to greet.
const (
	firstRest = 100 * time.Millisecond
	mostRest  = 30 * time.Second
	greetIn   = 20 * time.Second
)

// Start starts the workers. One that does not start is no failure: it is logged, hashes are computed here
// meanwhile, and it is tried again.
func Start(c Config) *Crew {
	crew := &Crew{Config: c, places: make(chan *place, c.Workers), closed: make(chan struct{})}
	for range c.Workers {
		p := &place{}
		if err := p.fill(c); err != nil {
			c.Log.Warn("password hashing has no process of its own", "error", err)
		}
		crew.places <- p
	}
	return crew
}

// Derive is a password.Deriver. A question whose worker dies is asked once more of a fresh one, and then
// answered here: nobody is turned away because of a process.
func (c *Crew) Derive(ctx context.Context, pw, salt []byte, p argon.Params, size uint32) ([]byte, error) {
	q, err := question(pw, salt, p, size)
	if err != nil {
		return nil, err
	}
	defer clear(q)
	var at *place
	select {
	case at = <-c.places:
	case <-c.closed:
		return argon.Derive(pw, salt, p, size), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("apart: wait: %w", ctx.Err())
	}
	defer func() { c.places <- at }()
	for range 2 {
		var sum []byte
		if sum, err = at.ask(c.Config, q, p, size); err == nil {
			return sum, nil
		}
		if errors.Is(err, errResting) {
			break
		}
		c.Log.WarnContext(ctx, "a process that hashes passwords failed", "error", err)
	}
	return argon.Derive(pw, salt, p, size), nil
}

// Close lets the hashes that run come to their end and the workers go. Later hashes are computed here.
func (c *Crew) Close() {
	c.once.Do(func() {
		close(c.closed)
		for range c.Workers {
			if p := <-c.places; p.worker != nil {
				p.worker.dismiss()
			}
		}
	})
}

// errResting says that workers failed a moment ago.
var errResting = errors.New("apart: no worker was tried so soon")

// fill starts a worker where there is none.
func (p *place) fill(c Config) error {
	if p.worker != nil && p.worker.gone() {
		p.worker.dismiss()
		p.worker = nil
	}
	if p.worker != nil {
		return nil
	}
	if p.failed > 1 && time.Now().Before(p.rest) {
		return errResting
	}
	w, err := hire(c)
	if err != nil {
		p.fail()
		return err
	}
	p.worker = w
	return nil
}

// fail notes a failure. The first in a row is forgiven at once, later ones are followed by growing pauses.
func (p *place) fail() {
	p.failed++
	p.rest = time.Now().Add(min(firstRest<<min(p.failed, 16), mostRest))
}

func (p *place) ask(c Config, q []byte, params argon.Params, size uint32) ([]byte, error) {
	if err := p.fill(c); err != nil {
		return nil, err
	}
	sum, err := p.worker.ask(q, params, size)
	if err != nil {
		p.fail()
		p.worker.kill()
		p.worker = nil
		return nil, err
	}
	p.failed = 0
	return sum, nil
}

// A worker is one process.
type worker struct {
	process *exec.Cmd
	in, out *os.File // our ends
	ended   chan struct{}
}

// hire starts a worker and waits for its greeting.
func hire(c Config) (w *worker, err error) {
	theirIn, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("apart: %w", err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("apart: %w", errors.Join(err, theirIn.Close(), in.Close()))
	}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirIn, theirOut, os.Stderr
	cmd.Env = []string{"GOMAXPROCS=" + strconv.Itoa(max(int(c.Threads), 1))} // and nothing of ours
	err = cmd.Start()
	theirIn.Close()
	theirOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, fmt.Errorf("apart: start a worker: %w", err)
	}
	w = &worker{process: cmd, in: in, out: out, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is told by who asked it
		close(w.ended)
	}()
	got := make([]byte, len(greeting))
	if err = w.within(greetIn); err == nil {
		_, err = io.ReadFull(w.out, got)
	}
	if err == nil && string(got) != greeting {
		err = errFrame
	}
	if err != nil {
		w.kill()
		return nil, fmt.Errorf("apart: a worker did not greet: %w", err)
	}
	return w, nil
}

func (w *worker) within(d time.Duration) error {
	end := time.Now().Add(d)
	return errors.Join(w.in.SetWriteDeadline(end), w.out.SetReadDeadline(end))
}

func (w *worker) gone() bool {
	select {
	case <-w.ended:
		return true
	default:
		return false
	}
}

// patience is how long a hash may take: some hundred times what it does.
func patience(p argon.Params) time.Duration {
	return 10*time.Second + time.Duration(p.Memory)*time.Duration(p.Time)*time.Second/(16<<10)
}

func (w *worker) ask(q []byte, p argon.Params, size uint32) ([]byte, error) {
	if err := w.within(patience(p)); err != nil {
		return nil, fmt.Errorf("apart: ask: %w", err)
	}
	if _, err := w.in.Write(q); err != nil {
		return nil, fmt.Errorf("apart: ask: %w", err)
	}
	sum := make([]byte, size)
	n, err := readFrame(w.out, sum)
	if err == nil && n != int(size) {
		err = errFrame
	}
	if err != nil {
		return nil, fmt.Errorf("apart: answer: %w", err)
	}
	return sum, nil
}

// dismiss ends a worker's input, and with it the worker.
func (w *worker) dismiss() {
	w.in.Close()
	select {
	case <-w.ended:
	case <-time.After(2 * time.Second):
		_ = w.process.Process.Kill()
		<-w.ended
	}
	w.out.Close()
}

// kill ends a worker that cannot be trusted any more.
func (w *worker) kill() {
	_ = w.process.Process.Kill()
	<-w.ended
	w.in.Close()
	w.out.Close()
}
