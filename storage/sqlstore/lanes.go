package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/propusk/propusk/idp/fault"
)

// lanes run the hot statements of PostgreSQL in batches: what waits while a lane is busy goes together, as
// one round trip, one transaction and one commit. DESIGN.md says why, and what each failure means.
type lanes struct {
	config     *pgconn.Config
	statements []*crowd
	// again tells that every statement may be run again whatever became of it: they only read.
	again   bool
	observe func(op string)

	mu      sync.Mutex
	waiting []*call
	idle    []*lane // the last one that became idle works next: it has a connection, and warm caches
	began   time.Time
	closed  bool
	done    sync.WaitGroup
}

const (
	// laneMost is how many lanes reads may have, and writes. Nearly always one works, and batches are the
	// larger for it; another one comes when a whole batch waits, or when the last to begin takes longer
	// than laneSlow: it waits for the disk or for a lock.
	laneMost = 4
	laneSlow = 20 * time.Millisecond
	// batchMost bounds a batch, and so the time for which its rows are locked.
	batchMost = 32
	// lockPatience is how long a batch waits for a row that another transaction holds. Then its
	// statements are run alone, so that one session being ended holds up nobody else's.
	lockPatience = 50 * time.Millisecond
	// lanePatience is how long a batch may take before its connection is given up.
	lanePatience = 30 * time.Second
	// laneRest is how long a lane that could not connect leaves its work to others.
	laneRest = time.Second
	laneLife = time.Hour
)

// A call is one statement on its way through a lane.
type call struct {
	statement *crowd
	args      []any
	ready     chan struct{}
	// After ready: one row, or none, or alone to be run in the ordinary way, or an error.
	row   [][]byte
	alone bool
	err   error
}

// lane is one connection with its goroutine.
type lane struct {
	*lanes
	wake     chan struct{}
	conn     *pgconn.PgConn
	known    map[*crowd]forms
	since    time.Time // of the connection
	restless time.Time // when to try to connect again
}

// forms are both forms of a statement, as a connection knows them.
type forms struct{ one, many *pgconn.StatementDescription }

func newLanes(config *pgconn.Config, again bool, observe func(string), statements ...*crowd) *lanes {
	l := &lanes{config: config, statements: statements, again: again, observe: observe}
	for range laneMost {
		one := &lane{lanes: l, wake: make(chan struct{}, 1)}
		l.idle = append(l.idle, one)
		l.done.Go(one.work)
	}
	return l
}

// do runs a statement with others. A caller that leaves takes nothing with it: the statement may still run.
func (l *lanes) do(ctx context.Context, t *crowd, args []any) (*call, error) {
	c := &call{statement: t, args: args, ready: make(chan struct{})}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		c.alone = true
		return c, nil
	}
	l.waiting = append(l.waiting, c)
	if n := len(l.idle); n == laneMost || n > 0 && (len(l.waiting) >= batchMost || time.Since(l.began) > laneSlow) {
		l.began = time.Now()
		l.idle[n-1].wake <- struct{}{}
		l.idle = l.idle[:n-1]
	}
	l.mu.Unlock()
	select {
	case <-c.ready:
		return c, c.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close ends the lanes when what waits has been run.
func (l *lanes) close() {
	l.mu.Lock()
	if !l.closed {
		l.closed = true
		for _, one := range l.idle {
			one.wake <- struct{}{}
		}
	}
	l.mu.Unlock()
	l.done.Wait()
}

func (l *lane) work() {
	<-l.wake
	for {
		batch, open := l.take()
		switch {
		case len(batch) > 0:
			l.run(batch)
		case !open:
			l.drop()
			return
		default:
			<-l.wake
			// Whoever is about to ask may still come along: the goroutines that are ready run first.
			runtime.Gosched()
		}
	}
}

// take takes what waits, or makes the lane idle.
func (l *lane) take() (batch []*call, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), batchMost)
	if n == 0 {
		if !l.closed {
			l.idle = append(l.idle, l)
		}
		return nil, !l.closed
	}
	l.began = time.Now()
	batch = slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	return batch, true
}

// run runs a batch and gives everybody an answer.
func (l *lane) run(batch []*call) {
	sent, err := l.try(batch)
	for _, c := range batch {
		switch {
		case err == nil:
		case l.again || !sent:
			c.row, c.alone = nil, true
		default:
			c.row, c.err = nil, fmt.Errorf("sqlstore: what became of the statement is not known: %w: %w", fault.Unavailable, err)
		}
		close(c.ready)
	}
}

// try tells by sent whether a batch that failed may stand nevertheless.
func (l *lane) try(batch []*call) (sent bool, err error) {
	if err := l.connect(); err != nil {
		return false, err
	}
	groups := l.groups(batch)
	var b pgconn.Batch
	for _, group := range groups {
		t := group[0].statement
		d, params, err := l.known[t].one, [][]byte(nil), error(nil)
		if len(group) == 1 {
			params, err = t.params(group[0].args)
		} else {
			d = l.known[t].many
			params, err = t.arrays(group)
		}
		if err != nil {
			return false, err
		}
		b.ExecStatement(d, params, allBinary, allBinary)
	}
	if l.observe != nil {
		l.observe("query")
	}
	if err := l.conn.Conn().SetDeadline(time.Now().Add(lanePatience)); err != nil {
		l.drop()
		return false, fmt.Errorf("sqlstore: lane: %w", err)
	}
	results, n := l.conn.ExecBatch(context.Background(), &b), 0
	var stray error
	for results.NextResult() {
		r := results.ResultReader()
		for r.NextRow() {
			if err := give(groups[n], r.Values()); err != nil {
				stray = err
			}
		}
		if _, err := r.Close(); err != nil {
			break
		}
		n++
	}
	// Only now, with the transaction ended, has anything happened.
	if err := results.Close(); err != nil {
		return l.stood(err, n == len(groups)), err
	}
	return true, stray
}

