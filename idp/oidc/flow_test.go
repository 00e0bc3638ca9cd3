package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

func TestSignInGivesTokensThatSayHowSureWeAre(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	tok := b.login("tax", "scope", "openid profile snils")

	header, id := w.claims(tok.ID)
	if header["typ"] != "JWT" || header["alg"] != "ES256" {
		t.Errorf("header %v", header)
	}
	for claim, want := range map[string]any{
		"iss": issuer, "aud": "tax", "azp": "tax", "sub": w.citizen.ID.String(), "nonce": "n0nce",
		"account_level": "verified", "account_level_rank": 3.0, "confirmation_method": "mail_code",
		"acr": "urn:propusk:loa:verified", "amr": []any{"pwd"},
	} {
		if text(id[claim]) != text(want) {
			t.Errorf("id_token %s = %v, want %v", claim, id[claim], want)
		}
	}
	for _, claim := range []string{"sid", "auth_time", "at_hash", "exp", "iat", "confirmations", "confirmed_at"} {
		if id[claim] == nil {
			t.Errorf("id_token has no %s", claim)
		}
	}
	if id["name"] != nil || id["ru_snils"] != nil {
		t.Error("the ID token says personal data that was not asked into it")
	}

	status, user := w.userinfo(tok.Access)
	if status != http.StatusOK || user["sub"] != id["sub"] || text(user["confirmations"]) != text(id["confirmations"]) || user["auth_time"] != id["auth_time"] {
		t.Errorf("userinfo %d %v", status, user)
	}
	if user["ru_snils"] != w.citizen.Profile.Person.SNILS.String() || user["family_name"] == nil || user["phone_number"] != nil {
		t.Errorf("userinfo %v does not follow the scopes", user)
	}
	if tok.Type != "Bearer" || tok.Expires != 900 || tok.Refresh != "" {
		t.Errorf("token answer %+v", tok)
	}
}

func TestSilentSignOnReadsOnceAndWritesOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	for cache, trips := range map[string]int{"warm": 1, "cold": 2} {
		if cache == "cold" {
			w.parties.Forget()
		}
		w.Ops.Reset()
		out := b.get("/oauth2/authorize", ask("tax"))
		u, _ := url.Parse(out.Header().Get("Location"))
		if !strings.HasPrefix(u.String(), "https://tax.test/callback?code=") {
			t.Fatalf("not silent: %s", u)
		}
		if ops := w.Ops.Reset(); len(ops) != trips {
			t.Errorf("authorize with a %s cache of parties: %v, want %d trips", cache, ops, trips)
		}
		if tok := w.redeem("tax", u.Query().Get("code")); tok.ID == "" {
			t.Fatalf("no tokens: %+v", tok)
		}
		if ops := w.Ops.Reset(); len(ops) != 1 {
			t.Errorf("token: %v, want one trip", ops)
		}
	}
}

func TestUserinfoAndRefreshAreOneTrip(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "scope", "openid offline_access")
	w.Ops.Reset()
	w.userinfo(tok.Access)
	if ops := w.Ops.Reset(); len(ops) != 1 {
		t.Errorf("userinfo: %v", ops)
	}
	w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh)
	if ops := w.Ops.Reset(); len(ops) != 1 {
		t.Errorf("refresh: %v", ops)
	}
	w.token("tax", "grant_type", "client_credentials")
	if ops := w.Ops.Reset(); len(ops) != 0 {
		t.Errorf("client credentials: %v", ops)
	}
}

func TestLastSeenIsWrittenOnlyWhenItIsOld(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	sid, _ := b.read()
	before, _ := w.Session(t.Context(), sid)
	w.Clock.Advance(6 * time.Minute)
	b.authorize(ask("tax"))
	after, _ := w.Session(t.Context(), sid)
	if !after.LastSeen.After(before.LastSeen) {
		t.Error("last seen is not written after six minutes")
	}
}

func TestACodeIsUsedOnceAndItsReplayRevokes(t *testing.T) {
	w := newWorld(t)
	code := w.browser().authorize(ask("tax")).Get("code")
	first := w.redeem("tax", code)
	if again := w.redeem("tax", code); again.Error != "invalid_grant" {
		t.Errorf("replay: %+v", again)
	}
	if status, _ := w.userinfo(first.Access); status != http.StatusUnauthorized {
		t.Errorf("the tokens of a replayed code are still good: %d", status)
	}
	events, err := w.Events(t.Context(), w.citizen.ID, 0, 10)
	if err != nil || !slices.ContainsFunc(events, func(e audit.Event) bool { return e.Kind == "code_replayed" }) {
		t.Errorf("no event of the replay: %v %v", events, err)
	}
}

