package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

var grantNames = []string{"id", "account", "client", "session", "epoch", "scopes", "claims", "auth_time", "amr", "acr",
	"snapshot", "created", "offline", "expires", "revoked", "refresh_hash", "refresh_gen", "prev_hash", "prev_sealed", "rotated_at", "data", "demanded"}

// grantColumns are the columns under a name of the table.
func grantColumns(table string) string { return table + "." + strings.Join(grantNames, ", "+table+".") }

// grantRow is a grant as it lies in the table.
type grantRow struct {
	id, client, session, scopes, amr, acr, snapshot, data, demanded       string
	account, authTime, created, offline, expires, revoked, gen, rotatedAt int64
	epoch                                                                 int
	claims, hash, prevHash, prevSealed                                    []byte
}

func (r *grantRow) dest() []any {
	return []any{&r.id, &r.account, &r.client, &r.session, &r.epoch, &r.scopes, &r.claims, &r.authTime, &r.amr, &r.acr,
		&r.snapshot, &r.created, &r.offline, &r.expires, &r.revoked, &r.hash, &r.gen, &r.prevHash, &r.prevSealed, &r.rotatedAt,
		&r.data, &r.demanded}
}

func (r *grantRow) grant() (grant.Grant, error) {
	g := grant.Grant{ID: grant.ID(r.id), Account: account.ID(r.account), Client: rp.ID(r.client), Session: session.ID(r.session),
		Epoch: r.epoch, Scopes: strings.Fields(r.scopes), Claims: r.claims, AuthTime: moment(r.authTime), AMR: strings.Fields(r.amr),
		ACR: r.acr, Created: moment(r.created), Offline: r.offline == 1, Expires: moment(r.expires), Revoked: moment(r.revoked),
		RefreshHash: r.hash, RefreshGen: int(r.gen), PrevHash: r.prevHash, PrevSealed: r.prevSealed, RotatedAt: moment(r.rotatedAt),
		Data: words(r.data), Demanded: words(r.demanded)}
	return g, decodeAssurance(r.snapshot, &g.Snapshot)
}

// words is a list that is nearly always empty.
func words(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Fields(s)
}

// redeem inserts the grant if account and session stand, holding the session so that its end comes before
// or after, never between. If the row is there already the code is brought again, and whether or not
// anything still stands it ends revoked. No row back: fallen.
var redeem = together(`
	INSERT INTO grants (`+strings.Join(grantNames, ", ")+`, redeemed)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, $16, NULL, NULL, 0, $17, $18, 1 {from}
	WHERE EXISTS (SELECT 1 FROM account WHERE id = $2 AND epoch = $5)
		AND EXISTS (SELECT 1 FROM session WHERE id = $4 AND account = $2 AND ended + 0 = 0 {share})
		OR EXISTS (SELECT 1 FROM grants WHERE id = $1)
	ON CONFLICT (id) DO UPDATE SET redeemed = grants.redeemed + 1,
		revoked = CASE WHEN grants.revoked = 0 THEN excluded.created ELSE grants.revoked END
	RETURNING {key} redeemed`, true,
	textual, whole, textual, textual, whole, textual, octets, whole, textual, textual, textual, whole, whole, whole, octets, whole, textual, textual)

// RedeemGrant is one statement (grant.Store).
func (s *Stores) RedeemGrant(ctx context.Context, g *grant.Grant) (grant.Outcome, error) {
	snap, err := encodeAssurance(g.Snapshot)
	if err != nil {
		return grant.Fallen, err
	}
	var times int
	err = s.hotChange(ctx, redeem, string(g.ID), int64(g.Account), string(g.Client), string(g.Session), g.Epoch, strings.Join(g.Scopes, " "),
		g.Claims, micros(g.AuthTime), strings.Join(g.AMR, " "), g.ACR, snap, micros(g.Created), number(g.Offline), micros(g.Expires),
		g.RefreshHash, int64(g.RefreshGen), strings.Join(g.Data, " "), strings.Join(g.Demanded, " ")).Scan(&times)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return grant.Fallen, nil
	case err != nil:
		return grant.Fallen, said("redeem", err)
	case times > 1:
		return grant.Replayed, nil
	}
	return grant.Granted, nil
}

