// Package argon is the slow hash of passwords, argon2id, and its cost. It stands alone so that the process
// that computes nothing else (password/apart) holds nothing else.
package argon

import "golang.org/x/crypto/argon2"

// Params is the cost of a hash.
type Params struct {
	// Memory is in KiB.
	Memory uint32
	// Time is the number of passes over the memory.
	Time uint32
	// Threads is the number of lanes. With one, a hash takes one core.
	Threads uint8
}

// The bounds of Params that are made and read. They keep a damaged row from taking the whole
// machine; a configuration beyond them is refused before anybody's password is lost in it.
const (
	MaxMemory  = 1 << 20 // KiB: 1 GiB
	MaxTime    = 32
	MaxThreads = 16
)

// Possible tells whether hashes of this cost are made and read.
func (p Params) Possible() bool {
	return p.Threads >= 1 && p.Threads <= MaxThreads && p.Time >= 1 && p.Time <= MaxTime &&
		p.Memory >= 8*uint32(p.Threads) && p.Memory <= MaxMemory
}

// Derive is argon2id (RFC 9106), here and now. Every hash takes its memory anew.
func Derive(pw, salt []byte, p Params, size uint32) []byte {
	return argon2.IDKey(pw, salt, p.Time, p.Memory, p.Threads, size)
}
