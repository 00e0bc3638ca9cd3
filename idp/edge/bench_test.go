package edge

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// BenchmarkWrap is what the threshold costs a request: id, network, log line, metrics.
func BenchmarkWrap(b *testing.B) {
	h := newEdge(b, io.Discard).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Route(r.Context(), "/oauth2/token")
		w.WriteHeader(http.StatusOK)
	}))
	r := httptest.NewRequest("POST", "/oauth2/token", nil)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
