package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/fault"
)

var _ certificate.Store = (*Stores)(nil)

var (
	anchorOne  = both(`SELECT body FROM anchor WHERE id = $1`)
	anchorAll  = both(`SELECT body FROM anchor ORDER BY id`)
	anchorSave = both(`INSERT INTO anchor (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
	anchorDrop = both(`DELETE FROM anchor WHERE id = $1`)
)

// Anchor returns a root of the trust list; fault.NotFound (certificate.Store).
func (s *Stores) Anchor(ctx context.Context, id string) (*certificate.Anchor, error) {
	a, err := scanJSON[certificate.Anchor](s.row(ctx, anchorOne, id))
	return a, said("anchor", err)
}

// Anchors lists the roots of the trust list by id (certificate.Store).
func (s *Stores) Anchors(ctx context.Context) ([]*certificate.Anchor, error) {
	out, err := list(ctx, s, scanJSON[certificate.Anchor], anchorAll)
	return out, said("anchors", err)
}

// SaveAnchor writes a root, new or changed (certificate.Store).
func (s *Stores) SaveAnchor(ctx context.Context, a *certificate.Anchor) error {
	body, err := json.Marshal(a)
	if err != nil {
		return said("encode anchor", err)
	}
	_, err = s.exec(ctx, anchorSave, a.ID, string(body))
	return said("save anchor", err)
}

// DeleteAnchor takes a root off the list; fault.NotFound (certificate.Store).
func (s *Stores) DeleteAnchor(ctx context.Context, id string) error {
	res, err := s.exec(ctx, anchorDrop, id)
	return affected(res, err, "delete anchor", fault.NotFound)
}
