package flow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Chrome starts Chromium once; its windows share no cookies.
type Chrome struct {
	root   context.Context
	cancel context.CancelFunc
	// Scripts says whether pages may run JavaScript.
	Scripts bool
	// Width and Height of a window in CSS pixels; Dark asks for the dark theme.
	Width, Height int64
	Dark          bool
	// Client fetches beside the pages; nil: the usual one.
	Client *http.Client
}

// ErrNoChrome says that Chromium is not installed.
var ErrNoChrome = errors.New("flow: chromium is not installed")

// FindChrome gives the path of an installed Chromium, by $CHROMIUM or the usual names.
func FindChrome() (string, error) {
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoChrome
}

// Trusting lets Chromium accept the keys of certificates, each given as the SHA-256 of its
// SubjectPublicKeyInfo in base64, whoever issued them. For everything else https stays https.
func Trusting(keys ...string) chromedp.ExecAllocatorOption {
	return chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(keys, ","))
}

// StartChrome starts Chromium with an empty profile below dir.
func StartChrome(ctx context.Context, dir string, more ...chromedp.ExecAllocatorOption) (*Chrome, error) {
	path, err := FindChrome()
	if err != nil {
		return nil, err
	}
	alloc, stop := chromedp.NewExecAllocator(ctx, append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(dir),
		chromedp.Flag("headless", true), chromedp.Flag("no-sandbox", true), chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("no-first-run", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.WSURLReadTimeout(60 * time.Second),
	}, more...)...)
	root, cancel := chromedp.NewContext(alloc)
	if err := chromedp.Do(root); err != nil {
		cancel()
		stop()
		return nil, fmt.Errorf("start chromium: %w", err)
	}
	return &Chrome{root: root, cancel: func() { cancel(); stop() }, Scripts: true, Width: 1280, Height: 900}, nil
}

// Close ends Chromium.
func (c *Chrome) Close() { c.cancel() }

// New opens a window with its own cookies.
func (c *Chrome) New(_ context.Context, lang string) (Browser, error) {
	ctx, cancel := chromedp.NewContext(c.root, chromedp.WithNewBrowserContext())
	w := &window{ctx: ctx, cancel: cancel, client: cmp.Or(c.Client, http.DefaultClient)}
	theme := "light"
	if c.Dark {
		theme = "dark"
	}
	err := chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, t, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": lang}}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, t, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
			Width: c.Width, Height: c.Height, DeviceScaleFactor: 1, Mobile: c.Width < 600,
		}); err != nil {
			return err
		}
		if _, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
		}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !c.Scripts})
		return err
	}))
	if err != nil {
		cancel()
		return nil, err
	}
	return w, nil
}

// window is one Chromium window.
type window struct {
	ctx    context.Context
	cancel context.CancelFunc
	client *http.Client
}

func (w *window) Close() { w.cancel() }

const patience = 30 * time.Second

