package rp

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// A Cache keeps parties in process, so that no request reads one twice. One version row invalidates it:
// a change is live at every node within two seconds (design.md 3).
//
// Parties it hands out are shared and must not be changed.
type Cache struct {
	Store  Store
	Logger *slog.Logger
	// Every is how often the version is looked at; a second, unless set.
	Every time.Duration

	mu         sync.RWMutex
	parties    map[ID]*Party
	version    int64
	generation int // grows with every invalidation
}

// Party returns a relying party; fault.NotFound. Absence is not remembered, so a new party is there at once.
func (c *Cache) Party(ctx context.Context, id ID) (*Party, error) {
	c.mu.RLock()
	p, generation := c.parties[id], c.generation
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := c.Store.Party(ctx, id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// What was read before an invalidation may be the old party; it serves this request and no other.
	if c.generation == generation {
		if c.parties == nil {
			c.parties = map[ID]*Party{}
		}
		c.parties[id] = p
	}
	return p, nil
}

// Forget empties the cache; a change made by this very process calls it to be live at once.
func (c *Cache) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parties, c.generation = nil, c.generation+1
}

// Look reads the version once and forgets everything if it has moved.
func (c *Cache) Look(ctx context.Context) error {
	v, err := c.Store.PartyVersion(ctx)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return err
	}
	c.mu.Lock()
	moved := v != c.version
	c.version = v
	c.mu.Unlock()
	if moved {
		c.Forget()
	}
	return nil
}

// Run looks at the version until ctx ends.
func (c *Cache) Run(ctx context.Context) error {
	every := c.Every
	if every <= 0 {
		every = time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := c.Look(ctx); err != nil && ctx.Err() == nil && c.Logger != nil {
			c.Logger.WarnContext(ctx, "version of relying parties not read", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
