package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/tidings"
)

var _ tidings.Store = (*Stores)(nil)

var (
	feedOne  = both(`SELECT cursor FROM tiding_feed WHERE bureau = $1`)
	feedSave = both(`
		INSERT INTO tiding_feed (bureau, cursor) VALUES ($1, $2)
		ON CONFLICT (bureau) DO UPDATE SET cursor = excluded.cursor`)
	tidingAdd = both(`
		INSERT INTO tiding (bureau, id, at, outcome) VALUES ($1, $2, $3, '')
		ON CONFLICT (bureau, id) DO UPDATE SET at = excluded.at WHERE tiding.outcome LIKE '` + tidings.Trying + `%'`)
	tidingSettle = both(`UPDATE tiding SET outcome = $3 WHERE bureau = $1 AND id = $2`)
	tidingOne    = both(`SELECT outcome FROM tiding WHERE bureau = $1 AND id = $2`)
)

// FeedCursor returns how far a feed was read; "" at first (tidings.Store).
func (s *Stores) FeedCursor(ctx context.Context, b registry.Bureau) (string, error) {
	var cursor string
	err := s.row(ctx, feedOne, string(b)).Scan(&cursor)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return cursor, said("feed", err)
}

// SaveFeedCursor writes how far a feed was read (tidings.Store).
func (s *Stores) SaveFeedCursor(ctx context.Context, b registry.Bureau, cursor string) error {
	_, err := s.exec(ctx, feedSave, string(b), cursor)
	return said("save feed", err)
}

// NoteTiding writes a notice down, and tells whether it is new or still tried (tidings.Store).
func (s *Stores) NoteTiding(ctx context.Context, b registry.Bureau, id string, at time.Time) (bool, error) {
	res, err := s.exec(ctx, tidingAdd, string(b), id, micros(at))
	if err != nil {
		return false, said("note a notice", err)
	}
	n, err := res.RowsAffected()
	return n > 0, said("note a notice", err)
}

// SettleTiding writes what came of a notice (tidings.Store).
func (s *Stores) SettleTiding(ctx context.Context, b registry.Bureau, id, outcome string) error {
	_, err := s.exec(ctx, tidingSettle, string(b), id, outcome)
	return said("settle a notice", err)
}

// Tiding returns what came of a notice; fault.NotFound (tidings.Store).
func (s *Stores) Tiding(ctx context.Context, b registry.Bureau, id string) (string, error) {
	var outcome string
	err := s.row(ctx, tidingOne, string(b), id).Scan(&outcome)
	return outcome, said("notice", err)
}
