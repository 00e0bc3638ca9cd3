package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/skip2/go-qrcode"

	"github.com/propusk/propusk/ui"
)

// galleryCommand shows every page in every state that its examples have.
type galleryCommand struct {
	Out    string `help:"Write them as files into this directory." type:"path" xor:"where" placeholder:"DIR"`
	Listen string `help:"Show them in a browser at this address." xor:"where" placeholder:"HOST:PORT"`
}

// A picture is one state of one page in one language.
type picture struct {
	page, state, lang string
	html              []byte
}

// name is the picture's file, without its extension.
func (p picture) name() string {
	return p.page + "." + strings.NewReplacer(" ", "-", ",", "").Replace(p.state) + "." + p.lang
}

// The examples of a page show a QR code where the provider draws one; the gallery draws one that says what
// it is.
const (
	qrPath = "/account/security/totp/qr.png"
	qrText = "Propusk: an example in the gallery"
)

func (c *galleryCommand) Run(d *desk) error {
	r, err := ui.New(ui.Options{Now: ui.GalleryNow})
	if err != nil {
		return err
	}
	all, err := pictures(r)
	if err != nil {
		return err
	}
	switch {
	case c.Out != "":
		return c.write(d, r, all)
	case c.Listen != "":
		return c.serve(d, r, all)
	}
	return errors.New("say where: --out DIR or --listen HOST:PORT")
}

func pictures(r *ui.Renderer) (out []picture, err error) {
	for _, s := range ui.Gallery() {
		for _, lang := range ui.Languages() {
			var page bytes.Buffer
			f := s.Frame
			f.Lang = lang
			if err := r.Render(&page, f, s.Value); err != nil {
				return nil, err
			}
			out = append(out, picture{s.Page, s.Name, lang, page.Bytes()})
		}
	}
	return out, nil
}

// index links to all pictures: a heading for each page, a line for each state, a link for each language. It
// is not one of our pages and needs no look.
func index(all []picture) []byte {
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Gallery</title>\n<h1>Gallery</h1>\n")
	for i, p := range all {
		if i == 0 || all[i-1].page != p.page {
			fmt.Fprintf(&b, "<h2>%s</h2>\n", html.EscapeString(p.page))
		}
		if i == 0 || all[i-1].page != p.page || all[i-1].state != p.state {
			fmt.Fprintf(&b, "<p>%s:\n", html.EscapeString(p.state))
		}
		fmt.Fprintf(&b, "<a href=\"%s.html\">%s</a>\n", html.EscapeString(p.name()), p.lang)
	}
	return b.Bytes()
}

var assetLink = regexp.MustCompile(`"` + regexp.QuoteMeta(ui.AssetsPrefix) + `[^"]+"`)

// write makes files that open without a server: links to assets become relative.
func (c *galleryCommand) write(d *desk, r *ui.Renderer, all []picture) error {
	put := func(name string, b []byte) error {
		path := filepath.Join(c.Out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, b, 0o644)
	}
	var assets []string
	for _, p := range all {
		page := assetLink.ReplaceAllFunc(p.html, func(link []byte) []byte {
			path := strings.Trim(string(link), `"`)
			if !slices.Contains(assets, path) {
				assets = append(assets, path)
			}
			return []byte(`"` + strings.TrimPrefix(path, "/") + `"`)
		})
		page = bytes.ReplaceAll(page, []byte(`"`+qrPath+`"`), []byte(`"qr.png"`))
		if err := put(p.name()+".html", page); err != nil {
			return err
		}
	}
	for _, path := range assets {
		w := httptest.NewRecorder()
		r.Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK {
			return fmt.Errorf("gallery: asset %s: status %d", path, w.Code)
		}
		if err := put(strings.TrimPrefix(path, "/"), w.Body.Bytes()); err != nil {
			return err
		}
	}
	qr, err := qrcode.Encode(qrText, qrcode.Medium, 440)
	if err != nil {
		return fmt.Errorf("gallery: %w", err)
	}
	if err := put("qr.png", qr); err != nil {
		return err
	}
	if err := put("index.html", index(all)); err != nil {
		return err
	}
	d.printf("%d pages: %s\n", len(all), filepath.Join(c.Out, "index.html"))
	return nil
}

func (c *galleryCommand) serve(d *desk, r *ui.Renderer, all []picture) error {
	mux := http.NewServeMux()
	mux.Handle(ui.AssetsPrefix, r.Assets())
	qr, err := qrcode.Encode(qrText, qrcode.Medium, 440)
	if err != nil {
		return fmt.Errorf("gallery: %w", err)
	}
	mux.HandleFunc("GET "+qrPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write(qr)
	})
	send := func(path string, b []byte) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'self'; form-action 'none'; frame-ancestors 'none'")
			w.Write(b)
		})
	}
	send("/{$}", index(all))
	for _, p := range all {
		send("/"+p.name()+".html", p.html)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	d.printf("%d pages: http://%s/\n", len(all), l.Addr())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-d.ctx.Done()
		server.Shutdown(context.WithoutCancel(d.ctx))
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
