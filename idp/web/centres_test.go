package web_test

import (
	"net/http"
	"testing"

	"github.com/propusk/propusk/idp/centre"
)

func TestDirectoryFindsByTownAndShowsTheMap(t *testing.T) {
	w := newWorld(t)
	two := func(ru, en string) map[string]string { return map[string]string{"ru": ru, "en": en} }
	for _, c := range []*centre.Centre{
		{ID: "77-031", Name: two("Центр № 31", "Centre No. 31"), Town: two("Лесогорск", "Lesogorsk"), Address: two("пл. Вокзальная, 2", "2 Station Square"), Hours: two("пн–пт", "Mon–Fri"), Services: []centre.Service{centre.Confirms}, At: &centre.Place{Latitude: 56, Longitude: 38}},
		{ID: "77-032", Name: two("Центр № 32", "Centre No. 32"), Town: two("Орёл-Посад", "Oryol-Posad"), Address: two("ул. Садовая, 1", "1 Garden Street"), Hours: two("сб", "Sat"), Services: []centre.Service{centre.Restores}},
	} {
		if err := w.SaveCentre(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	b := w.browser()
	p := b.get("/centres?q=орел")
	p.at("/centres", http.StatusOK)
	if got := p.Find(".Places > li").Length(); got != 1 || p.Find("#centre-77-032").Length() != 1 {
		t.Errorf("%d centres found by the town", got)
	}
	if p.Find("a[href^='/centres/map']").Length() != 0 {
		t.Error("a map is offered of what has no place on it")
	}
	p = b.get("/centres/map?service=confirm&q=лес")
	p.at("/centres/map", http.StatusOK)
	if got := p.Find("svg a.Map-point"); got.Length() != 1 || got.AttrOr("href", "") != "#centre-77-031" || p.Find("#centre-77-031").Length() != 1 {
		t.Errorf("the map has %d points, leading to %q", got.Length(), got.AttrOr("href", ""))
	}
	if href := p.Find("a[href^='/centres?']").AttrOr("href", ""); href != "/centres?q=%D0%BB%D0%B5%D1%81&service=confirm" {
		t.Errorf("back to the list: %q", href)
	}
	if p = b.get("/centres?q=лес&service=restore"); p.Find(".Places > li").Length() != 0 || p.Find("[role=status]").Length() != 1 {
		t.Error("a centre that does not do it was found")
	}
}
