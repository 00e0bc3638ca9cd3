package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

// standing is the part of an account that every sign-in reads, as one column: it is written and read as a
// whole, and one column can be returned by any statement.
type standing struct {
	Level         account.Level          `json:"level"`
	Confirmations []account.Confirmation `json:"confirmations,omitempty"`
	Restricted    time.Time              `json:"restricted,omitzero"`
	Restriction   account.Restriction    `json:"restriction,omitzero"`
	Lock          account.Lock           `json:"lock,omitzero"`
	Locks         account.Locks          `json:"locks,omitzero"`
}

func encodeStanding(s *account.Standing) (string, error) {
	b, err := json.Marshal(standing{s.Level, s.Confirmations, s.RestrictedUntil, s.Restriction, s.Lock, s.Locks})
	if err != nil {
		return "", fmt.Errorf("sqlstore: encode the standing of account %s: %w", s.ID, err)
	}
	return string(b), nil
}

func decodeStanding(id int64, epoch int, body string) (account.Standing, error) {
	var s standing
	if err := read([]byte(body), readStanding, &s); err != nil {
		return account.Standing{}, fmt.Errorf("sqlstore: standing of account %d: %w", id, err)
	}
	return account.Standing{ID: account.ID(id), Epoch: epoch, Level: s.Level, Confirmations: s.Confirmations,
		RestrictedUntil: s.Restricted, Restriction: s.Restriction, Lock: s.Lock, Locks: s.Locks}, nil
}

// accountColumns are read by accountRow.
const (
	accountPlain   = `a.id, a.epoch, a.version, a.standing, a.created, a.standard_at, a.verified_at, a.lang, a.wrapped_key, a.profile`
	accountColumns = accountPlain + `, a.credential`
)

// accountRow is an account as it lies in the table.
type accountRow struct {
	id, version, created, standardAt, verifiedAt int64
	epoch                                        int
	standing, lang                               string
	wrapped, profile, credential                 []byte
}

func (a *accountRow) plain() []any {
	return []any{&a.id, &a.epoch, &a.version, &a.standing, &a.created, &a.standardAt, &a.verifiedAt, &a.lang,
		&a.wrapped, &a.profile}
}

func (a *accountRow) dest() []any { return append(a.plain(), &a.credential) }

func (r *Records) openAccount(a *accountRow) (*account.Account, error) {
	st, err := decodeStanding(a.id, a.epoch, a.standing)
	if err != nil {
		return nil, err
	}
	out := &account.Account{Standing: st, Version: a.version, Created: moment(a.created),
		StandardAt: moment(a.standardAt), VerifiedAt: moment(a.verifiedAt), Lang: a.lang}
	key, err := r.key(a.wrapped, st.ID)
	if err != nil {
		return nil, err
	}
	if err := openBy(key, "profile", st.ID, a.profile, func(plain []byte) error { return read(plain, readProfile, &out.Profile) }); err != nil {
		return nil, err
	}
	if a.credential == nil { // not read
		return out, nil
	}
	return out, openJSON(key, "credential", st.ID, a.credential, &out.Credential)
}

var (
	accountByID   = both(`SELECT ` + accountColumns + ` FROM account a WHERE a.id = $1`)
	accountLock   = both(`SELECT ` + accountColumns + ` FROM account a WHERE a.id = $1 {update}`)
	accountInsert = both(`
		INSERT INTO account (id, epoch, version, standing, created, standard_at, verified_at, lang, wrapped_key, profile, credential)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`)
	accountUpdate = both(`
		UPDATE account SET epoch = $2, version = $3, standing = $4, standard_at = $5, verified_at = $6, lang = $7,
			profile = $8, credential = $9
		WHERE id = $1`)
)

// Account returns an account (account.Store).
func (s *Stores) Account(ctx context.Context, id account.ID) (*account.Account, error) {
	var a accountRow
	if err := s.row(ctx, accountByID, int64(id)).Scan(a.dest()...); err != nil {
		return nil, said("account "+id.String(), err)
	}
	return s.r.openAccount(&a)
}

