package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/recall"
)

var _ recall.Store = (*Stores)(nil)

var (
	recallAdd  = both(`INSERT INTO recall (id, at, state, version, body) VALUES ($1, $2, $3, 1, $4)`)
	recallOne  = both(`SELECT version, body FROM recall WHERE id = $1`)
	recallHold = both(`SELECT version, body FROM recall WHERE id = $1 {update}`)
	recallAll  = both(`SELECT version, body FROM recall ORDER BY at DESC, id DESC LIMIT $1`)
	recallSave = both(`UPDATE recall SET state = $2, version = $3, body = $4 WHERE id = $1`)
	// The state stands while the transaction lasts: whoever would change it waits.
	recallState = both(`SELECT state FROM recall WHERE id = $1 {share}`)

	lettersUnused = both(`
		SELECT id FROM letter WHERE live = 1 AND (at, id) > ($1, $2) ORDER BY at, id LIMIT $3`)
	envelopesUnused = both(`SELECT id FROM envelope WHERE live = 1 AND at >= $1 AND id > $2 ORDER BY id LIMIT $3`)

	itemGather = both(`
		INSERT INTO recall_item (recall, account, state, body)
		SELECT DISTINCT $1, account, 0, '' FROM confirmation_source WHERE kind = $2 AND value = $3 AND at >= $4 AND at < $5
		ON CONFLICT (recall, account) DO NOTHING`)
	itemAdd = both(`
		INSERT INTO recall_item (recall, account, state, body) VALUES ($1, $2, 0, '') ON CONFLICT (recall, account) DO NOTHING`)
	itemTake = both(`
		SELECT account, state, body FROM recall_item WHERE recall = $1 AND state = $2 AND account > $3
		ORDER BY account LIMIT $4 {skip}`)
	itemSave  = both(`UPDATE recall_item SET state = $3, body = $4 WHERE recall = $1 AND account = $2`)
	itemCount = both(`SELECT state, count(*) FROM recall_item WHERE recall = $1 GROUP BY state`)
)

// SaveRecall writes a new recall (recall.Store).
func (s *Stores) SaveRecall(ctx context.Context, r *recall.Recall) error {
	body, err := json.Marshal(r)
	if err != nil {
		return said("encode recall", err)
	}
	if _, err := s.exec(ctx, recallAdd, string(r.ID), micros(r.Drafted.At), string(r.State), string(body)); err != nil {
		if s.r.db.dialect.taken(err) {
			return fmt.Errorf("sqlstore: recall %s: %w", r.ID, fault.Exists)
		}
		return said("save recall", err)
	}
	r.Version = 1
	return nil
}

func scanRecall(row scanner) (*recall.Recall, error) {
	var r recall.Recall
	var version int64
	var body string
	if err := row.Scan(&version, &body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		return nil, err
	}
	r.Version = version
	return &r, nil
}

// Recall returns a recall; fault.NotFound (recall.Store).
func (s *Stores) Recall(ctx context.Context, id recall.ID) (*recall.Recall, error) {
	r, err := scanRecall(s.row(ctx, recallOne, string(id)))
	return r, said("recall", err)
}

// Recalls lists the newest (recall.Store).
func (s *Stores) Recalls(ctx context.Context, limit int) ([]*recall.Recall, error) {
	out, err := list(ctx, s, scanRecall, recallAll, limit)
	return out, said("recalls", err)
}

// ChangeRecall loads, applies f and writes under a lock. An error of f is returned as it is, and nothing
// is written (recall.Store).
func (s *Stores) ChangeRecall(ctx context.Context, id recall.ID, f func(*recall.Recall) error) (*recall.Recall, error) {
	var out *recall.Recall
	err := s.atomically(ctx, func(s *Stores) error {
		r, err := scanRecall(s.row(ctx, recallHold, string(id)))
		if err != nil {
			return said("recall", err)
		}
		if err := f(r); err != nil {
			return err
		}
		if r.ID != id {
			return fmt.Errorf("sqlstore: the id of a recall must not change: %w", fault.Invalid)
		}
		body, err := json.Marshal(r)
		if err != nil {
			return said("encode recall", err)
		}
		r.Version++
		res, err := s.exec(ctx, recallSave, string(id), string(r.State), r.Version, string(body))
		if err := affected(res, err, "write recall", fault.Conflict); err != nil {
			return err
		}
		out = r
		return nil
	})
	return out, err
}

