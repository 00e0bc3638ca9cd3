// Package voting is a site where citizens support public initiatives: a relying
// party that needs somebody to have met the voter in person. Only a visit to a
// service centre will do; a voter may have other confirmations beside it.
package voting

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/propusk/propusk/examples/relyingparty"
	"github.com/propusk/propusk/examples/site"
)

//go:embed pages site.html words.json icon.svg initiatives.json
var files embed.FS

// Config is what the voting site needs.
type Config = relyingparty.Config

// Judge lets in whoever was confirmed in person.
func Judge(c relyingparty.Claims) relyingparty.Decision {
	switch {
	case c.Rank < relyingparty.RankVerified:
		return relyingparty.Refuse(relyingparty.LevelTooLow)
	case !c.ConfirmedBy("service_center"):
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

// An Initiative is a proposal that people vote on.
type Initiative struct {
	ID     string    `json:"id"`
	Title  site.Text `json:"title"`
	Text   site.Text `json:"text"`
	Author site.Text `json:"author"`
}

type service struct {
	party       *relyingparty.Party
	initiatives []Initiative
	box         *box
}

func newService(cfg Config) (*service, error) {
	party, err := relyingparty.New(cfg.WithDefaults("voting", "openid", "profile"),
		relyingparty.Look{Class: "Site--voting", Files: files}, Judge)
	if err != nil {
		return nil, err
	}
	s := &service{party: party, box: newBox()}
	data, err := files.ReadFile("initiatives.json")
	if err == nil {
		err = json.Unmarshal(data, &s.initiatives)
	}
	if err != nil {
		return nil, fmt.Errorf("initiatives: %w", err)
	}
	return s, nil
}

func (s *service) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /initiatives/{id}", s.initiative)
	mux.HandleFunc("POST /initiatives/{id}", s.vote)
	mux.HandleFunc("/", s.party.Site().NotFound)
	return mux
}

// A paper is an initiative as one browser sees it.
type paper struct {
	Initiative
	Tally
	SignedIn bool
	Refused  bool
}

type hall struct {
	Papers     []paper
	Claims     relyingparty.Claims
	SignedIn   bool
	Reason     string
	ConfirmURL string
	AccountURL string
}

func (s *service) home(w http.ResponseWriter, r *http.Request) {
	h := hall{ConfirmURL: s.party.HomeURL("/account/confirm"), AccountURL: s.party.HomeURL("/account")}
	subject, page := "", "home"
	if session := s.party.Session(r); session != nil {
		h.SignedIn, h.Claims, subject = true, session.Claims, session.Claims.Subject
		if h.Reason = s.party.Decide(session).Reason; h.Reason != "" {
			page = "refused"
		}
	}
	for _, i := range s.initiatives {
		h.Papers = append(h.Papers, paper{Initiative: i, Tally: s.box.tally(i.ID, subject)})
	}
	s.party.Site().Render(w, r, http.StatusOK, page, h)
}

func (s *service) find(id string) *Initiative {
	for i := range s.initiatives {
		if s.initiatives[i].ID == id {
			return &s.initiatives[i]
		}
	}
	return nil
}

func (s *service) initiative(w http.ResponseWriter, r *http.Request) {
	found := s.find(r.PathValue("id"))
	if found == nil {
		s.party.Site().NotFound(w, r)
		return
	}
	p := paper{Initiative: *found}
	subject := ""
	if session := s.party.Session(r); session != nil {
		p.SignedIn, p.Refused, subject = true, !s.party.Decide(session).Allowed, session.Claims.Subject
	}
	p.Tally = s.box.tally(found.ID, subject)
	s.party.Site().Render(w, r, http.StatusOK, "initiative", p)
}

// vote takes the first word of a person on an initiative; a second changes nothing.
func (s *service) vote(w http.ResponseWriter, r *http.Request) {
	found := s.find(r.PathValue("id"))
	session := s.party.Session(r)
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	choice := Choice(r.PostFormValue("choice"))
	switch {
	case found == nil:
		s.party.Site().NotFound(w, r)
		return
	case session == nil:
		http.Redirect(w, r, "/login?next="+url.QueryEscape("/initiatives/"+found.ID), http.StatusSeeOther)
		return
	case !s.party.Decide(session).Allowed:
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if choice == For || choice == Against {
		s.box.cast(found.ID, session.Claims.Subject, choice)
	}
	http.Redirect(w, r, "/initiatives/"+found.ID, http.StatusSeeOther)
}
