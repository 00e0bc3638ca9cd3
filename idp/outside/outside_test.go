package outside

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

func TestWhateverIsNotTheAgreedAnswerIsTrouble(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{"not JSON", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) }, Incoherent},
		{"endless", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat("1", 200<<10))) }, Incoherent},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, Incoherent},
		{"another success", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, Incoherent},
		{"503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, Down},
		{"401", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, Rejected},
		{"late", func(_ http.ResponseWriter, _ *http.Request) { time.Sleep(time.Second) }, Slow},
		{"cut off", func(_ http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, Down},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := httptest.NewServer(test.answer)
			defer s.Close()
			var out struct{ ID string }
			c := New(Config{Base: s.URL, Timeout: 300 * time.Millisecond})
			_, err := c.Post(t.Context(), "/x", map[string]string{"a": "b"}, &out, http.StatusOK)
			if CodeOf(err) != test.want || !errors.Is(err, fault.Unavailable) {
				t.Errorf("Post: %v, want trouble %s", err, test.want)
			}
		})
	}
}

func TestTokenTravelsAndNotFoundIsTold(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(401)
			return
		}
		w.WriteHeader(404)
	}))
	defer s.Close()
	if _, err := New(Config{Base: s.URL, Token: "secret"}).Get(t.Context(), "/x", nil, 200); !errors.Is(err, fault.NotFound) {
		t.Errorf("Get: %v, want not found", err)
	}
}
