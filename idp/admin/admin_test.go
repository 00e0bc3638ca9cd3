package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

func get(t *testing.T, d *Door, path string) (int, string) {
	t.Helper()
	e := echo.New()
	d.Mount(e)
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func door(ping error) *Door {
	reg := prometheus.NewRegistry()
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "propusk_test"}, func() float64 { return 7 }))
	return New(Config{
		Ping: func(context.Context) error { return ping }, Metrics: reg, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
}

func TestANodeIsReadyWhileItsStoresAnswer(t *testing.T) {
	if code, _ := get(t, door(nil), "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz = %d, want 200", code)
	}
	broken := door(errors.New("dial db.internal: refused"))
	code, body := get(t, broken, "/readyz")
	if code != http.StatusServiceUnavailable || strings.Contains(body, "db.internal") {
		t.Errorf("/readyz without a store = %d %q, want 503 without the cause", code, body)
	}
	if code, _ := get(t, broken, "/healthz"); code != http.StatusOK {
		t.Errorf("/healthz without a store = %d, want 200: restarting would not help", code)
	}
}

func TestADrainingNodeIsNotReady(t *testing.T) {
	d := door(nil)
	d.Drain()
	if code, _ := get(t, d, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz while draining = %d, want 503", code)
	}
}

func TestMetricsAreShown(t *testing.T) {
	if code, body := get(t, door(nil), "/metrics"); code != http.StatusOK || !strings.Contains(body, "propusk_test 7") {
		t.Errorf("/metrics = %d\n%s", code, body)
	}
}
