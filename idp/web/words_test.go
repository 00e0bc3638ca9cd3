package web_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/storage/storagetest"
	"github.com/propusk/propusk/ui"
)

// TestEveryEventOfTheHistoryHasItsWords: an event without words of its own shows as "something was done",
// which tells nobody whether to worry.
func TestEveryEventOfTheHistoryHasItsWords(t *testing.T) {
	pages, err := ui.New(ui.Options{Now: func() time.Time { return storagetest.Start }})
	if err != nil {
		t.Fatal(err)
	}
	line := func(lang string, kind audit.Kind) string {
		var b bytes.Buffer
		p := ui.Security{History: []ui.Event{{At: storagetest.Start, Kind: string(kind)}}}
		if err := pages.Render(&b, ui.Frame{Lang: lang, SignedIn: true}, p); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(doc.Find("main").Text()), " ")
	}
	for _, lang := range ui.Languages() {
		without := line(lang, "something_unheard_of")
		seen := map[string]audit.Kind{}
		for _, kind := range audit.Kinds() {
			got := line(lang, kind)
			if got == without {
				t.Errorf("%s: no words for %s", lang, kind)
			}
			if other, twice := seen[got]; twice {
				t.Errorf("%s: %s reads as %s does", lang, kind, other)
			}
			seen[got] = kind
		}
	}
}
