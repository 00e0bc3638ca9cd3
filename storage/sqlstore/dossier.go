package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

// A dossier is a table of papers about accounts: applications, letters, visits. A paper is sealed whole
// under the key of its account, bound to its own id; outside stands only what it is found by.
type dossier[T any] struct {
	name                            string
	insert, one, last, hold, update text
	card                            func(*T) card
}

// A card is what of a paper stands outside.
type card struct {
	id      string
	account account.ID
	at      time.Time
	live    bool
	version *int64
}

func newDossier[T any](table string, c func(*T) card) *dossier[T] {
	from := `SELECT t.id, t.account, t.version, t.body, a.wrapped_key FROM ` + table + ` t JOIN account a ON a.id = t.account `
	return &dossier[T]{
		name:   table,
		insert: both(`INSERT INTO ` + table + ` (id, account, at, live, version, body) VALUES ($1, $2, $3, $4, $5, $6)`),
		one:    both(from + `WHERE t.id = $1`),
		last:   both(from + `WHERE t.account = $1 ORDER BY t.at DESC, t.id DESC LIMIT 1`),
		hold:   both(from + `WHERE t.id = $1 {update of t}`),
		update: both(`UPDATE ` + table + ` SET live = $2, version = $3, body = $4 WHERE id = $1`),
		card:   c,
	}
}

func (d *dossier[T]) field(id string) string { return d.name + "|" + id }

// add writes a new paper.
func (d *dossier[T]) add(ctx context.Context, s *Stores, v *T) error {
	c := d.card(v)
	key, err := s.keyOf(ctx, c.account)
	if err != nil {
		return err
	}
	*c.version = 1
	body, err := sealJSON(key, d.field(c.id), c.account, v)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, d.insert, c.id, int64(c.account), micros(c.at), number(c.live), *c.version, body)
	return said("save "+d.name, err)
}

// get reads a paper by a statement of one parameter.
func (d *dossier[T]) get(ctx context.Context, s *Stores, t text, arg any) (*T, error) {
	v, _, err := d.read(ctx, s, t, arg)
	return v, err
}

func (d *dossier[T]) read(ctx context.Context, s *Stores, t text, arg any) (*T, []byte, error) {
	var id string
	var acc, version int64
	var body, wrapped []byte
	if err := s.row(ctx, t, arg).Scan(&id, &acc, &version, &body, &wrapped); err != nil {
		return nil, nil, said(d.name, err)
	}
	key, err := s.r.key(wrapped, account.ID(acc))
	if err != nil {
		return nil, nil, err
	}
	v := new(T)
	if err := openJSON(key, d.field(id), account.ID(acc), body, v); err != nil {
		return nil, nil, err
	}
	*d.card(v).version = version
	return v, wrapped, nil
}

// change loads a paper, applies f and writes it, under a lock. An error of f is returned as it is, and
// nothing is written.
func (d *dossier[T]) change(ctx context.Context, s *Stores, id string, f func(*T) error) (*T, error) {
	var out *T
	err := s.atomically(ctx, func(s *Stores) error {
		v, wrapped, err := d.read(ctx, s, d.hold, id)
		if err != nil {
			return err
		}
		before := d.card(v)
		if err := f(v); err != nil {
			return err
		}
		c := d.card(v)
		if c.id != before.id || c.account != before.account || !c.at.Equal(before.at) {
			return fmt.Errorf("sqlstore: id, account and time of the %s must not change: %w", d.name, fault.Invalid)
		}
		key, err := s.r.key(wrapped, c.account)
		if err != nil {
			return err
		}
		*c.version++
		body, err := sealJSON(key, d.field(id), c.account, v)
		if err != nil {
			return err
		}
		res, err := s.exec(ctx, d.update, id, number(c.live), *c.version, body)
		if err := affected(res, err, "write "+d.name, fault.Conflict); err != nil {
			return err
		}
		out = v
		return nil
	})
	return out, err
}
