package seal_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// fakeStore is a table in memory, whose order is no order and which can be
// switched off.
type fakeStore struct {
	mu   sync.Mutex
	rows map[uint32]seal.WrappedKey
	down error
}

func newStore() *fakeStore { return &fakeStore{rows: map[uint32]seal.WrappedKey{}} }

func (s *fakeStore) Keys(context.Context) ([]seal.WrappedKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.rows)), s.down
}

func (s *fakeStore) AddKey(_ context.Context, k seal.WrappedKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.rows[k.ID]; ok {
		return fmt.Errorf("key %d: %w", k.ID, fault.Exists)
	}
	s.rows[k.ID] = k
	return nil
}

func (s *fakeStore) RetireKey(_ context.Context, id uint32, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.rows[id]
	if !ok {
		return fault.NotFound
	}
	k.RetiredAt = at
	s.rows[id] = k
	return nil
}

func (s *fakeStore) setDown(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = err
}

var master = seal.NewMaster(1, bytes.Repeat([]byte{9}, seal.SecretSize))

// quick leaves RSA out: drawing its primes takes most of a second.
var quick = []seal.Use{seal.UseSeal, seal.UseIndex, seal.UseSignES256}

func open(t *testing.T, s seal.Store, wall func() time.Time) *seal.Keyring {
	t.Helper()
	k, err := seal.OpenKeyring(t.Context(), s, master, seal.Options{Wall: wall, Uses: quick})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFirstKeysOfEveryUseAreMadeAndUsableAtOnce(t *testing.T) {
	s, c := newStore(), &clock{start}
	k, err := seal.OpenKeyring(t.Context(), s, master, seal.Options{Wall: c.now})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("token"))
	for _, alg := range []string{seal.ES256, seal.RS256} {
		signer, err := k.Signer(alg)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := signer.Private.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		switch public := signer.Private.Public().(type) {
		case *ecdsa.PublicKey:
			if !ecdsa.VerifyASN1(public, digest[:], sig) {
				t.Error("ES256 does not verify")
			}
		case *rsa.PublicKey:
			if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig); err != nil || public.N.BitLen() != 2048 {
				t.Errorf("RS256 of %d bits: %v", public.N.BitLen(), err)
			}
		}
	}
	for _, row := range s.rows {
		if bytes.Contains(row.Wrapped, []byte("PRIVATE")) || len(row.Wrapped) < 32 {
			t.Errorf("key %d is not wrapped", row.ID)
		}
	}
	again, err := seal.OpenKeyring(t.Context(), s, master, seal.Options{Wall: c.now})
	if err != nil || len(s.rows) != 4 {
		t.Fatalf("opened again: %d keys, %v", len(s.rows), err)
	}
	if got, err := again.Open("code", k.Seal("code", []byte("x"), nil), nil); err != nil || string(got) != "x" {
		t.Fatalf("the second node opens %q, %v", got, err)
	}
}

func TestNodesThatStartTogetherAgree(t *testing.T) {
	s, c := newStore(), &clock{start}
	rings := make([]*seal.Keyring, 8)
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() {
			k, err := seal.OpenKeyring(context.Background(), s, master, seal.Options{Wall: c.now, Uses: quick})
			if err != nil {
				t.Error(err)
			}
			rings[i] = k
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if len(s.rows) != len(quick) {
		t.Fatalf("%d keys for %d uses", len(s.rows), len(quick))
	}
	sealed := rings[0].Seal("code", nil, nil)
	want, _ := rings[0].Signer(seal.ES256)
	for i, k := range rings {
		if _, err := k.Open("code", sealed, nil); err != nil {
			t.Errorf("node %d: %v", i, err)
		}
		if got, err := k.Signer(seal.ES256); err != nil || got.ID != want.ID {
			t.Errorf("node %d signs with %q, %v, want %q", i, got.ID, err, want.ID)
		}
	}
}

func TestNewKeyIsReadEverywhereBeforeItIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a, b := open(t, s, time.Now), open(t, s, time.Now)
		changes := 0
		b.OnChange(func() { changes++ })
		go b.Run(t.Context())
		old, _ := a.Signer(seal.ES256)
		version := b.Version()
		id, err := a.Rotate(t.Context(), seal.UseSignES256)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Rotate(t.Context(), seal.UseSeal); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if changes != 1 || b.Version() != version+1 {
			t.Fatalf("after a poll: %d changes, version %d, was %d", changes, b.Version(), version)
		}
		if keys := b.SigningKeys(); len(keys) != 2 || keys[0].KeyID() != id {
			t.Fatalf("the other node shows %d signing keys", len(keys))
		}
		if now, _ := a.Signer(seal.ES256); now.ID != old.ID {
			t.Fatal("the new key signs before the delay")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		now, err := a.Signer(seal.ES256)
		if err != nil || now.ID == old.ID || now.KeyID() != id {
			t.Fatalf("after the delay %q signs, %v", now.ID, err)
		}
		if _, err := b.Open("code", a.Seal("code", nil, nil), nil); err != nil {
			t.Fatalf("the other node does not open under the new key: %v", err)
		}
		if changes != 1 {
			t.Fatalf("the set did not change, and %d changes were told", changes)
		}
	})
}

