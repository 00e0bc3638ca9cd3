package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
)

var (
	vouchingSave = both(`
		INSERT INTO vouching (partner, kind, reference, account, confirmation, at, version, body)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7) ON CONFLICT (partner, kind, reference) DO NOTHING`)
	vouchingFrom = `SELECT account, confirmation, at, version, body FROM vouching WHERE partner = $1 AND kind = $2 AND reference = $3`
	vouchingOne  = both(vouchingFrom)
	vouchingHold = both(vouchingFrom + ` {update}`)
	vouchingSet  = both(`
		UPDATE vouching SET account = $4, confirmation = $5, version = $6, body = $7 WHERE partner = $1 AND kind = $2 AND reference = $3`)
)

// SaveVouching writes a new vouching; fault.Exists (bank.Store).
func (s *Stores) SaveVouching(ctx context.Context, v *bank.Vouching) error {
	body, err := json.Marshal(v.Body)
	if err != nil {
		return said("encode vouching", err)
	}
	v.Version = 1
	res, err := s.exec(ctx, vouchingSave, string(v.Partner), v.Kind, v.Reference, int64(v.Account), v.Confirmation, micros(v.At), string(body))
	return affected(res, err, "save vouching", fault.Exists)
}

// Vouching returns a vouching (bank.Store).
func (s *Stores) Vouching(ctx context.Context, id partner.ID, kind, reference string) (*bank.Vouching, error) {
	return s.vouching(ctx, vouchingOne, id, kind, reference)
}

func (s *Stores) vouching(ctx context.Context, t text, id partner.ID, kind, reference string) (*bank.Vouching, error) {
	v := &bank.Vouching{Partner: id, Kind: kind, Reference: reference}
	var acc, at int64
	var body string
	if err := s.row(ctx, t, string(id), kind, reference).Scan(&acc, &v.Confirmation, &at, &v.Version, &body); err != nil {
		return nil, said("vouching", err)
	}
	if err := json.Unmarshal([]byte(body), &v.Body); err != nil {
		return nil, fmt.Errorf("sqlstore: decode vouching: %w", err)
	}
	v.Account, v.At = account.ID(acc), moment(at)
	return v, nil
}

// ChangeVouching changes a vouching under a lock (bank.Store).
func (s *Stores) ChangeVouching(ctx context.Context, id partner.ID, kind, reference string, f func(*bank.Vouching) error) (*bank.Vouching, error) {
	var out *bank.Vouching
	err := s.atomically(ctx, func(s *Stores) error {
		v, err := s.vouching(ctx, vouchingHold, id, kind, reference)
		if err != nil {
			return err
		}
		if err := f(v); err != nil {
			return err
		}
		v.Version++
		body, err := json.Marshal(v.Body)
		if err != nil {
			return said("encode vouching", err)
		}
		res, err := s.exec(ctx, vouchingSet, string(id), kind, reference, int64(v.Account), v.Confirmation, v.Version, string(body))
		out = v
		return affected(res, err, "write vouching", fault.Conflict)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

var openings = newDossier("bank_registration", func(o *bank.Opening) card {
	return card{o.ID, o.Account, o.Begun, o.Open(), &o.Version}
})

// SaveRegistration writes a new opening (bank.Store).
func (s *Stores) SaveRegistration(ctx context.Context, o *bank.Opening) error {
	return openings.add(ctx, s, o)
}

// Registration returns an opening (bank.Store).
func (s *Stores) Registration(ctx context.Context, id string) (*bank.Opening, error) {
	return openings.get(ctx, s, openings.one, id)
}

// LastRegistration returns the newest opening of an account (bank.Store).
func (s *Stores) LastRegistration(ctx context.Context, id account.ID) (*bank.Opening, error) {
	return openings.get(ctx, s, openings.last, int64(id))
}

// ChangeRegistration changes an opening under a lock (bank.Store).
func (s *Stores) ChangeRegistration(ctx context.Context, id string, f func(*bank.Opening) error) (*bank.Opening, error) {
	return openings.change(ctx, s, id, f)
}

// RemoveUnclaimed erases an account that nobody can sign in to, with all that EraseAccount takes (bank.Tx).
func (s *Stores) RemoveUnclaimed(ctx context.Context, id account.ID) error {
	return s.atomically(ctx, func(s *Stores) error {
		var row accountRow
		if err := s.row(ctx, accountLock, int64(id)).Scan(row.dest()...); err != nil {
			return said("account "+id.String(), err)
		}
		a, err := s.r.openAccount(&row)
		if err != nil {
			return err
		}
		if !a.Unclaimed() {
			return fmt.Errorf("sqlstore: account %s has an owner: %w", id, fault.Conflict)
		}
		return s.EraseAccount(ctx, id)
	})
}
