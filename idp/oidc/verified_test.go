package oidc_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/rp"
)

// element is an answer with one verified_claims element.
type element struct {
	Verification struct {
		Framework string `json:"trust_framework"`
		Level     string `json:"assurance_level"`
		Evidence  []struct {
			Type    string
			Details map[string]any `json:"document_details"`
		}
	}
	Claims map[string]any
}

func verifiedOf(t testing.TB, said map[string]any) *element {
	t.Helper()
	if said["verified_claims"] == nil {
		return nil
	}
	b, err := json.Marshal(said["verified_claims"])
	if err != nil {
		t.Fatal(err)
	}
	var e element
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return &e
}

const (
	levelAndName = `{"verification":{"assurance_level":null},"claims":{"family_name":null}}`
	withNumber   = `{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":null}}]},"claims":{"given_name":null}}`
)

func TestIDTokenAndUserinfoFollowTheirOwnVerifiedClaims(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "scope", "openid offline_access", "claims",
		`{"id_token":{"verified_claims":`+levelAndName+`},"userinfo":{"verified_claims":{"verification":{},"claims":{"birthdate":null}}}}`)
	_, id := w.claims(tok.ID)
	_, info := w.userinfo(tok.Access)
	inID, inInfo := verifiedOf(t, id), verifiedOf(t, info)
	if inID == nil || inID.Verification.Framework != "ru_esia" || inID.Verification.Level != "verified" || len(inID.Claims) != 1 || inID.Claims["family_name"] == nil {
		t.Errorf("id_token: %+v", inID)
	}
	if inInfo == nil || inInfo.Verification.Level != "" || len(inInfo.Claims) != 1 || inInfo.Claims["birthdate"] == nil {
		t.Errorf("userinfo: %+v", inInfo)
	}
	if id["family_name"] != nil || info["birthdate"] != nil {
		t.Error("a verified claim is said a second time, as if it were not verified")
	}
	again := w.token("tax", "grant_type", "refresh_token", "refresh_token", tok.Refresh)
	if _, id = w.claims(again.ID); verifiedOf(t, id) == nil {
		t.Error("the refreshed ID token has none")
	}
}

func TestNothingIsVerifiedUnasked(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "scope", "openid profile", "claims", `{"userinfo":{"ru_snils":null}}`)
	_, id := w.claims(tok.ID)
	if _, info := w.userinfo(tok.Access); info["verified_claims"] != nil || id["verified_claims"] != nil {
		t.Errorf("%v, %v", id, info)
	}
}

func TestVerifiedClaimsAskForAConsentOfTheirOwn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.login("tax", "scope", "openid profile")
	silent := func(claims string) string {
		return b.authorize(ask("tax", "scope", "openid profile", "prompt", "none", "claims", claims)).Get("error")
	}
	request := func(s string) string { return `{"userinfo":{"verified_claims":` + s + `}}` }
	if got := silent(""); got != "" {
		t.Fatalf("the remembered consent does not count: %s", got)
	}
	if got := silent(request(levelAndName)); got != "consent_required" {
		t.Errorf("with a consent to the profile: %q", got)
	}
	b.login("tax", "scope", "openid profile", "claims", request(levelAndName))
	if got := silent(request(levelAndName)); got != "" {
		t.Errorf("the second time: %q", got)
	}
	if got := silent(request(strings.ReplaceAll(levelAndName, "family_name", "birthdate"))); got != "consent_required" {
		t.Errorf("another claim: %q", got)
	}
	if got := silent(request(`{"verification":{"evidence":[{"type":{"value":"vouch"}}]},"claims":{"family_name":null}}`)); got != "consent_required" {
		t.Errorf("the evidence too: %q", got)
	}
	if got := silent(request(`{"verification":{},"claims":{"nationalities":null}}`)); got != "" {
		t.Errorf("what the party may not have is not asked for: %q", got)
	}
}