// StandRecall returns the state, which then stands until the transaction ends (recall.Store).
func (s *Stores) StandRecall(ctx context.Context, id recall.ID) (recall.State, error) {
	var state string
	err := s.row(ctx, recallState, string(id)).Scan(&state)
	return recall.State(state), said("recall", err)
}

// Gather makes an item of every account with a confirmation that the filter takes (recall.Store).
func (s *Stores) Gather(ctx context.Context, id recall.ID, f recall.Filter) (int, error) {
	res, err := s.exec(ctx, itemGather, string(id), string(f.Kind), f.Value, micros(f.From)-slack, micros(f.Until)+slack)
	if err != nil {
		return 0, said("gather accounts", err)
	}
	n, err := res.RowsAffected()
	return int(n), said("gather accounts", err)
}

// AddItems makes items of accounts that are none yet (recall.Store).
func (s *Stores) AddItems(ctx context.Context, id recall.ID, of []account.ID) (int, error) {
	fresh := 0
	for _, a := range of {
		res, err := s.exec(ctx, itemAdd, string(id), int64(a))
		if err != nil {
			return 0, said("add an account to a recall", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return 0, said("add an account to a recall", err)
		}
		fresh += int(n)
	}
	return fresh, nil
}

// UnusedLetters lists letters that are neither used nor cancelled, in order of time (recall.Store).
func (s *Stores) UnusedLetters(ctx context.Context, since time.Time, after string, limit int) ([]*confirm.Letter, error) {
	return papers(ctx, s, letters, lettersUnused, since, after, limit)
}

// UnusedEnvelopes lists envelopes that are neither used nor cancelled, in order of id (recall.Store).
func (s *Stores) UnusedEnvelopes(ctx context.Context, since time.Time, after string, limit int) ([]*confirm.Envelope, error) {
	return papers(ctx, s, envelopes, envelopesUnused, since, after, limit)
}

// papers reads the papers that a statement names. One that is erased meanwhile ends it with fault.NotFound:
// left out it would make a page look like the last.
func papers[T any](ctx context.Context, s *Stores, d *dossier[T], t text, since time.Time, after string, limit int) ([]*T, error) {
	ids, err := list(ctx, s, scanText, t, micros(since), after, limit)
	if err != nil {
		return nil, said("unused "+d.name, err)
	}
	out := make([]*T, 0, len(ids))
	for _, id := range ids {
		v, err := d.get(ctx, s, d.one, id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// TakeItems returns items in a state and locks them; those that others have taken are left out (recall.Store).
func (s *Stores) TakeItems(ctx context.Context, id recall.ID, state recall.ItemState, after account.ID, limit int) ([]recall.Item, error) {
	out, err := list(ctx, s, func(row scanner) (recall.Item, error) {
		var i recall.Item
		var acc, state int64
		var body string
		if err := row.Scan(&acc, &state, &body); err != nil {
			return i, err
		}
		i.Account, i.State = account.ID(acc), recall.ItemState(state)
		if body == "" {
			return i, nil
		}
		return i, json.Unmarshal([]byte(body), &i.Outcome)
	}, itemTake, string(id), int(state), int64(after), limit)
	return out, said("take accounts of a recall", err)
}

// SettleItem writes an item (recall.Store).
func (s *Stores) SettleItem(ctx context.Context, id recall.ID, i recall.Item) error {
	body, err := json.Marshal(i.Outcome)
	if err != nil {
		return said("encode item", err)
	}
	res, err := s.exec(ctx, itemSave, string(id), int64(i.Account), int(i.State), string(body))
	return affected(res, err, "write item", fault.NotFound)
}

// Progress counts the items (recall.Store).
func (s *Stores) Progress(ctx context.Context, id recall.ID) (recall.Progress, error) {
	var p recall.Progress
	_, err := list(ctx, s, func(row scanner) (struct{}, error) {
		var state, n int
		err := row.Scan(&state, &n)
		switch recall.ItemState(state) {
		case recall.Pending:
			p.Pending = n
		case recall.Treated:
			p.Treated = n
		case recall.Back:
			p.Back = n
		}
		return struct{}{}, err
	}, itemCount, string(id))
	return p, said("count accounts of a recall", err)
}
