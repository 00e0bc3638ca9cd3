package sqlstore

import (
	"context"
	"errors"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/wish"
)

var wishes = newDossier("wish", func(w *wish.Wish) card {
	return card{wish.ID(w.Account, w.Client), w.Account, w.First, w.Closed.IsZero(), &w.Version}
})

var _ wish.Store = (*Stores)(nil)

// wishesOf are more than anybody has: who wanted to enter so many places is told of the newest.
var wishesOf = both(`SELECT id FROM wish WHERE account = $1 AND live = 1 ORDER BY at DESC, id DESC LIMIT 20`)

// SaveWish writes a wish, or renews the one there is (wish.Store).
func (s *Stores) SaveWish(ctx context.Context, w *wish.Wish) error {
	return s.atomically(ctx, func(s *Stores) error {
		_, err := wishes.change(ctx, s, wish.ID(w.Account, w.Client), func(old *wish.Wish) error {
			first := old.First
			*old = *w
			old.First = first
			return nil
		})
		if !errors.Is(err, fault.NotFound) {
			return err
		}
		err = wishes.add(ctx, s, w)
		if err != nil && s.r.db.dialect.taken(err) {
			return errors.Join(errAgain, err)
		}
		return err
	})
}

// ChangeWish changes a wish under a lock (wish.Store).
func (s *Stores) ChangeWish(ctx context.Context, id string, f func(*wish.Wish) error) (*wish.Wish, error) {
	return wishes.change(ctx, s, id, f)
}

// Wishes returns the newest wishes of an account that are not closed (wish.Store).
func (s *Stores) Wishes(ctx context.Context, a account.ID) ([]*wish.Wish, error) {
	return wishes.list(ctx, s, wishesOf, int64(a))
}

// list reads the papers that a statement of one parameter names, in its order.
func (d *dossier[T]) list(ctx context.Context, s *Stores, ids text, arg any) ([]*T, error) {
	names, err := list(ctx, s, func(row scanner) (string, error) {
		var id string
		err := row.Scan(&id)
		return id, err
	}, ids, arg)
	if err != nil {
		return nil, said(d.name, err)
	}
	var out []*T
	for _, id := range names {
		v, err := d.get(ctx, s, d.one, id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
