package partner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

// A Cache keeps partners in process. One version row invalidates it: a change is live at every node within
// two seconds, as with relying parties. Partners it hands out are shared and must not be changed.
type Cache struct {
	Store  Store
	Logger *slog.Logger

	mu         sync.RWMutex
	partners   map[ID]*Partner
	version    int64
	generation int // grows with every invalidation
}

// Partner returns a partner, disabled or not; fault.NotFound. Absence is not remembered.
func (c *Cache) Partner(ctx context.Context, id ID) (*Partner, error) {
	c.mu.RLock()
	p, generation := c.partners[id], c.generation
	c.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := c.Store.Partner(ctx, id)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation { // what was read before an invalidation serves this request and no other
		if c.partners == nil {
			c.partners = map[ID]*Partner{}
		}
		c.partners[id] = p
	}
	return p, nil
}

// Look reads the version once and forgets everything if it has moved.
func (c *Cache) Look(ctx context.Context) error {
	v, err := c.Store.PartnerVersion(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if v != c.version {
		c.version, c.partners, c.generation = v, nil, c.generation+1
	}
	return nil
}

// Run looks at the version each second, and sweeps old answers each hour, until ctx ends.
func (c *Cache) Run(ctx context.Context, now func() time.Time) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 0; ; n++ {
		err := c.Look(ctx)
		if err == nil && n%3600 == 0 {
			_, err = c.Store.DropPartnerAnswers(ctx, now().Add(-AnswersLive), 10_000)
		}
		if err != nil && ctx.Err() == nil && c.Logger != nil {
			c.Logger.WarnContext(ctx, "partners not read", "error", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// A Directory finds the clients of the token endpoint: relying parties, and beside them partners.
type Directory struct {
	Parties interface {
		Party(ctx context.Context, id rp.ID) (*rp.Party, error)
	}
	Partners *Cache
}

// Party returns a relying party, or a partner dressed as one; fault.NotFound.
func (d Directory) Party(ctx context.Context, id rp.ID) (*rp.Party, error) {
	p, err := d.Parties.Party(ctx, id)
	if !errors.Is(err, fault.NotFound) {
		return p, err
	}
	partner, err := d.Partners.Partner(ctx, ID(id))
	if err != nil {
		return nil, err
	}
	return partner.Party(), nil
}
