package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/flow"
)

// An operator adds a key with the password and the app's code, leaves, and comes back with the key alone as the
// second factor. What the browser runs is the page's own script, under its own content policy.
func TestAnOperatorSignsInWithAPasskey(t *testing.T) {
	chrome, err := flow.StartChrome(context.Background(), t.TempDir())
	if errors.Is(err, flow.ErrNoChrome) && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	base := world(t)
	ctx := t.Context()
	b, err := chrome.New(ctx, "en")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := flow.HoldKey(b); err != nil {
		t.Fatal(err)
	}
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			p, _ := b.Page(ctx)
			t.Fatalf("%v\n%+v", err, p)
		}
	}
	site := fmt.Sprintf("http://localhost:%d", base)
	code := func() string {
		t.Helper()
		body, err := b.Fetch(ctx, fmt.Sprintf("http://localhost:%d/api/totp?phone=%%2B79000000011", base+10))
		var out struct{ Code string }
		if err != nil || json.Unmarshal(body, &out) != nil || out.Code == "" {
			t.Fatalf("code: %s %v", body, err)
		}
		return out.Code
	}
	says := func(want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
			got, err := flow.Evaluate(b, "Promise.resolve(document.body.innerText)")
			if err == nil && strings.Contains(got, want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the page never says %q: %v\n%s", want, err, got)
			}
		}
	}
	enter := func() {
		t.Helper()
		do(b.Open(ctx, site+"/operator"), b.Fill(ctx, "username", "+79000000011"), b.Fill(ctx, "password", "Propusk-2026"), b.Submit(ctx, ""))
	}

	enter()
	first := code()
	do(b.Fill(ctx, "code", first), b.Submit(ctx, ""))
	do(b.Open(ctx, site+"/operator/keys"))
	for end := time.Now().Add(time.Minute); code() == first && time.Now().Before(end); time.Sleep(500 * time.Millisecond) { // each counts once
	}
	do(b.Fill(ctx, "key-name", "Key on my ring"), b.Fill(ctx, "current-password", "Propusk-2026"), b.Fill(ctx, "code", code()), b.Submit(ctx, ""))
	says("Touch the new key")
	if _, err := flow.Evaluate(b, "Promise.resolve((document.getElementById('passkey-submit').click(), ''))"); err != nil {
		t.Fatal(err)
	}
	says("The passkey was added")
	says("Key on my ring")

	do(b.Open(ctx, site+"/operator/logout"), b.Submit(ctx, ""))
	enter()
	says("Use a passkey")
	if _, err := flow.Evaluate(b, "Promise.resolve((document.getElementById('passkey-submit').click(), ''))"); err != nil {
		t.Fatal(err)
	}
	says("Passkeys") // the console's header, for those who are in
	do(b.Open(ctx, site+"/operator/keys"))
	says("last used")
}
