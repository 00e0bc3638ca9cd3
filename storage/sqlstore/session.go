package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

const sessionColumns = `s.id, s.account, s.epoch, s.kind, s.started, s.last_seen, s.expires, s.idle, s.auth_time, s.amr, s.snapshot, s.browser, s.device, s.ended`

// sessionRow is a session as it lies in the table.
type sessionRow struct {
	id, kind, amr, snapshot, device                            string
	account, started, lastSeen, expires, idle, authTime, ended int64
	epoch                                                      int
	browser                                                    []byte
}

func (r *sessionRow) dest() []any {
	return []any{&r.id, &r.account, &r.epoch, &r.kind, &r.started, &r.lastSeen, &r.expires, &r.idle, &r.authTime,
		&r.amr, &r.snapshot, &r.browser, &r.device, &r.ended}
}

func (r *sessionRow) session() (*session.Session, error) {
	out := &session.Session{ID: session.ID(r.id), Account: account.ID(r.account), Epoch: r.epoch, Kind: session.Kind(r.kind),
		Started: moment(r.started), LastSeen: moment(r.lastSeen), Expires: moment(r.expires), Idle: time.Duration(r.idle),
		AuthTime: moment(r.authTime), AMR: strings.Fields(r.amr), Browser: r.browser, Device: r.device, Ended: moment(r.ended)}
	return out, decodeAssurance(r.snapshot, &out.Snapshot)
}

func encodeAssurance(a account.Assurance) (string, error) {
	b, err := json.Marshal(snapshot{a.Level, a.Confirmations})
	if err != nil {
		return "", fmt.Errorf("sqlstore: encode an assurance: %w", err)
	}
	return string(b), nil
}

func decodeAssurance(body string, a *account.Assurance) error {
	var s snapshot
	if err := read([]byte(body), readSnapshot, &s); err != nil {
		return fmt.Errorf("sqlstore: decode an assurance: %w", err)
	}
	a.Level, a.Confirmations = s.Level, s.Confirmations
	return nil
}

// snapshot is an assurance in a column.
type snapshot struct {
	Level         account.Level          `json:"level"`
	Confirmations []account.Confirmation `json:"confirmations,omitempty"`
}

var (
	sessionInsert = both(`
		INSERT INTO session (id, account, epoch, kind, started, last_seen, expires, idle, auth_time, amr, snapshot, browser, device, ended)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`)
	sessionByID      = both(`SELECT ` + sessionColumns + ` FROM session s WHERE s.id = $1`)
	sessionByAccount = both(`SELECT ` + sessionColumns + ` FROM session s WHERE s.account = $1 AND s.ended = 0 ORDER BY s.started DESC, s.id`)
	sessionTouch     = both(`UPDATE session SET last_seen = $2 WHERE id = $1 AND last_seen < $2`)
	sessionRenew     = both(`
		UPDATE session SET epoch = $2, auth_time = $3, amr = $4, snapshot = $5, browser = $6, last_seen = $7
		WHERE id = $1 AND ended = 0`)
)

// StartSession writes a new session (session.Store).
func (s *Stores) StartSession(ctx context.Context, v *session.Session) error {
	snap, err := encodeAssurance(v.Snapshot)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, sessionInsert, string(v.ID), int64(v.Account), v.Epoch, string(v.Kind), micros(v.Started), micros(v.LastSeen),
		micros(v.Expires), int64(v.Idle), micros(v.AuthTime), strings.Join(v.AMR, " "), snap, v.Browser, v.Device, micros(v.Ended))
	if err != nil && s.r.db.dialect.taken(err) {
		return fmt.Errorf("sqlstore: session: %w", fault.Exists)
	}
	return said("start session", err)
}

func scanSession(row scanner) (*session.Session, error) {
	var r sessionRow
	if err := row.Scan(r.dest()...); err != nil {
		return nil, err
	}
	return r.session()
}

// Session returns a session, ended or not (session.Store).
func (s *Stores) Session(ctx context.Context, id session.ID) (*session.Session, error) {
	v, err := scanSession(s.row(ctx, sessionByID, string(id)))
	return v, said("session", err)
}

// Sessions returns the sessions of an account that have not ended, newest first (session.Store).
func (s *Stores) Sessions(ctx context.Context, id account.ID) ([]*session.Session, error) {
	out, err := list(ctx, s, scanSession, sessionByAccount, int64(id))
	return out, said("sessions", err)
}

// TouchSession writes LastSeen, never backwards (session.Store).
func (s *Stores) TouchSession(ctx context.Context, id session.ID, at time.Time) error {
	_, err := s.exec(ctx, sessionTouch, string(id), micros(at))
	return said("touch session", err)
}

