package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

func begin(t *testing.T, s *storagetest.Stores, d *session.Desk, a *account.Account, kind session.Kind) *session.Session {
	t.Helper()
	var out *session.Session
	err := s.Atomically(t.Context(), func(tx *sqlstore.Stores) (err error) {
		out, err = d.Begin(t.Context(), tx, a, kind, []string{"pwd"}, session.HashBrowser(session.NewBrowser("")), "Firefox, Linux")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func desk(s *storagetest.Stores) *session.Desk {
	return session.New(session.Config{Now: s.Clock.Now, Wall: s.Clock.Now})
}

func TestASessionDiesOfAgeOfIdlenessAndOfAFall(t *testing.T) {
	s := storagetest.New(t)
	d := desk(s)
	a := s.Create(t, s.Standard(t))
	for kind, life := range session.Lives() {
		x := begin(t, s, d, a, kind)
		now := s.Clock.Now()
		x.LastSeen = now.Add(life.Whole).Add(-time.Second)
		if !x.Alive(a.Epoch, now.Add(life.Whole-time.Second)) || x.Alive(a.Epoch, now.Add(life.Whole)) {
			t.Errorf("%s: does not end after %v", kind, life.Whole)
		}
		x.LastSeen = now
		if !x.Alive(a.Epoch, now.Add(life.Idle-time.Second)) || x.Alive(a.Epoch, now.Add(life.Idle)) {
			t.Errorf("%s: does not end after %v unused", kind, life.Idle)
		}
		if x.Alive(a.Epoch+1, now) {
			t.Errorf("%s: lives on after a fall", kind)
		}
	}
}

func TestRenewingKeepsTheSessionAndTakesAFreshSnapshot(t *testing.T) {
	s := storagetest.New(t)
	d := desk(s)
	a := s.Create(t, s.Standard(t))
	old := begin(t, s, d, a, session.Ordinary)
	risen, err := s.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "v", Method: account.ServiceCenter, At: s.Clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Clock.Advance(time.Minute)
	var renewed *session.Session
	err = s.Atomically(t.Context(), func(tx *sqlstore.Stores) (err error) {
		renewed, err = d.Renew(t.Context(), tx, old, risen, []string{"pwd", "otp"}, []byte("b"))
		return err
	})
	if err != nil || renewed.ID != old.ID || renewed.Snapshot.Level != account.Verified || old.Snapshot.Level != account.Standard || !renewed.AuthTime.After(old.AuthTime) {
		t.Errorf("%+v %v", renewed, err)
	}
	kept, err := s.Session(t.Context(), old.ID)
	if err != nil || kept.Snapshot.Level != account.Verified || len(kept.AMR) != 2 {
		t.Errorf("kept: %+v %v", kept, err)
	}
	risen.Renew()
	err = s.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
		_, err := d.Renew(t.Context(), tx, old, risen, nil, nil)
		return err
	})
	if !errors.Is(err, fault.Expired) {
		t.Errorf("a session of an older epoch was renewed: %v", err)
	}
}

func TestFallEndsEverySessionAndARiseNone(t *testing.T) {
	s := storagetest.New(t)
	d := desk(s)
	a := s.Create(t, s.Standard(t))
	begin(t, s, d, a, session.Ordinary)
	begin(t, s, d, a, session.Foreign)
	fall := func(f func(*account.Account) error) {
		t.Helper()
		err := s.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
			_, err := session.Fall(t.Context(), tx, a.ID, f, session.Why{Kind: audit.PasswordChanged, Now: s.Clock.Now(), Wall: s.Clock.Now()})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func() int {
		t.Helper()
		all, err := s.Sessions(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	fall(func(*account.Account) error { return nil })
	if open() != 2 {
		t.Errorf("a change without a fall left %d sessions", open())
	}
	fall(func(a *account.Account) error { a.Renew(); return nil })
	if open() != 0 {
		t.Errorf("a fall left %d sessions", open())
	}
	events, err := s.Events(t.Context(), a.ID, 0, 10)
	if err != nil || len(events) != 4 {
		t.Errorf("%d events, want two sign-ins and two changes: %v", len(events), err)
	}
}

func TestNobodyEndsTheSessionOfAnother(t *testing.T) {
	s := storagetest.New(t)
	a, b := s.Create(t, s.Standard(t)), s.Create(t, s.Standard(t))
	x := begin(t, s, desk(s), a, session.Ordinary)
	end := func(which session.Scope) error {
		return s.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
			return session.End(t.Context(), tx, which, false, session.Why{Kind: audit.SessionEnded, Now: s.Clock.Now(), Wall: s.Clock.Now()})
		})
	}
	if err := end(session.Scope{Account: b.ID, Session: x.ID}); !errors.Is(err, fault.NotFound) {
		t.Errorf("another's session: %v", err)
	}
	if err := end(session.Scope{}); !errors.Is(err, fault.Invalid) {
		t.Errorf("nobody's sessions: %v", err)
	}
	if err := end(session.Scope{Session: "unknown"}); err != nil {
		t.Errorf("a session that is not there: %v", err)
	}
}

func TestCookiesOpenOnlyTogether(t *testing.T) {
	s := storagetest.New(t)
	for _, c := range []session.Cookies{{Port: "8080", Ring: s.Keyring.Ring}, {Secure: true, Ring: s.Keyring.Ring}} {
		old := session.NewBrowser("")
		secret := session.NewBrowser(old)
		x := &session.Session{ID: "one", Kind: session.Ordinary}
		cookies := func(c session.Cookies, x *session.Session, secret string) []*http.Cookie {
			out := httptest.NewRecorder()
			c.Write(out, x, secret, time.Hour)
			return out.Result().Cookies()
		}
		read := func(c session.Cookies, given ...*http.Cookie) (session.ID, string) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			for _, g := range given {
				r.AddCookie(g)
			}
			return c.Read(r)
		}
		mine := cookies(c, x, secret)
		for _, k := range mine {
			if !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.Path != "/" || k.Domain != "" || k.Secure != c.Secure || strings.HasPrefix(k.Name, "__Host-") != c.Secure {
				t.Errorf("%+v", k)
			}
		}
		if id, got := read(c, mine...); id != "one" || got != secret {
			t.Errorf("read %q %q", id, got)
		}
		another := cookies(c, x, session.NewBrowser(""))
		if id, _ := read(c, another[0], mine[1]); id != "" {
			t.Error("a stolen session cookie opens beside another secret")
		}
		if id, got := read(c, mine[1]); id != "" || got != "" {
			t.Error("a session cookie opens alone")
		}
		if id, _ := read(c.ForStaff(), mine...); id != "" {
			t.Error("a citizen's cookies open the operator console")
		}
		if !session.SameBrowser(secret, session.HashBrowser(secret)) || session.SameBrowser(secret, session.HashBrowser(old)) {
			t.Error("SameBrowser takes another secret than the present one")
		}
		if !session.OnceBrowser(secret, session.HashBrowser(old)) || session.OnceBrowser(old, session.HashBrowser(secret)) || session.OnceBrowser("", session.HashBrowser("")) {
			t.Error("OnceBrowser does not know the replaced secret, or knows more")
		}
		if third := session.NewBrowser(secret); session.OnceBrowser(third, session.HashBrowser(old)) {
			t.Error("a secret is known two sign-ins later")
		}
	}
}

func TestForeignComputersKeepNothing(t *testing.T) {
	s := storagetest.New(t)
	out := httptest.NewRecorder()
	session.Cookies{Port: "1", Ring: s.Keyring.Ring}.Write(out, &session.Session{ID: "x", Kind: session.Foreign}, session.NewBrowser(""), time.Hour)
	for _, c := range out.Result().Cookies() {
		if c.MaxAge != 0 || !c.Expires.IsZero() {
			t.Errorf("%s is kept when the browser closes", c.Name)
		}
	}
}

func TestDeviceIsCoarse(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                 "Firefox, Windows",
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                            "Chrome, Linux",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 YaBrowser/25.8 Safari/537.36":               "Яндекс Браузер, Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile Safari/604.1": "Safari, iPhone",
		"curl/8": "", "": "",
	} {
		if got := session.Device(agent); got != want {
			t.Errorf("Device(%q) = %q, want %q", agent, got, want)
		}
	}
}
