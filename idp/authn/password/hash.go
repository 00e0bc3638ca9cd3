// Package password keeps and judges passwords: the slow hash and who may use it when, the rules, the list of known ones, the strength meter and the generator.
//
// A password is normalised to NFC before anything looks at it, so that й typed
// as one sign and as two is the same password on every device. Nothing is cut
// off, and any printable character is accepted.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/propusk/propusk/idp/authn/password/argon"
	"github.com/propusk/propusk/idp/fault"
)

// Params is the cost of a hash.
type Params = argon.Params

// The bounds of Params that this package makes and reads.
const (
	MaxMemory  = argon.MaxMemory
	MaxTime    = argon.MaxTime
	MaxThreads = argon.MaxThreads
)

// Default is what OWASP's Password Storage Cheat Sheet asks of Argon2id at
// least: 19 MiB, two passes, one lane. Of its equal choices this takes the
// least time at little memory, which is what the admission limit multiplies.
var Default = Params{Memory: 19 * 1024, Time: 2, Threads: 1}

const (
	version  = 0x13 // of argon2
	saltSize = 16
	hashSize = 32
	// maxBytes bounds what is hashed; the rules allow fewer characters.
	maxBytes = 4 * maxRunes
)

// Errors of hashing.
var (
	// ErrHash says that a stored hash is not one of ours.
	ErrHash = fmt.Errorf("password: not an argon2id hash: %w", fault.Invalid)
	// ErrTooLong says that there is no such long password.
	ErrTooLong = fmt.Errorf("password: too long: %w", fault.Invalid)
)

// A Hasher makes and checks hashes, a few at a time; see Limit.
type Hasher struct {
	params Params
	gate   *gate
	derive Deriver
	nobody string
}

// A Deriver computes argon2id; argon.Derive does so in place. What it does with the password it does before it returns: the bytes are
// cleared then.
type Deriver func(ctx context.Context, pw, salt []byte, p Params, size uint32) ([]byte, error)

// NewHasher returns a hasher that makes hashes of the given cost. A zero
// Params is Default, a zero Limit the default limit.
// Hashes are computed in place: every one takes its memory anew; the limit bounds how much of it there is at
// once, and the limit of the collector (cmd/propusk) how much lies about. It panics at a cost that is not Possible: no hash of it
// could be verified.
func NewHasher(p Params, l Limit) *Hasher { return NewHasherBy(nil, p, l) }

// NewHasherBy is NewHasher with hashes computed elsewhere; a nil Deriver computes them here.
func NewHasherBy(d Deriver, p Params, l Limit) *Hasher {
	if d == nil {
		d = func(_ context.Context, pw, salt []byte, p Params, size uint32) ([]byte, error) {
			return argon.Derive(pw, salt, p, size), nil
		}
	}
	if p == (Params{}) {
		p = Default
	}
	if !p.Possible() {
		panic(fmt.Sprintf("password: impossible cost %+v", p))
	}
	// What nobody's password is compared with: no password gives it, since it
	// was drawn and not hashed.
	var salt [saltSize]byte
	var sum [hashSize]byte
	rand.Read(salt[:])
	rand.Read(sum[:])
	return &Hasher{params: p, gate: newGate(l), derive: d, nobody: format(p, salt[:], sum[:])}
}

// Params returns the cost of new hashes.
func (h *Hasher) Params() Params { return h.params }

// Hash returns the hash of a password as a PHC string. It waits for its turn,
// and when too many wait the error is fault.Limited.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	pw = norm.NFC.String(pw)
	if len(pw) > maxBytes {
		return "", ErrTooLong
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum, err := h.inTurn(ctx, pw, salt, h.params, hashSize)
	if err != nil {
		return "", err
	}
	return format(h.params, salt, sum), nil
}

// Verify tells whether pw is the password of the hash. rehash says that it is
// and the hash was made at another cost than ours is now: the caller hashes
// pw again and stores that.
func (h *Hasher) Verify(ctx context.Context, phc, pw string) (ok, rehash bool, err error) {
	p, salt, want, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	pw = norm.NFC.String(pw)
	if len(pw) > maxBytes {
		return false, false, nil // alike for every account, so it tells nothing
	}
	got, err := h.inTurn(ctx, pw, salt, p, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1
	return ok, ok && (p != h.params || len(salt) != saltSize || len(want) != hashSize), nil
}

// VerifyNobody does the work of Verify for an identifier that has no account,
// so that the time of the answer does not tell that it has none.
func (h *Hasher) VerifyNobody(ctx context.Context, pw string) error {
	_, _, err := h.Verify(ctx, h.nobody, pw)
	return err
}

// InFlight returns how many hashes are being computed and how many wait.
func (h *Hasher) InFlight() (running, waiting int) { return h.gate.inFlight() }

// inTurn derives when its turn comes. The copy of the password that leaves this package is cleared after use.
func (h *Hasher) inTurn(ctx context.Context, pw string, salt []byte, p Params, size uint32) (sum []byte, err error) {
	full := h.gate.do(ctx, func() {
		bytes := []byte(pw)
		defer clear(bytes)
		sum, err = h.derive(ctx, bytes, salt, p, size)
	})
	return sum, errors.Join(full, err)
}

var b64 = base64.RawStdEncoding.Strict()

// format writes $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func format(p Params, salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", version, p.Memory, p.Time, p.Threads,
		b64.EncodeToString(salt), b64.EncodeToString(sum))
}

// parse reads what format writes, within the bounds.
func parse(phc string) (p Params, salt, sum []byte, err error) {
	fail := func() (Params, []byte, []byte, error) { return Params{}, nil, nil, ErrHash }
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(version) {
		return fail()
	}
	numbers := strings.Split(parts[3], ",")
	if len(numbers) != 3 {
		return fail()
	}
	var n [3]uint64
	for i, name := range []string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(numbers[i], name)
		if n[i], err = strconv.ParseUint(digits, 10, 32); !ok || err != nil {
			return fail()
		}
	}
	p = Params{Memory: uint32(n[0]), Time: uint32(n[1]), Threads: uint8(min(n[2], 255))}
	if !p.Possible() {
		return fail()
	}
	salt, errSalt := b64.DecodeString(parts[4])
	sum, errSum := b64.DecodeString(parts[5])
	if errSalt != nil || errSum != nil || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return fail()
	}
	return p, salt, sum, nil
}
