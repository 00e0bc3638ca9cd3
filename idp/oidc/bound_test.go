package oidc_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

func TestWhatWasGrantedEndsWithTheConsent(t *testing.T) {
	w := newWorld(t)
	w.change("tax", func(p *rp.Party) { p.Consent = 10 * time.Minute })
	b := w.browser()
	tok := b.login("tax", "scope", "openid offline_access")
	late := b.authorize(ask("tax")).Get("code")
	w.Clock.Advance(10*time.Minute - time.Second)
	if status, _ := w.userinfo(tok.Access); status != http.StatusOK {
		t.Errorf("a second before: %d", status)
	}
	w.Clock.Advance(time.Second)
	if status, _ := w.userinfo(tok.Access); status != http.StatusUnauthorized {
		t.Errorf("userinfo after the consent: %d", status)
	}
	for name, token := range map[string]string{"access": tok.Access, "refresh": tok.Refresh} {
		if got := w.introspect("tax", token); got["active"] != false {
			t.Errorf("the %s token after the consent: %v", name, got)
		}
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.Error != "invalid_grant" {
		t.Errorf("refresh after the consent: %+v", got)
	}
	if got := w.redeem("tax", late); got.Error != "invalid_grant" {
		t.Errorf("a code from before: %+v", got)
	}
	if got := b.authorize(ask("tax", "prompt", "none")); got.Get("error") != "consent_required" {
		t.Errorf("silently after the consent: %v", got)
	}
}

func TestACodeBoughtUnderAConsentDoesNotOutliveIt(t *testing.T) {
	w := newWorld(t)
	w.change("tax", func(p *rp.Party) { p.Consent = 30 * time.Second })
	code := w.browser().authorize(ask("tax")).Get("code")
	w.Clock.Advance(30 * time.Second)
	if got := w.redeem("tax", code); got.Error != "invalid_grant" {
		t.Errorf("%+v", got)
	}
}

func TestATrustedPartysGrantEndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	w.change("tax", func(p *rp.Party) { p.Trusted = true })
	tok := w.browser().login("tax")
	if status, _ := w.userinfo(tok.Access); status != http.StatusOK {
		t.Errorf("userinfo: %d", status)
	}
}

func TestWideningARegistrationReleasesNothingUnconsented(t *testing.T) {
	w := newWorld(t)
	w.change("tax", func(p *rp.Party) { p.Scopes = []string{"openid", "phone", "profile", "offline_access"} })
	ask := `{"userinfo":{"phone_number":null,"ru_snils":null,
		"verified_claims":{"verification":{"trust_framework":null,"evidence":[{"type":{"value":"document"},"document_details":{"document_number":null}}]},
			"claims":{"family_name":null,"ru_snils":null,"nationalities":null}}},
		"id_token":{"ru_snils":null,"phone_number":null}}`
	w.citizen = w.Create(t, verified(t, w.Stores, account.ServiceCenter))
	tok := w.browser().login("tax", "scope", "openid profile offline_access", "claims", ask)
	wide := []string{"openid", "profile", "phone", "snils", "documents", "offline_access"}
	w.change("tax", func(p *rp.Party) { p.Scopes = wide })
	_, user := w.userinfo(tok.Access)
	if user["phone_number"] == nil || user["family_name"] == nil {
		t.Errorf("what was allowed is not given: %v", user)
	}
	given := text(user)
	for _, secret := range []string{w.citizen.Profile.Person.SNILS.String(), w.citizen.Profile.Person.Document.Number, "nationalities"} {
		if strings.Contains(given, secret) {
			t.Errorf("userinfo says %q, which nobody allowed: %s", secret, given)
		}
	}
	next := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh)
	if _, id := w.claims(next.ID); id["ru_snils"] != nil || id["phone_number"] == nil {
		t.Errorf("the ID token of a refresh: %v", id)
	}

	w.change("tax", func(p *rp.Party) { p.Scopes = []string{"openid", "offline_access"} })
	if _, user := w.userinfo(tok.Access); user["phone_number"] != nil || user["name"] != nil || user["verified_claims"] != nil {
		t.Errorf("a party that may no longer have it gets %v", user)
	}
}

func TestWhatTheRequestDemandedIsJudgedForAsLongAsTheGrantLasts(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "scope", "openid offline_access", "acr_values", policy.LevelACR(account.Verified))
	w.restrict()
	if got := w.introspect("tax", tok.Access); got["active"] != false {
		t.Errorf("introspection: %v", got)
	}
	if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.Error != "invalid_grant" {
		t.Errorf("refresh: %+v", got)
	}
}

func TestARefusalSpendsNoRefreshToken(t *testing.T) {
	w := newWorld(t)
	mine := w.browser().login("tax", "scope", "openid offline_access")
	demanding := w.browser().login("tax", "scope", "openid offline_access", "acr_values", policy.LevelACR(account.Verified))
	w.change("tax", func(p *rp.Party) { p.Policy = refuseMail() })
	for range 3 {
		for _, tok := range []tokens{mine, demanding} {
			if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.Error != "invalid_grant" {
				t.Fatalf("%+v", got)
			}
			w.Clock.Advance(time.Minute) // past every grace
		}
	}
	w.change("tax", func(p *rp.Party) { p.Policy = policy.Policy{} })
	for what, tok := range map[string]tokens{"by the party's policy": mine, "of a demanding request": demanding} {
		if got := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh); got.status != http.StatusOK {
			t.Errorf("a refusal %s spent the token: %+v", what, got)
		}
	}
}

// restrict restricts the citizen's account for an hour, without a fall.
func (w *world) restrict() {
	w.Helper()
	_, err := w.ChangeAccount(w.Context(), w.citizen.ID, func(a *account.Account) error {
		a.RestrictedUntil = w.Clock.Now().Add(time.Hour)
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}
