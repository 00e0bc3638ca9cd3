package sqlstore

import (
	"context"

	"github.com/propusk/propusk/idp/account"
)

var (
	accountsAfter = both(`SELECT id FROM account WHERE id > $1 AND wrapped_key IS NOT NULL ORDER BY id LIMIT 500`)
	accountsCount = both(`SELECT count(*) FROM account WHERE wrapped_key IS NOT NULL`)
)

// Reindex writes the lookup rows of every account anew under all index keys there are, after one was
// added and before one is retired. It may run beside everything and be broken off and begun again.
func (r *Records) Reindex(ctx context.Context, progress func(done, total int)) error {
	total, err := scanInt(r.row(ctx, accountsCount))
	if err != nil {
		return said("count accounts", err)
	}
	var last int64
	for done := 0; ; {
		ids, err := list(ctx, r.Stores, scanInt, accountsAfter, last)
		if err != nil {
			return said("list accounts", err)
		}
		if len(ids) == 0 {
			return nil
		}
		for _, id := range ids {
			if err := r.reindex(ctx, account.ID(id)); err != nil {
				return err
			}
			last = id
		}
		if done += len(ids); progress != nil {
			progress(done, int(total))
		}
	}
}

func (r *Records) reindex(ctx context.Context, id account.ID) error {
	return r.Atomically(ctx, func(tx *Stores) error {
		var row accountRow
		if err := tx.row(ctx, accountLock, int64(id)).Scan(row.dest()...); err != nil {
			return said("account "+id.String(), err)
		}
		a, err := r.openAccount(&row)
		if err != nil {
			return err
		}
		return tx.changeLookup(ctx, id, nil, lookupOf(a))
	})
}
