package storagetest

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
)

// Lanes checks what calls of the hot path owe each other when the database is asked for many at once, as
// PostgreSQL is (storage/sqlstore/DESIGN.md, "Lanes").
func Lanes(t *testing.T, s *Stores) {
	ctx := t.Context()
	raw := s.Raw(t)
	begin := func(t *testing.T) *session.Session { return s.StartOne(t, s.Create(t, s.Standard(t))) }

	t.Run("many calls are fewer trips", func(t *testing.T) {
		v := begin(t)
		g := s.Granted(t, v, "tax", true)
		s.Ops.Reset()
		const n = 300
		for _, err := range parallel(n, func(i int) error {
			switch i % 3 {
			case 0:
				_, _, _, err := s.SignOn(ctx, v.ID, "tax")
				return err
			case 1:
				_, err := s.GrantUse(ctx, g.ID)
				return err
			}
			_, _, err := s.GrantAccount(ctx, g.ID)
			return err
		}) {
			ok(t, "call", err)
		}
		if trips := len(s.Ops.Reset()); trips > n/2 {
			t.Errorf("%d reads at once made %d trips", n, trips)
		}
		for _, err := range parallel(n, func(i int) error {
			_, err := s.RedeemGrant(ctx, s.Grant(v, "tax", false))
			return err
		}) {
			ok(t, "RedeemGrant", err)
		}
		if trips := len(s.Ops.Reset()); trips > n/2 {
			t.Errorf("%d redemptions at once made %d trips", n, trips)
		}
	})

	t.Run("each gets its own answer", func(t *testing.T) {
		const n = 60
		given := make([]*grant.Grant, n)
		for i := range given {
			given[i] = s.Granted(t, begin(t), "tax", true)
		}
		for i, err := range parallel(3*n, func(i int) error {
			g := given[i/3]
			if i%3 == 0 {
				if _, err := s.GrantUse(ctx, "unknown"); err == nil {
					return errors.New("an unknown grant is found")
				}
				return nil
			}
			use, a, err := s.GrantAccount(ctx, g.ID)
			if err != nil {
				return err
			}
			if use.Grant.ID != g.ID || a.ID != g.Account {
				return errors.New("another's grant")
			}
			return nil
		}) {
			if err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
	})

	t.Run("a redemption that waits for a sign-out holds up no other", func(t *testing.T) {
		for _, commit := range []bool{true, false} {
			v, others := begin(t), make([]*session.Session, 40)
			for i := range others {
				others[i] = begin(t)
			}
			tx := held(t, raw, v)
			const stuck = 6
			outcomes := make([]grant.Outcome, stuck)
			var waiting sync.WaitGroup
			for i := range stuck {
				waiting.Go(func() {
					var err error
					if outcomes[i], err = s.RedeemGrant(ctx, s.Grant(v, rp.ID("client-"+string(rune('a'+i))), false)); err != nil {
						t.Errorf("RedeemGrant: %v", err)
					}
				})
			}
			time.Sleep(10 * time.Millisecond) // so that the lanes are on their way
			start := time.Now()
			for _, err := range parallel(len(others), func(i int) error {
				outcome, err := s.RedeemGrant(ctx, s.Grant(others[i], "tax", false))
				if err == nil && outcome != grant.Granted {
					err = errors.New("not granted")
				}
				return err
			}) {
				ok(t, "RedeemGrant of another session", err)
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("the others took %s", took)
			}
			want := grant.Granted
			if commit {
				want = grant.Fallen
				ok(t, "Commit", tx.Commit())
			} else {
				ok(t, "Rollback", tx.Rollback())
			}
			waiting.Wait()
			if slices.ContainsFunc(outcomes, func(o grant.Outcome) bool { return o != want }) {
				t.Errorf("ended %t: got outcomes %v, want all %d", commit, outcomes, want)
			}
		}
	})

	t.Run("one that fails spoils nobody else's", func(t *testing.T) {
		v := begin(t)
		tx := held(t, raw, begin(t)) // to no end but to have a lane busy
		defer tx.Rollback()
		const n = 30
		for i, err := range parallel(n, func(i int) error {
			client := rp.ID("tax")
			if i%10 == 3 {
				client = "\x00" // which PostgreSQL refuses
			}
			outcome, err := s.RedeemGrant(ctx, s.Grant(v, client, false))
			if err == nil && outcome != grant.Granted {
				err = errors.New("not granted")
			}
			return err
		}) {
			if bad := i%10 == 3; bad != (err != nil) {
				t.Errorf("redemption %d: got %v", i, err)
			}
		}
	})

	t.Run("a code brought many times at once is granted once, beside others", func(t *testing.T) {
		for range 5 {
			v := begin(t)
			const codes, times = 6, 5
			all := make([]*grant.Grant, codes)
			for i := range all {
				all[i] = s.Grant(v, "tax", false)
			}
			outcomes := make([]grant.Outcome, codes*times)
			for _, err := range parallel(len(outcomes), func(i int) (err error) {
				outcomes[i], err = s.RedeemGrant(ctx, all[i%codes])
				return err
			}) {
				ok(t, "RedeemGrant", err)
			}
			for c, g := range all {
				granted := 0
				for i, o := range outcomes {
					if i%codes == c && o == grant.Granted {
						granted++
					}
				}
				if granted != 1 {
					t.Errorf("code %d: granted %d times", c, granted)
				}
				s.stands(t, g, false)
			}
		}
	})

	t.Run("who leaves takes nobody along", func(t *testing.T) {
		v := begin(t)
		tx := held(t, raw, v)
		defer tx.Rollback()
		gone, leave := context.WithTimeout(ctx, 20*time.Millisecond)
		defer leave()
		for i, err := range parallel(20, func(i int) error {
			if i%2 == 0 {
				_, err := s.RedeemGrant(gone, s.Grant(v, "tax", false))
				return err
			}
			_, err := s.RedeemGrant(ctx, s.Grant(begin(t), "tax", false))
			return err
		}) {
			switch {
			case i%2 == 0 && !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("one that left: got %v", err)
			case i%2 != 0 && err != nil:
				t.Errorf("one that stayed: got %v", err)
			}
		}
	})

	t.Run("connections that are lost are replaced, and what was not begun is done", func(t *testing.T) {
		v := begin(t)
		for range 3 {
			g := s.Granted(t, v, "tax", true)
			_, err := s.GrantUse(ctx, g.ID)
			ok(t, "GrantUse", err)
			var n int
			ok(t, "terminate", raw.QueryRowContext(ctx, `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
				WHERE application_name LIKE '%lane' AND datname = current_database()`).Scan(&n))
			if n == 0 {
				t.Fatal("no lane has a connection")
			}
			for _, err := range parallel(20, func(i int) error {
				if i%2 == 0 {
					_, err := s.GrantUse(ctx, g.ID)
					return err
				}
				outcome, err := s.RedeemGrant(ctx, s.Grant(v, "tax", false))
				if err == nil && outcome != grant.Granted {
					err = errors.New("not granted")
				}
				return err
			}) {
				ok(t, "call", err)
			}
		}
	})

	t.Run("two nodes and sign-outs crosswise all come to an end, and nobody is left untold", func(t *testing.T) {
		nodes := []*Stores{s, s.Reopen(t)}
		const people, each = 6, 4
		visits := make([]*session.Session, people)
		old := make([]*grant.Grant, people)
		for i := range visits {
			visits[i] = begin(t)
			old[i] = s.Granted(t, visits[i], "old", true)
		}
		var mu sync.Mutex
		granted, told := map[session.Left]bool{}, map[session.Left]bool{}
		for _, err := range parallel(people*each*2+people, func(i int) error {
			node, v := nodes[i%2], visits[i%people]
			if i >= people*each*2 {
				left, err := node.EndSessions(ctx, session.Scope{Account: v.Account}, false, s.Clock.Now())
				mu.Lock()
				defer mu.Unlock()
				for _, l := range left {
					told[l] = true
				}
				return err
			}
			if i%3 == 0 {
				_, _, err := node.RotateGrant(ctx, s.rotation(old[i%people], 0))
				return err
			}
			g := s.Grant(v, rp.ID("client-"+string(rune('a'+i))), false)
			outcome, err := node.RedeemGrant(ctx, g)
			mu.Lock()
			defer mu.Unlock()
			if outcome == grant.Granted && err == nil {
				granted[session.Left{Session: v.ID, Client: string(g.Client)}] = true
			}
			return err
		}) {
			ok(t, "call", err)
		}
		for _, g := range old {
			granted[session.Left{Session: g.Session, Client: "old"}] = true
		}
		for l := range granted {
			if !told[l] {
				t.Errorf("%v was granted and not told", l)
			}
		}
		for l := range told {
			if !granted[l] {
				t.Errorf("%v was told of what it never had", l)
			}
		}
	})

	t.Run("a call inside a transaction belongs to it", func(t *testing.T) {
		v := begin(t)
		g := s.Grant(v, "tax", false)
		undo := errors.New("undo")
		err := s.Atomically(ctx, func(tx *sqlstore.Stores) error {
			if outcome, err := tx.RedeemGrant(ctx, g); err != nil || outcome != grant.Granted {
				return errors.Join(err, errors.New("not granted"))
			}
			if _, err := tx.GrantUse(ctx, g.ID); err != nil {
				return err
			}
			return undo
		})
		is(t, "Atomically", err, undo)
		_, err = s.GrantUse(ctx, g.ID)
		absent(t, "what was undone", err)
	})
}

// held ends a session in a transaction that stays open.
func held(t *testing.T, raw *sql.DB, v *session.Session) *sql.Tx {
	t.Helper()
	tx, err := raw.Begin()
	ok(t, "Begin", err)
	t.Cleanup(func() { _ = tx.Rollback() })
	_, err = tx.Exec(`UPDATE session SET ended = $1 WHERE id = $2`, 1, string(v.ID))
	ok(t, "end a session", err)
	return tx
}
