package sqlstore

import (
	"context"
	"encoding/json"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
)

var (
	centreOne  = both(`SELECT body FROM centre WHERE id = $1`)
	centreAll  = both(`SELECT body FROM centre ORDER BY id`)
	centreSave = both(`INSERT INTO centre (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = excluded.body`)
	memberOne  = both(`SELECT account, centre, role, room, active FROM member WHERE account = $1`)
	memberAll  = both(`SELECT account, centre, role, room, active FROM member ORDER BY centre, account`)
	memberSave = both(`
		INSERT INTO member (account, centre, role, room, active) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account) DO UPDATE SET centre = excluded.centre, role = excluded.role, room = excluded.room, active = excluded.active`)
)

// Centre returns a service centre (centre.Store).
func (s *Stores) Centre(ctx context.Context, id string) (*centre.Centre, error) {
	c, err := scanJSON[centre.Centre](s.row(ctx, centreOne, id))
	return c, said("centre", err)
}

// Centres lists the service centres by id (centre.Store).
func (s *Stores) Centres(ctx context.Context) ([]*centre.Centre, error) {
	out, err := list(ctx, s, scanJSON[centre.Centre], centreAll)
	return out, said("centres", err)
}

// SaveCentre writes a service centre, new or changed (centre.Store).
func (s *Stores) SaveCentre(ctx context.Context, c *centre.Centre) error {
	body, err := json.Marshal(c)
	if err != nil {
		return said("encode centre", err)
	}
	_, err = s.exec(ctx, centreSave, c.ID, string(body))
	return said("save centre", err)
}

func scanMember(row scanner) (*centre.Member, error) {
	var m centre.Member
	var id, active int64
	var role string
	if err := row.Scan(&id, &m.Centre, &role, &m.Window, &active); err != nil {
		return nil, err
	}
	m.Account, m.Role, m.Active = account.ID(id), centre.Role(role), active == 1
	return &m, nil
}

// Member returns the membership of an account (centre.Store).
func (s *Stores) Member(ctx context.Context, a account.ID) (*centre.Member, error) {
	m, err := scanMember(s.row(ctx, memberOne, int64(a)))
	return m, said("member", err)
}

// Members lists the staff (centre.Store).
func (s *Stores) Members(ctx context.Context) ([]*centre.Member, error) {
	out, err := list(ctx, s, scanMember, memberAll)
	return out, said("members", err)
}

// SaveMember writes a membership, new or changed (centre.Store).
func (s *Stores) SaveMember(ctx context.Context, m *centre.Member) error {
	_, err := s.exec(ctx, memberSave, int64(m.Account), m.Centre, string(m.Role), m.Window, number(m.Active))
	return said("save member", err)
}
