package uitest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/propusk/propusk/ui"
)

func loadAxe(t *testing.T) *Axe {
	t.Helper()
	axe, err := LoadAxe()
	if errors.Is(err, ErrNoAxe) && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return axe
}

// A view is how somebody looks at the pages.
type view struct {
	lang, theme string
	width       int64
}

// views are few: together they see both languages, both themes, and both ends of the widths. Pictures are
// taken of all combinations.
func views() []view {
	if *shots == "" {
		return []view{{"ru", "light", 360}, {"en", "dark", 1280}}
	}
	var all []view
	for _, lang := range ui.Languages() {
		for _, theme := range []string{"light", "dark"} {
			all = append(all, view{lang, theme, 360}, view{lang, theme, 1280})
		}
	}
	return all
}

var shots = flag.String("shots", "", "write a picture of every page that is measured into this directory")

func TestEveryPageMeetsWCAG22AA(t *testing.T) {
	axe := loadAxe(t)
	program := startChromium(t, 10*time.Minute)
	if err := chromedp.Do(program); err != nil {
		t.Fatal(err)
	}
	site := serveGallery(t)
	var tabs sync.WaitGroup
	for _, v := range views() {
		tab, stop := chromedp.NewContext(program)
		t.Cleanup(stop)
		tabs.Go(func() {
			if err := look(tab, v); err != nil {
				t.Error(err)
				return
			}
			for i, s := range ui.Gallery() {
				wrong, err := measure(tab, axe, fmt.Sprintf("%s/gallery/%s/%d?still", site, v.lang, i))
				if err != nil {
					t.Errorf("%s/%s: %v", s.Page, s.Name, err)
					return
				}
				for _, w := range wrong {
					t.Errorf("%s/%s, %s, %s, %d pixels: %s", s.Page, s.Name, v.lang, v.theme, v.width, w)
				}
				if err := shoot(tab, s, v); err != nil {
					t.Error(err)
				}
			}
		})
	}
	tabs.Wait()
}

// A page with known defects is found wanting; otherwise the measure itself would be broken.
func TestAxeFindsDefects(t *testing.T) {
	axe := loadAxe(t)
	tab := startChromium(t, 2*time.Minute)
	wrong, err := measure(tab, axe, `data:text/html,<html><title>t</title><body><main><h1>t</h1><input><p style="color:silver">faint</p></main>`)
	if err != nil {
		t.Fatal(err)
	}
	if len(wrong) != 3 { // no language, no label, no contrast
		t.Errorf("%d findings, want 3: %q", len(wrong), wrong)
	}
}

// look gives a tab its width and theme.
func look(tab context.Context, v view) error {
	return chromedp.Do(tab, chromedp.EmulateViewport(v.width, 900), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.theme}},
		})
		return err
	}))
}

// shoot writes a picture of what a tab shows, if pictures are wanted.
func shoot(tab context.Context, s ui.State, v view) error {
	if *shots == "" {
		return nil
	}
	png, err := chromedp.Run(tab, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s.%s.%s.%s.%d.png", s.Page, strings.ReplaceAll(s.Name, " ", "-"), v.lang, v.theme, v.width)
	if err := os.MkdirAll(*shots, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(*shots, name), png, 0o644)
}

// measure opens a page and returns what axe says against it.
func measure(tab context.Context, axe *Axe, address string) ([]string, error) {
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return nil, err
	}
	if _, err := chromedp.Run(tab, chromedp.Evaluate[string](axe.Script())); err != nil {
		return nil, err
	}
	answer, err := chromedp.Run(tab, chromedp.Evaluate[string](Ask, chromedp.EvalAwaitPromise))
	if err != nil {
		return nil, err
	}
	return Violations(answer)
}
