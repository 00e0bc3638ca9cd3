package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/propusk/propusk/idp/fault"
)

// Options of a connection.
type Options struct {
	// Conns is how many connections to PostgreSQL are kept: 16. On SQLite it is the number of readers:
	// as many as there are processors.
	Conns int
	// Observe is told of every round trip: "query", "exec", "begin", "commit", "rollback", "prepare", "ping".
	Observe func(op string)
}

// DB is a connection to the database of Records, before there are keys: the keyring is read from it.
type DB struct {
	dialect *dialect
	write   *sql.DB
	read    *sql.DB // on PostgreSQL the same as write
	// The lanes of hot statements, on PostgreSQL alone.
	reads, writes *lanes
}

// ErrDSN says that a data source is written wrongly. The data source is not quoted: it may hold a password.
var ErrDSN = fmt.Errorf("sqlstore: want sqlite:/path/to/file.db or postgres://user@host/database: %w", fault.Invalid)

// Connect opens a database: "sqlite:/path/file.db", or "postgres://…" with all that pgx understands.
//
// On SQLite a change survives the end of the process under any setting; synchronous=FULL, the default,
// has it survive the loss of power too, for one fsync a transaction. A code redeemed or a person lowered
// must not come undone, so the faster "?synchronous=normal" is for those who know why; "off" is for tests.
func Connect(ctx context.Context, dsn string, o Options) (*DB, error) {
	switch {
	case strings.HasPrefix(dsn, "sqlite:"):
		return connectSQLite(ctx, dsn, o, "full")
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return connectPostgres(ctx, dsn, o)
	}
	return nil, ErrDSN
}

func connectSQLite(ctx context.Context, dsn string, o Options, synchronous string) (*DB, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(dsn, "sqlite:"), "?")
	set, err := url.ParseQuery(query)
	if err != nil || path == "" || strings.HasPrefix(path, ":") {
		return nil, ErrDSN
	}
	for k, v := range set {
		switch {
		case k == "synchronous" && (v[0] == "off" || v[0] == "normal" || v[0] == "full"):
			synchronous = v[0]
		default:
			return nil, fmt.Errorf("sqlstore: unknown setting %q of the data source: %w", k, fault.Invalid)
		}
	}
	if err := reserve(path); err != nil {
		return nil, err
	}
	pragmas := url.Values{"_pragma": {
		// First, so that switching to WAL waits too.
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(" + synchronous + ")",
		"foreign_keys(ON)", "temp_store(MEMORY)", "cache_size(-8000)",
	}}
	open := func(extra string) *sql.DB {
		c := dsnConnector{&sqlite.Driver{}, "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + pragmas.Encode() + extra}
		return sql.OpenDB(connector{c, o.Observe, true})
	}
	db := &DB{dialect: sqliteDialect, write: open("&_txlock=immediate")}
	// One writer, in a queue of our own: SQLite's waiting is by sleeping, and unfair.
	db.write.SetMaxOpenConns(1)
	db.write.SetMaxIdleConns(1)
	if err := db.write.PingContext(ctx); err != nil {
		_ = db.write.Close()
		return nil, fmt.Errorf("sqlstore: open the database file: %w", err)
	}
	db.read = open("&_pragma=query_only(ON)")
	n := cmp.Or(o.Conns, runtime.GOMAXPROCS(0))
	db.read.SetMaxOpenConns(n)
	db.read.SetMaxIdleConns(n)
	return db, nil
}

// reserve makes a database file that is not there yet, for nobody else to read whatever the umask.
// SQLite gives the files beside it (-wal, -shm) the same mode. The mode of a file that is there stays.
func reserve(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("sqlstore: open the database file: %w", err)
	}
	return f.Close()
}

func connectPostgres(ctx context.Context, dsn string, o Options) (*DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, ErrDSN
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "propusk"
	}
	// Every hot statement finds its rows by a key, so one plan is right for all values; planning anew for
	// the values of each call costs more than the call.
	if config.RuntimeParams["plan_cache_mode"] == "" {
		config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	}
	// A plan is kept as long as its connection, or until the statistics change. One made while a table is
	// young would read the whole of it for a minute to come, a thousand times its cost when it has grown; so
	// reading a whole table is for statements that no index serves. The price by which the planner is told so
	// would call the compiler, which is for reports and not for us.
	for name, value := range map[string]string{"enable_seqscan": "off", "jit": "off"} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	if o.Observe != nil {
		config.Tracer = prepares{o.Observe}
	}
	// pgx prepares each statement once a connection and keeps it, so that a statement is one round trip.
	// The ping of connections that were idle would be a second one: database/sql asks another
	// connection when one turns out to be dead.
	var c driver.Connector = stdlib.GetConnector(*config,
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	if o.Observe != nil {
		c = connector{c, o.Observe, false}
	}
	pool := sql.OpenDB(c)
	n := cmp.Or(o.Conns, 16)
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxLifetime(time.Hour)
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("sqlstore: connect to PostgreSQL: %w: %w", fault.Unavailable, err)
	}
	db := &DB{dialect: postgresDialect, write: pool, read: pool}
	// Whoever asks for another way of running statements has a reason, such as a pooler in between that
	// cannot keep them prepared.
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		lane := config.Config.Copy()
		lane.RuntimeParams["application_name"] += " lane"
		lane.RuntimeParams["lock_timeout"] = strconv.FormatInt(lockPatience.Milliseconds(), 10)
		// Sets of parameters come first, and each finds its row by a key.
		for _, name := range []string{"enable_hashjoin", "enable_mergejoin", "enable_memoize", "enable_material"} {
			lane.RuntimeParams[name] = "off"
		}
		db.reads = newLanes(lane, true, o.Observe, signOn, grantUse, grantAccount, lookupFound)
		db.writes = newLanes(lane, false, o.Observe, signIn, redeem, rotate)
	}
	return db, nil
}

// dsnConnector gives modernc's driver, which has none, a connector.
type dsnConnector struct {
	driver *sqlite.Driver
	dsn    string
}

func (c dsnConnector) Connect(context.Context) (driver.Conn, error) { return c.driver.Open(c.dsn) }
func (c dsnConnector) Driver() driver.Driver                        { return c.driver }

// prepares tells of the round trips that pgx makes to prepare a statement the first time.
type prepares struct{ observe func(op string) }

func (p prepares) TracePrepareStart(ctx context.Context, _ *pgx.Conn, _ pgx.TracePrepareStartData) context.Context {
	p.observe("prepare")
	return ctx
}
func (prepares) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

// TraceQueryStart and TraceQueryEnd make prepares a pgx.QueryTracer, which a config's tracer must be.
func (prepares) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (prepares) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Dialect names the database: "sqlite" or "postgres".
func (db *DB) Dialect() string { return db.dialect.name }

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.read.QueryRowContext(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("sqlstore: ping: %w: %w", fault.Unavailable, err)
	}
	return nil
}

// Close closes all connections.
func (db *DB) Close() error {
	if db.reads != nil {
		db.reads.close()
		db.writes.close()
	}
	err := db.write.Close()
	if db.read != nil && db.read != db.write {
		if e := db.read.Close(); err == nil {
			err = e
		}
	}
	return err
}