// RenewSession writes what a new proof changes; fault.NotFound if the session has ended (session.Store).
func (s *Stores) RenewSession(ctx context.Context, v *session.Session) error {
	snap, err := encodeAssurance(v.Snapshot)
	if err != nil {
		return err
	}
	res, err := s.exec(ctx, sessionRenew, string(v.ID), v.Epoch, micros(v.AuthTime), strings.Join(v.AMR, " "), snap, v.Browser, micros(v.LastSeen))
	return affected(res, err, "renew session", fault.NotFound)
}

var (
	// Ending waits for redemptions of codes that hold the session (see redeem), and what they made is
	// then seen by the statements after it: nobody who was signed in is left untold.
	endOne = both(`
		UPDATE session SET ended = $1 WHERE id = $2 AND (account = $3 OR $3 = 0) AND ended = 0 RETURNING account`)
	endMost = both(`
		UPDATE session SET ended = $1 WHERE account = $2 AND id <> $3 AND ended = 0 RETURNING account`)
	endLeft = both(`
		SELECT DISTINCT session, client FROM grants WHERE account = $1 AND revoked = 0
			AND ($3 = '' OR session = $3) AND EXISTS (SELECT 1 FROM session s WHERE s.id = grants.session AND s.ended = $2)
		ORDER BY session, client`)
	endGrants = both(`
		UPDATE grants SET revoked = $2 WHERE account = $1 AND revoked = 0 AND (offline = 0 OR $4 = 1)
			AND ($3 = '' OR session = $3) AND EXISTS (SELECT 1 FROM session s WHERE s.id = grants.session AND s.ended = $2)`)
	// Offline grants outlive their sessions; whoever ends all of an account, offline too, means these as well.
	endOffline = both(`
		UPDATE grants SET revoked = $2 WHERE account = $1 AND revoked = 0 AND session <> $3`)
)

// EndSessions ends sessions and the grants made through them (session.Store).
func (s *Stores) EndSessions(ctx context.Context, which session.Scope, offline bool, at time.Time) ([]session.Left, error) {
	var out []session.Left
	err := s.atomically(ctx, func(s *Stores) error {
		var ended []int64
		var err error
		when := micros(at)
		if which.Session != "" {
			ended, err = list(ctx, s, scanInt, endOne, when, string(which.Session), int64(which.Account))
		} else {
			ended, err = list(ctx, s, scanInt, endMost, when, int64(which.Account), string(which.Except))
		}
		if err != nil {
			return said("end sessions", err)
		}
		if out = nil; len(ended) > 0 {
			if out, err = list(ctx, s, func(row scanner) (session.Left, error) {
				var l session.Left
				err := row.Scan(&l.Session, &l.Client)
				return l, err
			}, endLeft, ended[0], when, string(which.Session)); err != nil {
				return said("list parties of ended sessions", err)
			}
			if _, err := s.exec(ctx, endGrants, ended[0], when, string(which.Session), number(offline)); err != nil {
				return said("revoke grants of ended sessions", err)
			}
		}
		if offline && which.Session == "" {
			if _, err := s.exec(ctx, endOffline, int64(which.Account), when, string(which.Except)); err != nil {
				return said("revoke offline grants", err)
			}
		}
		return nil
	})
	return out, err
}

var signOn = together(`
	SELECT {n} `+sessionColumns+`, a.epoch, a.standing, coalesce(c.scopes, ''), coalesce(c.given, 0), coalesce(c.until, 0)
	FROM {join} session s JOIN account a ON a.id = s.account LEFT JOIN consent c ON c.account = s.account AND c.client = $2
	WHERE s.id = $1`, false, textual, textual)

// SignOn reads in one trip what the silent path needs (signin.Store).
func (s *Stores) SignOn(ctx context.Context, id session.ID, client rp.ID) (*session.Session, account.Standing, *consent.Consent, error) {
	var r sessionRow
	var epoch int
	var body, scopes string
	var given, until int64
	if err := s.hotRow(ctx, signOn, string(id), string(client)).Scan(append(r.dest(), &epoch, &body, &scopes, &given, &until)...); err != nil {
		return nil, account.Standing{}, nil, said("sign on", err)
	}
	v, err := r.session()
	st, err2 := decodeStanding(r.account, epoch, body)
	if err := errors.Join(err, err2); err != nil {
		return nil, account.Standing{}, nil, err
	}
	if until == 0 {
		return v, st, nil, nil
	}
	return v, st, &consent.Consent{Account: v.Account, Client: client, Scopes: strings.Fields(scopes), Given: moment(given), Until: moment(until)}, nil
}
