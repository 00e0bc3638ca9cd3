package ui

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"sort"
	"strings"
	"time"
)

// Assets are the files a page refers to. Each lives under an address that
// contains the digest of its bytes, so it may be kept for ever.
type Assets struct {
	byPath map[string]asset
	urls   map[string]string
}

type asset struct {
	bytes []byte
	kind  string
}

// AssetsPrefix is where the door mounts the handler.
const AssetsPrefix = "/assets/"

// newAssets joins the style rooms and the scripts: tokens first, then base,
// frame, parts and pages by name, and last what must win over all of them.
func newAssets(files fs.FS) (*Assets, error) {
	look, err := join(files, []string{
		"layout/tokens.css", "layout/base.css", "layout/frame.css", "parts/*/*.css", "pages/*/*.css",
		"layout/sites.css", "layout/widths.css", "layout/media.css",
	})
	if err != nil {
		return nil, err
	}
	script, err := join(files, []string{"parts/*/*.js"})
	if err != nil {
		return nil, err
	}
	submit, err := join(files, []string{"pages/form-post/*.js"})
	if err != nil {
		return nil, err
	}
	mark, err := fs.ReadFile(files, "layout/mark.svg")
	if err != nil {
		return nil, fmt.Errorf("ui: %w", err)
	}
	a := &Assets{byPath: map[string]asset{}, urls: map[string]string{}}
	a.add("look.css", look, "text/css; charset=utf-8")
	a.add("propusk.js", script, "text/javascript; charset=utf-8")
	a.add("form-post.js", submit, "text/javascript; charset=utf-8")
	a.add("mark.svg", mark, "image/svg+xml")
	return a, nil
}

func (a *Assets) add(name string, b []byte, kind string) {
	sum := sha256.Sum256(b)
	url := AssetsPrefix + hex.EncodeToString(sum[:8]) + "/" + name
	a.byPath[url] = asset{b, kind}
	a.urls[name] = url
}

// join concatenates the files of each pattern, in the order of the patterns
// and then of the names. A pattern without a file is a mistake.
func join(files fs.FS, patterns []string) ([]byte, error) {
	var out bytes.Buffer
	for _, p := range patterns {
		names, err := fs.Glob(files, p)
		if err != nil {
			return nil, fmt.Errorf("ui: %w", err)
		}
		if len(names) == 0 && !strings.HasPrefix(p, "pages/*") {
			return nil, fmt.Errorf("ui: no file matches %s", p)
		}
		sort.Strings(names)
		for _, n := range names {
			b, err := fs.ReadFile(files, n)
			if err != nil {
				return nil, fmt.Errorf("ui: %w", err)
			}
			out.Write(b)
		}
	}
	return out.Bytes(), nil
}

// URL is the address of an asset by its name.
func (a *Assets) URL(name string) (string, error) {
	url, ok := a.urls[name]
	if !ok {
		return "", fmt.Errorf("ui: no asset %q", name)
	}
	return url, nil
}

// ServeHTTP serves the addresses under AssetsPrefix.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := a.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.bytes))
}
