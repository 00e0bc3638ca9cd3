package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

var start = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

// clock is a wall that the test moves.
type clock struct{ t time.Time }

func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func newKey(tb testing.TB, id uint32, use seal.Use, usable time.Time) seal.Key {
	tb.Helper()
	k, err := seal.NewKey(id, use, start, usable)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func newRing(tb testing.TB) *seal.Ring {
	tb.Helper()
	c := &clock{start}
	return seal.NewRing(c.now, newKey(tb, 7, seal.UseSeal, start), newKey(tb, 8, seal.UseIndex, start))
}

func refused(tb testing.TB, what string, err error) {
	tb.Helper()
	if !errors.Is(err, seal.ErrSealed) || !errors.Is(err, fault.Invalid) || err.Error() != seal.ErrSealed.Error() {
		tb.Errorf("%s: got %v, want exactly ErrSealed", what, err)
	}
}

func TestSealedValueOpens(t *testing.T) {
	r := newRing(t)
	for _, plain := range []string{"", "x", strings.Repeat("я", 5000)} {
		s := r.Seal("code", []byte(plain), []byte("client"))
		got, err := r.Open("code", s, []byte("client"))
		if err != nil || string(got) != plain {
			t.Fatalf("Open = %q, %v, want %q", got, err, plain)
		}
		if s == r.Seal("code", []byte(plain), []byte("client")) {
			t.Fatal("the same value is sealed alike twice")
		}
	}
	prefix := []byte("row:")
	b := r.AppendSeal(prefix, "code", []byte("x"), nil)
	if !bytes.HasPrefix(b, prefix) {
		t.Fatal("AppendSeal does not append")
	}
	if got, err := r.OpenBytes("code", b[len(prefix):], nil); err != nil || string(got) != "x" {
		t.Fatalf("OpenBytes = %q, %v", got, err)
	}
}

func TestPurposesDoNotMix(t *testing.T) {
	r := newRing(t)
	s := r.Seal("code", []byte("x"), []byte("a"))
	_, err := r.Open("access", s, []byte("a"))
	refused(t, "another purpose", err)
	_, err = r.Open("code", s, []byte("b"))
	refused(t, "another aad", err)
	_, err = r.Open("codea", s, nil)
	refused(t, "aad moved into the purpose", err)
	_, err = r.Open("cod", s, []byte("ea"))
	refused(t, "purpose moved into the aad", err)
	_, err = newRing(t).Open("code", s, []byte("a"))
	refused(t, "another ring with the same key id", err)
}

func TestChangedOrCutValueIsRefused(t *testing.T) {
	r := newRing(t)
	s := r.Seal("code", []byte("the request"), nil)
	raw, _ := base64.RawURLEncoding.DecodeString(s)
	for i := range raw {
		for _, bit := range []byte{1, 128} {
			bad := bytes.Clone(raw)
			bad[i] ^= bit
			_, err := r.OpenBytes("code", bad, nil)
			refused(t, "changed", err)
		}
		_, err := r.OpenBytes("code", raw[:i], nil)
		refused(t, "cut", err)
	}
	for _, bad := range []string{s + "A", s + "=", s + "\n", s[:10] + "\r\n" + s[10:], "", "!", " " + s} {
		_, err := r.Open("code", bad, nil)
		refused(t, "respelled", err)
	}
}

func TestValueHasOneSpelling(t *testing.T) {
	r := newRing(t)
	for size := range 3 {
		s := r.Seal("code", make([]byte, size), nil)
		for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
			other := s[:len(s)-1] + string(last)
			if other == s {
				continue
			}
			if _, err := r.Open("code", other, nil); err == nil {
				t.Fatalf("%q opens as %q does", other, s)
			}
		}
	}
}

func TestNewestUsableKeySealsAndAllOpen(t *testing.T) {
	c := &clock{start}
	old := newKey(t, 1, seal.UseSeal, start)
	r := seal.NewRing(c.now, old)
	first := r.Seal("code", []byte("x"), nil)

	coming := newKey(t, 2, seal.UseSeal, start.Add(2*time.Minute))
	r.Replace([]seal.Key{coming, old})
	early := r.Seal("code", []byte("x"), nil)
	if _, err := seal.NewRing(c.now, old).Open("code", early, nil); err != nil {
		t.Fatal("a key sealed before it was usable: a node that knows the old one alone cannot open")
	}
	if _, err := r.Open("code", seal.NewRing(c.now, coming).Seal("code", nil, nil), nil); err != nil {
		t.Fatalf("a key that another clock thinks usable does not open: %v", err)
	}

	c.advance(2 * time.Minute)
	late := r.Seal("code", []byte("x"), nil)
	if _, err := seal.NewRing(c.now, old).Open("code", late, nil); err == nil {
		t.Fatal("the old key still seals after its successor is usable")
	}
	if _, err := r.Open("code", first, nil); err != nil {
		t.Fatalf("the old key does not open: %v", err)
	}

	old.RetiredAt = c.now().Add(time.Hour)
	r.Replace([]seal.Key{coming, old})
	if _, err := r.Open("code", first, nil); err != nil {
		t.Fatalf("the key is retired before its time: %v", err)
	}
	c.advance(time.Hour)
	_, err := r.Open("code", first, nil)
	refused(t, "retired key", err)
}

