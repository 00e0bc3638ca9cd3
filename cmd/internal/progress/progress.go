// Package progress tells how far a long command is: on a terminal one line that is written over, with an
// estimate of what is left; elsewhere a plain line now and then, fit for a log.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A Line tells of one task.
type Line struct {
	what     string
	total    int64
	out      io.Writer
	terminal bool
	now      func() time.Time

	mu    sync.Mutex
	began time.Time
	shown time.Time
	done  int64
	first int64 // done at the start, which took no time
}

// Start begins to tell of a task of total steps on out.
func Start(out io.Writer, what string, total int64, now func() time.Time) *Line {
	return &Line{what: what, total: total, out: out, terminal: isTerminal(out), now: now, began: now(), shown: now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Skip counts steps that were done before, and do not count for the estimate.
func (l *Line) Skip(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done += n
	l.first += n
}

// Add counts steps.
func (l *Line) Add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done += n
	pause := 10 * time.Second
	if l.terminal {
		pause = 200 * time.Millisecond
	}
	now := l.now()
	if now.Sub(l.shown) < pause {
		return
	}
	l.shown = now
	l.show(now)
}

func (l *Line) show(now time.Time) {
	spent := now.Sub(l.began)
	text := fmt.Sprintf("%s: %d of %d", l.what, l.done, l.total)
	if fresh := l.done - l.first; fresh > 0 && spent > 0 {
		left := time.Duration(float64(spent) / float64(fresh) * float64(l.total-l.done))
		text += fmt.Sprintf(", %.0f a second, about %s left", float64(fresh)/spent.Seconds(), left.Round(time.Second))
	}
	if l.terminal {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
		return
	}
	fmt.Fprintln(l.out, text)
}

// End says that the task is over.
func (l *Line) End() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.terminal {
		fmt.Fprint(l.out, "\r\x1b[K")
	}
	fmt.Fprintf(l.out, "%s: %d in %s\n", l.what, l.done, l.now().Sub(l.began).Round(time.Second/10))
}