func (w *window) run(actions ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// evaluate runs an expression in a window's page.
func evaluate[T any](w *window, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

func (w *window) Open(_ context.Context, address string) error {
	return w.leave(func() error { return w.run(chromedp.Navigate(address)) })
}

// find is what a person's eye does: the first visible element of a kind with that text.
const find = `
const fold = s => s.replace(/\u00ad/g, '').split(/\s+/).filter(Boolean).join(' ');
const seen = e => !e.disabled && !e.closest('[hidden]') && e.getClientRects().length > 0;
const pick = (all, text) => all.find(e => seen(e) && (fold(e.textContent) === fold(text) || e.id === text))
	|| all.find(e => seen(e) && fold(e.textContent).includes(fold(text)));
const field = name => Array.from(document.querySelectorAll('input,select,textarea')).filter(e => e.id === name || e.name === name);
`

// act runs a function body that returns "" or what is wrong.
func (w *window) act(body string, args ...any) error {
	words, err := json.Marshal(args)
	if err != nil {
		return err
	}
	wrong, err := evaluate[string](w, "(() => {"+find+"const args = "+string(words)+";"+body+"})()")
	if err != nil {
		return err
	}
	if wrong != "" {
		return errors.New(wrong)
	}
	return nil
}

func (w *window) Click(_ context.Context, text string) error {
	return w.leave(func() error {
		return w.act(`const e = pick(Array.from(document.querySelectorAll('a[href],button')), args[0]);
			if (!e) return 'no link or button "' + args[0] + '"';
			e.scrollIntoView({block: 'center'}); e.click(); return '';`, text)
	})
}

func (w *window) Submit(_ context.Context, text string) error {
	return w.leave(func() error {
		return w.act(`const form = document.getElementById('main-form');
			if (!form) return 'the page has no main form';
			const all = Array.from(document.querySelectorAll('button:not([type=button]):not([type=reset])')).filter(b => b.form === form);
			const e = args[0] === '' ? all.find(seen) : pick(all, args[0]);
			if (!e) return 'the main form has no button "' + args[0] + '"';
			e.click(); return '';`, text)
	})
}

// Link is the address of a link.
func (w *window) Link(_ context.Context, text string) (string, error) {
	words, err := json.Marshal(text)
	if err != nil {
		return "", err
	}
	to, err := evaluate[string](w, "(() => {"+find+"const e = pick(Array.from(document.querySelectorAll('a[href]')), "+string(words)+"); return e ? e.href : '';})()")
	if err == nil && to == "" {
		err = fmt.Errorf("no link %q", text)
	}
	return to, err
}

// Attach chooses a file, as its drop on the field would.
func (w *window) Attach(_ context.Context, name, file string, content []byte) error {
	return w.act(`const e = field(args[0])[0];
		if (!e || e.type !== 'file') return 'no field for files "' + args[0] + '"';
		const bytes = Uint8Array.from(atob(args[2]), c => c.charCodeAt(0));
		const chosen = new DataTransfer(); chosen.items.add(new File([bytes], args[1]));
		e.files = chosen.files; e.dispatchEvent(new Event('change', {bubbles: true})); return '';`, name, file, content)
}

func (w *window) Fill(_ context.Context, name, value string) error {
	return w.act(`const e = field(args[0])[0];
		if (!e) return 'no field "' + args[0] + '"';
		e.focus(); e.value = args[1];
		e.dispatchEvent(new Event('input', {bubbles: true})); e.dispatchEvent(new Event('change', {bubbles: true})); return '';`, name, value)
}

func (w *window) Choose(_ context.Context, name, value string) error {
	return w.act(`const all = field(args[0]);
		if (!all.length) return 'no field "' + args[0] + '"';
		if (all[0].tagName === 'SELECT') {
			if (!Array.from(all[0].options).some(o => o.value === args[1])) return 'field "' + args[0] + '" has no value "' + args[1] + '"';
			all[0].value = args[1]; all[0].dispatchEvent(new Event('change', {bubbles: true})); return '';
		}
		const e = all.find(e => e.value === args[1]);
		if (!e) return 'field "' + args[0] + '" has no value "' + args[1] + '"';
		if (!e.checked) e.click(); return '';`, name, value)
}

// leave does something that may lead to another page, and waits until a page has settled: the document
// is complete, and no navigation has begun for a moment.
func (w *window) leave(act func() error) error {
	if _, err := evaluate[bool](w, `window.__left = true`); err != nil {
		return err
	}
	if err := act(); err != nil {
		return err
	}
	quiet, last := 0, ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(60 * time.Millisecond) {
		now, err := evaluate[struct {
			Ready string `json:"ready"`
			URL   string `json:"url"`
			Left  bool   `json:"left"`
		}](w, `({ready: document.readyState, url: location.href, left: !window.__left})`)
		if err != nil {
			quiet = 0 // between two documents there is none to ask
			continue
		}
		if now.Ready == "complete" && now.URL == last {
			quiet++
		} else {
			quiet = 0
		}
		last = now.URL
		// A click that leads nowhere shows by the old document staying for a while.
		if quiet >= 3 && now.Left || quiet >= 20 {
			return nil
		}
	}
	return errors.New("the page did not settle")
}

func (w *window) Page(context.Context) (Page, error) {
	p, err := evaluate[struct {
		URL   string `json:"url"`
		Title string `json:"title"`
		Text  string `json:"text"`
	}](w, `({url: location.href, title: document.title, text: document.body ? document.body.innerText : ''})`)
	return Page{URL: p.URL, Title: p.Title, Text: fold(p.Text)}, err
}

// Fetch asks with the window's cookies but not through the page, whose content policy forbids it.
func (w *window) Fetch(ctx context.Context, address string) ([]byte, error) {
	var cookies []*network.Cookie
	err := w.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		got, err := cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: []string{address}})
		cookies = got.Cookies
		return err
	}))
	if err != nil {
		return nil, err
	}
	return fetchWith(ctx, w.client, address, cookies)
}

// Evaluate runs an expression in a window's page, past the page's own content policy, waits for what it
// promises, and returns that text.
func Evaluate(b Browser, expression string) (string, error) {
	w, ok := b.(*window)
	if !ok {
		return "", errors.New("flow: only a Chromium window runs expressions")
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
}

// Screenshot is a PNG of the whole page.
func Screenshot(b Browser) ([]byte, error) {
	w, ok := b.(*window)
	if !ok {
		return nil, errors.New("flow: only a Chromium window has a picture")
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.FullScreenshot(100))
}
