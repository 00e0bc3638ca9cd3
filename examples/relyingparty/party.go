package relyingparty

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	httphelper "github.com/zitadel/oidc/v3/pkg/http"

	"github.com/propusk/propusk/examples/site"
)

// A Judge decides by the claims whether the party lets somebody in.
type Judge func(Claims) Decision

// A Party is a site where people sign in with Propusk.
type Party struct {
	cfg      Config
	site     *site.Site
	judge    Judge
	cookies  *httphelper.CookieHandler
	sessions *sessions
	spent    *spentTokens

	discovery sync.Mutex
	found     rp.RelyingParty
}

// A Look is a party's own part of its site; see package site.
type Look struct {
	// Class dresses the pages: Site--tax.
	Class string
	Files fs.FS
}

// Around is what the frame of every page shows: who is signed in, and links.
type Around struct {
	SignedIn bool
	Name     string
	HomeURL  string
	WorldURL string
}

// New makes the party and its site; the provider need not be up yet.
func New(cfg Config, look Look, judge Judge) (*Party, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	// The keys live as long as the process: whoever was on the way to the
	// provider while it restarted presses "Sign in" again.
	hashKey, blockKey := make([]byte, 32), make([]byte, 32)
	_, _ = rand.Read(hashKey)
	_, _ = rand.Read(blockKey)
	p := &Party{
		cfg: cfg, judge: judge,
		cookies:  cookieHandler(cfg, hashKey, blockKey),
		sessions: newSessions(cfg.Now),
		spent:    newSpentTokens(),
	}
	p.site, err = site.New(site.Options{
		Name: cfg.ClientID, Class: look.Class, Files: look.Files, PublicURL: cfg.PublicURL,
		// The form that signs out leads on to the provider.
		FormsMayEndAt: []string{origin(cfg.Issuer)},
		Around:        p.around, Logger: cfg.Logger,
	})
	return p, err
}

func (p *Party) around(r *http.Request) any {
	a := Around{HomeURL: p.HomeURL("/account"), WorldURL: p.cfg.WorldURL}
	if s := p.Session(r); s != nil {
		a.SignedIn, a.Name = true, s.Claims.Greeting()
	}
	return a
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Site renders the party's pages.
func (p *Party) Site() *site.Site { return p.site }

// Now is the time by which the party judges ages.
func (p *Party) Now() time.Time { return p.cfg.Now() }

// Serve answers on the configured listeners until ctx ends.
func (p *Party) Serve(ctx context.Context, routes *http.ServeMux) error {
	p.Mount(routes)
	return site.Serve(ctx, p.cfg.Listeners, p.site.Handler(routes), p.cfg.Logger)
}

// Mount adds the party's own routes to a site.
func (p *Party) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /login", p.login)
	mux.HandleFunc("GET "+p.cfg.callbackPath(), p.callback)
	mux.HandleFunc("GET /logout", p.logout)
	mux.HandleFunc("POST /logout", p.logout)
	mux.HandleFunc("GET /me", p.me)
	mux.HandleFunc("POST /backchannel-logout", p.backchannelLogout)
}

// HomeURL is an address at the provider, for the way up: "/account/confirm".
func (p *Party) HomeURL(path string) string { return p.cfg.HomeURL + path }

// Decide judges a session.
func (p *Party) Decide(s *Session) Decision { return p.judge(s.Claims) }

func (p *Party) sessionCookie() string { return p.cfg.ClientID + "-session" }

// Session is who this browser is signed in as, or nil. What the provider said
// more than five minutes ago is asked again first.
func (p *Party) Session(r *http.Request) *Session {
	cookie, err := r.Cookie(p.sessionCookie())
	if err != nil {
		return nil
	}
	session := p.sessions.get(cookie.Value)
	if session == nil || p.cfg.Now().Sub(session.checkedAt) < recheckAfter {
		return session
	}
	lock := p.sessions.checkLock(session.id)
	lock.Lock()
	defer lock.Unlock()
	session = p.sessions.get(cookie.Value)
	if session == nil || p.cfg.Now().Sub(session.checkedAt) < recheckAfter {
		return session
	}
	return p.recheck(r.Context(), session)
}

func (p *Party) recheck(ctx context.Context, old *Session) *Session {
	renewed, err := p.asked(ctx, old)
	switch {
	case err == nil:
		return p.sessions.replace(renewed)
	case errors.Is(err, errEnded), errors.Is(err, rp.ErrUserInfoSubNotMatching):
		p.cfg.Logger.InfoContext(ctx, "session ended at the provider", "client", p.cfg.ClientID)
		p.sessions.end(old.id)
		return nil
	default:
		p.cfg.Logger.WarnContext(ctx, "userinfo re-check", "client", p.cfg.ClientID, "error", err)
		if p.cfg.Now().Sub(old.checkedAt) > recheckLimit {
			p.sessions.end(old.id)
			return nil
		}
		return old
	}
}

// asked is the session with what userinfo says now.
func (p *Party) asked(ctx context.Context, s *Session) (*Session, error) {
	provider, err := p.provider(ctx)
	if err != nil {
		return nil, err
	}
	subject, _ := s.fromIDToken["sub"].(string)
	info, err := p.userinfo(ctx, provider.UserinfoEndpoint(), s.tokenType, s.accessToken, subject)
	if err != nil {
		return nil, err
	}
	renewed := *s
	renewed.checkedAt = p.cfg.Now()
	renewed.Claims, err = read(withoutAssurance(s.fromIDToken), info)
	return &renewed, err
}

// withoutAssurance leaves out what can fall: after the sign-in only userinfo's
// word on it counts, and its silence must not revive the ID token's.
func withoutAssurance(claims map[string]any) map[string]any {
	rest := map[string]any{}
	for name, value := range claims {
		switch name {
		case "account_level", "account_level_rank", "confirmations", "confirmation_method", "confirmed_at":
		default:
			rest[name] = value
		}
	}
	return rest
}

// me tells a program, or a curious integrator, what this browser is to us.
func (p *Party) me(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		SignedIn bool `json:"signed_in"`
		Decision
		Claims map[string]any `json:"claims"`
	}{}
	if s := p.Session(r); s != nil {
		answer.SignedIn, answer.Decision, answer.Claims = true, p.Decide(s), s.Claims.All
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// localPath keeps the place to return to inside this site.
func localPath(next string) string {
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}
