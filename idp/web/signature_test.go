package web_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/ui"
)

func TestEveryRefusalOfACertificateHasWordsOfItsOwn(t *testing.T) {
	pages, err := ui.New(ui.Options{Now: ui.GalleryNow})
	if err != nil {
		t.Fatal(err)
	}
	for _, lang := range []string{"ru", "en"} {
		seen := map[string]certificate.Reason{}
		for _, reason := range append(certificate.Reasons(), "required") {
			for _, when := range []time.Time{{}, ui.GalleryNow()} {
				var b bytes.Buffer
				page := ui.CertificateRefused{Why: []ui.Fault{{Field: "certificate", Code: "certificate." + string(reason), When: when}}}
				if err := pages.Render(&b, ui.Frame{Lang: lang}, page); err != nil {
					t.Fatal(err)
				}
				doc, err := goquery.NewDocumentFromReader(&b)
				if err != nil {
					t.Fatal(err)
				}
				text := doc.Find("#certificate").Text()
				if other, there := seen[text]; there && other != reason || strings.Count(text, ".") < 1 {
					t.Errorf("%s: %s reads %q, as %s does", lang, reason, text, other)
				}
				seen[text] = reason
			}
		}
	}
}
