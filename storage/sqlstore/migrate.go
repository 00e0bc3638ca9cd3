package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/propusk/propusk/idp/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// A migration is one numbered step forward. There are none back: version N and N-1 of the program run on
// the same schema, so a bad release is answered by the release before it.
type migration struct {
	version int
	name    string
	text    text
}

func readMigrations() ([]migration, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var out []migration
	for i, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != i+1 {
			return nil, fmt.Errorf("sqlstore: %s is not migration %d", name, i+1)
		}
		body, err := migrations.ReadFile(name)
		if err != nil {
			return nil, err
		}
		t := both(string(body))
		out = append(out, migration{version, name, text{only("sqlite", t.sqlite), only("postgres", t.postgres)}})
	}
	return out, nil
}

// only leaves out the parts of a migration that stand between "-- only <another>" and the next such line.
func only(dialect, body string) string {
	var out strings.Builder
	in := true
	for line := range strings.Lines(body) {
		if rest, ok := strings.CutPrefix(line, "-- only "); ok {
			in = strings.TrimSpace(rest) == dialect
		} else if strings.TrimSpace(line) == "-- all" {
			in = true
		} else if in {
			out.WriteString(line)
		}
	}
	return out.String()
}

var (
	// ErrBehind says that the database awaits migrations.
	ErrBehind = fmt.Errorf("sqlstore: the database is older than this program, run propuskctl migrate: %w", fault.Conflict)
	// ErrAhead says that a newer program has migrated the database by more than one version.
	ErrAhead = fmt.Errorf("sqlstore: the database is newer than this program knows: %w", fault.Conflict)
)

// migrationLock is the number of the advisory lock in PostgreSQL: "propusk" in hexadecimal.
const migrationLock = 0x70726f7075736b

// Migrate brings the schema up to date; done already is no error. Of programs that start together one
// migrates and the others wait.
func (db *DB) Migrate(ctx context.Context) error {
	all, err := readMigrations()
	if err != nil {
		return err
	}
	if db.dialect == postgresDialect {
		lock, err := db.write.Conn(ctx)
		if err != nil {
			return fmt.Errorf("sqlstore: migrate: %w", err)
		}
		defer lock.Close()
		if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(migrationLock)); err != nil {
			return fmt.Errorf("sqlstore: lock for migrating: %w", err)
		}
		defer lock.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(migrationLock))
	}
	if _, err := db.write.ExecContext(ctx,
		`CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)`); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	for _, m := range all {
		if err := db.step(ctx, m); err != nil {
			return fmt.Errorf("sqlstore: migrate with %s: %w", m.name, err)
		}
	}
	if err := db.migrateJobs(ctx); err != nil {
		return fmt.Errorf("sqlstore: migrate the tables of jobs: %w", err)
	}
	return nil
}

// step applies one migration in a transaction, unless it has been.
func (db *DB) step(ctx context.Context, m migration) error {
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var done int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM schema_version WHERE version = $1`, m.version).Scan(&done); err != nil {
		return err
	}
	if done > 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, db.dialect.text(m.text)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version, name) VALUES ($1, $2)`, m.version, m.name); err != nil {
		return err
	}
	return tx.Commit()
}

// migrateJobs lets river make its own tables. On SQLite in one transaction, which is the lock; on
// PostgreSQL one each under ours, because a new value of an enumeration counts only after its commit.
func (db *DB) migrateJobs(ctx context.Context) error {
	config := &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)}
	if db.dialect == postgresDialect {
		m, err := rivermigrate.New(riverdatabasesql.New(db.write), config)
		if err != nil {
			return err
		}
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	}
	m, err := rivermigrate.New(riversqlite.New(db.write), config)
	if err != nil {
		return err
	}
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	//lint:ignore SA1019 deprecated for what PostgreSQL cannot do in one transaction; SQLite can
	if _, err := m.MigrateTx(ctx, tx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	return tx.Commit()
}

// CheckVersion tells whether this program can work on the schema: ErrBehind or ErrAhead if not.
func (db *DB) CheckVersion(ctx context.Context) error {
	all, err := readMigrations()
	if err != nil {
		return err
	}
	var version sql.NullInt64
	err = db.read.QueryRowContext(ctx, `SELECT max(version) FROM schema_version`).Scan(&version)
	switch known := int64(len(all)); {
	case err != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		return err
	case err != nil || version.Int64 < known: // no such table: nothing was ever migrated
		return ErrBehind
	case version.Int64 > known+1:
		return ErrAhead
	}
	return nil
}

// micros is how a time stands in a column.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment undoes micros.
func moment(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
