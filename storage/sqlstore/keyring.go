package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// Keys returns every key of the keyring (seal.Store).
func (db *DB) Keys(ctx context.Context) ([]seal.WrappedKey, error) {
	rows, err := db.read.QueryContext(ctx, `SELECT id, purpose, wrapped, created, usable_from, retired FROM keyring ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: keyring: %w", err)
	}
	defer rows.Close()
	var out []seal.WrappedKey
	for rows.Next() {
		var k seal.WrappedKey
		var id, created, usable, retired int64
		var use string
		if err := rows.Scan(&id, &use, &k.Wrapped, &created, &usable, &retired); err != nil {
			return nil, fmt.Errorf("sqlstore: keyring: %w", err)
		}
		k.ID, k.Use = uint32(id), seal.Use(use)
		k.CreatedAt, k.UsableFrom, k.RetiredAt = moment(created), moment(usable), moment(retired)
		out = append(out, k)
	}
	return out, rows.Err()
}

// AddKey adds a key; fault.Exists if the id is taken.
func (db *DB) AddKey(ctx context.Context, k seal.WrappedKey) error {
	res, err := db.write.ExecContext(ctx, `
		INSERT INTO keyring (id, purpose, wrapped, created, usable_from, retired) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO NOTHING`,
		int64(k.ID), string(k.Use), k.Wrapped, micros(k.CreatedAt), micros(k.UsableFrom), micros(k.RetiredAt))
	return affected(res, err, "add key", fault.Exists)
}

// RetireKey sets when a key becomes void; fault.NotFound.
func (db *DB) RetireKey(ctx context.Context, id uint32, at time.Time) error {
	res, err := db.write.ExecContext(ctx, `UPDATE keyring SET retired = $2 WHERE id = $1`, int64(id), micros(at))
	return affected(res, err, "retire key", fault.NotFound)
}
