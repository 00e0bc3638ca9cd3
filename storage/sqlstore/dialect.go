package sqlstore

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"
)

// dialect is all in which the two databases differ.
type dialect struct {
	name string
	// words fills the braces of statements and migrations.
	words *strings.Replacer
	// again tells that a transaction lost to another and may be run anew.
	again func(error) bool
	// taken tells that a unique index refused a row.
	taken func(error) bool
	text  func(text) string
}

// text is a statement in both dialects.
type text struct{ sqlite, postgres string }

// both makes a statement of its common writing.
func both(s string) text {
	return text{sqliteDialect.words.Replace(s), postgresDialect.words.Replace(s)}
}

var sqliteDialect = &dialect{
	name: "sqlite",
	words: strings.NewReplacer(
		" {update}", "", " {update of t}", "", " {skip}", "", " {share}", "",
		"{id}", "TEXT", "{bytes}", "BLOB", "{serial}", "INTEGER PRIMARY KEY AUTOINCREMENT", "{clustered}", "WITHOUT ROWID",
	),
	again: func(err error) bool {
		var e *sqlite.Error
		if !errors.As(err, &e) {
			return false
		}
		switch e.Code() & 0xff {
		case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED:
			return true
		}
		return false
	},
	taken: func(err error) bool {
		var e *sqlite.Error
		return errors.As(err, &e) &&
			(e.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY)
	},
	text: func(t text) string { return t.sqlite },
}

var postgresDialect = &dialect{
	name: "postgres",
	words: strings.NewReplacer(
		"{update}", "FOR UPDATE", "{skip}", "FOR UPDATE SKIP LOCKED", "{update of t}", "FOR UPDATE OF t", "{share}", "FOR SHARE",
		// Ids are compared as bytes: no locale's order, and the fastest.
		"{id}", `TEXT COLLATE "C"`, "{bytes}", "BYTEA", "{serial}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "{clustered}", "",
	),
	again: func(err error) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
	},
	taken: func(err error) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && e.Code == "23505"
	},
	text: func(t text) string { return t.postgres },
}
