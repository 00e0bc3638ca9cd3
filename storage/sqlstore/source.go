package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/recall"
	"github.com/propusk/propusk/idp/rp"
)

// The table confirmation_source is written by triggers of the table account (migration 4).
var (
	sourced = both(`
		SELECT c.at, c.account, c.confirmation, a.epoch, a.standing
		FROM confirmation_source c JOIN account a ON a.id = c.account
		WHERE c.kind = $1 AND c.value = $2 AND c.at >= $3 AND c.at < $4 AND (c.at, c.account, c.confirmation) > ($5, $6, $7)
		ORDER BY c.at, c.account, c.confirmation LIMIT $8`)
	// The next value, from which the one after it is looked for: so many steps as there are sources, however
	// many confirmations each has made.
	sourceNext = both(`SELECT value FROM confirmation_source WHERE kind = $1 AND value > $2 ORDER BY value LIMIT 1`)

	// Many accounts travel as one value: an array of JSON.
	sessionsAlive = text{
		`SELECT count(*) FROM session WHERE account IN (SELECT value FROM json_each($1)) AND ended = 0 AND expires > $2`,
		`SELECT count(*) FROM session WHERE account IN (SELECT value::bigint FROM jsonb_array_elements($1::jsonb)) AND ended = 0 AND expires > $2`,
	}
	usesAlive = text{usesOf(`SELECT value FROM json_each($1)`), usesOf(`SELECT value::bigint FROM jsonb_array_elements($1::jsonb)`)}
)

// slack widens a window by more than SQLite rounds times by. Who asks judges each confirmation itself.
const slack = 2000

// usesOf are the grants in use: offline ones until they end, the others as long as their session.
func usesOf(accounts string) string {
	return `SELECT g.account, g.client, count(*) FROM grants g
		WHERE g.account IN (` + accounts + `) AND g.revoked = 0 AND (g.offline = 1 AND g.expires > $2
			OR EXISTS (SELECT 1 FROM session s WHERE s.id = g.session AND s.ended = 0 AND s.expires > $2))
		GROUP BY g.account, g.client ORDER BY g.account, g.client`
}

// Sourced lists confirmations that a filter takes, in order of time (recall.Store).
func (s *Stores) Sourced(ctx context.Context, f recall.Filter, after recall.Mark, limit int) ([]recall.Sourced, error) {
	out, err := list(ctx, s, func(row scanner) (recall.Sourced, error) {
		var x recall.Sourced
		var at, acc int64
		var epoch int
		var body string
		if err := row.Scan(&at, &acc, &x.Confirmation, &epoch, &body); err != nil {
			return x, err
		}
		x.At, x.Account = moment(at), account.ID(acc)
		var err error
		x.Standing, err = decodeStanding(acc, epoch, body)
		return x, err
	}, sourced, string(f.Kind), f.Value, micros(f.From)-slack, micros(f.Until)+slack, micros(after.At), int64(after.Account), after.Confirmation, limit)
	return out, said("confirmations of a source", err)
}

// Confirmers lists who confirmed anybody (recall.Store).
func (s *Stores) Confirmers(ctx context.Context, k recall.Kind, limit int) ([]string, error) {
	var out []string
	for last := ""; len(out) < limit; out = append(out, last) {
		err := s.row(ctx, sourceNext, string(k), last).Scan(&last)
		if errors.Is(err, sql.ErrNoRows) {
			break
		}
		if err != nil {
			return nil, said("sources of confirmations", err)
		}
	}
	return out, nil
}

func numbers(of []account.ID) (string, error) {
	if len(of) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(of)
	return string(b), err
}

// AliveSessions counts the sessions of accounts that have not ended by now (recall.Store).
func (s *Stores) AliveSessions(ctx context.Context, of []account.ID, now time.Time) (int, error) {
	ids, err := numbers(of)
	if err != nil {
		return 0, said("count sessions", err)
	}
	var n int
	err = s.row(ctx, sessionsAlive, ids, micros(now)).Scan(&n)
	return n, said("count sessions", err)
}

// Uses lists the relying parties that accounts are signed in to now (recall.Store).
func (s *Stores) Uses(ctx context.Context, of []account.ID, now time.Time) ([]recall.Use, error) {
	ids, err := numbers(of)
	if err != nil {
		return nil, said("uses", err)
	}
	out, err := list(ctx, s, func(row scanner) (recall.Use, error) {
		var u recall.Use
		var acc int64
		var client string
		err := row.Scan(&acc, &client, &u.Grants)
		u.Account, u.Client = account.ID(acc), rp.ID(client)
		return u, err
	}, usesAlive, ids, micros(now))
	return out, said("uses", err)
}
