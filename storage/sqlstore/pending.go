package sqlstore

import (
	"context"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/lock"
)

var pendings = newDossier("lock_change", func(p *lock.Pending) card {
	return card{p.ID, p.Account, p.Opened, p.Open(), &p.Version}
})

var _ lock.Store = (*Stores)(nil)

var pendingsOf = both(`SELECT id FROM lock_change WHERE account = $1 AND live = 1 ORDER BY at DESC, id DESC`)

// SavePending writes a new change that waits (lock.Store).
func (s *Stores) SavePending(ctx context.Context, p *lock.Pending) error {
	return pendings.add(ctx, s, p)
}

// Pending returns a change that waits, or did; fault.NotFound (lock.Store).
func (s *Stores) Pending(ctx context.Context, id string) (*lock.Pending, error) {
	return pendings.get(ctx, s, pendings.one, id)
}

// Pendings returns the open changes of an account (lock.Store).
func (s *Stores) Pendings(ctx context.Context, a account.ID) ([]*lock.Pending, error) {
	return pendings.list(ctx, s, pendingsOf, int64(a))
}

// ChangePending changes one under a lock (lock.Store).
func (s *Stores) ChangePending(ctx context.Context, id string, f func(*lock.Pending) error) (*lock.Pending, error) {
	return pendings.change(ctx, s, id, f)
}
