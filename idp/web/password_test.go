package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestAfterAPasswordChangeTheSessionSaysThatOnlyThePasswordWasShown(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.browser()
	b.signIn(phone(a), secret)
	key := w.app(b)
	w.Clock.Advance(25 * time.Hour)
	b.signIn(phone(a), secret).at("/login/code", http.StatusOK).send("code", w.otp(key)).at("/account", http.StatusOK)
	amr := func() []string {
		t.Helper()
		all, err := w.Sessions(t.Context(), a.ID)
		if err != nil || len(all) == 0 {
			t.Fatalf("sessions %v, %v", all, err)
		}
		return all[0].AMR
	}
	if got := amr(); !slices.Contains(got, "mfa") {
		t.Fatalf("signed in with %v", got)
	}
	b.get("/account/security/password").send("current-password", secret, "password", fresh, "password-again", fresh).
		at("/account/security", http.StatusOK)
	if got := amr(); !slices.Equal(got, []string{"pwd"}) {
		t.Errorf("after the change the session says %v, want pwd alone", got)
	}
}
