package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
)

var (
	partnerOne  = both(`SELECT body FROM partner WHERE id = $1`)
	partnerAll  = both(`SELECT body FROM partner ORDER BY id`)
	partnerSave = both(`
		INSERT INTO partner (id, kind, body) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, body = excluded.body`)
	partnerMove = both(`UPDATE version SET n = n + 1 WHERE name = 'partner'`)
	partnerAt   = both(`SELECT n FROM version WHERE name = 'partner'`)

	answerSave = both(`
		INSERT INTO partner_answer (partner, id, fingerprint, status, body, at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (partner, id) DO NOTHING`)
	answerOne  = both(`SELECT fingerprint, status, body, at FROM partner_answer WHERE partner = $1 AND id = $2`)
	answerDrop = both(`
		DELETE FROM partner_answer WHERE (partner, id) IN (SELECT partner, id FROM partner_answer WHERE at < $1 ORDER BY at LIMIT $2)`)
)

// Partner returns a partner (partner.Store).
func (s *Stores) Partner(ctx context.Context, id partner.ID) (*partner.Partner, error) {
	p, err := scanJSON[partner.Partner](s.row(ctx, partnerOne, string(id)))
	return p, said("partner", err)
}

// Partners lists the partners by id (partner.Store).
func (s *Stores) Partners(ctx context.Context) ([]*partner.Partner, error) {
	out, err := list(ctx, s, scanJSON[partner.Partner], partnerAll)
	return out, said("partners", err)
}

// SavePartner writes a partner and moves the version (partner.Store).
func (s *Stores) SavePartner(ctx context.Context, p *partner.Partner) error {
	body, err := json.Marshal(p)
	if err != nil {
		return said("encode partner", err)
	}
	return s.atomically(ctx, func(s *Stores) error {
		if _, err := s.exec(ctx, partnerSave, string(p.ID), string(p.Kind), string(body)); err != nil {
			return said("save partner", err)
		}
		_, err := s.exec(ctx, partnerMove)
		return said("move the version of partners", err)
	})
}

// PartnerVersion is the version that caches watch (partner.Store).
func (s *Stores) PartnerVersion(ctx context.Context) (int64, error) {
	n, err := scanInt(s.row(ctx, partnerAt))
	return n, said("version of partners", err)
}

// SavePartnerAnswer writes what a partner is answered; fault.Exists (partner.Answers). Of parallel writers
// of one key the later waits for the first, and then finds the key taken.
func (s *Stores) SavePartnerAnswer(ctx context.Context, a *partner.Answer) error {
	res, err := s.exec(ctx, answerSave, string(a.Partner), a.Key, a.Fingerprint, int64(a.Status), string(a.Body), micros(a.At))
	return affected(res, err, "save the answer to a partner", fault.Exists)
}

// PartnerAnswer returns what was answered to a key (partner.Store).
func (s *Stores) PartnerAnswer(ctx context.Context, id partner.ID, key string) (*partner.Answer, error) {
	a := &partner.Answer{Partner: id, Key: key}
	var status, at int64
	var body string
	if err := s.row(ctx, answerOne, string(id), key).Scan(&a.Fingerprint, &status, &body, &at); err != nil {
		return nil, said("answer to a partner", err)
	}
	a.Status, a.Body, a.At = int(status), json.RawMessage(body), moment(at)
	return a, nil
}

// DropPartnerAnswers forgets old answers (partner.Store).
func (s *Stores) DropPartnerAnswers(ctx context.Context, before time.Time, limit int) (int, error) {
	res, err := s.exec(ctx, answerDrop, micros(before), int64(limit))
	if err != nil {
		return 0, said("forget answers to partners", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("sqlstore: forget answers to partners: %w", err)
	}
	return int(n), nil
}
