package oidc_test

import "testing"

// A code travels through address bars and other people's servers, which cut lines off at 4 KiB or less.
func TestACodeFitsIntoAnAddress(t *testing.T) {
	w := newWorld(t)
	got := w.browser().authorize(ask("tax", "scope", "openid profile email phone snils offline_access"))
	if n := len(got.Get("code")); n > 1500 {
		t.Errorf("an ordinary code has %d characters", n)
	}
}
