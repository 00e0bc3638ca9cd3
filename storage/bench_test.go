package storage_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/storage/storagetest"
)

func eachStore(b *testing.B, f func(b *testing.B, s *storagetest.Stores)) {
	b.Run("sqlite", func(b *testing.B) { f(b, storagetest.New(b)) })
	b.Run("postgres+redis", func(b *testing.B) { f(b, storagetest.Served(b)) })
}

// The yardstick: what a signature costs on this machine.
func BenchmarkSignature(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := make([]byte, 32)
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, key, digest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeed(b *testing.B) { eachStore(b, storagetest.BenchmarkSeed) }

func BenchmarkHotCalls(b *testing.B) {
	eachStore(b, func(b *testing.B, s *storagetest.Stores) {
		ctx := b.Context()
		a := s.Create(b, s.Standard(b))
		v := s.StartOne(b, a)
		g := s.Granted(b, v, "tax", true)
		gen := 0
		for _, c := range []struct {
			name string
			call func() error
		}{
			{"SignOn", func() error { _, _, _, err := s.SignOn(ctx, v.ID, "tax"); return err }},
			{"RedeemGrant", func() error { _, err := s.RedeemGrant(ctx, s.Grant(v, "tax", true)); return err }},
			{"GrantUse", func() error { _, err := s.GrantUse(ctx, g.ID); return err }},
			{"GrantAccount", func() error { _, _, err := s.GrantAccount(ctx, g.ID); return err }},
			{"FindAccount", func() error { _, err := s.FindAccount(ctx, account.ByPhone, a.Profile.Contacts[0].Value); return err }},
			{"RotateGrant", func() error {
				outcome, _, err := s.RotateGrant(ctx, grant.Rotation{Grant: g.ID, Client: "tax", OldHash: hash(gen), OldGen: gen, NewHash: hash(gen + 1), Now: s.Clock.Now()})
				if gen++; outcome != grant.Granted {
					return fmt.Errorf("outcome %d", outcome)
				}
				return err
			}},
		} {
			b.Run(c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.call(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

func hash(gen int) []byte { return fmt.Appendf(nil, "hash-%d", gen) }
