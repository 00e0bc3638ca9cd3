package simulators

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A Clock runs with the real time, ahead of it by an offset that only grows.
// The offset lies in a file, so that deadlines passed once stay passed.
type Clock struct {
	path string
	wall func() time.Time

	mu     sync.RWMutex
	offset time.Duration
}

// OpenClock reads the clock kept in dir, or starts one with no offset.
func OpenClock(dir string) (*Clock, error) {
	c := &Clock{path: filepath.Join(dir, "clock"), wall: time.Now}
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return nil, fmt.Errorf("clock: %w", err)
	}
	if c.offset, err = time.ParseDuration(strings.TrimSpace(string(text))); err != nil {
		return nil, fmt.Errorf("clock: %s: %w", c.path, err)
	}
	return c, nil
}

// Now is the time that the provider and the outside world live by.
func (c *Clock) Now() time.Time { return c.wall().Add(c.Offset()) }

// Offset is how far Now is ahead of the real time.
func (c *Clock) Offset() time.Duration {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.offset
}

// Advance moves the clock forward. It never goes back: what was decided at a
// time cannot be met before it.
func (c *Clock) Advance(d time.Duration) error {
	if d < 0 {
		return errors.New("clock: time does not run backwards")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	offset := c.offset + d
	if offset > 100*365*24*time.Hour || offset < c.offset {
		return errors.New("clock: more than a hundred years ahead")
	}
	if err := writeWhole(c.path, offset.String()+"\n"); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	c.offset = offset
	return nil
}

// writeWhole leaves either the old content or the new, whenever the power goes.
func writeWhole(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".clock-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