func TestJSONIsSealedAndOpened(t *testing.T) {
	type request struct{ Client, State string }
	r := newRing(t)
	want := request{"tax", "s"}
	s, err := seal.SealJSON(r, "request", want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := seal.OpenJSON[request](r, "request", s); err != nil || got != want {
		t.Fatalf("OpenJSON = %+v, %v", got, err)
	}
	_, err = seal.OpenJSON[[]int](r, "request", s)
	refused(t, "another shape", err)
	if _, err := seal.SealJSON(r, "request", func() {}); err == nil {
		t.Fatal("a function was sealed as JSON")
	}
}

func TestBlindIndexIsWrittenAndReadUnderBothKeys(t *testing.T) {
	c := &clock{start}
	old, coming := newKey(t, 1, seal.UseIndex, start), newKey(t, 2, seal.UseIndex, start.Add(time.Minute))
	before := seal.NewRing(c.now, old).Digests("phone", "+79000000001")
	both := seal.NewRing(c.now, old, coming).Digests("phone", "+79000000001")
	if len(before) != 1 || len(both) != 2 || both[0].KeyID != 2 || both[1].KeyID != 1 {
		t.Fatalf("digests %v, then %v", before, both)
	}
	if !bytes.Equal(before[0].Digest, both[1].Digest) || bytes.Equal(both[0].Digest, both[1].Digest) {
		t.Fatal("what was written before is not found, or both keys digest alike")
	}
	r := seal.NewRing(c.now, old)
	if bytes.Equal(r.Digests("phone", "x")[0].Digest, r.Digests("email", "x")[0].Digest) {
		t.Fatal("kinds mix")
	}
	if bytes.Equal(r.Digests("ab", "c")[0].Digest, r.Digests("a", "bc")[0].Digest) {
		t.Fatal("kind and value run together")
	}
}

func TestKeyedHashNeedsKeyKindValueAndSalt(t *testing.T) {
	r := newRing(t)
	d, err := r.KeyedHash("letter", "ABCD", []byte("salt"))
	if err != nil {
		t.Fatal(err)
	}
	check := func(kind, value, salt string, want bool) {
		t.Helper()
		if ok, err := r.CheckKeyedHash(d, kind, value, []byte(salt)); ok != want || err != nil {
			t.Errorf("CheckKeyedHash(%s, %s, %s) = %v, %v, want %v", kind, value, salt, ok, err, want)
		}
	}
	check("letter", "ABCD", "salt", true)
	check("letter", "ABCE", "salt", false)
	check("other", "ABCD", "salt", false)
	check("letter", "ABCD", "pepper", false)
	check("letter", "tABCD", "sal", false)
	d.KeyID++
	if _, err := r.CheckKeyedHash(d, "letter", "ABCD", []byte("salt")); !errors.Is(err, seal.ErrNoIndexKey) {
		t.Errorf("an unknown key gives %v", err)
	}
}

func FuzzOpen(f *testing.F) {
	r := newRing(f)
	sealed := r.Seal("code", []byte("x"), nil)
	for _, s := range []string{"", "AQ", sealed[:20], sealed + "A", strings.Repeat("A", 100), sealed[:len(sealed)-2] + "AA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := r.Open("code", s, nil); err == nil && s != sealed {
			t.Fatalf("opened a forgery: %q", got)
		} else if err != nil && !errors.Is(err, seal.ErrSealed) {
			t.Fatalf("another error: %v", err)
		}
	})
}

var payload = bytes.Repeat([]byte("p"), 200)

func BenchmarkSeal(b *testing.B) {
	r := newRing(b)
	b.ReportAllocs()
	for b.Loop() {
		r.Seal("code", payload, nil)
	}
}

func BenchmarkOpen(b *testing.B) {
	r := newRing(b)
	s := r.Seal("code", payload, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open("code", s, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigests(b *testing.B) {
	r := newRing(b)
	for b.Loop() {
		r.Digests("phone", "+79000000001")
	}
}
