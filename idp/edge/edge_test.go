package edge

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newEdge(t testing.TB, log io.Writer, proxies ...netip.Prefix) *Edge {
	t.Helper()
	return New(Config{
		Logger: slog.New(slog.NewJSONHandler(log, nil)), Wall: time.Now, Proxies: proxies,
		Metrics: prometheus.NewRegistry(),
		Broken: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, "calm "+RequestID(r.Context()))
		},
	})
}

func TestRequestIDIsReadableAndOnTheAnswer(t *testing.T) {
	var seen string
	h := newEdge(t, io.Discard).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { seen = RequestID(r.Context()) }))
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "chosen-by-a-stranger")
	h.ServeHTTP(w, r)
	if got := w.Header().Get("X-Request-Id"); got != seen || !regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$`).MatchString(got) {
		t.Errorf("X-Request-Id = %q, handler saw %q; want one readable id of our own", got, seen)
	}
}

func TestOnlyAStrictEdgeHoldsBrowsersToHTTPS(t *testing.T) {
	for _, strict := range []bool{false, true} {
		e := newEdge(t, io.Discard)
		e.StrictTransport = strict
		w := httptest.NewRecorder()
		e.Wrap(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Strict-Transport-Security"); (got == "max-age=31536000") != strict || (got == "") == strict {
			t.Errorf("strict %v: Strict-Transport-Security = %q", strict, got)
		}
	}
}

func TestLogLineNamesTheRouteAndNeverTheQuery(t *testing.T) {
	var log bytes.Buffer
	h := newEdge(t, &log).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Route(r.Context(), "/register/link/:token")
		Cause(r.Context(), errors.New("link expired"))
		w.WriteHeader(http.StatusGone)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/register/link/SECRET?phone=%2B79000000001", nil))
	line := log.String()
	for _, want := range []string{`"route":"/register/link/:token"`, `"status":410`, `"cause":"link expired"`} {
		if !strings.Contains(line, want) {
			t.Errorf("log line %s lacks %s", line, want)
		}
	}
	for _, secret := range []string{"SECRET", "7900", "192.0.2.1"} {
		if strings.Contains(line, secret) {
			t.Errorf("log line %s contains %q", line, secret)
		}
	}
	if n := strings.Count(line, "\n"); n != 1 {
		t.Errorf("%d log lines for one request, want 1", n)
	}
}

func TestPanicBecomesTheCalmPage(t *testing.T) {
	var log bytes.Buffer
	h := newEdge(t, &log).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret detail") }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || !strings.HasPrefix(w.Body.String(), "calm ") || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("answer %d %q; want the calm page with the request id and no detail", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "secret detail") {
		t.Error("the cause of the panic is not in the log")
	}
}

func TestBodyOverTheLimitIsCutOff(t *testing.T) {
	var got error
	h := newEdge(t, io.Discard).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, got = io.ReadAll(r.Body) }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("a", 65<<10))))
	var tooBig *http.MaxBytesError
	if !errors.As(got, &tooBig) {
		t.Errorf("reading 65 KiB = %v, want MaxBytesError", got)
	}
}

func TestClientNetwork(t *testing.T) {
	proxy := netip.MustParsePrefix("10.0.0.0/8")
	for _, c := range []struct{ name, peer, forwarded, want string }{
		{"a stranger's header is not believed", "192.0.2.7:1", "198.51.100.1", "192.0.2.7"},
		{"a trusted proxy's is", "10.1.1.1:1", "198.51.100.1", "198.51.100.1"},
		{"the client cannot prepend an address", "10.1.1.1:1", "203.0.113.9, 198.51.100.1", "198.51.100.1"},
		{"proxies in a row", "10.1.1.1:1", "198.51.100.1, 10.2.2.2", "198.51.100.1"},
		{"nonsense ends the walk", "10.1.1.1:1", "hello", "10.1.1.1"},
		{"IPv6 counts by its first 64 bits", "[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2::/64"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := newEdge(t, io.Discard, proxy).network(r); got != c.want {
			t.Errorf("%s: network(%s, %q) = %q, want %q", c.name, c.peer, c.forwarded, got, c.want)
		}
	}
}

func TestMetricsCountByRouteWithBoundedLabels(t *testing.T) {
	e := newEdge(t, io.Discard)
	h := e.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) }))
	for _, m := range []string{"GET", "BREW", "PROPFIND"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(m, "/random/"+m, nil))
	}
	metrics := make(chan prometheus.Metric, 16)
	e.seconds.Collect(metrics)
	if n := len(metrics); n != 2 {
		t.Errorf("%d series after strange methods and paths, want 2 (GET and other, unmatched)", n)
	}
}
