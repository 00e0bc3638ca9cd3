package seal

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// Use is what a key of the ring is for. A key has one use.
type Use string

// The uses of keys.
const (
	UseSeal      Use = "seal"       // sealed values
	UseIndex     Use = "index"      // blind index and keyed hashes
	UseSignES256 Use = "sign_es256" // tokens, ECDSA P-256
	UseSignRS256 Use = "sign_rs256" // tokens of parties that know RSA only
	// UseSignLetters signs batches of letters for a printer, Ed25519. Only installations that have one make
	// the key: it is none of Uses.
	UseSignLetters Use = "sign_letters"
)

// Uses lists all uses that every installation has keys for.
func Uses() []Use { return []Use{UseSeal, UseIndex, UseSignES256, UseSignRS256} }

// A Key is one key of the ring.
type Key struct {
	ID  uint32
	Use Use
	// Secret is 32 random bytes, or for a key that signs, PKCS#8.
	Secret []byte
	// CreatedAt orders keys of one use; UsableFrom is when every node has it.
	CreatedAt, UsableFrom time.Time
	// RetiredAt, if set, is from when the key is as if it had never been.
	RetiredAt time.Time
}

// NewKey draws a new key.
func NewKey(id uint32, use Use, created, usableFrom time.Time) (Key, error) {
	secret, err := newSecret(use)
	if err != nil {
		return Key{}, err
	}
	return Key{ID: id, Use: use, Secret: secret, CreatedAt: created, UsableFrom: usableFrom}, nil
}

func (k Key) retired(at time.Time) bool { return !k.RetiredAt.IsZero() && !at.Before(k.RetiredAt) }
func (k Key) usable(at time.Time) bool  { return !at.Before(k.UsableFrom) && !k.retired(at) }

// A Ring is the keys in use. It is safe for concurrent use, and reading it
// takes no lock. The newest usable key seals, any that is not retired opens.
type Ring struct {
	wall func() time.Time
	now  atomic.Pointer[keys]
}

// keys is one state of the ring; it does not change.
type keys struct {
	seal  []*sealKey // newest first
	byID  map[uint32]*sealKey
	index []indexKey   // newest first
	sign  []SigningKey // newest first
	// letters are apart from sign: what a printer is given is no token, and no party hears of its keys.
	letters []SigningKey // newest first
}

type sealKey struct {
	Key
	*box
}

type indexKey struct {
	Key
	derived []byte
}

// NewRing makes a ring of keys. wall is the clock that strangers share, since
// keys outlive any moved one. It panics at a key that cannot be one.
func NewRing(wall func() time.Time, ks ...Key) *Ring {
	r := &Ring{wall: wall}
	r.Replace(ks)
	return r
}

// Replace puts other keys in place of all. It panics at a key that cannot be
// one: the keyring has checked them.
func (r *Ring) Replace(ks []Key) {
	next, err := newKeys(ks)
	if err != nil {
		panic(err)
	}
	r.now.Store(next)
}