func TestRetiredKeyIsVoidEverywhereAndTheLastIsKept(t *testing.T) {
	s, c := newStore(), &clock{start}
	k := open(t, s, c.now)
	old, _ := k.Signer(seal.ES256)
	if err := k.Retire(t.Context(), old.KeyID(), c.now()); !errors.Is(err, seal.ErrLastKey) || !errors.Is(err, fault.Conflict) {
		t.Fatalf("the last key: %v", err)
	}
	if _, err := k.Rotate(t.Context(), seal.UseSignES256); err != nil {
		t.Fatal(err)
	}
	if err := k.Retire(t.Context(), old.KeyID(), c.now()); !errors.Is(err, seal.ErrLastKey) {
		t.Fatalf("its successor is not usable yet: %v", err)
	}
	c.advance(3 * time.Minute)
	if err := k.Retire(t.Context(), old.KeyID(), c.now()); err != nil {
		t.Fatal(err)
	}
	if keys := k.SigningKeys(); len(keys) != 1 || keys[0].ID == old.ID {
		t.Fatalf("still shown: %d keys", len(keys))
	}
	if err := k.Retire(t.Context(), 99, c.now()); !errors.Is(err, fault.NotFound) {
		t.Fatalf("an unknown key: %v", err)
	}
}

func TestKeysAtHandStayWhenTheStoreIsDown(t *testing.T) {
	s, c := newStore(), &clock{start}
	k := open(t, s, c.now)
	sealed := k.Seal("code", nil, nil)
	s.setDown(fault.Unavailable)
	if err := k.Reload(t.Context()); !errors.Is(err, fault.Unavailable) {
		t.Fatalf("Reload = %v", err)
	}
	if _, err := k.Open("code", sealed, nil); err != nil {
		t.Fatal(err)
	}
}

func TestRowsThatWereExchangedDoNotUnwrap(t *testing.T) {
	s, c := newStore(), &clock{start}
	k := open(t, s, c.now)
	a, b := s.rows[1], s.rows[2]
	a.Wrapped, b.Wrapped = b.Wrapped, a.Wrapped
	s.rows[1], s.rows[2] = a, b
	if _, err := seal.OpenKeyring(t.Context(), s, master, seal.Options{Wall: c.now, Uses: quick}); !errors.Is(err, seal.ErrSealed) {
		t.Fatalf("got %v", err)
	}
	_ = k
	other := seal.NewMaster(1, bytes.Repeat([]byte{8}, seal.SecretSize))
	if _, err := seal.OpenKeyring(t.Context(), s, other, seal.Options{Wall: c.now, Uses: quick}); err == nil || !strings.Contains(err.Error(), "master key file") {
		t.Fatalf("another master: %v", err)
	}
}

func TestMasterFileIsMadeOnceAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	masters := make([]*seal.Master, 6)
	var wg sync.WaitGroup
	for i := range masters {
		wg.Go(func() {
			var err error
			if masters[i], err = seal.CreateMaster(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	wrapped := masters[0].Wrap("test", []byte("x"), nil)
	for i, m := range masters {
		if got, err := m.Unwrap("test", wrapped, nil); err != nil || string(got) != "x" {
			t.Errorf("program %d: %q, %v", i, got, err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".master-*")); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadMaster(path); !errors.Is(err, seal.ErrMaster) {
		t.Fatalf("a file that the group may read: %v", err)
	}
}

func TestNewMasterKeyIsPutOnTop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	old, err := seal.CreateMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := old.Wrap("test", []byte("x"), nil)
	before, _ := os.ReadFile(path)
	both := "# rotated\n2:" + strings.Repeat("ab", 32) + "\n\n" + string(before)
	if err := os.WriteFile(path, []byte(both), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := seal.LoadMaster(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := m.Unwrap("test", wrapped, nil); err != nil || string(got) != "x" || m.Current(wrapped) {
		t.Fatalf("what the old key wrapped: %q, %v, current %v", got, err, m.Current(wrapped))
	}
	anew := m.Wrap("test", []byte("x"), nil)
	if _, err := old.Unwrap("test", anew, nil); err == nil || !m.Current(anew) {
		t.Fatal("the old key still wraps")
	}
}

func TestDamagedMasterFileIsRefusedWithoutQuotingIt(t *testing.T) {
	secret := strings.Repeat("cd", 32)
	for _, content := range []string{"", "# nothing\n", "1:abcd\n", "x:" + secret, secret, "1:" + secret + "\n1:" + secret, "-1:" + secret, "1:" + secret + "00"} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.LoadMaster(path); !errors.Is(err, seal.ErrMaster) || strings.Contains(err.Error(), "cdcd") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestAccountKeyIsBoundToAccountAndField(t *testing.T) {
	k, err := seal.NewAccountKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := master.WrapAccountKey(k, 42)
	_, err = master.UnwrapAccountKey(wrapped, 43)
	refused(t, "another account's key", err)
	back, err := master.UnwrapAccountKey(wrapped, 42)
	if err != nil {
		t.Fatal(err)
	}
	sealed := k.Seal("snils", 42, []byte("11223344595"))
	if got, err := back.Open("snils", 42, sealed); err != nil || string(got) != "11223344595" {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if bytes.Contains(sealed, []byte("11223344595")) {
		t.Fatal("the field lies open")
	}
	_, err = back.Open("phone", 42, sealed)
	refused(t, "another field", err)
	_, err = back.Open("snils", 43, sealed)
	refused(t, "another account", err)
	_, err = back.Open("snils", 42, sealed[:5])
	refused(t, "cut", err)
	_, err = seal.AccountKey{}.Open("snils", 42, sealed)
	refused(t, "no key", err)
}
