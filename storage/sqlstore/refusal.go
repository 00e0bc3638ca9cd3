package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/propusk/propusk/idp/rp"
)

var (
	refusalSave = both(`INSERT INTO refusal (id, at, body) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET at = excluded.at, body = excluded.body`)
	refusalOne  = both(`SELECT body FROM refusal WHERE id = $1`)
)

// SaveRefusal keeps the reason behind an error (rp.RefusalStore). Of one request the last reason counts.
func (s *Stores) SaveRefusal(ctx context.Context, r rp.Refusal) error {
	body, err := json.Marshal(r)
	if err != nil {
		return said("encode refusal", err)
	}
	_, err = s.exec(ctx, refusalSave, r.ID, micros(r.At), string(body))
	return said("save refusal", err)
}

// Refusal returns a kept reason; fault.NotFound (rp.RefusalStore).
func (s *Stores) Refusal(ctx context.Context, id string) (*rp.Refusal, error) {
	r, err := scanJSON[rp.Refusal](s.row(ctx, refusalOne, id))
	return r, said("refusal", err)
}
