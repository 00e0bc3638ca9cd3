package uitest

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/propusk/propusk/ui"
)

// policy is the strictest under which the pages must work.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'"

// A browser is one tab of the installed Chromium on the gallery's pages.
type browser struct {
	t   *testing.T
	ctx context.Context
	url string
}

func openBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{t: t, ctx: startChromium(t, 3*time.Minute), url: serveGallery(t)}
}

// serveGallery serves every example under the strict policy, and returns where.
func serveGallery(t *testing.T) string {
	t.Helper()
	r := renderer(t)
	states := ui.Gallery()
	mux := http.NewServeMux()
	mux.Handle(ui.AssetsPrefix, r.Assets())
	mux.HandleFunc("GET /account/security/totp/qr.png", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_ = png.Encode(w, image.NewGray(image.Rect(0, 0, 440, 440))) // a dark square will do
	})
	mux.HandleFunc("POST /answer", func(w http.ResponseWriter, req *http.Request) { fmt.Fprint(w, "got ", req.PostFormValue("code")) })
	mux.HandleFunc("GET /gallery/{lang}/{state}", func(w http.ResponseWriter, req *http.Request) {
		i, err := strconv.Atoi(req.PathValue("state"))
		if err != nil || i >= len(states) {
			http.NotFound(w, req)
			return
		}
		s := states[i]
		s.Frame.Lang = req.PathValue("lang")
		rules := policy
		if post, ok := s.Value.(ui.FormPost); ok {
			post.Action = "/answer"
			s.Value = post
			if req.URL.RawQuery == "still" { // a page that its script would leave at once
				rules = strings.Replace(policy, "script-src 'self'", "script-src 'none'", 1)
			}
		}
		var page bytes.Buffer
		if err := r.Render(&page, s.Frame, s.Value); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", rules)
		_, _ = page.WriteTo(w)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

// startChromium starts the installed Chromium with one tab.
func startChromium(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	program := os.Getenv("CHROMIUM")
	if program == "" {
		var err error
		if program, err = exec.LookPath("chromium"); err != nil {
			t.Skip("chromium is not installed: pages were not tested in a browser")
		}
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.WSURLReadTimeout(time.Minute))
	ctx, stop := context.WithTimeout(context.Background(), limit)
	t.Cleanup(stop)
	ctx, stopProgram := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stopProgram)
	ctx, stopTab := chromedp.NewContext(ctx)
	t.Cleanup(stopTab)
	return ctx
}

// open shows the named example of a page in Russian.
func (b *browser) open(page, example string) {
	b.t.Helper()
	for i, s := range ui.Gallery() {
		if s.Page == page && s.Name == example {
			b.show("ru", i)
			return
		}
	}
	b.t.Fatalf("no example %q of %s", example, page)
}

func (b *browser) show(lang string, state int) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Navigate(fmt.Sprintf("%s/gallery/%s/%d", b.url, lang, state))); err != nil {
		b.t.Fatal(err)
	}
}

// ask evaluates an expression that gives a string.
func (b *browser) ask(expression string) string {
	b.t.Helper()
	answer, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return answer
}

// wait asks until the answer is want.
func (b *browser) wait(expression, want string) {
	b.t.Helper()
	var got string
	for range 100 {
		if got = b.ask(expression); got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Errorf("%s = %q, want %q", expression, got, want)
}

func TestPagesReflowAt320Pixels(t *testing.T) {
	b := openBrowser(t)
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(320, 800)); err != nil {
		t.Fatal(err)
	}
	for i, s := range ui.Gallery() {
		for _, lang := range ui.Languages() {
			b.show(lang, i)
			if w := b.ask("String(document.documentElement.scrollWidth)"); w != "320" {
				t.Errorf("%s/%s in %s is %s pixels wide", s.Page, s.Name, lang, w)
			}
		}
	}
}

func TestScriptsHelpUnderTheStrictPolicy(t *testing.T) {
	b := openBrowser(t)

	b.open("sign-in", "wrong")
	b.wait("document.activeElement.className", "Faults")
	b.wait("String(document.querySelector('[data-show]').hidden)", "false")
	b.ask("document.querySelector('[data-show]').click(), ''")
	b.wait("document.getElementById('password').type", "text")

	b.open("password", "last step")
	b.ask("(p => { p.value = 'Propusk-2026'; p.dispatchEvent(new Event('input')); return ''; })(document.getElementById('password'))")
	b.wait("String(document.querySelectorAll('#rules .Mark--yes').length)", "3")
	b.wait("String(document.getElementById('meter').hidden)", "false")

	b.open("sms-code", "just sent")
	b.wait("String(document.querySelector('[data-again]').disabled)", "true")
	b.ask("(now => { Date.now = () => now() + 300000; return ''; })(Date.now)")
	b.wait("String(document.querySelector('[data-again]').disabled)", "false")

	b.open("form-post", "answer")
	b.wait("document.body.innerText.trim()", "got AQIDBA")
}

func TestWithoutScriptsNothingDeadIsShown(t *testing.T) {
	r := renderer(t)
	for _, s := range ui.Gallery() {
		page := string(render(t, r, "ru", s, s.Value))
		for _, tag := range strings.Split(page, "<")[1:] {
			tag, _, _ = strings.Cut(tag, ">")
			if strings.HasPrefix(tag, "button") && strings.Contains(tag, `type="button"`) && !strings.Contains(tag, " hidden") {
				t.Errorf("%s/%s shows a button that only a script can press: %s", s.Page, s.Name, tag)
			}
		}
	}
}