var (
	// rotate is the common path: the token is the current one and all stands. What is compared with 0 after
	// an addition is hidden from the partial indexes of what lives: while tables are empty PostgreSQL would
	// rather read the whole of one than go by the primary key, and keep to that when they have grown.
	rotate = together(`
		UPDATE grants SET prev_hash = refresh_hash, prev_sealed = $6, refresh_hash = $5, refresh_gen = refresh_gen + 1, rotated_at = $7 {from}
		WHERE id = $1 AND client = $2 AND refresh_hash = $3 AND refresh_gen = $4 AND revoked + 0 = 0 AND (expires = 0 OR expires > $7)
			AND EXISTS (SELECT 1 FROM account a WHERE a.id = grants.account AND a.epoch = grants.epoch)
			AND (offline = 1 OR EXISTS (SELECT 1 FROM session s WHERE s.id = grants.session AND s.ended + 0 = 0))
		RETURNING {n} `+grantColumns("grants")+`,
			(SELECT a.standing FROM account a WHERE a.id = grants.account),
			coalesce((SELECT s.ended FROM session s WHERE s.id = grants.session), 1)`, false,
		textual, textual, octets, whole, octets, octets, whole)
	rotateLock  = both(`SELECT id FROM grants WHERE id = $1 {update}`)
	grantRevoke = both(`UPDATE grants SET revoked = $2 WHERE id = $1 AND revoked = 0`)
)

// RotateGrant is one statement when the token is the current one; whatever else is brought is judged
// under a lock of the row (grant.Store).
func (s *Stores) RotateGrant(ctx context.Context, r grant.Rotation) (outcome grant.Outcome, use *grant.Use, err error) {
	if r.Judge == nil {
		return s.rotate(ctx, r)
	}
	err = s.atomically(ctx, func(s *Stores) error {
		if outcome, use, err = s.rotate(ctx, r); err != nil || outcome != grant.Granted {
			return err
		}
		return r.Judge(use)
	})
	if err != nil {
		return grant.Fallen, nil, err
	}
	return outcome, use, nil
}

func (s *Stores) rotate(ctx context.Context, r grant.Rotation) (grant.Outcome, *grant.Use, error) {
	var row grantRow
	var st string
	var ended int64
	err := s.hotChange(ctx, rotate, string(r.Grant), string(r.Client), r.OldHash, int64(r.OldGen), r.NewHash, r.Sealed, micros(r.Now)).
		Scan(append(row.dest(), &st, &ended)...)
	if err == nil {
		use, err := useOf(&row, row.epoch, st, ended)
		return grant.Granted, use, err
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return grant.Fallen, nil, said("rotate", err)
	}
	var outcome grant.Outcome
	var use *grant.Use
	err = s.atomically(ctx, func(s *Stores) error {
		var err error
		outcome, use, err = s.misrotated(ctx, r)
		return err
	})
	if err != nil {
		return grant.Fallen, nil, err
	}
	return outcome, use, nil
}

// misrotated tells why a token could not be rotated, and revokes the grant of a stolen one.
func (s *Stores) misrotated(ctx context.Context, r grant.Rotation) (grant.Outcome, *grant.Use, error) {
	var id string
	if err := s.row(ctx, rotateLock, string(r.Grant)).Scan(&id); err != nil {
		return grant.Fallen, nil, said("grant", err)
	}
	use, err := s.GrantUse(ctx, r.Grant)
	if err != nil {
		return grant.Fallen, nil, err
	}
	g := &use.Grant
	switch {
	case g.Client != r.Client:
		// Another party's token proves nothing, and its bringer must not be able to revoke.
		return grant.Fallen, nil, fmt.Errorf("sqlstore: grant of another party: %w", fault.NotFound)
	case !use.Stands(r.Now):
		return grant.Fallen, use, nil
	case len(g.PrevHash) > 0 && bytes.Equal(g.PrevHash, r.OldHash) && g.RefreshGen == r.OldGen+1 && r.Now.Before(g.RotatedAt.Add(r.Grace)):
		return grant.Repeated, use, nil
	case g.RefreshGen == r.OldGen && !bytes.Equal(g.RefreshHash, r.OldHash) || g.RefreshGen < r.OldGen:
		// Not a token we ever made: guessing it must not revoke either.
		return grant.Fallen, nil, fmt.Errorf("sqlstore: unknown refresh token: %w", fault.NotFound)
	}
	if err := s.RevokeGrant(ctx, r.Grant, r.Now); err != nil {
		return grant.Fallen, nil, err
	}
	g.Revoked = moment(micros(r.Now))
	return grant.Replayed, use, nil
}

