package web_test

import (
	"image/png"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
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

// activate posts a code from an envelope.
func (b *browser) activate(code string) *page {
	b.w.t.Helper()
	return b.post(b.w.server.URL+"/account/confirm/visit", url.Values{"act": {"activate"}, "activation-code": {code}}.Encode())
}

// clerk is an operator at a window.
func (w *world) clerk() confirm.Operator {
	w.t.Helper()
	operator := w.standard()
	if err := w.SaveCentre(w.t.Context(), &centre.Centre{ID: "77-014"}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.SaveMember(w.t.Context(), &centre.Member{Account: operator.ID, Centre: "77-014", Role: centre.Operator, Active: true}); err != nil {
		w.t.Fatal(err)
	}
	return confirm.Operator{Account: operator.ID}
}

// handed is a code that an operator handed over to somebody.
func (w *world) handed(a *account.Account) string {
	w.t.Helper()
	op := w.clerk()
	v, err := w.visits.Open(w.t.Context(), op, a.ID, confirm.ToHandCode)
	if err != nil {
		w.t.Fatal(err)
	}
	seen := confirm.Comparison{Same: map[string]bool{}, Face: true, Genuine: true}
	for _, f := range confirm.Compared(a.Profile.Person) {
		seen.Same[f] = true
	}
	if v, err = w.visits.Settle(w.t.Context(), op, v.ID, seen); err != nil || v.Code == "" {
		w.t.Fatalf("%+v, %v", v, err)
	}
	return v.Code
}

func TestCodeFromAnEnvelopeConfirms(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	b := w.in(a)
	if p := b.get("/account/confirm/visit"); p.Find("#activation-code").Length() != 0 {
		t.Fatal("a code is asked for that nobody handed over")
	}
	if p := b.activate("ABCD-EFGH-JKM"); p.status != http.StatusOK {
		t.Errorf("without an envelope: %d", p.status)
	}
	code := w.handed(a)
	p := b.get("/account/confirm/visit")
	if p.Find("#activation-code").Length() != 1 || strings.Contains(p.body, code) {
		t.Fatalf("page: %s", p.text())
	}
	if p = b.activate(code[:10]); p.status != 422 || p.Find("#activation-code").AttrOr("value", "") != code[:10] {
		t.Errorf("a slip: %d", p.status)
	}
	other := w.handed(w.standard())
	for left := 4; left > 2; left-- {
		p = b.activate(other)
		if told := p.Find("#activation-code-wrong").Text(); p.status != 422 || !strings.Contains(told, strconv.Itoa(left)) {
			t.Errorf("a wrong code: %d, %q, want %d", p.status, told, left)
		}
	}
	b.activate(strings.ToLower(code)).at("/account/confirm/done", http.StatusOK)
	now, err := w.Account(t.Context(), a.ID)
	if err != nil || now.Level != account.Verified || now.Confirmations[0].Method != account.ServiceCenter || now.Confirmations[0].Centre != "77-014" {
		t.Errorf("account %+v, %v", now.Standing, err)
	}
}

func TestFiveWrongCodesEndAnEnvelope(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	b := w.in(a)
	code, other := w.handed(a), w.handed(w.standard())
	var p *page
	for range 5 {
		p = b.activate(other)
	}
	if p.status != 422 || !strings.Contains(p.text(), "попытки кончились") {
		t.Errorf("the fifth: %d, %s", p.status, p.text())
	}
	b.activate(code).at("/account/confirm/visit", http.StatusOK)
	if now, err := w.Account(t.Context(), a.ID); err != nil || now.Level != account.Standard {
		t.Errorf("level %v, %v", now.Level, err)
	}
}