func newKeys(ks []Key) (*keys, error) {
	ks = slices.Clone(ks)
	slices.SortStableFunc(ks, func(a, b Key) int {
		return cmp.Or(b.UsableFrom.Compare(a.UsableFrom), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
	})
	s := &keys{byID: map[uint32]*sealKey{}}
	for _, k := range ks {
		switch k.Use {
		case UseSeal, UseIndex:
			if len(k.Secret) != SecretSize {
				return nil, fmt.Errorf("seal: key %d: secret of %d bytes", k.ID, len(k.Secret))
			}
		}
		switch k.Use {
		case UseSeal:
			sk := &sealKey{k, newBox(k.ID, k.Secret)}
			s.seal = append(s.seal, sk)
			s.byID[k.ID] = sk
		case UseIndex:
			s.index = append(s.index, indexKey{k, derive(k.Secret, "propusk index v1")})
		case UseSignES256, UseSignRS256:
			sk, err := newSigningKey(k)
			if err != nil {
				return nil, err
			}
			s.sign = append(s.sign, sk)
		case UseSignLetters:
			sk, err := newSigningKey(k)
			if err != nil {
				return nil, err
			}
			s.letters = append(s.letters, sk)
		default:
			return nil, fmt.Errorf("seal: key %d: unknown use %q", k.ID, k.Use)
		}
	}
	return s, nil
}

// sealing returns the newest usable key; when none is yet, the oldest, which
// others have known the longest.
func (r *Ring) sealing() *box {
	at := r.wall()
	var oldest *box
	for _, k := range r.now.Load().seal {
		if k.usable(at) {
			return k.box
		}
		if !k.retired(at) {
			oldest = k.box
		}
	}
	if oldest == nil {
		panic("seal: the ring has no key that seals")
	}
	return oldest
}

// Seal returns plaintext sealed for p, as text for URLs and cookies. aad is
// bound to it and not kept: Open must be given the same. A ring without a
// sealing key is a mistake of wiring, and panics.
func (r *Ring) Seal(p Purpose, plaintext, aad []byte) string {
	return encode(r.AppendSeal(make([]byte, 0, overhead+len(plaintext)), p, plaintext, aad))
}

// Open returns what was sealed for p with this aad, or ErrSealed.
func (r *Ring) Open(p Purpose, sealed string, aad []byte) ([]byte, error) {
	b, ok := decode(sealed)
	if !ok {
		return nil, ErrSealed
	}
	return r.OpenBytes(p, b, aad)
}

// AppendSeal is Seal in bytes, for the database; it appends to dst.
func (r *Ring) AppendSeal(dst []byte, p Purpose, plaintext, aad []byte) []byte {
	return r.sealing().seal(dst, p, plaintext, aad)
}

// OpenBytes opens what AppendSeal sealed.
func (r *Ring) OpenBytes(p Purpose, sealed, aad []byte) ([]byte, error) {
	id, ok := keyOf(sealed)
	if !ok {
		return nil, ErrSealed
	}
	k, ok := r.now.Load().byID[id]
	if !ok || k.retired(r.wall()) {
		return nil, ErrSealed
	}
	return k.open(p, sealed, aad)
}

// An IndexDigest is what stands in the store for a value that must be found
// but not read.
type IndexDigest struct {
	KeyID  uint32
	Digest []byte // 16 bytes
}

const digestSize = 16

// Digests returns the digests of a value of the given kind ("phone", "snils"),
// newest key first. Writers write all of them and readers look for any; so a
// key can be added, the rows filled in, and the old key dropped.
func (r *Ring) Digests(kind, value string) []IndexDigest {
	at := r.wall()
	var out []IndexDigest
	for _, k := range r.now.Load().index {
		if !k.retired(at) {
			out = append(out, IndexDigest{k.ID, keyedHash(k.derived, kind, value, nil)[:digestSize]})
		}
	}
	return out
}

// ErrNoIndexKey says that there is no key to make or check a keyed hash with.
var ErrNoIndexKey = fmt.Errorf("seal: no index key: %w", fault.Unavailable)

// KeyedHash hashes a short secret, such as the code in a letter: without the
// key nobody with the database can try all values. Keep all three: key id,
// digest and salt.
func (r *Ring) KeyedHash(kind, value string, salt []byte) (IndexDigest, error) {
	at := r.wall()
	for _, k := range r.now.Load().index {
		if k.usable(at) {
			return IndexDigest{k.ID, keyedHash(k.derived, kind, value, salt)}, nil
		}
	}
	return IndexDigest{}, ErrNoIndexKey
}

// CheckKeyedHash tells, in constant time, whether value has the digest.
func (r *Ring) CheckKeyedHash(d IndexDigest, kind, value string, salt []byte) (bool, error) {
	at := r.wall()
	for _, k := range r.now.Load().index {
		if k.ID == d.KeyID && !k.retired(at) {
			return hmac.Equal(d.Digest, keyedHash(k.derived, kind, value, salt)), nil
		}
	}
	return false, ErrNoIndexKey
}

// keyedHash gives each part its length, so that no two triples are one text.
func keyedHash(key []byte, kind, value string, salt []byte) []byte {
	var n [12]byte
	binary.BigEndian.PutUint32(n[:4], uint32(len(kind)))
	binary.BigEndian.PutUint64(n[4:], uint64(len(salt)))
	h := hmac.New(sha256.New, key)
	h.Write(n[:])
	h.Write([]byte(kind))
	h.Write(salt)
	h.Write([]byte(value))
	return h.Sum(nil)
}

// ErrNoSigner says that no key of the algorithm is usable.
var ErrNoSigner = fmt.Errorf("seal: no signing key: %w", fault.Unavailable)

// SigningKeys returns every signing key that is not retired, newest first,
// those not yet in use among them: strangers must know a key before it signs.
func (r *Ring) SigningKeys() []SigningKey {
	at := r.wall()
	return slices.DeleteFunc(slices.Clone(r.now.Load().sign), func(k SigningKey) bool { return k.key.retired(at) })
}

// Signer returns the key that signs with the algorithm now: ES256 or RS256.
func (r *Ring) Signer(alg string) (SigningKey, error) {
	at := r.wall()
	for _, k := range r.now.Load().sign {
		if k.Alg == alg && k.key.usable(at) {
			return k, nil
		}
	}
	return SigningKey{}, ErrNoSigner
}

// LetterKeys returns every key that signs batches of letters and is not retired, newest first.
func (r *Ring) LetterKeys() []SigningKey {
	at := r.wall()
	return slices.DeleteFunc(slices.Clone(r.now.Load().letters), func(k SigningKey) bool { return k.key.retired(at) })
}

// LetterSigner returns the key that signs batches of letters now.
func (r *Ring) LetterSigner() (SigningKey, error) {
	at := r.wall()
	for _, k := range r.now.Load().letters {
		if k.key.usable(at) {
			return k, nil
		}
	}
	return SigningKey{}, ErrNoSigner
}

// check tells whether every use has a key.
func (s *keys) check(uses []Use) error {
	have := map[Use]bool{UseSeal: len(s.seal) > 0, UseIndex: len(s.index) > 0}
	for _, k := range slices.Concat(s.sign, s.letters) {
		have[k.key.Use] = true
	}
	var errs []error
	for _, u := range uses {
		if !have[u] {
			errs = append(errs, fmt.Errorf("seal: no key for %s", u))
		}
	}
	return errors.Join(errs...)
}