func TestParallelRedemptionGivesOneAnswerAndEndsRevoked(t *testing.T) {
	w := newWorld(t)
	code := w.browser().authorize(ask("tax")).Get("code")
	var mu sync.Mutex
	var good []tokens
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			tok := w.redeem("tax", code)
			mu.Lock()
			defer mu.Unlock()
			if tok.status == http.StatusOK {
				good = append(good, tok)
			}
		})
	}
	group.Wait()
	if len(good) != 1 {
		t.Fatalf("%d answers for one code", len(good))
	}
	if status, _ := w.userinfo(good[0].Access); status != http.StatusUnauthorized {
		t.Errorf("the grant was not revoked: %d", status)
	}
}

func TestACodeServesOnlyWhoAskedForIt(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	code := b.authorize(ask("tax")).Get("code")
	right := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", "https://tax.test/callback", "code_verifier", verifier}
	with := func(name, value string) []string {
		out := slices.Clone(right)
		for i := 0; i < len(out); i += 2 {
			if out[i] == name {
				out[i+1] = value
			}
		}
		return out
	}
	for what, tok := range map[string]tokens{
		"another client":   w.token("pension", right...),
		"another redirect": w.token("tax", with("redirect_uri", "https://tax.test/callback/")...),
		"another verifier": w.token("tax", with("code_verifier", strings.Repeat("x", 50))...),
		"no verifier":      w.token("tax", with("code_verifier", "")...),
		"a short verifier": w.token("tax", with("code_verifier", "x")...),
		"a changed code":   w.token("tax", with("code", code[:len(code)-2]+"AA")...),
		"an access token":  w.token("tax", with("code", b.login("tax").Access)...),
	} {
		if tok.Error != "invalid_grant" {
			t.Errorf("%s: %d %s, want invalid_grant", what, tok.status, tok.Error)
		}
	}
	if tok := w.token("tax", right...); tok.status != http.StatusOK {
		t.Errorf("the owner's code was spoilt: %+v", tok)
	}
}

func TestACodeLivesAMinute(t *testing.T) {
	w := newWorld(t)
	code := w.browser().authorize(ask("tax")).Get("code")
	w.Clock.Advance(time.Minute)
	if tok := w.redeem("tax", code); tok.Error != "invalid_grant" {
		t.Errorf("after a minute: %+v", tok)
	}
}

func TestPKCECannotBeTakenOut(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	got := b.authorize(ask("old", "code_challenge", "", "code_challenge_method", ""))
	if tok := w.redeem("old", got.Get("code")); tok.Error != "invalid_grant" {
		t.Errorf("a verifier for a code without challenge: %+v", tok)
	}
	if tok := w.token("old", "grant_type", "authorization_code", "code", got.Get("code"), "redirect_uri", "https://old.test/callback"); tok.status != http.StatusOK {
		t.Errorf("existing software without PKCE: %+v", tok)
	}
}

func TestTheRiseShowsAtTheNextInteractiveSignIn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax")
	b.login("pension")
	w.change("tax", func(p *rp.Party) { p.Policy = refuseMail() })
	if got := b.authorize(ask("tax", "prompt", "none")); got.Get("error") != "unmet_authentication_requirements" {
		t.Fatalf("mail code alone: %v", got)
	}
	_, err := w.ChangeAccount(t.Context(), w.citizen.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: w.wall.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.authorize(ask("tax", "prompt", "none")); got.Get("error") != "unmet_authentication_requirements" {
		t.Errorf("the rise showed silently: %v", got)
	}
	_, id := w.claims(b.login("pension").ID)
	if id["confirmation_method"] != "mail_code" {
		t.Errorf("silent sign-on rose: %v", id)
	}
	_, id = w.claims(b.login("tax").ID) // walks over "use it now"
	if id["confirmation_method"] != "service_center" {
		t.Errorf("after using it now: %v", id)
	}
}

func TestAFallBitesEverywhereAtOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	tok := b.login("tax", "scope", "openid offline_access")
	code := b.authorize(ask("tax")).Get("code")
	jwt := b.login("api")
	w.fall(func(a *account.Account) error { return a.Lower(account.Standard, w.Clock.Now()) })

	if got := b.authorize(ask("tax", "prompt", "none")); got.Get("error") != "login_required" {
		t.Errorf("authorize: %v", got)
	}
	if got := w.redeem("tax", code); got.Error != "invalid_grant" {
		t.Errorf("code: %+v", got)
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.Error != "invalid_grant" {
		t.Errorf("refresh: %+v", got)
	}
	for name, access := range map[string]string{"opaque": tok.Access, "JWT": jwt.Access} {
		if status, _ := w.userinfo(access); status != http.StatusUnauthorized {
			t.Errorf("userinfo with an %s token: %d", name, status)
		}
		if got := w.introspect("server", access); len(got) != 1 || got["active"] != false {
			t.Errorf("introspection of an %s token: %v", name, got)
		}
	}
}

