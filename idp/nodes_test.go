package idp_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/rp"
)

// The protocol library logs to the default logger, and tests have nothing to read there.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

// offline asks for a refresh token too.
var offline = []string{"scope", "openid profile offline_access"}

func TestACodeOfOneNodeIsRedeemedAtAnotherAndItsReuseEndsTheGrantAtBoth(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		other := w.Node()
		a := w.NewCitizen(account.Verified, account.MailCode)
		p := w.RegisterParty(&rp.Party{ID: "tax"})
		code := w.Browser().Code(p, a, offline...)

		got := other.Redeem(p, code)
		if got.Status != http.StatusOK || got.Access == "" || got.Refresh == "" {
			t.Fatalf("redeemed at the other node: %+v", got)
		}
		for name, n := range map[string]*idptest.Node{"first": w.First(), "other": other} {
			if !n.Live(p, got.Access) {
				t.Errorf("the token is not live at the %s node", name)
			}
		}
		if again := w.Redeem(p, code); again.Status != http.StatusBadRequest || again.Error != "invalid_grant" || again.Access != "" {
			t.Errorf("reused at the first node: %+v, want invalid_grant", again)
		}
		for name, n := range map[string]*idptest.Node{"first": w.First(), "other": other} {
			if n.Live(p, got.Access) {
				t.Errorf("the access token outlived the replay at the %s node", name)
			}
			if r := n.Refresh(p, got.Refresh); r.Error != "invalid_grant" {
				t.Errorf("the refresh token outlived the replay at the %s node: %+v", name, r)
			}
		}
		if grants, err := w.Records.Grants(t.Context(), a.ID); err != nil || len(grants) != 0 {
			t.Errorf("%d grants stand after the replay: %v", len(grants), err)
		}
	})
}

func TestOneCodeRedeemedInParallelGivesOneAnswerAndARevokedGrant(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		nodes := []*idptest.Node{w.First(), w.Node()}
		a := w.NewCitizen(account.Standard)
		p := w.RegisterParty(&rp.Party{ID: "tax"})
		b := w.Browser()
		for round := range 4 {
			code := b.Code(p, a, offline...)
			answers := make([]idptest.Tokens, 16)
			var start, all sync.WaitGroup
			start.Add(1)
			for i := range answers {
				all.Go(func() {
					start.Wait()
					answers[i] = nodes[i%2].Redeem(p, code)
				})
			}
			start.Done()
			all.Wait()
			var won []idptest.Tokens
			for i, got := range answers {
				switch {
				case got.Status == http.StatusOK:
					won = append(won, got)
				case got.Status != http.StatusBadRequest || got.Error != "invalid_grant":
					t.Errorf("round %d, redemption %d: %+v, want 200 or invalid_grant", round, i, got)
				}
			}
			if len(won) != 1 {
				t.Fatalf("round %d: %d token answers, want 1", round, len(won))
			}
			for _, n := range nodes {
				if n.Live(p, won[0].Access) {
					t.Errorf("round %d: the grant of a code used 16 times stands", round)
				}
				if r := n.Refresh(p, won[0].Refresh); r.Error != "invalid_grant" {
					t.Errorf("round %d: refresh after the replay: %+v", round, r)
				}
			}
		}
	})
}

func TestOneRefreshTokenUsedInParallelAtTwoNodesKeepsOneFamily(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		nodes := []*idptest.Node{w.First(), w.Node()}
		a := w.NewCitizen(account.Standard)
		p := w.RegisterParty(&rp.Party{ID: "tax"})
		first := w.Redeem(p, w.Browser().Code(p, a, offline...))
		answers := make([]idptest.Tokens, 8)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = nodes[i%2].Refresh(p, first.Refresh) })
		}
		all.Wait()
		for i, got := range answers {
			// Within the grace a repeat is a lost answer: everybody gets the same successor.
			if got.Status != http.StatusOK || got.Refresh != answers[0].Refresh {
				t.Errorf("refresh %d: %d %s, the same successor: %v", i, got.Status, got.Error, got.Refresh == answers[0].Refresh)
			}
		}
		next := nodes[1].Refresh(p, answers[0].Refresh)
		if next.Status != http.StatusOK {
			t.Fatalf("the successor: %+v", next)
		}
		if old := nodes[0].Refresh(p, first.Refresh); old.Error != "invalid_grant" {
			t.Errorf("the first token after its successor was used: %+v, want invalid_grant", old)
		}
		if r := nodes[0].Refresh(p, next.Refresh); r.Error != "invalid_grant" {
			t.Errorf("the family after the replay: %+v, want invalid_grant", r)
		}
	})
}

