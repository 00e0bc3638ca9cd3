package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/storage/storagetest"
)

func TestSixSendsOfAStrangerDoNotStopTheOwner(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	stranger := w.browser()
	for range 6 {
		recoverBy(stranger, phone(a)).at("/recover/code", http.StatusOK)
	}
	recoverBy(stranger, phone(a)).at("/recover", http.StatusTooManyRequests)
	b := w.browser() // the owner, at a device and in a network that nobody knows
	recoverBy(b, phone(a)).at("/recover/code", http.StatusOK).send("code", w.code(phone(a))).at("/recover/password", http.StatusOK)
	begin(w.browser(), "tel", phone(a)).at("/register/code", http.StatusOK) // budgets of their own
	begin(stranger, "tel", phone(a)).at("/register/code", http.StatusOK)
}

func TestStrangersWithManyNetworksDoNotStopAKnownBrowser(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	own := w.browser()
	own.signIn(phone(a), secret).at("/account", http.StatusOK)
	sent := 0
	for ; sent < 40 && recoverBy(w.browser(), phone(a)).status == http.StatusOK; sent++ {
	}
	if sent != 30 {
		t.Fatalf("%d messages from as many networks, want 30", sent)
	}
	recoverBy(own, phone(a)).at("/recover/code", http.StatusOK).send("code", w.code(phone(a))).at("/recover/password", http.StatusOK)
	recoverBy(w.browser(), storagetest.Phone()).at("/recover/code", http.StatusOK)
	w.Clock.Advance(24 * time.Hour)
	recoverBy(w.browser(), phone(a)).at("/recover/code", http.StatusOK)
}

func TestAddressesForMailAreOneInWhateverCase(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	begin(b, "email", "Maria.Ivanova@Example.org").at("/register/sent", http.StatusOK)
	p := b.get(w.link("Maria.Ivanova@example.org")).send().at("/register/password", http.StatusOK) // delivered as it was spelt
	p.send("password", fresh, "password-again", fresh).at("/register/done", http.StatusOK)
	w.browser().signIn("maria.IVANOVA@example.ORG", fresh).at("/account", http.StatusOK)
	begin(w.browser(), "email", "maria.ivanova@example.org").at("/register/sent", http.StatusOK)
	if m := w.last("maria.ivanova@example.org"); anyLink.MatchString(m.Text) {
		t.Errorf("another account is offered by another case: %q", m.Text)
	}
	c := w.browser()
	recoverBy(c, "MARIA.ivanova@example.org").at("/recover/sent", http.StatusOK)
	if m := w.last("Maria.Ivanova@example.org"); !strings.Contains(m.Text, "/recover/link/") {
		t.Errorf("the owner's spelling got %q", m.Text)
	}
	c.get(w.link("Maria.Ivanova@example.org")).send().at("/recover/password", http.StatusOK).
		send("password", "Sneaky-2026", "password-again", "Sneaky-2026").at("/recover/done", http.StatusOK)
}
