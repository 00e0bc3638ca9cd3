package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/propusk/propusk/cmd/internal/seed"
)

// A kind is an operation to measure. prepare makes what one worker needs, outside the measurement, and
// returns the operation.
type kind struct {
	name    string
	hashes  bool // a password is checked
	prepare func(ctx context.Context, t *target, worker int) (func(ctx context.Context) error, error)
}

func kinds() []kind {
	return []kind{
		{"discovery", false, discovery}, {"client credentials", false, clientCredentials}, {"userinfo", false, userinfo},
		{"refresh", false, refresh}, {"single sign-on login", false, singleSignOn}, {"full login", true, fullLogin},
	}
}

// network is the address that a worker's requests come from, as the proxy in front would say.
func network(worker int) string { return fmt.Sprintf("10.77.%d.%d", worker/250%250, 1+worker%250) }

func discovery(_ context.Context, t *target, worker int) (func(context.Context) error, error) {
	b := t.browser(network(worker))
	return func(ctx context.Context) error { return b.json(ctx, http.MethodGet, t.discoverAt, nil, nil, nil) }, nil
}

func clientCredentials(_ context.Context, t *target, worker int) (func(context.Context) error, error) {
	b := t.browser(network(worker))
	return func(ctx context.Context) error {
		_, err := b.redeem(ctx, url.Values{"grant_type": {"client_credentials"}})
		return err
	}, nil
}

// perWorker is how many accounts a worker signs in as, in turn.
const perWorker = 4

// phone is that of the nth account used; they lie as far from each other as there are accounts.
func (t *target) phone(n int) string { return seed.CrowdPhone(n * max(t.stride, 1)) }

func signedIn(ctx context.Context, t *target, worker int, scope string) (*browser, tokens, error) {
	b := t.browser(network(worker))
	got, err := b.signIn(ctx, t.phone(worker*perWorker), scope)
	if err != nil {
		err = fmt.Errorf("sign worker %d in: %w", worker, err)
	}
	return b, got, err
}

func userinfo(ctx context.Context, t *target, worker int) (func(context.Context) error, error) {
	b, got, err := signedIn(ctx, t, worker, t.scope)
	return func(ctx context.Context) error {
		var claims struct {
			Subject string `json:"sub"`
			Level   string `json:"account_level"`
		}
		err := b.json(ctx, http.MethodGet, t.userinfo, nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+got.Access) }, &claims)
		if err == nil && (claims.Subject == "" || claims.Level == "") {
			err = fmt.Errorf("userinfo without sub or account_level")
		}
		return err
	}, err
}

func refresh(ctx context.Context, t *target, worker int) (func(context.Context) error, error) {
	b, got, err := signedIn(ctx, t, worker, t.scope+" offline_access")
	if err == nil && got.Refresh == "" {
		err = fmt.Errorf("no refresh token was given")
	}
	return func(ctx context.Context) error {
		next, err := b.redeem(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got.Refresh}})
		if err == nil && (next.Refresh == "" || next.Refresh == got.Refresh) {
			err = fmt.Errorf("the refresh token was not rotated")
		}
		got = next
		return err
	}, err
}

func singleSignOn(ctx context.Context, t *target, worker int) (func(context.Context) error, error) {
	b, _, err := signedIn(ctx, t, worker, t.scope)
	return func(ctx context.Context) error {
		got, err := b.signIn(ctx, "", t.scope)
		if err == nil && got.ID == "" {
			err = fmt.Errorf("no ID token was given")
		}
		return err
	}, err
}

// fullLogin signs in with the password in browsers that know their owners, as people do whose session has
// ended. Consent is given while preparing and remembered. (The first sign-in in a new browser costs more:
// its owner gets a message.)
func fullLogin(ctx context.Context, t *target, worker int) (func(context.Context) error, error) {
	phone := func(n int) string { return t.phone(worker*perWorker + n%perWorker) }
	var browsers [perWorker]*browser
	for n := range browsers {
		browsers[n] = t.browser(network(worker))
		if _, err := browsers[n].signIn(ctx, phone(n), t.scope); err != nil {
			return nil, fmt.Errorf("sign worker %d in: %w", worker, err)
		}
	}
	n := 0
	return func(ctx context.Context) error {
		n++
		b := browsers[n%perWorker]
		if err := b.forgetSession(); err != nil {
			return err
		}
		_, err := b.signIn(ctx, phone(n), t.scope)
		return err
	}, nil
}

// wrongLogins sends wrong passwords for names that nobody has, from ever new networks, until ctx ends.
func wrongLogins(ctx context.Context, t *target, parallel int, tried *atomic.Int64) (wait func()) {
	done := make(chan struct{}, parallel)
	wrong := *t
	wrong.password = "Wrong-2026-password"
	for i := range parallel {
		go func() {
			defer func() { done <- struct{}{} }()
			for n := 0; ctx.Err() == nil; n++ {
				b := wrong.browser(fmt.Sprintf("10.%d.%d.%d", 78+i/200, i%200, 1+n%250))
				// It fails, with the sign-in page again or a request to wait: that is the point.
				_, _ = b.signIn(ctx, seed.CrowdPhone(90_000_000+i*10_000+n), t.scope)
				tried.Add(1)
			}
		}()
	}
	return func() {
		for range parallel {
			<-done
		}
	}
}
