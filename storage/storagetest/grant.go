package storagetest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

// Grant makes a grant of a session, not yet redeemed.
func (s *Stores) Grant(v *session.Session, client rp.ID, offline bool) *grant.Grant {
	now := s.Clock.Now()
	g := &grant.Grant{ID: grant.ID(rand.Text()), Account: v.Account, Client: client, Session: v.ID, Epoch: v.Epoch,
		Scopes: []string{"openid", "profile"}, Data: []string{"email"}, Demanded: []string{"phr", "urn:propusk:loa:standard"}, Claims: []byte(`{"userinfo":{"email":null}}`), AuthTime: v.AuthTime, AMR: v.AMR,
		ACR: "urn:propusk:loa:standard", Snapshot: v.Snapshot, Created: now, Offline: offline}
	if offline {
		g.Expires = now.Add(30 * 24 * time.Hour)
		g.RefreshHash = []byte("hash-0")
	}
	return g
}

// Granted makes a grant and redeems it.
func (s *Stores) Granted(t testing.TB, v *session.Session, client rp.ID, offline bool) *grant.Grant {
	t.Helper()
	g := s.Grant(v, client, offline)
	if outcome, err := s.RedeemGrant(t.Context(), g); err != nil || outcome != grant.Granted {
		t.Fatalf("redeem: got outcome %d, %v; want granted", outcome, err)
	}
	return g
}

// stands checks whether the tokens of a grant count.
func (s *Stores) stands(t *testing.T, g *grant.Grant, want bool) {
	t.Helper()
	use, err := s.GrantUse(t.Context(), g.ID)
	ok(t, "GrantUse", err)
	if use.Stands(s.Clock.Now()) != want {
		t.Errorf("grant of %s: stands %t, want %t (revoked %v, session up %t)", g.Client, use.Stands(s.Clock.Now()), want, use.Grant.Revoked, use.SessionUp)
	}
}

