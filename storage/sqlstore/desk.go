package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
)

var (
	deskPut  = both(`INSERT INTO visit_desk (visit, account, centre, operator, at, state) VALUES ($1, $2, $3, $4, $5, $6)`)
	deskMove = both(`UPDATE visit_desk SET state = $2 WHERE visit = $1 AND state <> $2`)
	deskOf   = both(`SELECT visit FROM visit_desk WHERE centre = $1 AND at >= $2 ORDER BY at DESC, visit DESC LIMIT $3`)
)

func (s *Stores) putOnDesk(ctx context.Context, v *confirm.Visit) error {
	_, err := s.exec(ctx, deskPut, v.ID, int64(v.Account), v.Centre, int64(v.Operator), micros(v.Opened), v.Outcome)
	return said("put a visit on the desk", err)
}

func (s *Stores) moveOnDesk(ctx context.Context, v *confirm.Visit) error {
	_, err := s.exec(ctx, deskMove, v.ID, v.Outcome)
	return said("move a visit on the desk", err)
}

// VisitsOf lists the visits that were opened at a centre since a time, the newest first (confirm.Store).
func (s *Stores) VisitsOf(ctx context.Context, centre string, since time.Time, limit int) ([]*confirm.Visit, error) {
	ids, err := list(ctx, s, scanText, deskOf, centre, micros(since), limit)
	if err != nil {
		return nil, said("visits of a centre", err)
	}
	out := make([]*confirm.Visit, 0, len(ids))
	for _, id := range ids {
		v, err := s.Visit(ctx, id)
		if errors.Is(err, fault.NotFound) {
			continue // erased between the two reads
		}
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
