package ui

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestTypeWithoutTemplateFails(t *testing.T) {
	err := matchPages(fstest.MapFS{"pages/sign-in/page.html": {Data: []byte("x")}})
	if err == nil || !strings.Contains(err.Error(), "has no template") {
		t.Errorf("matchPages = %v, want a page type without a template", err)
	}
}

func TestTemplateWithoutTypeFails(t *testing.T) {
	pages := fstest.MapFS{"pages/stray/page.html": {Data: []byte("x")}}
	for _, p := range all() {
		pages["pages/"+p.PageName()+"/page.html"] = &fstest.MapFile{Data: []byte("x")}
	}
	err := matchPages(pages)
	if err == nil || !strings.Contains(err.Error(), "pages/stray has no page type") {
		t.Errorf("matchPages = %v, want a template without a page type", err)
	}
}

type stranger struct{ SignIn }

func (stranger) PageName() string { return "stranger" }

func TestNothingIsWrittenWhenAPageFails(t *testing.T) {
	r, err := New(Options{Now: GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Render(&b, Frame{Lang: "ru"}, stranger{}); err == nil {
		t.Error("a page without a template rendered")
	}
	if b.Len() > 0 {
		t.Errorf("half a page was written: %d bytes", b.Len())
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAWriteErrorIsReported(t *testing.T) {
	r, err := New(Options{Now: GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Render(broken{}, Frame{Lang: "en"}, SignIn{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Render = %v, want the writer's error", err)
	}
}

func TestAnUnknownLanguageIsTheFirst(t *testing.T) {
	r, err := New(Options{Now: GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Render(&b, Frame{Lang: "de"}, SignIn{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `<html lang="ru">`) {
		t.Error("page is not in Russian")
	}
}

func TestOptionsWithoutAClockFail(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("New without a clock succeeded")
	}
}

func TestSiteNameIsTheInstallations(t *testing.T) {
	r, err := New(Options{Now: GalleryNow, SiteName: map[string]string{"en": "Gate"}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Render(&b, Frame{Lang: "en"}, SignIn{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "<title>Sign in — Gate</title>") {
		t.Errorf("title is not the installation's: %s", b.String()[:400])
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	a, err := newAssets(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"look.css", "propusk.js", "form-post.js", "mark.svg"} {
		url, err := a.URL(name)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("GET %s = %d, Cache-Control %q, %d bytes", url, w.Code, w.Header().Get("Cache-Control"), w.Body.Len())
		}
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/assets/0000000000000000/look.css", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("another digest answers %d, want 404", w.Code)
	}
	if _, err := a.URL("nothing.css"); err == nil {
		t.Error("an unknown asset has an address")
	}
}

func TestTokensComeFirst(t *testing.T) {
	a, err := newAssets(files)
	if err != nil {
		t.Fatal(err)
	}
	css := string(a.byPath[a.urls["look.css"]].bytes)
	last := -1
	for _, mark := range []string{":root {", "box-sizing", ".Top {", ".Button {", ".Site--operator", "@media (max-width", "prefers-reduced-motion"} {
		i := strings.Index(css, mark)
		if i <= last {
			t.Errorf("%q stands at %d, want it after %d", mark, i, last)
		}
		last = i
	}
}

func speakers(t *testing.T) (ru, en *speaker) {
	t.Helper()
	r, err := New(Options{Now: GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	return r.speak["ru"], r.speak["en"]
}

func TestOneFormatterForDatesTimesAndPhones(t *testing.T) {
	ru, en := speakers(t)
	plain := func(s string) string { return strings.ReplaceAll(s, nbsp, " ") }
	midnight := time.Date(2026, 11, 20, 22, 30, 0, 0, time.UTC)
	for _, tt := range []struct{ what, got, want string }{
		{"date ru", ru.date(on(2026, 11, 21)), "21 ноября 2026 года"},
		{"date en", en.date(on(2026, 11, 21)), "21 November 2026"},
		{"late in the evening elsewhere", ru.date(midnight), "21 ноября 2026 года"},
		{"birthday never moves", ru.date(on(1991, 4, 7)), "7 апреля 1991 года"},
		{"this year", ru.day(at(3, 10, 0)), "3 ноября"},
		{"another year", en.day(on(2027, 1, 6)), "6 January 2027"},
		{"clock", ru.clock(at(24, 14, 32)), "14:32"},
		{"today", ru.ago(at(24, 9, 5)), "сегодня, 09:05"},
		{"yesterday", en.ago(at(23, 23, 59)), "yesterday, 23:59"},
		{"earlier", ru.ago(at(20, 2, 31)), "20 ноября, 02:31"},
		{"left", ru.left(GalleryNow().Add(252 * time.Second)), "4:12"},
		{"nothing left", ru.left(GalleryNow().Add(-time.Second)), "0:00"},
		{"one minute", ru.wait(time.Minute + 31*time.Second), "2 минуты"},
		{"five minutes", ru.wait(5 * time.Minute), "5 минут"},
		{"21 hours", ru.wait(21 * time.Hour), "21 час"},
		{"30 days", en.wait(30 * 24 * time.Hour), "30 days"},
		{"one second", en.wait(time.Millisecond), "1 second"},
		{"phone", ru.phone("+79000000041"), "+7 900 000-00-41"},
		{"masked phone", ru.phone("+7900•••••41"), "+7 900 •••-••-41"},
		{"foreign phone", ru.phone("+4930123456"), "+4930123456"},
		{"list", ru.join([]string{"а", "б", "в"}), "а, б и в"},
		{"tel", string(ru.tel("+7 (900) 000\"x")), "tel:+7900000"},
	} {
		if plain(tt.got) != tt.want {
			t.Errorf("%s = %q, want %q", tt.what, tt.got, tt.want)
		}
	}
}

func TestDemandsAreWords(t *testing.T) {
	ru, en := speakers(t)
	for _, tt := range []struct {
		d      Demand
		ru, en string
	}{
		{Demand{Level: "simplified"}, "Любая учётная запись", "Any account"},
		{Demand{Level: "verified", Methods: []string{"service_center"}}, "Нужна подтверждённая лично в центре обслуживания", "Verified in person at a service centre is needed"},
		{Demand{Level: "verified", Methods: notLetter}, "Нужна подтверждённая; письмо не подходит", "Verified is needed; a letter will not do"},
		{Demand{Level: "verified", Methods: []string{"bank", "service_center"}}, "Нужна подтверждённая; подойдёт банк или личный визит", "Verified is needed, by a bank or a visit in person"},
		{Demand{Level: "standard", Strong: true}, "Нужна стандартная; вход с кодом", "Standard is needed; sign-in with a code"},
	} {
		if got := ru.demand(tt.d); got != tt.ru {
			t.Errorf("ru %v = %q, want %q", tt.d, got, tt.ru)
		}
		if got := en.demand(tt.d); got != tt.en {
			t.Errorf("en %v = %q, want %q", tt.d, got, tt.en)
		}
	}
}

func TestAReturnedLetterHasNothingAhead(t *testing.T) {
	steps := Letter{State: "returned", Status: "returned", Events: []LetterEvent{{Status: "printed", At: at(21, 0, 0)}, {Status: "returned", At: at(24, 0, 0)}}}.Steps()
	if len(steps) != 2 || steps[0].State != "done" || steps[1].State != "bad" {
		t.Errorf("steps = %+v", steps)
	}
}
