// Package admin is the door for those who run Propusk: whether it lives, whether it can serve, and its numbers.
//
//	GET /healthz   the process lives: restart it if not
//	GET /readyz    it can serve: send it no requests if not; false from the moment it begins to shut down
//	GET /metrics   Prometheus
//
// It asks nobody who they are and says nothing personal; it listens apart, on a private address.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Config is what the door works with.
type Config struct {
	// Ping asks the stores whether they answer.
	Ping func(ctx context.Context) error
	// Metrics are shown, if there are any.
	Metrics prometheus.Gatherer
	Log     *slog.Logger
}

// A Door answers the administrator's machines.
type Door struct {
	Config
	draining atomic.Bool
}

// New makes a Door.
func New(c Config) *Door { return &Door{Config: c} }

// Drain makes /readyz false: load balancers look elsewhere while the last requests are answered.
func (d *Door) Drain() { d.draining.Store(true) }

// Mount puts the door's routes on a router.
func (d *Door) Mount(e *echo.Echo) {
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/readyz", d.ready)
	if d.Metrics != nil {
		e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(d.Metrics, promhttp.HandlerOpts{})))
	}
}

// patience is how long a store may think before this node counts as not ready.
const patience = 2 * time.Second

func (d *Door) ready(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	if d.draining.Load() {
		return c.String(http.StatusServiceUnavailable, "shutting down\n")
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	if err := d.Ping(ctx); err != nil {
		// The cause may name hosts, so it goes to the log alone.
		d.Log.WarnContext(ctx, "not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "a store does not answer\n")
	}
	return c.String(http.StatusOK, "ok\n")
}