func TestAFallAtOneNodeBitesAtTheOtherAtOnce(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		other := w.Node()
		a := w.NewCitizen(account.Verified, account.MailCode)
		p := w.RegisterParty(&rp.Party{ID: "tax"})
		b := w.Browser().At(other)
		got := other.Redeem(p, b.Code(p, a, offline...))
		waiting := b.Code(p, a, offline...)
		if !other.Live(p, got.Access) {
			t.Fatal("the access token is not live before the fall")
		}

		w.Fall(a.ID, func(a *account.Account) error { return a.Lower(account.Standard, w.Clock.Now()) })

		if other.Live(p, got.Access) {
			t.Error("the access token outlived the fall")
		}
		if r := other.Refresh(p, got.Refresh); r.Error != "invalid_grant" {
			t.Errorf("refresh after the fall: %+v", r)
		}
		if r := other.Redeem(p, waiting); r.Error != "invalid_grant" {
			t.Errorf("a code of before the fall: %+v", r)
		}
		silent := b.Get("/oauth2/authorize?" + p.Ask("prompt", "none").Encode())
		if silent.Answer == nil || silent.Answer.Query().Get("error") != "login_required" {
			t.Errorf("single sign-on after the fall: %v", silent.Answer)
		}
		if page := b.Get("/account"); page.URL.Path != "/login" {
			t.Errorf("the account's page after the fall: at %s", page.URL.Path)
		}
	})
}

func TestASignOutAtOneNodeEndsTheSessionAtTheOther(t *testing.T) {
	w := idptest.Served(t)
	other := w.Node()
	a := w.NewCitizen(account.Standard)
	p := w.RegisterParty(&rp.Party{ID: "tax"})
	b := w.Browser()
	got := other.Redeem(p, b.Code(p, a))
	signOut(t, b)
	if other.Live(p, got.Access) {
		t.Error("the access token outlived its session at the other node")
	}
	if page := b.At(other).Get("/account"); page.URL.Path != "/login" {
		t.Errorf("the account's page at the other node: at %s", page.URL.Path)
	}
}

// signOut presses the exit button and confirms.
func signOut(t *testing.T, b *idptest.Browser) {
	t.Helper()
	if page := b.Get("/oauth2/logout").Submit(); page.Status != http.StatusOK {
		t.Fatalf("sign out: %d %s", page.Status, page.Text())
	}
}

func TestAFormBegunAtOneNodeIsFinishedAtTheOther(t *testing.T) {
	w := idptest.Served(t)
	other := w.Node()
	a := w.NewCitizen(account.Standard)
	p := w.RegisterParty(&rp.Party{ID: "tax"})
	b := w.Browser()
	login := b.Get("/oauth2/authorize?"+p.Ask(offline...).Encode()).At("/login", http.StatusOK)
	action, form := login.Form()
	form.Set("username", idptest.Phone(a))
	form.Set("password", idptest.Password)
	consent := b.At(other).Post(action, form).At("/login/consent", http.StatusOK)
	action, _ = consent.Form()
	answer := b.Post(action, url.Values{"answer": {"allow"}})
	if answer.Answer == nil || answer.Answer.Query().Get("code") == "" {
		t.Fatalf("no code: %d %v %s", answer.Status, answer.Answer, answer.Text())
	}
}

func TestAPartySavedAtOneNodeIsLiveAtTheOtherWithinTwoSeconds(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		other := w.Node()
		p := w.RegisterParty(&rp.Party{ID: "tax"})
		at := "https://moved.test/callback"
		b := w.Browser().At(other)
		asks := func() int { return b.Get("/oauth2/authorize?" + p.Ask("redirect_uri", at).Encode()).Status }
		// Both caches hold the party as it was.
		if s := asks(); s != http.StatusBadRequest {
			t.Fatalf("an address not registered: %d, want 400", s)
		}
		changed := *p.Party
		changed.Redirects = append(strings.Split(at, " "), p.Redirects...)
		w.SaveParty(&changed)
		for saved := time.Now(); asks() != http.StatusOK; time.Sleep(50 * time.Millisecond) {
			if time.Since(saved) > 2*time.Second {
				t.Fatal("two seconds after it was saved, the other node does not know the party's new address")
			}
		}
		disabled := changed
		disabled.Disabled = true
		w.SaveParty(&disabled)
		for saved := time.Now(); asks() == http.StatusOK; time.Sleep(50 * time.Millisecond) {
			if time.Since(saved) > 2*time.Second {
				t.Fatal("two seconds after it was disabled, the other node serves the party")
			}
		}
	})
}
