package storagetest

import (
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

func seeding(t *testing.T, s *Stores) {
	ctx := t.Context()
	const n = 2100
	made := make([]*account.Account, n)
	for i := range made {
		made[i] = s.Standard(t)
	}
	var told []int
	ok(t, "Seed", s.Seed(ctx, n, func(i int) *account.Account { return made[i] }, func(done, total int) { told = append(told, done) }))
	if len(told) == 0 || told[len(told)-1] != n {
		t.Errorf("progress: got %v, want steps up to %d", told, n)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		got, err := s.FindAccount(ctx, account.BySNILS, made[i].Profile.Person.SNILS.String())
		ok(t, "FindAccount", err)
		want := *made[i]
		want.Version = 1
		same(t, "seeded account", got, &want)
	}
	is(t, "Seed again", s.Seed(ctx, n, func(i int) *account.Account { return made[i] }, nil), fault.Exists)

	id, err := s.Keyring.Rotate(ctx, seal.UseIndex)
	ok(t, "Rotate", err)
	ok(t, "Reindex", s.Reindex(ctx, nil))
	var old uint32
	keys, err := s.DB.Keys(ctx)
	ok(t, "Keys", err)
	s.Clock.Advance(5 * time.Minute)
	for _, k := range keys {
		if old = k.ID; k.Use == seal.UseIndex && k.ID != id && k.RetiredAt.IsZero() {
			ok(t, "Retire", s.Keyring.Retire(ctx, old, s.Clock.Now()))
		}
	}
	ok(t, "Reindex after retiring", s.Reindex(ctx, nil))
	got, err := s.FindAccount(ctx, account.ByPhone, made[7].Profile.Contacts[0].Value)
	if err != nil || got.ID != made[7].ID {
		t.Errorf("FindAccount under the new key alone: got %v, %v", got, err)
	}
}

// BenchmarkSeed measures how fast accounts are written in bulk; b.N is their number.
func BenchmarkSeed(b *testing.B, s *Stores) {
	if err := s.Seed(b.Context(), b.N, func(int) *account.Account { return s.Standard(b) }, nil); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accounts/s")
}
