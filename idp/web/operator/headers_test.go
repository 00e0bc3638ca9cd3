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

func TestTheConsoleHasItsOwnHeaderFromTheFirstPageOn(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	before := b.get("/operator").want(t, 200, "/operator/login", titleSignIn)
	if before.Find("body.Site--operator").Length() != 1 || before.Find(`.Top-brand[href="/operator"]`).Length() != 1 {
		t.Errorf("staff sign in under another header: %s", before.Find(".Top").Text())
	}
	if before.Find(`.Top a[href="/operator/logout"]`).Length()+before.Find(".Top-nav").Length() != 0 {
		t.Errorf("nobody has signed in yet: %s", before.Find(".Top").Text())
	}
	in := b.signIn(w.staff).want(t, 200, "/operator", titleSearch)
	if in.Find(`.Top a[href="/operator/logout"]`).Length() != 1 || in.Find(".Top-nav a").Length() != 4 {
		t.Errorf("signed in: %s", in.Find(".Top").Text())
	}
}
