package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestTheLoopEndsAtItsCount(t *testing.T) {
	op := func(context.Context) error { return nil }
	got, err := loop(t.Context(), []func(context.Context) error{op, op, op}, bounds{workers: 3, duration: time.Minute, count: 100})
	if err != nil || len(got) != 100 {
		t.Errorf("loop = %d operations, %v, want 100", len(got), err)
	}
}

func TestAFailureEndsTheMeasurement(t *testing.T) {
	broken := errors.New("broken")
	op := func(context.Context) error { return broken }
	if _, err := loop(t.Context(), []func(context.Context) error{op}, bounds{workers: 1, duration: time.Minute}); !errors.Is(err, broken) {
		t.Errorf("loop = %v, want the failure", err)
	}
}

func TestCostsAreToldInSignatures(t *testing.T) {
	r := result{ops: 100, provider: 30 * time.Millisecond, stores: 10 * time.Millisecond, signature: 50 * time.Microsecond}
	if got := r.signatures(); got != 8 {
		t.Errorf("signatures = %v, want 8", got)
	}
}

func TestOnlyLoopbackIsDriven(t *testing.T) {
	for _, issuer := range []string{"https://id.example.ru", "http://192.0.2.1:8080", "http://localhost.example.ru"} {
		target := &target{issuer: issuer, transport: newTransport(1)}
		if err := target.discover(t.Context()); !errors.Is(err, errNotLoopback) {
			t.Errorf("discover %s = %v, want a refusal", issuer, err)
		}
	}
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := (&http.Client{Transport: newTransport(1)}).Get(s.URL); err != nil {
		t.Errorf("loopback is refused: %v", err)
	}
}

func TestASignatureIsMeasured(t *testing.T) {
	got, err := signature()
	if err != nil || got < time.Microsecond || got > 50*time.Millisecond {
		t.Errorf("signature = %v, %v", got, err)
	}
}