func grants(t *testing.T, s *Stores) {
	ctx := t.Context()
	begin := func(t *testing.T) (*account.Account, *session.Session) {
		a := s.Create(t, s.Standard(t))
		return a, s.StartOne(t, a)
	}

	t.Run("come back as they were redeemed, each in one trip", func(t *testing.T) {
		a, v := begin(t)
		g := s.Grant(v, "tax", true)
		s.Ops.Reset()
		outcome, err := s.RedeemGrant(ctx, g)
		if err != nil || outcome != grant.Granted {
			t.Fatalf("RedeemGrant: got %d, %v", outcome, err)
		}
		use, err := s.GrantUse(ctx, g.ID)
		ok(t, "GrantUse", err)
		same(t, "grant", &use.Grant, g)
		same(t, "standing", use.Standing, a.Standing)
		if !use.SessionUp || !use.Stands(s.Clock.Now()) {
			t.Error("a fresh grant does not stand")
		}
		use, acc, err := s.GrantAccount(ctx, g.ID)
		ok(t, "GrantAccount", err)
		same(t, "grant", &use.Grant, g)
		want := *a
		want.Credential = account.Credential{} // has no business there
		same(t, "account", acc, &want)
		if ops := slices.DeleteFunc(s.Ops.Reset(), func(op string) bool { return op == "records prepare" }); len(ops) != 3 {
			t.Errorf("trips: got %v, want one for each call", ops)
		}
		_, err = s.GrantUse(ctx, "unknown")
		absent(t, "GrantUse", err)
		_, _, err = s.GrantAccount(ctx, "unknown")
		absent(t, "GrantAccount", err)
	})

	t.Run("are granted once, and a replay ends what the code gave", func(t *testing.T) {
		_, v := begin(t)
		g := s.Granted(t, v, "tax", true)
		for range 2 {
			if outcome, err := s.RedeemGrant(ctx, g); err != nil || outcome != grant.Replayed {
				t.Errorf("again: got %d, %v; want replayed", outcome, err)
			}
		}
		s.stands(t, g, false)
	})

	t.Run("are granted to exactly one of parallel redemptions, and end revoked", func(t *testing.T) {
		for range 5 {
			_, v := begin(t)
			g := s.Grant(v, "tax", false)
			const n = 8
			outcomes := make([]grant.Outcome, n)
			for _, err := range parallel(n, func(i int) (err error) {
				outcomes[i], err = s.RedeemGrant(ctx, g)
				return err
			}) {
				ok(t, "RedeemGrant", err)
			}
			slices.Sort(outcomes)
			want := append([]grant.Outcome{grant.Granted}, slices.Repeat([]grant.Outcome{grant.Replayed}, n-1)...)
			if !slices.Equal(outcomes, want) {
				t.Errorf("outcomes: got %v, want one granted and the others replayed", outcomes)
			}
			s.stands(t, g, false)
		}
	})

	t.Run("are refused when the epoch has moved or the session ended", func(t *testing.T) {
		a, v := begin(t)
		moved := s.Grant(v, "tax", false)
		_, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Renew(); return nil })
		ok(t, "ChangeAccount", err)
		if outcome, err := s.RedeemGrant(ctx, moved); err != nil || outcome != grant.Fallen {
			t.Errorf("after the epoch moved: got %d, %v; want fallen", outcome, err)
		}
		_, err = s.GrantUse(ctx, moved.ID)
		absent(t, "the refused grant", err)

		_, v = begin(t)
		ended := s.Grant(v, "tax", false)
		_, err = s.EndSessions(ctx, session.Scope{Session: v.ID}, false, s.Clock.Now())
		ok(t, "EndSessions", err)
		if outcome, err := s.RedeemGrant(ctx, ended); err != nil || outcome != grant.Fallen {
			t.Errorf("after the session ended: got %d, %v; want fallen", outcome, err)
		}
		other, _ := begin(t)
		stolen := s.Grant(v, "tax", false)
		stolen.Account = other.ID
		if outcome, err := s.RedeemGrant(ctx, stolen); err != nil || outcome != grant.Fallen {
			t.Errorf("with another account's session: got %d, %v; want fallen", outcome, err)
		}
	})

	t.Run("are revoked by a replay even after a fall", func(t *testing.T) {
		a, v := begin(t)
		g := s.Granted(t, v, "tax", true)
		_, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Renew(); return nil })
		ok(t, "ChangeAccount", err)
		if outcome, err := s.RedeemGrant(ctx, g); err != nil || outcome != grant.Replayed {
			t.Errorf("replay after a fall: got %d, %v; want replayed", outcome, err)
		}
		use, err := s.GrantUse(ctx, g.ID)
		if err != nil || use.Grant.Revoked.IsZero() {
			t.Errorf("grant after replay: got %v, %v; want it revoked", use, err)
		}
	})

	t.Run("of an account are listed newest first, without the revoked", func(t *testing.T) {
		a, v := begin(t)
		one := s.Granted(t, v, "tax", false)
		s.Clock.Advance(time.Second)
		two, three := s.Granted(t, v, "pension", false), s.Granted(t, v, "voting", false)
		ok(t, "RevokeGrant", s.RevokeGrant(ctx, three.ID, s.Clock.Now()))
		ok(t, "RevokeGrant again", s.RevokeGrant(ctx, three.ID, s.Clock.Now().Add(time.Hour)))
		list, err := s.Grants(ctx, a.ID)
		if err != nil || len(list) != 2 || list[0].ID != two.ID || list[1].ID != one.ID {
			t.Errorf("Grants: got %v, %v; want pension and tax", list, err)
		}
		use, err := s.GrantUse(ctx, three.ID)
		if err != nil || !use.Grant.Revoked.Equal(s.Clock.Now()) {
			t.Errorf("revoked grant: got %v, %v; want the first time of revoking", use, err)
		}
	})
	t.Run("stand no longer than they were given for, with a session or without", func(t *testing.T) {
		_, v := begin(t)
		g := s.Grant(v, "tax", false)
		g.Expires = s.Clock.Now().Add(time.Minute)
		_, err := s.RedeemGrant(ctx, g)
		ok(t, "RedeemGrant", err)
		s.stands(t, g, true)
		s.Clock.Advance(time.Minute)
		s.stands(t, g, false)
	})
	t.Run("rotate", func(t *testing.T) { rotations(t, s, begin) })
}

// rotation asks to replace token gen by the next.
func (s *Stores) rotation(g *grant.Grant, gen int) grant.Rotation {
	hash := func(n int) []byte { return []byte("hash-" + string(rune('0'+n))) }
	return grant.Rotation{Grant: g.ID, Client: g.Client, OldHash: hash(gen), OldGen: gen, NewHash: hash(gen + 1),
		Sealed: append([]byte("sealed-"), hash(gen+1)...), Now: s.Clock.Now(), Grace: 10 * time.Second}
}

