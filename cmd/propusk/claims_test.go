package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/propusk/propusk/cmd/internal/flow"
	"github.com/propusk/propusk/cmd/internal/seed"
)

// What a relying party learns about each seeded person, whole: the ID token's claims and userinfo. Times
// and identifiers that change are replaced by their kind. Rewritten with -update, and read in review.
func TestClaimsOfTheSeededPeople(t *testing.T) {
	base := world(t)
	people, err := seed.People()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range people {
		if p.Number == 0 {
			continue
		}
		t.Run(fmt.Sprintf("%02d", p.Number), func(t *testing.T) {
			golden := filepath.Join("testdata", "claims", fmt.Sprintf("%02d.json", p.Number))
			if p.Locked {
				if _, err := claimsOf(t, base, p); err == nil || !strings.Contains(err.Error(), "422") {
					t.Errorf("a locked account signs in: %v", err)
				}
				return
			}
			got, err := claimsOf(t, base, p)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			to := json.NewEncoder(&b)
			to.SetEscapeHTML(false)
			to.SetIndent("", "  ")
			if err := to.Encode(got); err != nil {
				t.Fatal(err)
			}
			text := b.Bytes()
			if *update {
				if err := os.WriteFile(golden, text, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(text)); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

// verifiedClaims asks how the data was verified, of every kind of evidence.
const verifiedClaims = `{"userinfo":{"verified_claims":{"verification":{"assurance_level":null,"time":null,"assurance_process":{"procedure":null},"evidence":[` +
	`{"type":{"value":"document"},"check_details":[{"check_method":null,"organization":null}],"document_details":{"document_number":null}},` +
	`{"type":{"value":"electronic_record"},"check_details":[{"check_method":null,"organization":null}],"record":{"type":null}},` +
	`{"type":{"value":"vouch"},"attestation":{"reference_number":null}},{"type":{"value":"electronic_signature"}}]},` +
	`"claims":{"family_name":null,"ru_snils":null}}}}`

// claimsOf signs a person in at the sandbox client, as a program on the person's own machine would.
func claimsOf(t *testing.T, base int, p seed.Person) (map[string]any, error) {
	t.Helper()
	ctx := context.Background()
	answer := make(chan url.Values, 1)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			answer <- r.URL.Query()
		}
	}))
	defer app.Close()
	issuer := fmt.Sprintf("http://localhost:%d", base)
	client := oauth2.Config{
		ClientID: "sandbox", RedirectURL: app.URL + "/callback",
		Scopes:   []string{"openid", "profile", "email", "phone", "snils", "inn", "documents", "address"},
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/oauth2/authorize", TokenURL: issuer + "/oauth2/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	verifier := oauth2.GenerateVerifier()
	b, err := flow.NewPlain(ctx, "ru")
	if err != nil {
		return nil, err
	}
	steps := []func() error{
		func() error {
			return b.Open(ctx, client.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("nonce", "nonce"), oauth2.SetAuthURLParam("claims", verifiedClaims)))
		},
		func() error { return b.Fill(ctx, "username", p.Phone.String()) },
		func() error { return b.Fill(ctx, "password", seed.Password) },
		func() error { return b.Submit(ctx, "login-submit") },
	}
	if p.TOTP != "" {
		steps = append(steps, func() error {
			body, err := b.Fetch(ctx, fmt.Sprintf("http://localhost:%d/api/totp?phone=%s", base+10, url.QueryEscape(p.Phone.String())))
			if err != nil {
				return err
			}
			var code struct{ Code string }
			if err := json.Unmarshal(body, &code); err != nil {
				return err
			}
			if err := b.Fill(ctx, "code", code.Code); err != nil {
				return err
			}
			return b.Submit(ctx, "")
		})
	}
	steps = append(steps, func() error { return b.Click(ctx, "consent-allow") })
	for _, step := range steps {
		if err := step(); err != nil {
			at, _ := b.Page(ctx)
			return nil, fmt.Errorf("at %s (%d): %w", at.URL, at.Status, err)
		}
	}
	var back url.Values
	select {
	case back = <-answer:
	default:
		at, _ := b.Page(ctx)
		return nil, fmt.Errorf("no answer; at %s (%d)", at.URL, at.Status)
	}
	token, err := client.Exchange(ctx, back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	var inToken, info map[string]any
	parts := strings.Split(token.Extra("id_token").(string), ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(payload, &inToken); err != nil {
		return nil, err
	}
	resp, err := client.Client(ctx, token).Get(issuer + "/oauth2/userinfo")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil {
		return nil, err
	}
	if inToken["iss"] != issuer || inToken["sub"] != info["sub"] || back.Get("iss") != issuer {
		return nil, fmt.Errorf("iss %v, sub %v and %v, iss of the answer %s", inToken["iss"], inToken["sub"], info["sub"], back.Get("iss"))
	}
	settle(inToken)
	settle(info)
	return map[string]any{"id_token": inToken, "userinfo": info}, nil
}

// settle replaces what differs from run to run by its kind.
func settle(claims map[string]any) {
	for _, name := range []string{"iss", "sub", "sid", "at_hash", "jti"} {
		if _, ok := claims[name].(string); ok {
			claims[name] = "<" + name + ">"
		}
	}
	for _, name := range []string{"iat", "exp", "auth_time", "updated_at"} {
		if _, ok := claims[name].(float64); ok {
			claims[name] = "<number>"
		}
	}
}
