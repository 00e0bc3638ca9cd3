package oidc_test

import (
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/signin"
)

func TestDoubleAnswerGivesOneCode(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	out := b.get("/oauth2/authorize", ask("tax"))
	u, _ := url.Parse(out.Header().Get("Location"))
	tx := u.Query().Get("tx")
	f, err := b.facts(tx)
	if err != nil {
		t.Fatal(err)
	}
	b.pass(f, w.citizen)
	if f, err = b.facts(tx); err != nil {
		t.Fatal(err)
	}
	if err := w.desk.Allow(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	codes, stale := 0, 0
	var group sync.WaitGroup
	var tabs []*signin.Facts
	for range 6 {
		f, err := b.facts(tx)
		if err != nil {
			t.Fatal(err)
		}
		tabs = append(tabs, f)
	}
	for _, f := range tabs {
		group.Go(func() {
			_, err := w.desk.Answer(t.Context(), f)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				codes++
			} else {
				mustBe(t, "a second answer", err, signin.ErrStale)
				stale++
			}
		})
	}
	group.Wait()
	if codes != 1 || stale != 5 {
		t.Errorf("%d codes, %d refused", codes, stale)
	}
	_, err = b.facts(tx)
	mustBe(t, "a rolled-back copy of the address", err, signin.ErrStale)
}

func TestARequestBelongsToItsBrowser(t *testing.T) {
	w := newWorld(t)
	victim, attacker := w.browser(), w.browser()
	out := attacker.get("/oauth2/authorize", ask("tax"))
	u, _ := url.Parse(out.Header().Get("Location"))
	tx := u.Query().Get("tx")
	_, err := victim.facts(tx)
	mustBe(t, "another browser", err, signin.ErrOtherBrowser)

	// The attacker plants its own cookies, the victim signs in, and the attacker comes for the answer.
	for k, v := range attacker.jar {
		victim.jar[k] = v
	}
	f, err := victim.facts(tx)
	if err != nil {
		t.Fatal(err)
	}
	victim.pass(f, w.citizen)
	_, err = attacker.facts(tx)
	mustBe(t, "who planted the cookie", err, signin.ErrOtherBrowser)
	if _, err := victim.facts(tx); err != nil {
		t.Errorf("who signed in: %v", err)
	}
}

func TestAnotherTabGoesOnAfterSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	first, second := b.get("/oauth2/authorize", ask("tax")), b.get("/oauth2/authorize", ask("pension"))
	if got := b.walk(first.Header().Get("Location")); got.Get("code") == "" {
		t.Fatalf("first tab: %v", got)
	}
	if got := b.walk(second.Header().Get("Location")); got.Get("code") == "" {
		t.Errorf("second tab: %v", got)
	}
}

func TestTheSecondFactorComesAfterTheFirstOfTheSameAccount(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	withTOTP := verified(t, w.Stores, account.Bank)
	withTOTP.Credential.TOTP = &account.TOTP{Secret: "JBSWY3DPEHPK3PXP", Since: w.Clock.Now()}
	w.Create(t, withTOTP)
	out := b.get("/oauth2/authorize", ask("tax"))
	u, _ := url.Parse(out.Header().Get("Location"))
	f, err := b.facts(u.Query().Get("tx"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.desk.Passed(t.Context(), f, signin.Proof{Account: withTOTP, Factor: "otp"})
	mustBe(t, "the second factor first", err, signin.ErrOutOfTurn)
	if signed, err := w.desk.Passed(t.Context(), f, signin.Proof{Account: withTOTP, Factor: "pwd"}); err != nil || signed != nil {
		t.Fatalf("a password alone signs in: %v %v", signed, err)
	}
	if got := signin.Next(f).Kind; got != signin.SecondFactor {
		t.Errorf("next is %s", got)
	}
	_, err = w.desk.Passed(t.Context(), f, signin.Proof{Account: w.citizen, Factor: "otp"})
	mustBe(t, "another account's second factor", err, signin.ErrOutOfTurn)
	signed, err := w.desk.Passed(t.Context(), f, signin.Proof{Account: withTOTP, Factor: "otp"})
	if err != nil || signed == nil || !slices.Equal(signed.Session.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("both factors: %+v %v", signed, err)
	}
}
