package uitest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/propusk/propusk/ui"
)

// arrive opens an example with a fragment, as a camera that reads a QR code does. A page that is open
// already would only scroll, so it is left first.
func (b *browser) arrive(page, example, fragment string) {
	b.t.Helper()
	for i, s := range ui.Gallery() {
		if s.Page == page && s.Name == example {
			if err := chromedp.Do(b.ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(fmt.Sprintf("%s/gallery/ru/%d?x=1#%s", b.url, i, fragment))); err != nil {
				b.t.Fatal(err)
			}
			return
		}
	}
	b.t.Fatalf("no example %q of %s", example, page)
}

func TestCodeFromTheQRGoesIntoTheFieldAndOutOfTheAddress(t *testing.T) {
	b := openBrowser(t)
	const value, address = "(document.getElementById('letter-code') || {value: 'no field'}).value", "location.search + location.hash"
	live := ""
	for _, s := range ui.Gallery() {
		if p, ok := s.Value.(ui.Letter); ok && p.State == "live" && p.Code == "" && live == "" {
			live = s.Name
		}
	}

	b.arrive("letter", live, "GHJKMNPQRSN")
	b.wait(value, "GHJKMNPQRSN")
	b.wait(address, "?x=1")
	b.wait("document.activeElement.id", "letter-code")

	// It is used once.
	b.open("letter", live)
	b.wait(value, "")

	// Whoever signs in on the way finds it afterwards.
	b.arrive("sign-in", "wrong", "GHJKMNPQRSN")
	b.wait(address, "?x=1")
	b.open("letter", live)
	b.wait(value, "GHJKMNPQRSN")

	// Fragments of our own pages are not codes.
	for _, own := range []string{"main", "postal-code", "letter-code", strings.ToLower("GHJKMNPQRSN")} {
		b.arrive("letter", live, own)
		b.wait(value, "")
		b.wait("location.hash", "#"+own)
	}
}