func TestRefreshRotatesWithAGraceAndRevokesTheFamily(t *testing.T) {
	w := newWorld(t)
	first := w.browser().login("tax", "scope", "openid offline_access")
	refresh := func(token string) tokens {
		return w.token("tax", "grant_type", "refresh_token", "refresh_token", token)
	}
	second := refresh(first.Refresh)
	if second.status != http.StatusOK || second.Refresh == first.Refresh || second.ID == "" {
		t.Fatalf("refresh: %+v", second)
	}
	_, id := w.claims(second.ID)
	if id["nonce"] != nil || id["sid"] == nil || id["acr"] == nil || id["account_level"] != "verified" {
		t.Errorf("refreshed ID token: %v", id)
	}
	w.Clock.Advance(9 * time.Second)
	if again := refresh(first.Refresh); again.Refresh != second.Refresh || again.Access == "" {
		t.Errorf("a repeat within the grace: %+v", again)
	}
	third := refresh(second.Refresh)
	if third.status != http.StatusOK {
		t.Fatalf("the successor: %+v", third)
	}
	if got := refresh(first.Refresh); got.Error != "invalid_grant" {
		t.Errorf("an older token: %+v", got)
	}
	if got := refresh(third.Refresh); got.Error != "invalid_grant" {
		t.Errorf("the family lives on: %+v", got)
	}
	if status, _ := w.userinfo(third.Access); status != http.StatusUnauthorized {
		t.Errorf("access tokens of the family live on: %d", status)
	}
}

func TestRefreshAfterTheGraceRevokesTheFamily(t *testing.T) {
	w := newWorld(t)
	first := w.browser().login("tax", "scope", "openid offline_access")
	second := w.token("tax", "grant_type", "refresh_token", "refresh_token", first.Refresh)
	w.Clock.Advance(11 * time.Second)
	for name, token := range map[string]string{"the old token": first.Refresh, "its successor": second.Refresh} {
		if name == "the old token" {
			if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", token); got.Error != "invalid_grant" {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", second.Refresh); got.Error != "invalid_grant" {
		t.Errorf("the successor: %+v", got)
	}
}

func TestRefreshServesItsOwnerOnlyAndNeverMore(t *testing.T) {
	w := newWorld(t)
	w.change("pension", func(p *rp.Party) { p.Grants = append(p.Grants, rp.GrantRefresh) })
	tok := w.browser().login("tax", "scope", "openid profile offline_access")
	for what, got := range map[string]tokens{
		"another client":  w.token("pension", "grant_type", "refresh_token", "refresh_token", tok.Refresh),
		"garbage":         w.token("tax", "grant_type", "refresh_token", "refresh_token", "garbage"),
		"an access token": w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Access),
	} {
		if got.Error != "invalid_grant" {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh, "scope", "openid snils"); got.Error != "invalid_scope" {
		t.Errorf("more scopes: %+v", got)
	}
	got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh, "scope", "openid")
	if got.Scope != "openid" {
		t.Fatalf("fewer scopes: %+v", got)
	}
	if _, user := w.userinfo(got.Access); user["name"] != nil {
		t.Errorf("a narrowed token gives the name: %v", user)
	}
	if got = w.token("tax", "grant_type", "refresh_token", "refresh_token", got.Refresh); got.Scope != "openid profile offline_access" {
		t.Errorf("the family lost its scopes: %+v", got)
	}
}

func TestOfflineAccessOutlivesTheSessionAndNothingElseDoes(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	kept := b.login("tax", "scope", "openid offline_access")
	online := b.login("pension")
	sid, _ := b.read()
	b.leave(sid)
	if status, _ := w.userinfo(online.Access); status != http.StatusUnauthorized {
		t.Errorf("an online token after logout: %d", status)
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", kept.Refresh); got.status != http.StatusOK {
		t.Errorf("offline access after logout: %+v", got)
	}
}

// leave signs out by hand.
func (b *browser) leave(sid session.ID) {
	b.Helper()
	page := b.get("/oauth2/logout", nil)
	if out := b.post("/oauth2/logout", url.Values{"confirm": {page.Body.String()}}); out.Code != http.StatusOK {
		b.Fatalf("logout: %d %s", out.Code, out.Body)
	}
	if s, err := b.Session(b.Context(), sid); err != nil || s.Ended.IsZero() {
		b.Fatalf("the session goes on: %v", err)
	}
}

func TestPolicyIsJudgedAgainAtRefreshAndIntrospection(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "scope", "openid offline_access")
	w.change("tax", func(p *rp.Party) { p.Policy = refuseMail() })
	if got := w.introspect("tax", tok.Access); got["active"] != false {
		t.Errorf("introspection: %v", got)
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.Error != "invalid_grant" {
		t.Errorf("refresh: %+v", got)
	}
}
