// Package seal keeps values sealed under rotating keys, so that state can travel in a token and personal data can lie in a database.
//
// There are three kinds of key, one inside the other:
//
//	Master      from a file on the node; wraps the others, and nothing else
//	Keyring     in the store, wrapped by Master, rotated; a Ring is what is in
//	            memory of it: keys that seal, keys of the blind index, keys
//	            that sign
//	AccountKey  one for each account, wrapped by Master; seals the fields of
//	            that account, so that erasing the key erases the person
//
// A sealed value is bound to its Purpose twice, by the key derived for the
// purpose and by the authenticated header: a code is never taken for a token.
//
//	version 1 | key id, 4 bytes | nonce, 24 bytes | ciphertext and tag
//
// The cipher is XChaCha20-Poly1305. Its nonce is long enough to be drawn at
// random for ever; AES-GCM's is not, at some thousand values a second under
// one key. The cipher for each key and purpose is kept ready.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/propusk/propusk/idp/fault"
)

// Purpose says what a sealed value is for: "code", "access", "session". Each
// user declares its own constants. A value sealed for one purpose does not
// open for another.
type Purpose string

// ErrSealed says that a sealed value is not one of ours: changed, cut short,
// sealed for another purpose or under a key we no longer have. Which of these
// is told to nobody.
var ErrSealed = fmt.Errorf("seal: not a sealed value: %w", fault.Invalid)

// SecretSize is the size in bytes of every symmetric secret here.
const SecretSize = 32

const (
	version    = 1
	headerSize = 1 + 4
	nonceSize  = chacha20poly1305.NonceSizeX
	overhead   = headerSize + nonceSize + chacha20poly1305.Overhead
)

// text is strict about the last bits, so that a value has one spelling.
var text = base64.RawURLEncoding.Strict()

// Hash is SHA-256: for values that are random themselves, such as refresh
// tokens, and so need no salt and no slowness.
func Hash(value []byte) []byte {
	h := sha256.Sum256(value)
	return h[:]
}

// A box holds one secret and the ciphers derived from it, one a purpose.
type box struct {
	id     uint32
	secret []byte

	mu    sync.Mutex // guards the making of a new map
	ready atomic.Pointer[map[Purpose]cipher.AEAD]
}

func newBox(id uint32, secret []byte) *box {
	if len(secret) != SecretSize {
		panic(fmt.Sprintf("seal: key %d is %d bytes long, not %d", id, len(secret), SecretSize))
	}
	return &box{id: id, secret: secret}
}

// aead returns the cipher for p. Purposes are constants of the program, so the
// map stays small; reading it takes no lock.
func (b *box) aead(p Purpose) cipher.AEAD {
	if m := b.ready.Load(); m != nil {
		if a, ok := (*m)[p]; ok {
			return a
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	next := map[Purpose]cipher.AEAD{}
	if m := b.ready.Load(); m != nil {
		next = maps.Clone(*m)
	}
	a, ok := next[p]
	if !ok {
		a = newAEAD(derive(b.secret, "propusk seal v1 "+string(p)))
		next[p] = a
		b.ready.Store(&next)
	}
	return a
}

func newAEAD(key []byte) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key)
	if err != nil {
		panic(err) // the key's length is wrong, and derive gives one length only
	}
	return a
}

func derive(secret []byte, info string) []byte {
	key, err := hkdf.Key(sha256.New, secret, nil, info, SecretSize)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	return key
}

// seal appends the sealed plaintext to dst.
func (b *box) seal(dst []byte, p Purpose, plaintext, aad []byte) []byte {
	var full [96]byte
	start := len(dst)
	dst = append(dst, version)
	dst = binary.BigEndian.AppendUint32(dst, b.id)
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails: crypto/rand ends the program first
	dst = append(dst, nonce[:]...)
	return b.aead(p).Seal(dst, nonce[:], plaintext, header(full[:0], dst[start:start+headerSize], p, aad))
}

// open undoes seal. The caller has found b by the key id.
func (b *box) open(p Purpose, sealed, aad []byte) ([]byte, error) {
	var full [96]byte
	plaintext, err := b.aead(p).Open(nil, sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:],
		header(full[:0], sealed[:headerSize], p, aad))
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// header is what is authenticated but not encrypted: version and key id, the
// purpose with its length before it, and the caller's own.
func header(dst, head []byte, p Purpose, aad []byte) []byte {
	dst = append(dst, head...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(p)))
	dst = append(dst, p...)
	return append(dst, aad...)
}

// keyOf reads which key sealed a value.
func keyOf(sealed []byte) (uint32, bool) {
	if len(sealed) < overhead || sealed[0] != version {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:headerSize]), true
}

func encode(sealed []byte) string { return text.EncodeToString(sealed) }

// decode refuses line ends, which encoding/base64 would skip: a value has one
// spelling.
func decode(sealed string) ([]byte, bool) {
	if strings.ContainsAny(sealed, "\r\n") {
		return nil, false
	}
	b, err := text.DecodeString(sealed)
	return b, err == nil
}

// SealJSON seals v as JSON.
func SealJSON(r *Ring, p Purpose, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("seal: encode a value for %s: %w", p, err)
	}
	return r.Seal(p, b, nil), nil
}

// OpenJSON opens what SealJSON sealed. A sealed value of another shape is not
// a sealed value: it comes from another version of the program.
func OpenJSON[T any](r *Ring, p Purpose, sealed string) (T, error) {
	var v T
	b, err := r.Open(p, sealed, nil)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(b, &v); err != nil {
		var zero T
		return zero, ErrSealed
	}
	return v, nil
}
