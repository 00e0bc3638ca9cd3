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
	statements []text
	// again tells that every statement may be run again whatever became of it: they only read.
	again   bool
	observe func(op string)

	mu      sync.Mutex
	waiting []*call
	idle    []*lane // the last one that became idle works next, so that few are warm rather than all lukewarm
	closed  bool
	done    sync.WaitGroup
}

const (
	// laneCount is how many lanes reads have, and writes. With one, all would wait while it waits for the
	// disk or for a lock; each more makes batches smaller.
	laneCount = 2
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
	statement text
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
	known    map[string]*pgconn.StatementDescription
	since    time.Time // of the connection
	restless time.Time // when to try to connect again
}

func newLanes(config *pgconn.Config, again bool, observe func(string), statements ...text) *lanes {
	l := &lanes{config: config, statements: statements, again: again, observe: observe}
	for range laneCount {
		one := &lane{lanes: l, wake: make(chan struct{}, 1)}
		l.idle = append(l.idle, one)
		l.done.Go(one.work)
	}
	return l
}

// do runs a statement with others. A caller that leaves takes nothing with it: the statement may still run.
func (l *lanes) do(ctx context.Context, t text, args []any) (*call, error) {
	c := &call{statement: t, args: args, ready: make(chan struct{})}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		c.alone = true
		return c, nil
	}
	l.waiting = append(l.waiting, c)
	if n := len(l.idle); n > 0 {
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
	// The same order in every node, so that batches rarely wait for each other crosswise: statements that
	// hold a session before those that write grants, as the end of a session does.
	slices.SortStableFunc(batch, func(a, b *call) int {
		return cmp.Or(cmp.Compare(l.order(a), l.order(b)), cmp.Compare(a.args[0].(string), b.args[0].(string)))
	})
	var b pgconn.Batch
	for _, c := range batch {
		d := l.known[c.statement.postgres]
		params, err := encodeParams(d.ParamOIDs, c.args)
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
	for results.NextResult() {
		r := results.ResultReader()
		for r.NextRow() {
			if batch[n].row == nil {
				batch[n].row = keep(r.Values())
			}
		}
		if _, err := r.Close(); err != nil {
			break
		}
		n++
	}
	// Only now, with the transaction ended, has anything happened.
	if err := results.Close(); err != nil {
		return l.stood(err, n == len(batch)), err
	}
	return true, nil
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

func (l *lane) order(c *call) int {
	return slices.Index(l.statements, c.statement)
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
	l.conn, l.since, l.known = conn, now, map[string]*pgconn.StatementDescription{}
	for i, t := range l.statements {
		d, err := conn.Prepare(ctx, fmt.Sprintf("hot_%d", i), t.postgres, nil)
		if err != nil {
			l.drop()
			return fmt.Errorf("sqlstore: lane: %w", err)
		}
		l.known[t.postgres] = d
	}
	l.restless = time.Time{}
	return nil
}

var errResting = errors.New("sqlstore: lane: no connection a moment ago")

// hotRow reads one row of a hot statement, in a lane where there are lanes.
func (s *Stores) hotRow(ctx context.Context, t text, args ...any) scanner {
	if s.tx != nil || s.r.db.reads == nil {
		return s.row(ctx, t, args...)
	}
	return inLane(ctx, s.r.db.reads, s.row, t, args)
}

// hotChange runs a hot statement that writes and returns a row, in a lane where there are lanes.
func (s *Stores) hotChange(ctx context.Context, t text, args ...any) scanner {
	if s.tx != nil || s.r.db.writes == nil {
		return s.change(ctx, t, args...)
	}
	return inLane(ctx, s.r.db.writes, s.change, t, args)
}

func inLane(ctx context.Context, l *lanes, alone func(context.Context, text, ...any) *sql.Row, t text, args []any) scanner {
	c, err := l.do(ctx, t, args)
	switch {
	case err != nil:
		return failed{err}
	case c.alone:
		return alone(ctx, t, args...)
	case c.row == nil:
		return failed{sql.ErrNoRows}
	}
	return rawRow(c.row)
}

// failed is a row that could not be had.
type failed struct{ error }

func (f failed) Scan(...any) error { return f.error }
