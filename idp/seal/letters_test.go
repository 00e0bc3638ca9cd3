package seal_test

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/seal"
)

func TestKeyForLettersIsMadeWhereItIsAskedForAndApartFromTheOthers(t *testing.T) {
	s := newStore()
	wall := func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }
	without := open(t, s, wall)
	if _, err := without.LetterSigner(); !errors.Is(err, seal.ErrNoSigner) {
		t.Fatalf("without a printer: %v", err)
	}
	// An installation that has rotated before: the next ids are taken.
	if _, err := without.Rotate(t.Context(), seal.UseSeal); err != nil {
		t.Fatal(err)
	}
	uses := append([]seal.Use{seal.UseSignLetters}, quick...)
	rings := make([]*seal.Keyring, 4)
	var all sync.WaitGroup
	for i := range rings { // nodes that start together
		all.Go(func() {
			k, err := seal.OpenKeyring(t.Context(), s, master, seal.Options{Wall: wall, Uses: uses})
			if err != nil {
				t.Error(err)
			}
			rings[i] = k
		})
	}
	all.Wait()
	first, err := rings[0].LetterSigner()
	if err != nil || first.Alg != seal.EdDSA {
		t.Fatalf("%+v, %v", first, err)
	}
	sig, err := first.Private.Sign(nil, []byte("batch"), crypto.Hash(0))
	if err != nil || !ed25519.Verify(first.Private.Public().(ed25519.PublicKey), []byte("batch"), sig) {
		t.Fatalf("signature: %v", err)
	}
	for i, k := range rings {
		if got, err := k.LetterSigner(); err != nil || got.ID != first.ID || len(k.LetterKeys()) != 1 {
			t.Errorf("node %d: %s, %d keys, %v", i, got.ID, len(k.LetterKeys()), err)
		}
		for _, key := range k.SigningKeys() {
			if key.ID == first.ID {
				t.Error("the key for letters is shown to relying parties")
			}
		}
	}
}

func TestKeyOfAUseWeDoNotKnowStopsNobody(t *testing.T) {
	s := newStore()
	wall := func() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }
	open(t, s, wall)
	if err := s.AddKey(t.Context(), seal.WrappedKey{ID: 99, Use: "sign_moonlight", Wrapped: []byte("?")}); err != nil {
		t.Fatal(err)
	}
	open(t, s, wall)
}
