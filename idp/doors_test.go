package idp_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/propusk/propusk/idp/idptest"
)

func TestHeadIsAnsweredWhereverGetIs(t *testing.T) {
	w := idptest.New(t)
	for _, path := range []string{"/register", "/.well-known/openid-configuration", "/oauth2/jwks", "/legal/rules"} {
		got, err := http.Get(w.Issuer.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, got.Body)
		got.Body.Close()
		head, err := http.Head(w.Issuer.String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(head.Body)
		head.Body.Close()
		if head.StatusCode != got.StatusCode || len(body) != 0 || head.Header.Get("Content-Type") != got.Header.Get("Content-Type") {
			t.Errorf("HEAD %s = %d with %d bytes of %q, GET %d of %q", path, head.StatusCode, len(body), head.Header.Get("Content-Type"),
				got.StatusCode, got.Header.Get("Content-Type"))
		}
	}
	resp, err := http.Head(w.Issuer.String() + "/oauth2/token")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD /oauth2/token = %d, want 405: it has no GET", resp.StatusCode)
	}
}