func rotations(t *testing.T, s *Stores, begin func(*testing.T) (*account.Account, *session.Session)) {
	ctx := t.Context()
	rotate := func(t *testing.T, r grant.Rotation, want grant.Outcome) *grant.Use {
		t.Helper()
		got, use, err := s.RotateGrant(ctx, r)
		if err != nil || got != want {
			t.Fatalf("RotateGrant of generation %d: got %d, %v; want %d", r.OldGen, got, err, want)
		}
		return use
	}

	t.Run("not if the one who judges says no, and then nothing is spent", func(t *testing.T) {
		_, v := begin(t)
		r := s.rotation(s.Granted(t, v, "tax", true), 0)
		no := errors.New("no")
		r.Judge = func(u *grant.Use) error {
			if u.Grant.ID != r.Grant || u.Standing.ID != v.Account {
				t.Errorf("judged: %+v", u)
			}
			return no
		}
		if _, _, err := s.RotateGrant(ctx, r); !errors.Is(err, no) {
			t.Errorf("got %v", err)
		}
		r.Judge = func(*grant.Use) error { return nil }
		s.Clock.Advance(time.Minute)
		rotate(t, r, grant.Granted)
		rotate(t, r, grant.Repeated)
	})

	t.Run("in one trip", func(t *testing.T) {
		a, v := begin(t)
		g := s.Granted(t, v, "tax", true)
		rotate(t, s.rotation(g, 0), grant.Granted)
		s.Ops.Reset()
		use := rotate(t, s.rotation(g, 1), grant.Granted)
		if ops := s.Ops.Reset(); len(ops) != 1 {
			t.Errorf("trips: got %v, want one", ops)
		}
		same(t, "standing", use.Standing, a.Standing)
		if !use.SessionUp || use.Grant.RefreshGen != 2 || !bytes.Equal(use.Grant.RefreshHash, []byte("hash-2")) {
			t.Errorf("after rotation: session up %t, generation %d, hash %s", use.SessionUp, use.Grant.RefreshGen, use.Grant.RefreshHash)
		}
	})

	t.Run("and give the same successor to a repeat within the grace", func(t *testing.T) {
		_, v := begin(t)
		g := s.Granted(t, v, "tax", true)
		rotate(t, s.rotation(g, 0), grant.Granted)
		s.Clock.Advance(9 * time.Second)
		use := rotate(t, s.rotation(g, 0), grant.Repeated)
		if string(use.Grant.PrevSealed) != "sealed-hash-1" || use.Grant.RefreshGen != 1 {
			t.Errorf("repeat: sealed %q, generation %d; want the successor, and nothing changed", use.Grant.PrevSealed, use.Grant.RefreshGen)
		}
		s.Clock.Advance(2 * time.Second)
		rotate(t, s.rotation(g, 0), grant.Replayed)
		s.stands(t, g, false)
	})

	t.Run("and end with an old token once its successor was used", func(t *testing.T) {
		_, v := begin(t)
		g := s.Granted(t, v, "tax", true)
		rotate(t, s.rotation(g, 0), grant.Granted)
		rotate(t, s.rotation(g, 1), grant.Granted)
		rotate(t, s.rotation(g, 0), grant.Replayed)
		s.stands(t, g, false)
		rotate(t, s.rotation(g, 2), grant.Fallen)
	})

	t.Run("once of parallel calls, the others repeating", func(t *testing.T) {
		for range 5 {
			_, v := begin(t)
			g := s.Granted(t, v, "tax", true)
			const n = 6
			outcomes := make([]grant.Outcome, n)
			for _, err := range parallel(n, func(i int) (err error) {
				outcomes[i], _, err = s.RotateGrant(ctx, s.rotation(g, 0))
				return err
			}) {
				ok(t, "RotateGrant", err)
			}
			slices.Sort(outcomes)
			want := append([]grant.Outcome{grant.Granted}, slices.Repeat([]grant.Outcome{grant.Repeated}, n-1)...)
			if !slices.Equal(outcomes, want) {
				t.Errorf("outcomes: got %v, want one granted and the others repeated", outcomes)
			}
		}
	})

	t.Run("not after a fall, an end or the absolute end", func(t *testing.T) {
		a, v := begin(t)
		offline, online := s.Granted(t, v, "tax", true), s.Grant(v, "pension", false)
		online.RefreshHash = []byte("hash-0")
		if outcome, err := s.RedeemGrant(ctx, online); err != nil || outcome != grant.Granted {
			t.Fatalf("redeem: %d, %v", outcome, err)
		}
		_, err := s.EndSessions(ctx, session.Scope{Session: v.ID}, false, s.Clock.Now())
		ok(t, "EndSessions", err)
		rotate(t, s.rotation(online, 0), grant.Fallen)
		use := rotate(t, s.rotation(offline, 0), grant.Granted)
		if use.SessionUp {
			t.Error("the ended session is said to be up")
		}
		late := s.rotation(offline, 1)
		late.Now = offline.Expires
		rotate(t, late, grant.Fallen)
		_, err = s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Renew(); return nil })
		ok(t, "ChangeAccount", err)
		rotate(t, s.rotation(offline, 1), grant.Fallen)
	})

	t.Run("only for their own party and with tokens we made", func(t *testing.T) {
		_, v := begin(t)
		g := s.Granted(t, v, "tax", true)
		foreign := s.rotation(g, 0)
		foreign.Client = "pension"
		_, _, err := s.RotateGrant(ctx, foreign)
		is(t, "another party's", err, fault.NotFound)
		guess := s.rotation(g, 0)
		guess.OldHash = []byte("guess")
		_, _, err = s.RotateGrant(ctx, guess)
		is(t, "a guess", err, fault.NotFound)
		guess = s.rotation(g, 5)
		_, _, err = s.RotateGrant(ctx, guess)
		is(t, "a generation to come", err, fault.NotFound)
		unknown := s.rotation(g, 0)
		unknown.Grant = "unknown"
		_, _, err = s.RotateGrant(ctx, unknown)
		is(t, "an unknown grant", err, fault.NotFound)
		s.stands(t, g, true)
	})
}