// groups are the statements of a batch, each for as many calls at once as it can. All nodes keep one order, so that
// batches rarely wait for each other crosswise: statements that hold a session come before those that
// write grants, as in the end of a session, and each by its keys. What writes does not meet the same row
// twice in a statement: the second is to see what the first has done.
func (l *lane) groups(batch []*call) [][]*call {
	key := func(c *call) string { return c.args[0].(string) }
	slices.SortStableFunc(batch, func(a, b *call) int {
		return cmp.Or(cmp.Compare(slices.Index(l.statements, a.statement), slices.Index(l.statements, b.statement)), cmp.Compare(key(a), key(b)))
	})
	var out [][]*call
	base, again := 0, 0
	for i, c := range batch {
		switch {
		case i == 0 || batch[i-1].statement != c.statement:
			base, again = len(out), 0
		case c.statement.many == "" || !l.again && key(batch[i-1]) == key(c):
			again++
		default:
			again = 0
		}
		if base+again == len(out) {
			out = append(out, nil)
		}
		out[base+again] = append(out[base+again], c)
	}
	return out
}

// give hands a row to the call that it answers.
func give(group []*call, values [][]byte) error {
	to := group[0]
	if len(group) > 1 {
		var err error
		if to, err = to.statement.whose(group, values[0]); err != nil {
			return err
		}
		values = values[1:]
	}
	to.row = keep(values)
	return nil
}

// stood tells whether a batch that failed may stand nevertheless, and drops a connection not to be trusted.
// The server answers in order: an error that it names before the last result is of a transaction that was
// not committed. What cannot be written whole lacks its end, without which nothing is committed.
func (l *lane) stood(err error, whole bool) bool {
	var named *pgconn.PgError
	var broken *net.OpError
	if !errors.As(err, &named) {
		l.drop()
		return !(errors.As(err, &broken) && broken.Op == "write")
	}
	if !lostRace(named) {
		l.drop() // or a plan that went stale would fail the next batch as well
	}
	return whole
}

// lostRace tells that a statement lost to another transaction, which says nothing about the connection.
func lostRace(err *pgconn.PgError) bool {
	switch err.Code {
	case "55P03", "40001", "40P01": // lock_not_available, serialization_failure, deadlock_detected
		return true
	}
	return false
}

func (l *lane) drop() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx)
	l.conn = nil
}

func (l *lane) connect() error {
	now := time.Now()
	if l.conn != nil && (l.conn.IsClosed() || now.Sub(l.since) > laneLife) {
		l.drop()
	}
	if l.conn != nil {
		return nil
	}
	if now.Before(l.restless) {
		return errResting
	}
	l.restless = now.Add(laneRest)
	ctx, cancel := context.WithTimeout(context.Background(), lanePatience)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, l.config)
	if err != nil {
		return fmt.Errorf("sqlstore: lane: %w", err)
	}
	l.conn, l.since, l.known = conn, now, map[*crowd]forms{}
	for i, t := range l.statements {
		var f forms
		if f.one, err = conn.Prepare(ctx, fmt.Sprintf("one_%d", i), t.one.postgres, nil); err == nil {
			err = t.known(f.one, false)
		}
		if err == nil && t.many != "" {
			if f.many, err = conn.Prepare(ctx, fmt.Sprintf("many_%d", i), t.many, nil); err == nil {
				err = t.known(f.many, true)
			}
		}
		if err != nil {
			l.drop()
			return fmt.Errorf("sqlstore: lane: %w", err)
		}
		l.known[t] = f
	}
	l.restless = time.Time{}
	return nil
}

var errResting = errors.New("sqlstore: lane: no connection a moment ago")

// hotRow reads one row of a hot statement, in a lane where there are lanes.
func (s *Stores) hotRow(ctx context.Context, t *crowd, args ...any) scanner {
	if s.tx != nil || s.r.db.reads == nil {
		return s.row(ctx, t.one, args...)
	}
	return inLane(ctx, s.r.db.reads, s.row, t, args)
}

// hotChange runs a hot statement that writes and returns a row, in a lane where there are lanes.
func (s *Stores) hotChange(ctx context.Context, t *crowd, args ...any) scanner {
	if s.tx != nil || s.r.db.writes == nil {
		return s.change(ctx, t.one, args...)
	}
	return inLane(ctx, s.r.db.writes, s.change, t, args)
}

func inLane(ctx context.Context, l *lanes, alone func(context.Context, text, ...any) *sql.Row, t *crowd, args []any) scanner {
	c, err := l.do(ctx, t, args)
	switch {
	case err != nil:
		return failed{err}
	case c.alone:
		return alone(ctx, t.one, args...)
	case c.row == nil:
		return failed{sql.ErrNoRows}
	}
	return rawRow(c.row)
}

// failed is a row that could not be had.
type failed struct{ error }

func (f failed) Scan(...any) error { return f.error }
