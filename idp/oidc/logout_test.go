package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signal"
	"github.com/propusk/propusk/storage/sqlstore"
)

func (b *browser) signedIn() bool {
	b.Helper()
	sid, _ := b.read()
	if sid == "" {
		return false
	}
	s, err := b.Session(b.Context(), sid)
	return err == nil && s.Ended.IsZero()
}

func TestTheHintOfThisSessionEndsItAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	tok := b.login("tax")
	w.wall.Advance(48 * time.Hour) // an expired hint is a hint
	out := b.get("/oauth2/logout", url.Values{"id_token_hint": {tok.ID}, "post_logout_redirect_uri": {"https://tax.test/bye"}, "state": {"a b"}})
	if got := out.Header().Get("Location"); out.Code != http.StatusSeeOther || got != "https://tax.test/bye?state=a+b" {
		t.Errorf("%d to %q", out.Code, got)
	}
	if b.signedIn() {
		t.Error("the session goes on")
	}
	if status, _ := w.userinfo(tok.Access); status != http.StatusUnauthorized {
		t.Errorf("its tokens live on: %d", status)
	}
}

func TestNobodyIsSignedOutByALink(t *testing.T) {
	w := newWorld(t)
	elsewhere := w.browser()
	foreign := elsewhere.login("tax")
	b := w.browser()
	tok := b.login("pension")
	for what, q := range map[string]url.Values{
		"nothing":                     {},
		"a client":                    {"client_id": {"tax"}, "post_logout_redirect_uri": {"https://tax.test/bye"}},
		"the hint of another session": {"id_token_hint": {foreign.ID}},
	} {
		out := b.get("/oauth2/logout", q)
		if out.Code != http.StatusOK || out.Header().Get("Location") != "" || !b.signedIn() {
			t.Errorf("%s: %d to %q, signed in: %v", what, out.Code, out.Header().Get("Location"), b.signedIn())
		}
	}
	for what, q := range map[string]url.Values{
		"a false hint":            {"id_token_hint": {"e30.e30.AA"}},
		"an access token":         {"id_token_hint": {tok.Access}},
		"another client's hint":   {"id_token_hint": {tok.ID}, "client_id": {"tax"}},
		"an unregistered address": {"id_token_hint": {foreign.ID}, "post_logout_redirect_uri": {"https://evil.test/"}},
		"an address of nobody":    {"post_logout_redirect_uri": {"https://tax.test/bye"}},
		"an unknown client":       {"client_id": {"nobody"}},
		"a doubled parameter":     {"state": {"a", "b"}},
	} {
		out := b.get("/oauth2/logout", q)
		if out.Code != http.StatusBadRequest || !b.signedIn() {
			t.Errorf("%s: %d %s, signed in: %v", what, out.Code, out.Body, b.signedIn())
		}
	}
}

func TestTheConfirmationEndsTheSessionItWasAskedOf(t *testing.T) {
	w := newWorld(t)
	b, other := w.browser(), w.browser()
	b.login("tax")
	other.login("tax")
	page := b.get("/oauth2/logout", url.Values{"client_id": {"tax"}, "post_logout_redirect_uri": {"https://tax.test/bye"}}).Body.String()
	if out := other.post("/oauth2/logout", url.Values{"confirm": {page}}); out.Code != http.StatusForbidden || !other.signedIn() {
		t.Errorf("another browser: %d", out.Code)
	}
	if out := b.post("/oauth2/logout", url.Values{"confirm": {page + "x"}}); out.Code != http.StatusBadRequest || !b.signedIn() {
		t.Errorf("a changed confirmation: %d", out.Code)
	}
	for range 2 { // a second click ends well too
		out := b.post("/oauth2/logout", url.Values{"confirm": {page}})
		if out.Code != http.StatusSeeOther || out.Header().Get("Location") != "https://tax.test/bye" || b.signedIn() {
			t.Errorf("%d to %q", out.Code, out.Header().Get("Location"))
		}
	}
	if !other.signedIn() {
		t.Error("the other browser was signed out")
	}
	out := b.post("/oauth2/logout", url.Values{"client_id": {"tax"}})
	if out.Code != http.StatusSeeOther || out.Header().Get("Location") != "/oauth2/logout?client_id=tax" {
		t.Errorf("a party's POST: %d to %q", out.Code, out.Header().Get("Location"))
	}
}

func TestEveryPartyOfTheSessionIsToldWithItsSid(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	_, id := w.claims(b.login("tax").ID)
	b.login("pension") // has no address to be told at
	sid, _ := b.read()
	var told []signal.Delivery
	end := func() {
		err := w.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
			return session.End(t.Context(), &listening{tx, &told}, session.Scope{Session: sid}, false,
				session.Why{Kind: "signed_out", Now: w.Clock.Now(), Wall: w.wall.Now()})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	end()
	end()
	if len(told) != 1 || told[0].Client != "tax" || string(told[0].Session) != id["sid"] {
		t.Fatalf("told: %+v", told)
	}
	token, err := w.door.LogoutToken(told[0], &rp.Party{ID: "tax"})
	if err != nil {
		t.Fatal(err)
	}
	header, claims := w.claims(token)
	events, _ := claims["events"].(map[string]any)
	if header["typ"] != "logout+jwt" || claims["sub"] != id["sub"] || claims["sid"] != id["sid"] || claims["aud"] != "tax" || claims["nonce"] != nil ||
		claims["jti"] != told[0].ID || claims["exp"].(float64)-claims["iat"].(float64) > 120 || events["http://schemas.openid.net/event/backchannel-logout"] == nil {
		t.Errorf("%v %v", header, claims)
	}
	if got := b.authorize(ask("tax", "id_token_hint", token, "prompt", "none")); got.Get("error") != "invalid_request" {
		t.Errorf("a logout token as a hint: %v", got)
	}
}

// listening hears which deliveries a transaction saves.
type listening struct {
	*sqlstore.Stores
	told *[]signal.Delivery
}

func (l *listening) SaveDelivery(ctx context.Context, d signal.Delivery) error {
	*l.told = append(*l.told, d)
	return l.Stores.SaveDelivery(ctx, d)
}
