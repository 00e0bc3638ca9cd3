package operator_test

import (
	"net/http"
	"testing"
)

func TestRedirectsAreNotKeptEither(t *testing.T) {
	w := newWorld(t)
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.Get(w.server.URL + "/operator")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusSeeOther || len(r.Cookies()) == 0 {
		t.Fatalf("not a redirect with a cookie: %d %v", r.StatusCode, r.Header)
	}
	if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", r.Header)
	}
}
