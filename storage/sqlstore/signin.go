package sqlstore

import (
	"context"
	"strings"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

// signInAll writes a session and its event if the account stands, and reads what SignOn would: on PostgreSQL
// one statement. SQLite writes in no part of a statement but its end, and has no trips to save: there it is a
// transaction of signInSession, the event and signOn.
const signInAll = `
	WITH stands AS (SELECT id, epoch, standing FROM account WHERE id = $2 AND epoch = $3),
	begun AS (
		INSERT INTO session (id, account, epoch, kind, started, last_seen, expires, idle, auth_time, amr, snapshot, browser, device, ended)
		SELECT $1, id, epoch, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0 FROM stands),
	told AS (
		INSERT INTO event (at, kind, account, actor, client, session, device, reason, detail, request)
		SELECT $14, $15, id, 0, '', $1, $13, '', '', $16 FROM stands)
	SELECT a.epoch, a.standing, coalesce(c.scopes, ''), coalesce(c.given, 0), coalesce(c.until, 0)
	FROM stands a LEFT JOIN consent c ON c.account = a.id AND c.client = $17`

var (
	// No form for many: which row is whose could be told by the account alone, who may be signing in twice.
	signIn = &crowd{one: text{postgres: signInAll}, places: []place{textual, whole, whole, textual, whole, whole, whole, whole, whole,
		textual, textual, octets, textual, whole, textual, textual, textual}}
	signInSession = both(`
		INSERT INTO session (id, account, epoch, kind, started, last_seen, expires, idle, auth_time, amr, snapshot, browser, device, ended)
		SELECT $1, id, epoch, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0 FROM account WHERE id = $2 AND epoch = $3
		RETURNING epoch`)
)

// SignIn writes a session and its event, as session.Desk drafts them, and reads what SignOn would say of it (signin.Store).
func (s *Stores) SignIn(ctx context.Context, v *session.Session, e audit.Event, client rp.ID) (account.Standing, *consent.Consent, error) {
	snap, err := encodeAssurance(v.Snapshot)
	if err != nil {
		return account.Standing{}, nil, err
	}
	args := []any{string(v.ID), int64(v.Account), v.Epoch, string(v.Kind), micros(v.Started), micros(v.LastSeen), micros(v.Expires),
		int64(v.Idle), micros(v.AuthTime), strings.Join(v.AMR, " "), snap, v.Browser, v.Device}
	if s.r.db.dialect == postgresDialect {
		var epoch int
		var body, scopes string
		var given, until int64
		err := s.hotChange(ctx, signIn, append(args, micros(e.At), string(e.Kind), e.Request, string(client))...).
			Scan(&epoch, &body, &scopes, &given, &until)
		if err != nil {
			return account.Standing{}, nil, said("sign in", err)
		}
		st, err := decodeStanding(int64(v.Account), epoch, body)
		if err != nil || until == 0 {
			return st, nil, err
		}
		return st, &consent.Consent{Account: v.Account, Client: client, Scopes: strings.Fields(scopes), Given: moment(given), Until: moment(until)}, nil
	}
	var st account.Standing
	var c *consent.Consent
	err = s.atomically(ctx, func(s *Stores) error {
		var epoch int
		if err := s.change(ctx, signInSession, args...).Scan(&epoch); err != nil {
			return said("sign in", err)
		}
		if err := s.RecordEvent(ctx, e); err != nil {
			return err
		}
		_, st, c, err = s.SignOn(ctx, v.ID, client)
		return err
	})
	return st, c, err
}
