package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// Limit says how many hashes may run and wait. One hash takes a core and 19
// MiB for some 30 ms; without a limit, two hundred wrong logins at once would
// take every core from those who are signed in already, and 4 GiB.
type Limit struct {
	// Concurrent is how many run at once: half of the cores, at least one.
	Concurrent int
	// Waiting is how many may wait for their turn: 256. One that waits costs next to nothing; one that is turned away at once comes back at once.
	Waiting int
	// Patience is how long one waits: 5 s.
	Patience time.Duration
}

// Turns is how many hashes run at once.
func (l Limit) Turns() int {
	if l.Concurrent > 0 {
		return l.Concurrent
	}
	return max(1, runtime.GOMAXPROCS(0)/2)
}

// ErrBusy says that too many passwords are being checked. It comes inside a
// fault.RetryAfter.
var ErrBusy = errors.New("password: too many are being checked")

// A gate lets a few through at a time and turns away who would wait too long.
type gate struct {
	turns    chan struct{}
	most     int64
	patience time.Duration
	waiting  atomic.Int64
	running  atomic.Int64
}

func newGate(l Limit) *gate {
	if l.Waiting <= 0 {
		l.Waiting = 256
	}
	if l.Patience <= 0 {
		l.Patience = 5 * time.Second
	}
	return &gate{turns: make(chan struct{}, l.Turns()), most: int64(l.Waiting), patience: l.Patience}
}

// do runs f when its turn comes. Goroutines waiting on a channel are served in
// the order they came.
func (g *gate) do(ctx context.Context, f func()) error {
	if err := g.enter(ctx); err != nil {
		return err
	}
	g.running.Add(1)
	defer func() {
		g.running.Add(-1)
		<-g.turns
	}()
	f()
	return nil
}

func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("password: wait: %w", err)
	}
	select {
	case g.turns <- struct{}{}:
		return nil
	default:
	}
	if g.waiting.Add(1) > g.most {
		g.waiting.Add(-1)
		return g.busy()
	}
	defer g.waiting.Add(-1)
	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case g.turns <- struct{}{}:
		return nil
	case <-timer.C:
		return g.busy()
	case <-ctx.Done():
		return fmt.Errorf("password: wait: %w", ctx.Err())
	}
}

func (g *gate) busy() error { return fault.RetryAfter{Err: ErrBusy, After: g.patience} }

func (g *gate) inFlight() (running, waiting int) {
	return int(g.running.Load()), int(g.waiting.Load())
}
