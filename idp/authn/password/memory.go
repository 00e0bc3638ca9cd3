package password

import (
	"encoding/binary"
	"sync"
	_ "unsafe" // for go:linkname

	_ "golang.org/x/crypto/argon2" // whose inner functions are used
	"golang.org/x/crypto/blake2b"
)

// A block is argon2's unit of memory.
type block = [128]uint64

// The inner functions of golang.org/x/crypto/argon2. Its IDKey takes 19 MiB of fresh memory for every
// hash: the system clears them, and the collector has to run after every few sign-ins. The same steps over
// memory that is used again cost a tenth less, and hold the program's memory where it is. A test compares
// the results with IDKey's; if the module ever renames its functions the program does not link.
//
//go:linkname argonStart golang.org/x/crypto/argon2.initHash
func argonStart(password, salt, key, data []byte, time, memory, threads, keyLen uint32, mode int) [blake2b.Size + 8]byte

//go:linkname argonLong golang.org/x/crypto/argon2.blake2bHash
func argonLong(out, in []byte)

//go:linkname argonProcess golang.org/x/crypto/argon2.processBlocks
func argonProcess(b []block, time, memory, threads uint32, mode int)

//go:linkname argonEnd golang.org/x/crypto/argon2.extractKey
func argonEnd(b []block, memory, threads, keyLen uint32) []byte

const (
	argon2id   = 2 // RFC 9106 section 3.1, y
	syncPoints = 4
)

// A memory is the memory of hashes that are not running. There are never more pieces than hashes were
// running at once, which the gate bounds.
type memory struct {
	mu   sync.Mutex
	free [][]block
}

func (m *memory) take(n uint32) []block {
	m.mu.Lock()
	defer m.mu.Unlock()
	if last := len(m.free) - 1; last >= 0 {
		b := m.free[last]
		m.free = m.free[:last]
		if uint32(len(b)) == n {
			return b
		}
	}
	return make([]block, n)
}

func (m *memory) give(b []block) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, b)
}

// derive is argon2.IDKey (RFC 9106 section 3.2). What lies in used memory does not matter: the first pass
// writes every block before it reads it, but adds to what is there, so it is cleared first.
func (m *memory) derive(p Params, pw string, salt []byte, size uint32) []byte {
	threads := uint32(p.Threads)
	n := max(p.Memory/(syncPoints*threads), 2) * syncPoints * threads
	b := m.take(n)
	defer m.give(b)
	clear(b)
	h0 := argonStart([]byte(pw), salt, nil, nil, p.Time, p.Memory, threads, size, argon2id)
	var first [1024]byte
	for lane := range threads {
		for i := range uint32(2) {
			binary.LittleEndian.PutUint32(h0[blake2b.Size:], i)
			binary.LittleEndian.PutUint32(h0[blake2b.Size+4:], lane)
			argonLong(first[:], h0[:])
			into := &b[lane*(n/threads)+i]
			for w := range into {
				into[w] = binary.LittleEndian.Uint64(first[w*8:])
			}
		}
	}
	argonProcess(b, p.Time, n, threads, argon2id)
	return argonEnd(b, n, threads, size)
}
