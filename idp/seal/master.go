package seal

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Master wraps keys that lie in the store. It comes from a file on the node.
type Master struct {
	boxes []*box // the first wraps, all unwrap
}

// ErrMaster says that the key file cannot be used.
var ErrMaster = errors.New("seal: master key file")

// NewMaster makes a master of one secret of 32 bytes.
func NewMaster(id uint32, secret []byte) *Master {
	return &Master{[]*box{newBox(id, bytes.Clone(secret))}}
}

// LoadMaster reads the key file. Each line is a number, a colon and 32 bytes in
// hexadecimal; empty lines and lines beginning with # are skipped. The first
// key wraps, all unwrap, so a new key is put on top. A file that others than
// its owner can read is refused.
func LoadMaster(path string) (*Master, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaster, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaster, err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o, and others may read it; chmod 600", ErrMaster, path, info.Mode().Perm())
	}
	var m Master
	seen := map[uint32]bool{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		l := strings.TrimSpace(lines.Text())
		if l == "" || l[0] == '#' {
			continue
		}
		number, secret, _ := strings.Cut(l, ":")
		id, errID := strconv.ParseUint(number, 10, 32)
		key, errKey := hex.DecodeString(secret)
		if errID != nil || errKey != nil || len(key) != SecretSize || seen[uint32(id)] {
			// The line is not quoted: it is a secret.
			return nil, fmt.Errorf("%w: %s, line %d: want a new number, a colon and %d hexadecimal digits", ErrMaster, path, n, 2*SecretSize)
		}
		seen[uint32(id)] = true
		m.boxes = append(m.boxes, newBox(uint32(id), key))
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaster, err)
	}
	if len(m.boxes) == 0 {
		return nil, fmt.Errorf("%w: %s holds no key", ErrMaster, path)
	}
	return &m, nil
}

// CreateMaster makes the key file, with mode 0600, if there is none, and loads
// it. Losing the file is losing all that it wraps.
func CreateMaster(path string) (*Master, error) {
	if _, err := os.Lstat(path); err == nil {
		return LoadMaster(path)
	}
	secret := make([]byte, SecretSize)
	rand.Read(secret)
	// Written beside and linked into place: two programs that start together
	// agree on one file, and nobody reads half of one.
	f, err := os.CreateTemp(filepath.Dir(path), ".master-*") // has mode 0600
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaster, err)
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "1:%x\n", secret)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaster, err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("%w: %w", ErrMaster, err)
	}
	return LoadMaster(path)
}

// Wrap seals a secret for the store. aad says whose it is.
func (m *Master) Wrap(p Purpose, secret, aad []byte) []byte {
	return m.boxes[0].seal(nil, p, secret, aad)
}

// Unwrap undoes Wrap, or returns ErrSealed.
func (m *Master) Unwrap(p Purpose, wrapped, aad []byte) ([]byte, error) {
	id, ok := keyOf(wrapped)
	if !ok {
		return nil, ErrSealed
	}
	for _, b := range m.boxes {
		if b.id == id {
			return b.open(p, wrapped, aad)
		}
	}
	return nil, ErrSealed
}

// Current reports whether the key that wraps today wrapped this; if not, wrap
// it anew before the old key leaves the file.
func (m *Master) Current(wrapped []byte) bool {
	id, ok := keyOf(wrapped)
	return ok && id == m.boxes[0].id
}
