package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// Vault is what Records need to seal what is personal, and to know the time.
type Vault struct {
	Master *seal.Master
	Ring   *seal.Ring
	Now    func() time.Time
	Logger *slog.Logger
}

// Records are the stores of everything kept. Their own methods are each a transaction of its own;
// Atomically makes several one.
type Records struct {
	*Stores
	db    *DB
	vault Vault
	queue queue
}

// Stores are the methods of all stores of the domain, bound to a transaction or each to its own.
type Stores struct {
	r  *Records
	tx *sql.Tx // nil: each statement commits itself
}

// NewRecords makes the stores over a database whose schema is up to date.
func NewRecords(db *DB, v Vault) (*Records, error) {
	if v.Logger == nil {
		v.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Records{db: db, vault: v}
	r.Stores = &Stores{r: r}
	var err error
	if r.queue, err = newQueue(db); err != nil {
		return nil, fmt.Errorf("sqlstore: the queue of jobs: %w", err)
	}
	return r, nil
}

// errAgain marks an error after which the transaction should run anew, and then find out what happened.
var errAgain = errors.New("sqlstore: another transaction came first")

// attempts is how often a transaction is run against others.
const attempts = 20

// Atomically runs f in one transaction: all that it does through tx stands, or nothing. When the
// transaction loses to another one f runs again, so it must be pure but for tx. It does no other I/O, for
// it holds locks, on SQLite the only writer's place; a write past tx would there wait for f itself.
func (r *Records) Atomically(ctx context.Context, f func(tx *Stores) error) error {
	var err error
	for i := range attempts {
		if i > 0 {
			wait := time.Duration(1+rand.IntN(4<<min(i, 6))) * time.Millisecond
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(wait):
			}
		}
		if err = r.once(ctx, f); err == nil || !(errors.Is(err, errAgain) || r.db.dialect.again(err)) {
			return err
		}
	}
	return fmt.Errorf("sqlstore: transaction: %w: %w", fault.Conflict, err)
}

func (r *Records) once(ctx context.Context, f func(tx *Stores) error) error {
	tx, err := r.db.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	done := false
	defer func() {
		if !done { // an error, or f panicked
			_ = tx.Rollback()
		}
	}()
	if err := f(&Stores{r: r, tx: tx}); err != nil {
		return err
	}
	done = true
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}

// atomically runs f in the transaction of s, or in one of its own.
func (s *Stores) atomically(ctx context.Context, f func(s *Stores) error) error {
	if s.tx != nil {
		return f(s)
	}
	return s.r.Atomically(ctx, f)
}

func (s *Stores) text(t text) string { return s.r.db.dialect.text(t) }

// row reads one row. Outside a transaction it goes to a reader.
func (s *Stores) row(ctx context.Context, t text, args ...any) *sql.Row {
	if s.tx != nil {
		return s.tx.QueryRowContext(ctx, s.text(t), args...)
	}
	return s.r.db.read.QueryRowContext(ctx, s.text(t), args...)
}

// change runs a statement that writes and returns a row.
func (s *Stores) change(ctx context.Context, t text, args ...any) *sql.Row {
	if s.tx != nil {
		return s.tx.QueryRowContext(ctx, s.text(t), args...)
	}
	return s.r.db.write.QueryRowContext(ctx, s.text(t), args...)
}

func (s *Stores) exec(ctx context.Context, t text, args ...any) (sql.Result, error) {
	if s.tx != nil {
		return s.tx.ExecContext(ctx, s.text(t), args...)
	}
	return s.r.db.write.ExecContext(ctx, s.text(t), args...)
}

// scanner is a row under the cursor.
type scanner interface{ Scan(dest ...any) error }

// list reads all rows before it returns: a connection runs one statement at a time, and on SQLite the
// same compiled statement must not be entered twice.
func list[T any](ctx context.Context, s *Stores, scan func(scanner) (T, error), t text, args ...any) ([]T, error) {
	var rows *sql.Rows
	var err error
	if s.tx != nil {
		rows, err = s.tx.QueryContext(ctx, s.text(t), args...)
	} else {
		rows, err = s.r.db.read.QueryContext(ctx, s.text(t), args...)
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// said gives an error of a statement its context, and makes "no rows" fault.NotFound.
func said(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("sqlstore: %s: %w", what, fault.NotFound)
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}

// affected wants a statement to have touched a row; kind is what it means if it has not.
func affected(res sql.Result, err error, what string, kind error) error {
	if err != nil {
		return said(what, err)
	}
	if n, err := res.RowsAffected(); err != nil {
		return said(what, err)
	} else if n == 0 && kind != nil {
		return fmt.Errorf("sqlstore: %s: %w", what, kind)
	}
	return nil
}
