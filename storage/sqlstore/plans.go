package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"
)

type hotText struct {
	text text
	args int
}

// hot are the statements that sign-ins and tokens are made of, with how many parameters each has.
var hot = map[string]hotText{
	"SignOn":       {signOn.one, 2},
	"SignIn":       {signInSession, 13},
	"RedeemGrant":  {redeem.one, 18},
	"RotateGrant":  {rotate.one, 7},
	"GrantUse":     {grantUse.one, 1},
	"GrantAccount": {grantAccount.one, 1},
	"Grants":       {grantsLive, 1},
	"RevokeGrant":  {grantRevoke, 2},
	"FindAccount":  {lookupFound.one, 3},
	"FindAccounts": {lookupAll, 4},
	"Account":      {accountByID, 1},
	"Session":      {sessionByID, 1},
	"Sessions":     {sessionByAccount, 1},
	"TouchSession": {sessionTouch, 2},
	"end one":      {endOne, 3},
	"end most":     {endMost, 3},
	"end left":     {endLeft, 3},
	"end grants":   {endGrants, 4},
	"end offline":  {endOffline, 3},
	"consent":      {consentOne, 2},
	"party":        {partyOne, 1},
	"due":          {dueTake, 1},
	"last letter":  {letters.last, 1},
	"last papers":  {applications.last, 1},
	"running":      {applicationRunning, 1},
	"claims":       {lookupTaken, 4},
	"drop keys":    {lookupDrop, 2},
	"events":       {eventsOf, 3},
	"events by":    {eventsBy, 3},
	"message":      {messageOne, 1},
	"claims on":    {claimsOf, 1},
}

// Plans asks the database how it would run the statements of the hot path on big tables, by name. On
// PostgreSQL sequential scans are made dear first, for on small tables they would be right.
func (db *DB) Plans(ctx context.Context) (map[string]string, error) {
	c, err := db.write.Conn(ctx)
	if err != nil {
		return nil, said("plans", err)
	}
	defer c.Close()
	explain := `EXPLAIN QUERY PLAN `
	if db.dialect == postgresDialect {
		// GENERIC_PLAN is newer than 15; a prepared statement of NULLs under a forced generic plan is the same.
		explain = `EXPLAIN (COSTS OFF) `
		for _, set := range []string{`SET enable_seqscan = off`, `SET plan_cache_mode = force_generic_plan`} {
			if _, err := c.ExecContext(ctx, set); err != nil {
				return nil, said("plans", err)
			}
		}
		defer c.ExecContext(context.WithoutCancel(ctx), `RESET ALL`)
	}
	out := map[string]string{}
	statements := maps.Clone(hot)
	if db.dialect == postgresDialect {
		for _, l := range []*lanes{db.reads, db.writes} {
			for _, t := range l.statements {
				if t.many == "" {
					statements["alone: "+t.one.postgres] = hotText{t.one, len(t.places)}
				} else {
					statements["many: "+t.many] = hotText{text{postgres: t.many}, len(t.places)}
				}
			}
		}
	}
	for name, h := range statements {
		plan, err := db.plan(ctx, c, explain, h.text, h.args)
		if err != nil {
			return nil, fmt.Errorf("sqlstore: plan of %s: %w", name, err)
		}
		out[name] = plan
	}
	return out, nil
}

func (db *DB) plan(ctx context.Context, c *sql.Conn, explain string, t text, n int) (string, error) {
	query, args := explain+db.dialect.text(t), make([]any, n)
	if db.dialect == postgresDialect {
		if _, err := c.ExecContext(ctx, `PREPARE hot AS `+db.dialect.text(t)); err != nil {
			return "", err
		}
		defer c.ExecContext(context.WithoutCancel(ctx), `DEALLOCATE hot`)
		query, args = explain+`EXECUTE hot(`+strings.TrimSuffix(strings.Repeat("NULL, ", n), ", ")+`)`, nil
	}
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var out strings.Builder
	for rows.Next() {
		var line string
		if db.dialect == postgresDialect {
			err = rows.Scan(&line)
		} else {
			var id, parent, unused int
			err = rows.Scan(&id, &parent, &unused, &line)
		}
		if err != nil {
			return "", err
		}
		out.WriteString(line + "\n")
	}
	return out.String(), rows.Err()
}
