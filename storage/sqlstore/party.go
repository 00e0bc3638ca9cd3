package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

var (
	partyOne  = both(`SELECT body FROM party WHERE id = $1`)
	partyAll  = both(`SELECT body FROM party ORDER BY id`)
	partySave = both(`INSERT INTO party (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
	partyDrop = both(`DELETE FROM party WHERE id = $1`)
	partyMove = both(`UPDATE version SET n = n + 1 WHERE name = 'party'`)
	partyAt   = both(`SELECT n FROM version WHERE name = 'party'`)
)

// scanJSON reads a column of plain JSON.
func scanJSON[T any](row scanner) (*T, error) {
	var body string
	if err := row.Scan(&body); err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal([]byte(body), v); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return v, nil
}

// Party returns a relying party (rp.Store).
func (s *Stores) Party(ctx context.Context, id rp.ID) (*rp.Party, error) {
	p, err := scanJSON[rp.Party](s.row(ctx, partyOne, string(id)))
	return p, said("relying party", err)
}

// Parties lists the relying parties by id (rp.Store).
func (s *Stores) Parties(ctx context.Context) ([]*rp.Party, error) {
	out, err := list(ctx, s, scanJSON[rp.Party], partyAll)
	return out, said("relying parties", err)
}

// SaveParty writes a relying party and moves the version (rp.Store).
func (s *Stores) SaveParty(ctx context.Context, p *rp.Party) error {
	body, err := json.Marshal(p)
	if err != nil {
		return said("encode relying party", err)
	}
	return s.atomically(ctx, func(s *Stores) error {
		if _, err := s.exec(ctx, partySave, string(p.ID), string(body)); err != nil {
			return said("save relying party", err)
		}
		_, err := s.exec(ctx, partyMove)
		return said("move the version of relying parties", err)
	})
}

// DeleteParty removes a relying party and moves the version; fault.NotFound (rp.Store).
func (s *Stores) DeleteParty(ctx context.Context, id rp.ID) error {
	return s.atomically(ctx, func(s *Stores) error {
		res, err := s.exec(ctx, partyDrop, string(id))
		if err := affected(res, err, "delete relying party", fault.NotFound); err != nil {
			return err
		}
		_, err = s.exec(ctx, partyMove)
		return said("move the version of relying parties", err)
	})
}

// PartyVersion is the version that caches watch (rp.Store).
func (s *Stores) PartyVersion(ctx context.Context) (int64, error) {
	n, err := scanInt(s.row(ctx, partyAt))
	return n, said("version of relying parties", err)
}
