package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

// Accounts are sealed seedBatch at a time, and seedWrite batches are written in one transaction, sorted:
// digests are random, and rows in order touch each page of an index once.
const (
	seedBatch = 2000
	seedWrite = 10
)

// bundle is accounts sealed and ready to be written.
type bundle struct {
	n        int
	accounts [][]any
	lookup   [][]any
	err      error
}

// Seed fills the store with n accounts, made by one(0) to one(n-1) in any order and from several
// goroutines: for measurements at size. Each has its own key and lookup rows, as if it had registered. It
// is all or nothing by batches, and progress, if set, hears after each. An id or contact that is there
// already ends it with fault.Exists.
func (r *Records) Seed(ctx context.Context, n int, one func(i int) *account.Account, progress func(done, total int)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	starts, bundles := r.sealing(ctx, n, one)
	defer func() {
		for range bundles { // let the sealers end
		}
	}()
	defer cancel()
	go func() {
		defer close(starts)
		for i := 0; i < n; i += seedBatch {
			select {
			case starts <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	write, end, err := r.seedWriter(ctx)
	if err != nil {
		return said("seed", err)
	}
	defer end()
	done, whole := 0, bundle{}
	flush := func() error {
		whole.sort()
		if err := write(ctx, whole); err != nil {
			return err
		}
		if done += whole.n; progress != nil {
			progress(done, n)
		}
		whole = bundle{}
		return nil
	}
	for b := range bundles {
		err := b.err
		if err == nil {
			whole.n += b.n
			whole.accounts, whole.lookup = append(whole.accounts, b.accounts...), append(whole.lookup, b.lookup...)
			if whole.n >= seedBatch*seedWrite || done+whole.n == n {
				err = flush()
			}
		}
		if err != nil {
			if r.db.dialect.taken(err) {
				return fmt.Errorf("sqlstore: seed: %w", fault.Exists)
			}
			return said("seed", err)
		}
	}
	if done < n {
		return ctx.Err()
	}
	_, err = r.db.write.ExecContext(ctx, `ANALYZE`)
	return said("analyze after seeding", err)
}

// sort puts rows in the order of their keys.
func (b *bundle) sort() {
	slices.SortFunc(b.accounts, func(x, y []any) int { return cmp.Compare(x[0].(int64), y[0].(int64)) })
	slices.SortFunc(b.lookup, func(x, y []any) int {
		return cmp.Or(cmp.Compare(x[0].(string), y[0].(string)), bytes.Compare(x[2].([]byte), y[2].([]byte)))
	})
}

// seedWriter says how batches are written, and puts the connection back when all are. SQLite gets room
// for its pages, and writes them through once at the end.
func (r *Records) seedWriter(ctx context.Context) (write func(context.Context, bundle) error, end func(), err error) {
	if r.db.dialect == postgresDialect {
		return r.copyBatch, func() {}, nil
	}
	var synchronous int
	if err := r.db.write.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
		return nil, nil, err
	}
	_, err = r.db.write.ExecContext(ctx, `PRAGMA cache_size = -400000; PRAGMA wal_autocheckpoint = 100000; PRAGMA synchronous = OFF`)
	return r.writeBatch, func() {
		_, err := r.db.write.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(
			`PRAGMA synchronous = %d; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 1000; PRAGMA cache_size = -8000`, synchronous))
		if err != nil {
			r.vault.Logger.WarnContext(ctx, "settings after seeding not restored", "error", err)
		}
	}, err
}

// sealing starts a sealer for each processor.
func (r *Records) sealing(ctx context.Context, n int, one func(i int) *account.Account) (chan int, chan bundle) {
	starts, bundles := make(chan int), make(chan bundle, 2)
	var sealers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		sealers.Go(func() {
			for start := range starts {
				select {
				case bundles <- r.sealBatch(start, min(n, start+seedBatch), one):
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go func() { sealers.Wait(); close(bundles) }()
	return starts, bundles
}

func (r *Records) sealBatch(from, to int, one func(i int) *account.Account) bundle {
	b := bundle{n: to - from}
	for i := from; i < to; i++ {
		a := one(i)
		row, err := r.newRow(a)
		if err != nil {
			b.err = err
			return b
		}
		b.accounts = append(b.accounts, row.args())
		for k := range lookupOf(a) {
			for _, d := range r.vault.Ring.Digests(string(k.kind), k.value) {
				b.lookup = append(b.lookup, []any{string(k.kind), int64(d.KeyID), d.Digest, int64(a.ID), number(k.checked), number(k.sole())})
			}
		}
	}
	return b
}

func (r *Records) writeBatch(ctx context.Context, b bundle) error {
	return r.Atomically(ctx, func(tx *Stores) error {
		for _, args := range b.accounts {
			if _, err := tx.exec(ctx, accountInsert, args...); err != nil {
				return err
			}
		}
		for _, args := range b.lookup {
			if _, err := tx.exec(ctx, lookupAdd, args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// copyBatch is writeBatch by PostgreSQL's COPY.
func (r *Records) copyBatch(ctx context.Context, b bundle) error {
	c, err := r.db.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return copyRows(ctx, c, b)
}

func copyRows(ctx context.Context, c *sql.Conn, b bundle) error {
	return c.Raw(func(dc any) error {
		if w, ok := dc.(*conn); ok {
			dc = w.Conn
		}
		std, ok := dc.(*stdlib.Conn)
		if !ok {
			return errors.New("not a connection to PostgreSQL")
		}
		return pgx.BeginFunc(ctx, std.Conn(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off`); err != nil {
				return err
			}
			_, err := tx.CopyFrom(ctx, pgx.Identifier{"account"}, []string{"id", "epoch", "version", "standing", "created", "standard_at",
				"verified_at", "lang", "wrapped_key", "profile", "credential"}, pgx.CopyFromRows(b.accounts))
			if err != nil {
				return err
			}
			_, err = tx.CopyFrom(ctx, pgx.Identifier{"lookup"}, []string{"kind", "key_id", "digest", "account", "checked", "sole"},
				pgx.CopyFromRows(b.lookup))
			return err
		})
	})
}
