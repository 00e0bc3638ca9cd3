// Package tax is the taxpayer's account of a tax service: a relying party that demands
// more than a level. Tax secrecy forbids it to trust a code sent by letter, so it
// lets in whoever has at least one confirmation made another way.
package tax

import (
	"context"
	"embed"
	"net/http"
	"time"

	"github.com/propusk/propusk/examples/relyingparty"
)

//go:embed pages site.html words.json icon.svg
var files embed.FS

// Config is what the tax service needs.
type Config struct {
	relyingparty.Config
	// Policy says that these demands are registered with the provider, which then
	// turns people away itself and explains why. The site judges nothing.
	Policy bool
}

// Judge reads the claims. Any live confirmation other than a letter is enough:
// the strongest one alone would say less.
func Judge(c relyingparty.Claims) relyingparty.Decision {
	switch {
	case c.Rank < relyingparty.RankVerified:
		return relyingparty.Refuse(relyingparty.LevelTooLow)
	case !c.ConfirmedOtherThan("mail_code"):
		return relyingparty.Refuse(relyingparty.MethodRefused)
	}
	return relyingparty.Allow()
}

// Run serves the site until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	s, err := newService(cfg)
	if err != nil {
		return err
	}
	return s.party.Serve(ctx, s.routes())
}

type service struct {
	party  *relyingparty.Party
	policy bool
}

func newService(cfg Config) (*service, error) {
	judge := Judge
	if cfg.Policy {
		judge = func(relyingparty.Claims) relyingparty.Decision { return relyingparty.Allow() }
	}
	party, err := relyingparty.New(cfg.WithDefaults("tax", "openid", "profile", "inn", "snils"),
		relyingparty.Look{Class: "Site--tax", Files: files}, judge)
	return &service{party, cfg.Policy}, err
}

func (s *service) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /certificate", s.certificate)
	mux.HandleFunc("GET /deadlines", s.plain("deadlines"))
	mux.HandleFunc("GET /who", s.plain("who"))
	mux.HandleFunc("/", s.party.Site().NotFound)
	return mux
}

// A cabinet is what a taxpayer sees.
type cabinet struct {
	Claims     relyingparty.Claims
	SignedInAt time.Time
	Reason     string
	ConfirmURL string
	AccountURL string
	Today      time.Time
}

func (s *service) cabinet(session *relyingparty.Session) cabinet {
	return cabinet{
		Claims: session.Claims, SignedInAt: session.SignedInAt, Reason: s.party.Decide(session).Reason,
		ConfirmURL: s.party.HomeURL("/account/confirm"), AccountURL: s.party.HomeURL("/account"), Today: s.party.Now(),
	}
}

func (s *service) home(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	if session == nil {
		s.party.Site().Render(w, r, http.StatusOK, "home", nil)
		return
	}
	c, page := s.cabinet(session), "cabinet"
	if c.Reason != "" {
		page = "refused"
	}
	s.party.Site().Render(w, r, http.StatusOK, page, c)
}

// certificate is the paper that says which INN the person has; to be printed.
func (s *service) certificate(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	if session == nil {
		http.Redirect(w, r, "/login?next=/certificate", http.StatusSeeOther)
		return
	}
	c := s.cabinet(session)
	if c.Reason != "" || c.Claims.INN == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.party.Site().Render(w, r, http.StatusOK, "certificate", c)
}

func (s *service) plain(page string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.party.Site().Render(w, r, http.StatusOK, page, nil)
	}
}
