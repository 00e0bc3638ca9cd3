package storagetest

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

// StartOne starts a session of an account and stores it.
func (s *Stores) StartOne(t testing.TB, a *account.Account) *session.Session {
	t.Helper()
	now := s.Clock.Now()
	v := &session.Session{ID: session.ID(rand.Text()), Account: a.ID, Epoch: a.Epoch, Kind: session.Ordinary, Started: now, LastSeen: now,
		Expires: now.Add(24 * time.Hour), Idle: time.Hour, AuthTime: now, AMR: []string{"pwd", "otp", "mfa"}, Snapshot: a.Assurance(now),
		Browser: []byte{0, 1, 255}, Device: "Firefox, Windows"}
	if err := s.StartSession(t.Context(), v); err != nil {
		t.Fatalf("start session: %v", err)
	}
	return v
}

func sessions(t *testing.T, s *Stores) {
	ctx := t.Context()

	t.Run("come back as they were written", func(t *testing.T) {
		a := s.Standard(t)
		if err := a.Confirm(account.Confirmation{ID: "c", Method: account.ServiceCenter, At: s.Clock.Now(), Centre: "77-014"}); err != nil {
			t.Fatal(err)
		}
		v := s.StartOne(t, s.Create(t, a))
		got, err := s.Session(ctx, v.ID)
		ok(t, "Session", err)
		same(t, "session", got, v)
		is(t, "the same id again", s.StartSession(ctx, v), fault.Exists)
		_, err = s.Session(ctx, "unknown")
		absent(t, "Session", err)
	})

	t.Run("of an account are listed newest first, without the ended", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		var ids []session.ID
		for range 3 {
			s.Clock.Advance(time.Second)
			ids = append(ids, s.StartOne(t, a).ID)
		}
		_, err := s.EndSessions(ctx, session.Scope{Account: a.ID, Session: ids[1]}, false, s.Clock.Now())
		ok(t, "EndSessions", err)
		list, err := s.Sessions(ctx, a.ID)
		ok(t, "Sessions", err)
		if len(list) != 2 || list[0].ID != ids[2] || list[1].ID != ids[0] {
			t.Errorf("sessions: got %d, want the third and the first of %v", len(list), ids)
		}
		ended, err := s.Session(ctx, ids[1])
		if err != nil || !ended.Ended.Equal(s.Clock.Now()) {
			t.Errorf("the ended one: got %v, %v; want it ended now", ended, err)
		}
	})

	t.Run("are touched forwards only, and renewed until they end", func(t *testing.T) {
		v := s.StartOne(t, s.Create(t, s.Simplified(t)))
		later := v.LastSeen.Add(5 * time.Minute)
		ok(t, "TouchSession", s.TouchSession(ctx, v.ID, later))
		ok(t, "TouchSession", s.TouchSession(ctx, v.ID, v.LastSeen))
		got, err := s.Session(ctx, v.ID)
		if err != nil || !got.LastSeen.Equal(later) {
			t.Errorf("last seen: got %v, %v; want %v", got, err, later)
		}
		v.Epoch, v.AuthTime, v.AMR, v.Browser, v.LastSeen = 2, later, []string{"pwd"}, []byte("new"), later
		v.Snapshot = account.Assurance{Level: account.Standard}
		ok(t, "RenewSession", s.RenewSession(ctx, v))
		got, err = s.Session(ctx, v.ID)
		ok(t, "Session", err)
		same(t, "renewed session", got, v)
		_, err = s.EndSessions(ctx, session.Scope{Session: v.ID}, false, later)
		ok(t, "EndSessions", err)
		absent(t, "RenewSession after the end", s.RenewSession(ctx, v))
	})

	t.Run("sign on in one trip with standing and consent", func(t *testing.T) {
		a := s.Create(t, s.Standard(t))
		v := s.StartOne(t, a)
		s.Ops.Reset()
		got, st, c, err := s.SignOn(ctx, v.ID, "tax")
		ok(t, "SignOn", err)
		same(t, "session", got, v)
		same(t, "standing", st, a.Standing)
		if c != nil {
			t.Errorf("consent: got %v, want none", c)
		}
		want := &consent.Consent{Account: a.ID, Client: "tax", Scopes: []string{"openid", "snils"}, Given: s.Clock.Now(), Until: s.Clock.Now().AddDate(1, 0, 0)}
		ok(t, "SaveConsent", s.SaveConsent(ctx, want))
		s.Ops.Reset()
		_, _, c, err = s.SignOn(ctx, v.ID, "tax")
		ok(t, "SignOn", err)
		same(t, "consent", c, want)
		if ops := s.Ops.Reset(); len(ops) != 1 {
			t.Errorf("trips of SignOn: got %v, want one", ops)
		}
		_, _, c, err = s.SignOn(ctx, v.ID, "pension")
		if err != nil || c != nil {
			t.Errorf("SignOn for another party: got consent %v, %v; want none", c, err)
		}
		_, _, _, err = s.SignOn(ctx, "unknown", "tax")
		absent(t, "SignOn", err)
	})

	t.Run("end with the grants made through them, and leave who must be told", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		one, two := s.StartOne(t, a), s.StartOne(t, a)
		g := s.Granted(t, one, "tax", false)
		off := s.Granted(t, one, "pension", true)
		other := s.Granted(t, two, "tax", false)

		left, err := s.EndSessions(ctx, session.Scope{Account: a.ID, Session: one.ID}, false, s.Clock.Now())
		ok(t, "EndSessions", err)
		same(t, "left", left, []session.Left{{Session: one.ID, Client: "pension"}, {Session: one.ID, Client: "tax"}})
		s.stands(t, g, false)
		s.stands(t, off, true)
		s.stands(t, other, true)

		left, err = s.EndSessions(ctx, session.Scope{Account: a.ID, Session: one.ID}, false, s.Clock.Now())
		if err != nil || len(left) != 0 {
			t.Errorf("ending again: got %v, %v; want nothing left", left, err)
		}
		left, err = s.EndSessions(ctx, session.Scope{Account: a.ID}, true, s.Clock.Now().Add(time.Second))
		ok(t, "EndSessions of all", err)
		same(t, "left of all", left, []session.Left{{Session: two.ID, Client: "tax"}})
		s.stands(t, off, false)
		s.stands(t, other, false)
	})

	t.Run("all but one end", func(t *testing.T) {
		a, b := s.Create(t, s.Simplified(t)), s.Create(t, s.Simplified(t))
		keep, drop, foreign := s.StartOne(t, a), s.StartOne(t, a), s.StartOne(t, b)
		kept, dropped := s.Granted(t, keep, "tax", true), s.Granted(t, drop, "tax", true)
		left, err := s.EndSessions(ctx, session.Scope{Account: a.ID, Except: keep.ID}, true, s.Clock.Now())
		ok(t, "EndSessions", err)
		same(t, "left", left, []session.Left{{Session: drop.ID, Client: "tax"}})
		s.stands(t, kept, true)
		s.stands(t, dropped, false)
		for id, want := range map[session.ID]bool{keep.ID: true, drop.ID: false, foreign.ID: true} {
			v, err := s.Session(ctx, id)
			if err != nil || v.Ended.IsZero() != want {
				t.Errorf("session %s: ended %v, %v; want alive %t", id, v.Ended, err, want)
			}
		}
		_, err = s.EndSessions(ctx, session.Scope{Account: b.ID, Session: keep.ID}, false, s.Clock.Now())
		ok(t, "EndSessions of another's", err)
		if v, err := s.Session(ctx, keep.ID); err != nil || !v.Ended.IsZero() {
			t.Errorf("a session was ended in the name of another account: %v, %v", v, err)
		}
	})

	t.Run("that end while codes are redeemed leave nobody untold", func(t *testing.T) {
		for range 10 {
			a := s.Create(t, s.Simplified(t))
			v := s.StartOne(t, a)
			const n = 6
			var left []session.Left
			granted := make([]bool, n)
			for _, err := range parallel(n+1, func(i int) error {
				var err error
				if i == n {
					left, err = s.EndSessions(ctx, session.Scope{Account: a.ID}, false, s.Clock.Now())
					return err
				}
				g := s.Grant(v, rp.ID("client-"+string(rune('a'+i))), false)
				outcome, err := s.RedeemGrant(ctx, g)
				granted[i] = outcome == 0
				return err
			}) {
				ok(t, "race", err)
			}
			told := map[string]bool{}
			for _, l := range left {
				told[l.Client] = true
			}
			for i, g := range granted {
				if client := "client-" + string(rune('a'+i)); g != told[client] {
					t.Errorf("%s: granted %t, told %t", client, g, told[client])
				}
			}
		}
	})
}

