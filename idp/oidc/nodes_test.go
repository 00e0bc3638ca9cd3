package oidc_test

import (
	"maps"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/propusk/propusk/storage/storagetest"
)

// A node holds nothing: what one gave another redeems, and what was used at one is used at all.
func TestTwoNodesAreOneProvider(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		first := over(t, s)
		second := over(t, s.Reopen(t))
		first.secrets = second.secrets // the parties were registered anew
		first.parties.Forget()

		b := first.browser()
		code := b.authorize(ask("tax", "scope", "openid offline_access")).Get("code")
		tok := second.redeem("tax", code)
		if tok.status != http.StatusOK {
			t.Fatalf("at the other node: %+v", tok)
		}
		if status, _ := first.userinfo(tok.Access); status != http.StatusOK {
			t.Errorf("userinfo at the first: %d", status)
		}
		b.authorize(ask("pension"))
		there := second.browser()
		maps.Copy(there.jar, b.jar)
		if got := there.authorize(ask("pension", "prompt", "none")); got.Get("code") == "" {
			t.Errorf("single sign-on at the other: %v", got)
		}
		if again := first.redeem("tax", code); again.Error != "invalid_grant" {
			t.Errorf("the code once more, at the first: %+v", again)
		}
		if status, _ := second.userinfo(tok.Access); status != http.StatusUnauthorized {
			t.Errorf("the grant lives on: %d", status)
		}

		code = b.authorize(ask("tax")).Get("code")
		var good atomic.Int32
		var group sync.WaitGroup
		for i := range 8 {
			node := first
			if i%2 == 1 {
				node = second
			}
			group.Go(func() {
				if node.redeem("tax", code).status == http.StatusOK {
					good.Add(1)
				}
			})
		}
		group.Wait()
		if good.Load() != 1 {
			t.Errorf("%d answers for one code at two nodes", good.Load())
		}
	})
}

func TestARolledBackCookieGainsNothing(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	before := maps.Clone(b.jar)
	sid, _ := b.read()
	b.leave(sid)
	b.jar = before
	if got := b.authorize(ask("tax", "prompt", "none")); got.Get("error") != "login_required" {
		t.Errorf("cookies from before the logout: %v", got)
	}
	if out := b.get("/oauth2/logout", url.Values{}); out.Body.String() != "logged out" {
		t.Errorf("logout with them: %d %s", out.Code, out.Body)
	}
}
