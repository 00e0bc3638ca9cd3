package password

import (
	"bytes"
	"testing"

	"golang.org/x/crypto/argon2"
)

func TestUsedMemoryGivesTheSameHashes(t *testing.T) {
	var m memory
	for _, p := range []Params{{8, 1, 1}, {64, 2, 1}, {64, 3, 2}, {65, 1, 4}, {128, 2, 4}, {64, 2, 1}, {19 * 1024, 2, 1}} {
		for _, pw := range []string{"", "Propusk-2026", "ещё один пароль"} {
			for _, size := range []uint32{16, 32, 64, 100} {
				salt := []byte("0123456789abcdef")
				got := m.derive(p, pw, salt, size)
				if want := argon2.IDKey([]byte(pw), salt, p.Time, p.Memory, p.Threads, size); !bytes.Equal(got, want) {
					t.Errorf("derive(%+v, %q, %d) = %x, want %x", p, pw, size, got, want)
				}
			}
		}
	}
	if len(m.free) != 1 {
		t.Errorf("%d pieces of memory are kept after hashes one by one", len(m.free))
	}
}

func BenchmarkHash(b *testing.B) {
	salt := []byte("0123456789abcdef")
	b.Run("used memory", func(b *testing.B) {
		var m memory
		for b.Loop() {
			m.derive(Default, "Propusk-2026", salt, 32)
		}
	})
	b.Run("fresh memory", func(b *testing.B) {
		for b.Loop() {
			argon2.IDKey([]byte("Propusk-2026"), salt, Default.Time, Default.Memory, Default.Threads, 32)
		}
	})
}
