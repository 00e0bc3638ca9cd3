// Package edge is what every door shares at its threshold: a request id, one log line, the client's
// network, limits on size, metrics, and a calm answer when something panics.
//
// It sits outside the routers, on plain net/http, so that no door can forget it. Nothing personal passes
// it: the log line carries the route's pattern instead of the address, whose query may hold sealed values,
// and the client's network instead of its address.
package edge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says what the edge works with.
type Config struct {
	Logger  *slog.Logger
	Metrics prometheus.Registerer // may be nil
	Wall    func() time.Time
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// MaxBody bounds a request's body in bytes; 0 means 64 KiB.
	MaxBody int64
	// StrictTransport says that browsers shall reach us over https only, from now on (RFC 6797).
	StrictTransport bool
	// Broken renders the page of a panic. It must not panic itself.
	Broken func(w http.ResponseWriter, r *http.Request)
}

// An Edge wraps doors.
type Edge struct {
	Config
	seconds *prometheus.HistogramVec
	series  sync.Map // seriesKey → prometheus.Observer; routes and methods are bounded, so it is too
	flight  prometheus.Gauge
}

type seriesKey struct{ route, method, class string }

// New makes an edge.
func New(c Config) *Edge {
	if c.MaxBody == 0 {
		c.MaxBody = 64 << 10
	}
	e := &Edge{Config: c}
	if c.Metrics != nil {
		e.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "propusk_request_seconds",
			Help:    "Time to answer a request, by route and class of status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"route", "method", "class"})
		e.flight = prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "propusk_requests_in_flight", Help: "Requests being answered now.",
		})
		c.Metrics.MustRegister(e.seconds, e.flight)
	}
	return e
}

// A trip is what is known of a request on its way; the handlers fill in what only they know.
type trip struct {
	id      string
	network string
	route   string
	cause   error
	attrs   []slog.Attr
}

type tripKey struct{}

func tripOf(ctx context.Context) *trip {
	t, _ := ctx.Value(tripKey{}).(*trip)
	return t
}

// RequestID is the id under which the request is logged and shown to people, such as 7F3K-92QD; empty
// outside of a request.
func RequestID(ctx context.Context) string {
	if t := tripOf(ctx); t != nil {
		return t.id
	}
	return ""
}

// Network is the client's network: an IPv4 address, or the first 64 bits of an IPv6 one. Limits count by
// it. It is personal data: it goes into keyed digests, never into logs.
func Network(ctx context.Context) string {
	if t := tripOf(ctx); t != nil {
		return t.network
	}
	return ""
}

// Route tells the edge the pattern that a router matched, for the log line and the metrics.
func Route(ctx context.Context, pattern string) {
	if t := tripOf(ctx); t != nil {
		t.route = pattern
	}
}

// Cause tells the edge why a request was refused or failed; it is logged, never shown.
func Cause(ctx context.Context, err error) {
	if t := tripOf(ctx); t != nil && err != nil {
		t.cause = err
	}
}

// Attr adds an attribute to the request's log line. It must not be personal.
func Attr(ctx context.Context, a slog.Attr) {
	if t := tripOf(ctx); t != nil {
		t.attrs = append(t.attrs, a)
	}
}

// With gives a context a request id and a network, for work that begins outside of a request and for tests.
func With(ctx context.Context, id, network string) context.Context {
	return context.WithValue(ctx, tripKey{}, &trip{id: id, network: network})
}

// Wrap puts a handler behind the edge.
func (e *Edge) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := e.Wall()
		t := &trip{id: NewID(), network: e.network(r)}
		rec := &recorder{ResponseWriter: w}
		h := w.Header()
		h.Set("X-Request-Id", t.id)
		h.Set("X-Content-Type-Options", "nosniff")
		if e.StrictTransport {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		r = r.WithContext(context.WithValue(r.Context(), tripKey{}, t))
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(rec, r.Body, e.MaxBody)
		}
		if e.flight != nil {
			e.flight.Inc()
			defer e.flight.Dec()
		}
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				t.cause = fmt.Errorf("panic: %v", p)
				t.attrs = append(t.attrs, slog.String("stack", string(debug.Stack())))
				if rec.status == 0 && e.Broken != nil {
					e.Broken(rec, r)
				} else if rec.status == 0 {
					rec.WriteHeader(http.StatusInternalServerError)
				}
			}
			e.report(r, t, rec, e.Wall().Sub(began))
		}()
		next.ServeHTTP(rec, r)
	})
}

func (e *Edge) report(r *http.Request, t *trip, rec *recorder, took time.Duration) {
	status := rec.status
	if status == 0 {
		status = http.StatusOK
	}
	route := t.route
	if route == "" {
		route = "unmatched"
	}
	if e.seconds != nil {
		e.observe(seriesKey{route, method(r.Method), classes[min(status/100, 5)]}, took)
	}
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	if !e.Logger.Enabled(r.Context(), level) {
		return
	}
	// The logger itself would look for the line of code that it is called from, which is always this one.
	line := slog.NewRecord(time.Now(), level, "request", 0)
	line.AddAttrs(
		slog.String("id", t.id), slog.String("method", method(r.Method)), slog.String("route", route),
		slog.Int("status", status), slog.Duration("took", took), slog.Int("bytes", rec.bytes))
	if t.cause != nil {
		line.AddAttrs(slog.String("cause", t.cause.Error()))
	}
	line.AddAttrs(t.attrs...)
	_ = e.Logger.Handler().Handle(r.Context(), line) // as the logger does: there is nowhere to tell it
}

func (e *Edge) observe(k seriesKey, took time.Duration) {
	s, ok := e.series.Load(k)
	if !ok {
		s, _ = e.series.LoadOrStore(k, e.seconds.WithLabelValues(k.route, k.method, k.class))
	}
	s.(prometheus.Observer).Observe(took.Seconds())
}

var classes = [...]string{"0xx", "1xx", "2xx", "3xx", "4xx", "5xx"}

// method bounds the label: strangers may send any word as a method.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return m
	}
	return "other"
}

// network finds the client behind trusted proxies: the last address of X-Forwarded-For that is not a
// trusted proxy's own. Without a trusted peer the header is anybody's word and is not read.
func (e *Edge) network(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown"
	}
	if e.trusted(addr) {
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0; i-- {
			hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop
			if !e.trusted(hop) {
				break
			}
		}
	}
	addr = addr.Unmap()
	if addr.Is6() {
		p, _ := addr.WithZone("").Prefix(64)
		return p.String()
	}
	return addr.String()
}

func (e *Edge) trusted(a netip.Addr) bool {
	for _, p := range e.Proxies {
		if p.Contains(a.Unmap()) || p.Contains(a) {
			return true
		}
	}
	return false
}

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// NewID draws a request id: 40 random bits in an alphabet that survives a telephone.
func NewID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	out := make([]byte, 0, 9)
	for i, c := range b {
		if i == 4 {
			out = append(out, '-')
		}
		out = append(out, alphabet[c&31])
	}
	return string(out)
}

// recorder remembers status and size for the log line.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach the writer beneath.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
