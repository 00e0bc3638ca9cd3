package storagetest

import (
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/session"
)

// signIns are sessions that begin together with their events.
func signIns(t *testing.T, s *Stores) {
	ctx := t.Context()
	desk := session.New(session.Config{Now: s.Clock.Now, Wall: s.Clock.Now})
	a := s.Create(t, s.Standard(t))
	draft := func() (*session.Session, audit.Event) {
		v, e, err := desk.Draft(a, session.Ordinary, []string{"pwd"}, session.HashBrowser("b"), "Firefox, Windows")
		ok(t, "Draft", err)
		return v, e
	}
	given := &consent.Consent{Account: a.ID, Client: "tax", Scopes: []string{"openid", "snils"}, Given: s.Clock.Now(), Until: s.Clock.Now().Add(time.Hour)}
	ok(t, "SaveConsent", s.SaveConsent(ctx, given))

	t.Run("say what a single sign-on would say", func(t *testing.T) {
		v, e := draft()
		s.Ops.Reset()
		st, c, err := s.SignIn(ctx, v, e, "tax")
		ok(t, "SignIn", err)
		v, e = draft()
		s.Ops.Reset()
		_, _, err = s.SignIn(ctx, v, e, "pension")
		ok(t, "SignIn for another", err)
		if ops := s.Ops.Reset(); s.DB.Dialect() == "postgres" && len(ops) != 1 {
			t.Errorf("trips: got %v, want one", ops)
		}
		kept, st2, c2, err := s.SignOn(ctx, v.ID, "tax")
		ok(t, "SignOn", err)
		if st.ID != a.ID || st.Epoch != st2.Epoch || st.Level != st2.Level || c == nil || c2 == nil || !c.Until.Equal(c2.Until) || !c.Covers([]string{"snils"}, s.Clock.Now()) {
			t.Errorf("standing and consent: got %+v, %+v; want %+v, %+v", st, c, st2, c2)
		}
		if kept.Device != v.Device || kept.Epoch != a.Epoch || !kept.Expires.Equal(v.Expires) || kept.Snapshot.Level != account.Standard || !session.SameBrowser("b", kept.Browser) {
			t.Errorf("kept: got %+v, want %+v", kept, v)
		}
		_, c, err = s.SignIn(ctx, kept, e, "tax")
		if err == nil {
			t.Errorf("one id began twice: %+v", c)
		}
	})

	t.Run("leave one event each", func(t *testing.T) {
		before, err := s.Events(ctx, a.ID, 0, 100)
		ok(t, "Events", err)
		v, e := draft()
		_, c, err := s.SignIn(ctx, v, e, "")
		ok(t, "SignIn", err)
		if c != nil {
			t.Errorf("without a party: a consent %+v", c)
		}
		after, err := s.Events(ctx, a.ID, 0, 100)
		ok(t, "Events", err)
		if len(after) != len(before)+1 || after[0].Kind != audit.SignedIn || after[0].Session != string(v.ID) || after[0].Device != v.Device || !after[0].At.Equal(e.At) {
			t.Errorf("events: got %d after %d, the last %+v", len(after), len(before), after[0])
		}
	})

	t.Run("do not begin for who fell meanwhile", func(t *testing.T) {
		v, e := draft()
		changed, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Renew(); return nil })
		ok(t, "ChangeAccount", err)
		before, err := s.Events(ctx, a.ID, 0, 100)
		ok(t, "Events", err)
		_, _, err = s.SignIn(ctx, v, e, "tax")
		absent(t, "SignIn of an epoch past", err)
		_, err = s.Session(ctx, v.ID)
		absent(t, "its session", err)
		if after, err := s.Events(ctx, a.ID, 0, 100); err != nil || len(after) != len(before) {
			t.Errorf("events: got %d after %d, %v", len(after), len(before), err)
		}
		a = changed
		v, e = draft()
		_, _, err = s.SignIn(ctx, v, e, "tax")
		ok(t, "SignIn of the epoch now", err)
	})
}