func consents(t *testing.T, s *Stores) {
	ctx := t.Context()
	a := s.Create(t, s.Simplified(t))
	v := s.StartOne(t, a)
	until := s.Clock.Now().AddDate(1, 0, 0)
	c := &consent.Consent{Account: a.ID, Client: "tax", Scopes: []string{"openid"}, Given: s.Clock.Now(), Until: until}

	_, err := s.Consent(ctx, a.ID, "tax")
	absent(t, "Consent", err)
	ok(t, "SaveConsent", s.SaveConsent(ctx, c))
	c.Scopes, c.Given = []string{"openid", "email"}, s.Clock.Now().Add(time.Second)
	ok(t, "SaveConsent again", s.SaveConsent(ctx, c))
	ok(t, "SaveConsent of another", s.SaveConsent(ctx, &consent.Consent{Account: a.ID, Client: "pension", Given: s.Clock.Now(), Until: until, Scopes: []string{"openid"}}))
	got, err := s.Consent(ctx, a.ID, "tax")
	ok(t, "Consent", err)
	same(t, "consent", got, c)
	all, err := s.Consents(ctx, a.ID)
	if err != nil || len(all) != 2 || all[0].Client != "tax" {
		t.Errorf("Consents: got %v, %v; want tax and pension", all, err)
	}

	tax, pension := s.Granted(t, v, "tax", true), s.Granted(t, v, "pension", false)
	ok(t, "RevokeConsent", s.RevokeConsent(ctx, a.ID, "tax", s.Clock.Now()))
	_, err = s.Consent(ctx, a.ID, "tax")
	absent(t, "the revoked consent", err)
	s.stands(t, tax, false)
	s.stands(t, pension, true)
}