// CreateAccount writes a new account; fault.Exists if its id or one of its contacts is taken (account.Store).
func (s *Stores) CreateAccount(ctx context.Context, a *account.Account) error {
	row, err := s.r.newRow(a)
	if err != nil {
		return err
	}
	return s.atomically(ctx, func(s *Stores) error {
		keys := lookupOf(a)
		if err := s.claim(ctx, a.ID, keys); err != nil {
			return err
		}
		if _, err := s.exec(ctx, accountInsert, row.args()...); err != nil {
			if s.r.db.dialect.taken(err) {
				return fmt.Errorf("sqlstore: account %s: %w", a.ID, fault.Exists)
			}
			return said("create account", err)
		}
		if err := s.addLookup(ctx, a.ID, keys); err != nil {
			return err
		}
		a.Version = row.version
		return nil
	})
}

// newRow seals a new account under a new key.
func (r *Records) newRow(a *account.Account) (*accountRow, error) {
	key, wrapped, err := r.newKey(a.ID)
	if err != nil {
		return nil, err
	}
	row := &accountRow{id: int64(a.ID), version: 1, created: micros(a.Created), standardAt: micros(a.StandardAt),
		verifiedAt: micros(a.VerifiedAt), epoch: a.Epoch, lang: a.Lang, wrapped: wrapped}
	if row.standing, err = encodeStanding(&a.Standing); err != nil {
		return nil, err
	}
	if row.profile, err = sealJSON(key, "profile", a.ID, &a.Profile); err != nil {
		return nil, err
	}
	if row.credential, err = sealJSON(key, "credential", a.ID, &a.Credential); err != nil {
		return nil, err
	}
	return row, nil
}

// args are the values of accountInsert.
func (a *accountRow) args() []any {
	return []any{a.id, a.epoch, a.version, a.standing, a.created, a.standardAt, a.verifiedAt, a.lang,
		a.wrapped, a.profile, a.credential}
}

// ChangeAccount loads an account, applies f and writes it with its lookup rows (account.Store). An error
// of f is returned as it is, and nothing is written.
func (s *Stores) ChangeAccount(ctx context.Context, id account.ID, f func(*account.Account) error) (*account.Account, error) {
	var out *account.Account
	err := s.atomically(ctx, func(s *Stores) error {
		var row accountRow
		if err := s.row(ctx, accountLock, int64(id)).Scan(row.dest()...); err != nil {
			return said("account "+id.String(), err)
		}
		a, err := s.r.openAccount(&row)
		if err != nil {
			return err
		}
		before := lookupOf(a)
		if err := f(a); err != nil {
			return err
		}
		if a.ID != id {
			return fmt.Errorf("sqlstore: the id of account %s must not change: %w", id, fault.Invalid)
		}
		// The claims come first: when one is refused nothing has been written, and the caller's
		// transaction may go on to say so.
		if err := s.changeLookup(ctx, id, before, lookupOf(a)); err != nil {
			return err
		}
		if err := s.saveAccount(ctx, a, row.wrapped); err != nil {
			return err
		}
		out = a
		return nil
	})
	return out, err
}

func (s *Stores) saveAccount(ctx context.Context, a *account.Account, wrapped []byte) error {
	key, err := s.r.key(wrapped, a.ID)
	if err != nil {
		return err
	}
	st, err := encodeStanding(&a.Standing)
	if err != nil {
		return err
	}
	profile, err := sealJSON(key, "profile", a.ID, &a.Profile)
	if err != nil {
		return err
	}
	credential, err := sealJSON(key, "credential", a.ID, &a.Credential)
	if err != nil {
		return err
	}
	a.Version++
	res, err := s.exec(ctx, accountUpdate, int64(a.ID), a.Epoch, a.Version, st, micros(a.StandardAt), micros(a.VerifiedAt),
		a.Lang, profile, credential)
	return affected(res, err, "write account "+a.ID.String(), fault.Conflict)
}
