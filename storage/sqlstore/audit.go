package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
)

const eventColumns = `id, at, kind, account, actor, client, session, device, reason, detail, request`

var (
	eventAdd = both(`
		INSERT INTO event (at, kind, account, actor, client, session, device, reason, detail, request)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`)
	eventsOf = both(`SELECT ` + eventColumns + ` FROM event WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`)
	eventsBy = both(`SELECT ` + eventColumns + ` FROM event WHERE actor = $1 AND id < $2 ORDER BY id DESC LIMIT $3`)
)

// RecordEvent appends an event (audit.Log).
func (s *Stores) RecordEvent(ctx context.Context, e audit.Event) error {
	detail := ""
	if len(e.Detail) > 0 {
		b, err := json.Marshal(e.Detail)
		if err != nil {
			return said("encode event", err)
		}
		detail = string(b)
	}
	_, err := s.exec(ctx, eventAdd, micros(e.At), string(e.Kind), int64(e.Account), int64(e.Actor), e.Client, e.Session, e.Device,
		e.Reason, detail, e.Request)
	return said("record event", err)
}

func scanEvent(row scanner) (audit.Event, error) {
	var e audit.Event
	var at, acc, actor int64
	var kind, detail string
	if err := row.Scan(&e.ID, &at, &kind, &acc, &actor, &e.Client, &e.Session, &e.Device, &e.Reason, &detail, &e.Request); err != nil {
		return e, err
	}
	e.At, e.Kind, e.Account, e.Actor = moment(at), audit.Kind(kind), account.ID(acc), account.ID(actor)
	if detail != "" {
		if err := json.Unmarshal([]byte(detail), &e.Detail); err != nil {
			return e, fmt.Errorf("decode: %w", err)
		}
	}
	return e, nil
}

// Events returns the newest events that concern an account (audit.Store).
func (s *Stores) Events(ctx context.Context, a account.ID, before int64, limit int) ([]audit.Event, error) {
	out, err := list(ctx, s, scanEvent, eventsOf, int64(a), end(before), limit)
	return out, said("events", err)
}

// EventsBy returns the newest events done by an actor (audit.Store).
func (s *Stores) EventsBy(ctx context.Context, actor account.ID, before int64, limit int) ([]audit.Event, error) {
	out, err := list(ctx, s, scanEvent, eventsBy, int64(actor), end(before), limit)
	return out, said("events by an actor", err)
}

func end(before int64) int64 {
	if before == 0 {
		return math.MaxInt64
	}
	return before
}
