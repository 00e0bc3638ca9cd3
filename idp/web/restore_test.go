package web_test

import (
	"net/http"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/storage/storagetest"
)

// restore gives access back at a window, by two operators, to whoever holds a phone.
func (w *world) restore(a *account.Account, tel string) {
	w.t.Helper()
	ctx, op := w.t.Context(), w.clerk()
	v, err := w.visits.Open(ctx, op, a.ID, confirm.ToRestore)
	if err == nil {
		v, err = w.visits.SendPhoneCode(ctx, op, v.ID, tel)
	}
	if err == nil {
		v, err = w.visits.EnterPhoneCode(ctx, op, v.ID, v.Phone.Code)
	}
	seen := confirm.Comparison{Same: map[string]bool{}, Face: true, Genuine: true}
	for _, f := range confirm.Compared(a.Profile.Person) {
		seen.Same[f] = true
	}
	if err == nil {
		v, err = w.visits.Settle(ctx, op, v.ID, seen)
	}
	if err == nil {
		v, err = w.visits.Second(ctx, w.clerk(), v.ID, true, seen)
	}
	if err != nil || v.Outcome != confirm.VisitRestored {
		w.t.Fatalf("restore: %+v, %v", v, err)
	}
}

func TestAccessRestoredAtAWindowLeadsToAPasswordWithoutRestriction(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.ServiceCenter)
	before := w.browser()
	before.signIn(phone(a), secret).at("/account", http.StatusOK)
	tel := storagetest.Phone()
	w.restore(a, tel)
	before.get("/account").at("/login", http.StatusOK) // every session ended

	recover := func() *account.Account {
		t.Helper()
		identify(recoverBy(w.browser(), tel).at("/recover/code", http.StatusOK).send("code", w.code(tel)), a).at("/recover/done", http.StatusOK)
		now, err := w.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	now := recover()
	if !now.RestrictedUntil.IsZero() || now.Level != account.Verified || !now.Credential.Restored.At.IsZero() {
		t.Errorf("after the window: %+v, %+v", now.Standing, now.Credential.Restored)
	}
	w.browser().signIn(tel, fresh).at("/account", http.StatusOK)

	// Once: the next recovery through one contact is like anybody's.
	w.Clock.Advance(confirm.VisitLife)
	if now = recover(); now.RestrictedUntil.IsZero() {
		t.Error("a second recovery counts as the window's")
	}
}
