package site

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"
)

type contextKey int

const (
	requestIDKey contextKey = iota
	languageKey
)

// RequestID names this request to the person and in the log.
func RequestID(r *http.Request) string {
	id, _ := r.Context().Value(requestIDKey).(string)
	return id
}

// Language is the one in which this request is answered.
func (s *Site) Language(r *http.Request) Language {
	if l, ok := r.Context().Value(languageKey).(Language); ok {
		return l
	}
	return s.languageOf(r)
}

func (s *Site) address() error {
	u, err := url.Parse(s.options.PublicURL)
	if err != nil || u.Host == "" {
		return fmt.Errorf("site %s: not an address: %q", s.options.Name, s.options.PublicURL)
	}
	s.origin, s.host = u.Scheme+"://"+u.Host, u.Host
	return nil
}

// Origin is the scheme, host and port that people type.
func (s *Site) Origin() string { return s.origin }

// Handler puts the guard before a site's own routes: the Host header names us
// (a page elsewhere could have rebound its name to this machine), forms come
// from our own pages, one language, one request id, safe headers, no panics
// shown to people. It also serves the files under /static/.
func (s *Site) Handler(routes http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	guarded := crossOrigin.Handler(routes)
	policy := strings.Join([]string{
		"default-src 'none'", "style-src 'self'", "img-src 'self'",
		strings.Join(append([]string{"form-action 'self'"}, s.options.FormsMayEndAt...), " "),
		"base-uri 'none'", "frame-ancestors 'none'",
	}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !s.knownHost(r.Host) {
			http.Error(w, "unknown host", http.StatusMisdirectedRequest)
			return
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			if s.serveStatic(w, r) || s.chooseLanguage(w, r) {
				return
			}
		}
		ctx := context.WithValue(r.Context(), requestIDKey, rand.Text()[:12])
		ctx = context.WithValue(ctx, languageKey, s.languageOf(r))
		r = r.WithContext(ctx)
		h.Set("X-Request-Id", RequestID(r))
		defer func() {
			if broken := recover(); broken != nil && broken != http.ErrAbortHandler {
				s.Fault(w, r, fmt.Errorf("panic: %v\n%s", broken, debug.Stack()))
			}
		}()
		guarded.ServeHTTP(w, r)
	})
}

func (s *Site) knownHost(host string) bool {
	if host == s.host {
		return true
	}
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.Trim(name, "[]")
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// chooseLanguage answers ?lang=en on any page: it keeps the choice and comes back.
func (s *Site) chooseLanguage(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	lang := query.Get("lang")
	if lang != "ru" && lang != "en" {
		return false
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.languageCookie(), Value: lang, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.origin, "https:"),
	})
	query.Del("lang")
	back := url.URL{Path: "/" + strings.TrimLeft(r.URL.Path, "/"), RawQuery: query.Encode()}
	w.Header().Set("Location", back.String())
	w.WriteHeader(http.StatusSeeOther)
	return true
}

type asset struct {
	content []byte
	kind    string
	tag     string
}

func readStatic(own fs.FS) (map[string]asset, error) {
	assets := map[string]asset{}
	for name, files := range map[string]fs.FS{"static/look.css": shared, "icon.svg": own} {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		assets["/static/"+path.Base(name)] = asset{
			content, mime.TypeByExtension(path.Ext(name)), `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
		}
	}
	return assets, nil
}

func (s *Site) serveStatic(w http.ResponseWriter, r *http.Request) bool {
	a, ok := s.static[r.URL.Path]
	if !ok {
		return false
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("ETag", a.tag)
	w.Header().Set("Cache-Control", "no-cache")
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	_, _ = w.Write(a.content)
	return true
}
