package web_test

import (
	"image/png"
	"net/http"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/confirm"
)

func TestVisitCodeIsShownOnRequestAndNotToOthers(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	b := w.in(a)
	p := b.get("/account/confirm/visit")
	if p.Find("#visit-code").Length() != 0 {
		t.Error("a code without asking")
	}
	p.send().at("/account/confirm/visit", http.StatusOK)
	p = b.get("/account/confirm/visit")
	code := strings.TrimSpace(p.Find("#visit-code").Text())
	if live, err := confirm.NewVisitCodes(w.Transients, w.Keyring.Ring, w.Clock.Now).Of(t.Context(), a.ID); err != nil || live.Code != code {
		t.Fatalf("the page shows %q, live is %v, %v", code, live, err)
	}
	src := p.Find(".Qr img").AttrOr("src", "")
	if strings.Contains(src, strings.ReplaceAll(code, "-", "")) || strings.Contains(src, code) {
		t.Error("the code stands in an address")
	}
	picture := b.get(src)
	if _, err := png.Decode(strings.NewReader(picture.body)); err != nil || picture.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the picture: %v, %q", err, picture.header.Get("Cache-Control"))
	}
	if q := w.in(w.standard()).get(src); q.status != http.StatusNotFound {
		t.Errorf("somebody else's picture: %d", q.status)
	}
	w.Clock.Advance(confirm.VisitCodeLife)
	if p = b.get("/account/confirm/visit"); p.Find("#visit-code").Length() != 0 {
		t.Error("a code whose time is over is shown")
	}
}
