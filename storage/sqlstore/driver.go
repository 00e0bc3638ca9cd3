package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
)

// A connector wraps a driver's: it tells observe of every round trip, and on SQLite keeps statements
// compiled (compiling costs there more than most of the statements themselves; pgx has its own cache).
type connector struct {
	driver.Connector
	observe func(op string)
	compile bool
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	out := &conn{Conn: inner, observe: c.observe}
	if c.compile {
		out.compiled = map[string]driver.Stmt{}
	}
	return out, nil
}

// conn is one connection. database/sql lets one goroutine in at a time, so the map needs no lock.
type conn struct {
	driver.Conn
	observe  func(op string)
	compiled map[string]driver.Stmt
}

// maxCompiled bounds what a connection keeps; the program has fewer statements than this, river's included.
const maxCompiled = 400

func (c *conn) saw(op string) {
	if c.observe != nil {
		c.observe(op)
	}
}

func (c *conn) stmt(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := c.compiled[query]; ok {
		return s, nil
	}
	s, err := c.Conn.Prepare(query)
	if err != nil {
		return nil, err
	}
	if len(c.compiled) >= maxCompiled {
		for q, old := range c.compiled {
			delete(c.compiled, q)
			_ = old.Close()
			break
		}
	}
	c.compiled[query] = s
	return s, nil
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.saw("query")
	// A statement without parameters may be a script or a schema change: these are not kept.
	if c.compiled != nil && len(args) > 0 {
		s, err := c.stmt(ctx, query)
		if err != nil {
			return nil, err
		}
		return s.(driver.StmtQueryContext).QueryContext(ctx, args)
	}
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.saw("exec")
	if c.compiled != nil && len(args) > 0 {
		s, err := c.stmt(ctx, query)
		if err != nil {
			return nil, err
		}
		return s.(driver.StmtExecContext).ExecContext(ctx, args)
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	c.saw("prepare")
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.saw("begin")
	inner, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return tx{inner, c}, nil
}

func (c *conn) Ping(ctx context.Context) error {
	c.saw("ping")
	if p, ok := c.Conn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

func (c *conn) IsValid() bool {
	v, ok := c.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if k, ok := c.Conn.(driver.NamedValueChecker); ok {
		return k.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *conn) Close() error {
	var errs []error
	for _, s := range c.compiled {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.Conn.Close())...)
}

// tx tells of the end of a transaction, which is a round trip too.
type tx struct {
	driver.Tx
	c *conn
}

func (t tx) Commit() error {
	t.c.saw("commit")
	return t.Tx.Commit()
}

func (t tx) Rollback() error {
	t.c.saw("rollback")
	return t.Tx.Rollback()
}
