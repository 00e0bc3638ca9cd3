package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
)

// AccountKey seals the fields of one account. Wrapped by the master it stands
// beside the account; when the account is erased the key is, and copies of
// the fields in old backups are noise.
type AccountKey struct {
	secret [SecretSize]byte
	aead   cipher.AEAD
}

const accountPurpose Purpose = "account key"

// NewAccountKey draws a key from rand.
func NewAccountKey(rand io.Reader) (AccountKey, error) {
	var secret [SecretSize]byte
	if _, err := io.ReadFull(rand, secret[:]); err != nil {
		return AccountKey{}, fmt.Errorf("seal: draw an account key: %w", err)
	}
	return accountKey(secret), nil
}

// AES-GCM with random nonces is right here: an account is written some dozens
// of times in its life, not 2³².
func accountKey(secret [SecretSize]byte) AccountKey {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		panic(err) // only for another key size
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for another block size
	}
	return AccountKey{secret, aead}
}

// IsZero reports that there is no key.
func (k AccountKey) IsZero() bool { return k.aead == nil }

// WrapAccountKey wraps the key for the store, bound to its account.
func (m *Master) WrapAccountKey(k AccountKey, accountID uint64) []byte {
	return m.Wrap(accountPurpose, k.secret[:], binary.BigEndian.AppendUint64(nil, accountID))
}

// UnwrapAccountKey undoes WrapAccountKey, or returns ErrSealed.
func (m *Master) UnwrapAccountKey(wrapped []byte, accountID uint64) (AccountKey, error) {
	secret, err := m.Unwrap(accountPurpose, wrapped, binary.BigEndian.AppendUint64(nil, accountID))
	if err != nil {
		return AccountKey{}, err
	}
	if len(secret) != SecretSize {
		return AccountKey{}, ErrSealed
	}
	return accountKey([SecretSize]byte(secret)), nil
}

// Seal seals a field of the account. It opens only as the same field of the
// same account.
func (k AccountKey) Seal(field string, accountID uint64, plaintext []byte) []byte {
	return k.aead.Seal(nil, nil, plaintext, fieldAAD(field, accountID))
}

// Open undoes Seal, or returns ErrSealed.
func (k AccountKey) Open(field string, accountID uint64, sealed []byte) ([]byte, error) {
	if k.aead == nil {
		return nil, ErrSealed
	}
	plaintext, err := k.aead.Open(nil, nil, sealed, fieldAAD(field, accountID))
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

func fieldAAD(field string, accountID uint64) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(field)), accountID), field...)
}
