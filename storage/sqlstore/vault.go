package sqlstore

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// newKey draws the key of a new account and wraps it for the row.
func (r *Records) newKey(id account.ID) (seal.AccountKey, []byte, error) {
	key, err := seal.NewAccountKey(rand.Reader)
	if err != nil {
		return key, nil, err
	}
	return key, r.vault.Master.WrapAccountKey(key, uint64(id)), nil
}

// key unwraps the key of an account. An account without one is erased, and so is not found.
func (r *Records) key(wrapped []byte, id account.ID) (seal.AccountKey, error) {
	if len(wrapped) == 0 {
		return seal.AccountKey{}, fmt.Errorf("sqlstore: account %s is erased: %w", id, fault.NotFound)
	}
	key, err := r.vault.Master.UnwrapAccountKey(wrapped, uint64(id))
	if err != nil {
		return key, fmt.Errorf("sqlstore: unwrap the key of account %s; is this the right master key file? %w", id, err)
	}
	return key, nil
}

var keyOf = both(`SELECT wrapped_key FROM account WHERE id = $1`)

// keyOf reads the key of an account.
func (s *Stores) keyOf(ctx context.Context, id account.ID) (seal.AccountKey, error) {
	var wrapped []byte
	if err := s.row(ctx, keyOf, int64(id)).Scan(&wrapped); err != nil {
		return seal.AccountKey{}, said("key of account "+id.String(), err)
	}
	return s.r.key(wrapped, id)
}

// sealJSON seals v as a field of the account.
func sealJSON(key seal.AccountKey, field string, id account.ID, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: encode %s: %w", field, err)
	}
	return key.Seal(field, uint64(id), plain), nil
}

// openJSON undoes sealJSON. What does not open was changed by somebody who has not the key.
func openJSON(key seal.AccountKey, field string, id account.ID, sealed []byte, v any) error {
	return openBy(key, field, id, sealed, func(plain []byte) error { return json.Unmarshal(plain, v) })
}

func openBy(key seal.AccountKey, field string, id account.ID, sealed []byte, decode func(plain []byte) error) error {
	plain, err := key.Open(field, uint64(id), sealed)
	if err != nil {
		return fmt.Errorf("sqlstore: %s of account %s: %w", field, id, err)
	}
	if err := decode(plain); err != nil {
		// The cause may quote what was sealed.
		return fmt.Errorf("sqlstore: %s of account %s has another shape", field, id)
	}
	return nil
}
