// Package pension is the pension fund's personal account: a relying party that needs a
// verified person and does not mind how the identity was confirmed.
package pension

import (
	"context"
	"embed"
	"net/http"
	"time"

	"github.com/propusk/propusk/examples/relyingparty"
)

//go:embed pages site.html words.json icon.svg
var files embed.FS

// Config is what the pension fund needs.
type Config = relyingparty.Config

// Judge lets in every verified person.
func Judge(c relyingparty.Claims) relyingparty.Decision {
	if c.Rank < relyingparty.RankVerified {
		return relyingparty.Refuse(relyingparty.LevelTooLow)
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

type service struct{ party *relyingparty.Party }

func newService(cfg Config) (*service, error) {
	party, err := relyingparty.New(cfg.WithDefaults("pension", "openid", "profile", "snils", "phone"),
		relyingparty.Look{Class: "Site--pension", Files: files}, Judge)
	return &service{party}, err
}

func (s *service) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /statement", s.statement)
	mux.HandleFunc("GET /age", s.age)
	mux.HandleFunc("/", s.party.Site().NotFound)
	return mux
}

// An account is what the insured person sees.
type account struct {
	Claims     relyingparty.Claims
	SignedInAt time.Time
	ConfirmURL string
	AccountURL string
	Today      time.Time
}

func (s *service) account(session *relyingparty.Session) account {
	return account{
		Claims: session.Claims, SignedInAt: session.SignedInAt,
		ConfirmURL: s.party.HomeURL("/account/confirm"), AccountURL: s.party.HomeURL("/account"), Today: s.party.Now(),
	}
}

func (s *service) home(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	switch {
	case session == nil:
		s.party.Site().Render(w, r, http.StatusOK, "home", nil)
	case !s.party.Decide(session).Allowed:
		s.party.Site().Render(w, r, http.StatusOK, "refused", s.account(session))
	default:
		s.party.Site().Render(w, r, http.StatusOK, "account", s.account(session))
	}
}

// statement is the paper that confirms the person's number in the fund; to be printed.
func (s *service) statement(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	switch {
	case session == nil:
		http.Redirect(w, r, "/login?next=/statement", http.StatusSeeOther)
	case !s.party.Decide(session).Allowed:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		s.party.Site().Render(w, r, http.StatusOK, "statement", s.account(session))
	}
}

func (s *service) age(w http.ResponseWriter, r *http.Request) {
	s.party.Site().Render(w, r, http.StatusOK, "age", nil)
}