func TestADocumentNumberNeedsItsNameAndTheScope(t *testing.T) {
	w := newWorld(t)
	a := w.Standard(t) // the visit came after the check, so the document is the one that was seen
	if err := a.Confirm(account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: w.Clock.Now().Add(time.Minute), Centre: "77-014"}); err != nil {
		t.Fatal(err)
	}
	w.citizen = w.Create(t, a)
	number := w.citizen.Profile.Person.Document.Number
	request := `{"userinfo":{"verified_claims":` + withNumber + `}}`
	for allowed, want := range map[bool]string{false: "<nil>", true: number} {
		w.change("tax", func(p *rp.Party) {
			p.Scopes = []string{"openid", "profile"}
			if allowed {
				p.Scopes = append(p.Scopes, "documents")
			}
		})
		_, info := w.userinfo(w.browser().login("tax", "claims", request).Access)
		e := verifiedOf(t, info)
		if e == nil || len(e.Verification.Evidence) != 1 || e.Verification.Evidence[0].Details["type"] != "idcard" {
			t.Fatalf("allowed %v: %+v", allowed, e)
		}
		if got := text(e.Verification.Evidence[0].Details["document_number"]); got != want {
			t.Errorf("allowed %v: number %s, want %s", allowed, got, want)
		}
	}
}

func TestMalformedVerifiedClaimsAreAnInvalidRequest(t *testing.T) {
	w := newWorld(t)
	for _, claims := range []string{
		`{"userinfo":{"verified_claims":null}}`, `{"id_token":{"verified_claims":[]}}`, `{"id_token":{"verified_claims":{"verification":{},"claims":{}}}}`,
		`{"userinfo":{"verified_claims":{"claims":{"family_name":null}}}}`,
		`{"userinfo":{"verified_claims":{"verification":{"evidence":[{"type":{"values":["document"]}}]},"claims":{"family_name":null}}}}`,
	} {
		if got := w.browser().authorize(ask("tax", "claims", claims)); got.Get("error") != "invalid_request" || got.Get("state") != "st&te" {
			t.Errorf("%s: %v", claims, got)
		}
	}
}

func TestARiseAfterTheSignInIsNotVerifiedYet(t *testing.T) {
	w := newWorld(t)
	w.citizen = w.Create(t, verified(t, w.Stores))
	tok := w.browser().login("tax", "claims", `{"userinfo":{"verified_claims":`+levelAndName+`}}`)
	_, err := w.ChangeAccount(t.Context(), w.citizen.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "late", Method: account.MailCode, At: w.wall.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	_, info := w.userinfo(tok.Access)
	if e := verifiedOf(t, info); e == nil || e.Verification.Level != "standard" {
		t.Errorf("%+v", e)
	}
}

func TestAnAgeIsJudgedWhenItIsSaid(t *testing.T) {
	w := newWorld(t)
	w.citizen = w.Create(t, verified(t, w.Stores))
	tok := w.browser().login("tax", "claims", `{"userinfo":{"verified_claims":{"verification":{"time":{"max_age":300}},"claims":{"family_name":null}}}}`)
	if _, info := w.userinfo(tok.Access); verifiedOf(t, info) == nil {
		t.Error("nothing, while it is fresh")
	}
	w.wall.Advance(10 * time.Minute)
	status, info := w.userinfo(tok.Access)
	if status != http.StatusOK || verifiedOf(t, info) != nil {
		t.Errorf("%d, and still said ten minutes later", status)
	}
}

func TestVerifiedClaimsCostNoTripMore(t *testing.T) {
	w := newWorld(t)
	tok := w.browser().login("tax", "claims", `{"userinfo":{"verified_claims":`+levelAndName+`}}`)
	w.Ops.Reset()
	w.userinfo(tok.Access)
	if ops := w.Ops.Reset(); len(ops) != 1 {
		t.Errorf("userinfo: %v", ops)
	}
}