func useOf(row *grantRow, epoch int, st string, ended int64) (*grant.Use, error) {
	g, err := row.grant()
	if err != nil {
		return nil, err
	}
	standing, err := decodeStanding(row.account, epoch, st)
	if err != nil {
		return nil, err
	}
	return &grant.Use{Grant: g, Standing: standing, SessionUp: ended == 0}, nil
}

var (
	grantUse = together(`
		SELECT {n} `+grantColumns("g")+`, a.epoch, a.standing, coalesce(s.ended, 1)
		FROM {join} grants g JOIN account a ON a.id = g.account LEFT JOIN session s ON s.id = g.session WHERE g.id = $1`, false, textual)
	grantAccount = together(`
		SELECT {n} `+grantColumns("g")+`, coalesce(s.ended, 1), `+accountPlain+`
		FROM {join} grants g JOIN account a ON a.id = g.account LEFT JOIN session s ON s.id = g.session WHERE g.id = $1`, false, textual)
	grantsLive = both(`
		SELECT ` + grantColumns("g") + ` FROM grants g WHERE g.account = $1 AND g.revoked = 0 ORDER BY g.created DESC, g.id`)
)

// GrantUse reads a grant and its standing in one trip (grant.Store).
func (s *Stores) GrantUse(ctx context.Context, id grant.ID) (*grant.Use, error) {
	var row grantRow
	var epoch int
	var st string
	var ended int64
	if err := s.hotRow(ctx, grantUse, string(id)).Scan(append(row.dest(), &epoch, &st, &ended)...); err != nil {
		return nil, said("grant", err)
	}
	return useOf(&row, epoch, st, ended)
}

// GrantAccount reads a grant and the account but its credential in one trip (grant.Store).
func (s *Stores) GrantAccount(ctx context.Context, id grant.ID) (*grant.Use, *account.Account, error) {
	var row grantRow
	var ended int64
	var a accountRow
	if err := s.hotRow(ctx, grantAccount, string(id)).Scan(slices.Concat(row.dest(), []any{&ended}, a.plain())...); err != nil {
		return nil, nil, said("grant and account", err)
	}
	acc, err := s.r.openAccount(&a)
	if err != nil {
		return nil, nil, err
	}
	g, err := row.grant()
	if err != nil {
		return nil, nil, err
	}
	return &grant.Use{Grant: g, Standing: acc.Standing, SessionUp: ended == 0}, acc, nil
}

// RevokeGrant revokes a grant; revoked already is no error (grant.Store).
func (s *Stores) RevokeGrant(ctx context.Context, id grant.ID, at time.Time) error {
	_, err := s.exec(ctx, grantRevoke, string(id), micros(at))
	return said("revoke grant", err)
}

// Grants lists an account's grants that are not revoked, newest first (grant.Store).
func (s *Stores) Grants(ctx context.Context, id account.ID) ([]*grant.Grant, error) {
	out, err := list(ctx, s, func(row scanner) (*grant.Grant, error) {
		var r grantRow
		if err := row.Scan(r.dest()...); err != nil {
			return nil, err
		}
		g, err := r.grant()
		return &g, err
	}, grantsLive, int64(id))
	return out, said("grants", err)
}
