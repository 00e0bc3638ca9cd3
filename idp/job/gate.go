package job

import "time"

// A Gate keeps work on somebody slow from taking every worker: at most so many pass at once on this
// node, and the others come again. Without gates a registry that lets us wait would hold up the codes
// that people wait for.
type Gate chan struct{}

// NewGate makes a gate for n at once.
func NewGate(n int) Gate { return make(Gate, n) }

// GatePause is after what time a job that found its gate full comes again.
const GatePause = time.Second

// Pass does f if there is room, and otherwise returns Again. A nil gate has room.
func (g Gate) Pass(f func() error) error {
	if g == nil {
		return f()
	}
	select {
	case g <- struct{}{}:
		defer func() { <-g }()
		return f()
	default:
		return Again{After: GatePause}
	}
}
