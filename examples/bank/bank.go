// Package bank is an online bank: a partner of Propusk that vouches for its own clients. The client signs in
// to the bank, looks at what the bank would send, and agrees; the bank then calls the partner API.
//
// It shows an integrator's side of it: signed assertions, proofs of possession and idempotency keys are in
// propusk.go, the client's consent and the way back in this file.
package bank

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/propusk/propusk/examples/site"
)

//go:embed pages site.html words.json icon.svg
var files embed.FS

// Run serves the bank until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	s, err := newService(cfg)
	if err != nil {
		return err
	}
	return site.Serve(ctx, s.cfg.Listeners, s.site.Handler(s.routes()), s.cfg.Logger)
}

type service struct {
	cfg     Config
	site    *site.Site
	propusk *propusk

	mu       sync.Mutex
	sessions map[string]*visit
}

// A visit is what the bank knows of a browser.
type visit struct {
	Client string // "" before signing in
	Ticket string // from Propusk, if the client came from there
	// Matter is what the client is asked to agree to; it has one reference and one key, so that a button
	// pressed twice asks once.
	Matter  *matter
	Results map[string]*Outcome
}

type matter struct{ Reference, Key, Ticket string }

// How many visits are kept; the oldest of all go first when there are more.
const mostVisits = 10_000

func newService(cfg Config) (*service, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	s := &service{cfg: cfg, sessions: map[string]*visit{}}
	if s.propusk, err = newPropusk(cfg); err != nil {
		return nil, fmt.Errorf("bank: %w", err)
	}
	s.site, err = site.New(site.Options{
		Name: "bank", Class: "Site--bank", Files: files, PublicURL: cfg.PublicURL, Around: s.around, Logger: cfg.Logger,
	})
	return s, err
}

type around struct {
	SignedIn bool
	Name     string
	WorldURL string
}

func (s *service) around(r *http.Request) any {
	out := around{WorldURL: s.cfg.WorldURL}
	if c := s.client(s.visit(r)); c != nil {
		out.SignedIn, out.Name = true, c.GivenName
	}
	return out
}

func (s *service) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("GET /logout", s.askOut)
	mux.HandleFunc("POST /logout", s.signOut)
	mux.HandleFunc("GET /confirm", s.ask)
	mux.HandleFunc("POST /confirm", s.confirm)
	mux.HandleFunc("POST /register", s.register)
	mux.HandleFunc("GET /result/{reference}", s.result)
	mux.HandleFunc("GET /me", s.me)
	mux.HandleFunc("/", s.site.NotFound)
	return mux
}

const cookie = "bank-session"

// visit finds the browser's visit, or nil.
func (s *service) visit(r *http.Request) *visit {
	c, err := r.Cookie(cookie)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[c.Value]
}

// begin gives the browser a new visit in the place of the old one.
func (s *service) begin(w http.ResponseWriter, r *http.Request, v *visit) {
	id := rand.Text()
	s.mu.Lock()
	if c, err := r.Cookie(cookie); err == nil {
		delete(s.sessions, c.Value)
	}
	for old := range s.sessions {
		if len(s.sessions) < mostVisits {
			break
		}
		delete(s.sessions, old)
	}
	s.sessions[id] = v
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{
		Name: cookie, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(s.cfg.PublicURL, "https:"),
	})
}

func (s *service) client(v *visit) *Client {
	if v == nil {
		return nil
	}
	for i := range s.cfg.Clients {
		if s.cfg.Clients[i].ID == v.Client {
			return &s.cfg.Clients[i]
		}
	}
	return nil
}

type money struct {
	Name   string
	Number string
	Sum    string
}

type room struct {
	Client   *Client
	Clients  []Client
	Accounts []money
	Ticket   bool
}

// home shows the client's accounts, or who can sign in: it is a demonstration, and this is its sign-in.
func (s *service) home(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	page := room{Client: s.client(v), Ticket: v != nil && v.Ticket != ""}
	if page.Client == nil {
		page.Clients = s.cfg.Clients
		s.site.Render(w, r, http.StatusOK, "who", page)
		return
	}
	tail := page.Client.Phone[max(0, len(page.Client.Phone)-2):]
	page.Accounts = []money{
		{s.site.Say(r, "home.current"), "•••• 40" + tail, "48 2" + tail + ",00 ₽"}, {s.site.Say(r, "home.savings"), "•••• 77" + tail, "312 0" + tail + ",50 ₽"},
	}
	s.site.Render(w, r, http.StatusOK, "home", page)
}

func (s *service) signIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	next := &visit{Client: r.PostFormValue("client"), Results: map[string]*Outcome{}}
	if s.client(next) == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if v := s.visit(r); v != nil {
		next.Ticket = v.Ticket
	}
	s.begin(w, r, next)
	if next.Ticket != "" {
		http.Redirect(w, r, "/confirm", http.StatusSeeOther)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *service) askOut(w http.ResponseWriter, r *http.Request) {
	if s.client(s.visit(r)) == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.site.Render(w, r, http.StatusOK, "out", nil)
}

func (s *service) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(cookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, c.Value)
		s.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

var ticketForm = regexp.MustCompile(`^[A-Z2-7]{1,64}$`)

// ask shows what the bank would send. Propusk sends citizens here with a ticket, which waits until the
// client has signed in.
func (s *service) ask(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	if ticket := r.URL.Query().Get("ticket"); ticket != "" {
		if !ticketForm.MatchString(ticket) {
			s.site.NotFound(w, r)
			return
		}
		if v == nil {
			v = &visit{Results: map[string]*Outcome{}}
			s.begin(w, r, v)
		}
		s.mu.Lock()
		v.Ticket = ticket
		s.mu.Unlock()
		http.Redirect(w, r, "/confirm", http.StatusSeeOther)
		return
	}
	c := s.client(v)
	if c == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.mu.Lock()
	if v.Matter == nil || v.Matter.Ticket != v.Ticket {
		v.Matter = &matter{Reference: "ZR-" + rand.Text()[:16], Key: rand.Text(), Ticket: v.Ticket}
	}
	s.mu.Unlock()
	s.site.Render(w, r, http.StatusOK, "confirm", room{Client: c, Ticket: v.Ticket != ""})
}

// document is the paper as the API takes it for a confirmation.
type paper struct {
	Type   string `json:"type"`
	Number string `json:"number"`
}

// identity is what the bank vouches for.
type identity struct {
	FamilyName string `json:"family_name"`
	GivenName  string `json:"given_name"`
	Patronymic string `json:"patronymic,omitempty"`
	BirthDate  string `json:"birth_date"`
	SNILS      string `json:"snils"`
	Document   paper  `json:"document"`
	Phone      string `json:"phone"`
}

// confirm calls Propusk. The client has agreed by pressing the button.
func (s *service) confirm(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	c := s.client(v)
	if c == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.mu.Lock()
	m := v.Matter
	s.mu.Unlock()
	if m == nil {
		http.Redirect(w, r, "/confirm", http.StatusSeeOther)
		return
	}
	body := map[string]any{"reference": m.Reference, "identity": identity{
		c.FamilyName, c.GivenName, c.Patronymic, c.BirthDate, c.SNILS, paper{c.Document.Type, c.Document.Number}, c.Phone,
	}}
	if m.Ticket != "" {
		body["ticket"] = m.Ticket
	}
	out, err := s.propusk.call(r.Context(), http.MethodPost, "/confirmations", m.Key, body)
	s.finish(w, r, v, m.Reference, out, err)
}

// register asks Propusk to open an account for a client who has none.
func (s *service) register(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	c := s.client(v)
	if c == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	reference := "ZR-" + rand.Text()[:16]
	body := map[string]any{"reference": reference, "language": s.site.Language(r), "identity": map[string]any{
		"family_name": c.FamilyName, "given_name": c.GivenName, "patronymic": c.Patronymic, "sex": c.Sex, "birth_date": c.BirthDate,
		"birth_place": c.BirthPlace, "citizenship": c.Citizenship, "snils": c.SNILS, "document": c.Document, "phone": c.Phone,
	}}
	out, err := s.propusk.call(r.Context(), http.MethodPost, "/registrations", rand.Text(), body)
	s.finish(w, r, v, reference, out, err)
}

// finish keeps what Propusk answered and shows it at an address that is safe to reload.
func (s *service) finish(w http.ResponseWriter, r *http.Request, v *visit, reference string, out *Outcome, err error) {
	var p *Problem
	if errors.As(err, &p) && p.Status < 500 {
		out = &Outcome{Reference: reference, Status: "problem", Confirmation: p.Request}
		if p.Code == "ticket_over" {
			out.Status = "ticket_over"
		}
		s.cfg.Logger.WarnContext(r.Context(), "propusk refused a call", "code", p.Code, "request", p.Request)
	} else if err != nil {
		out = &Outcome{Reference: reference, Status: "unreachable"}
		s.cfg.Logger.WarnContext(r.Context(), "propusk not reached", "error", err)
	}
	s.mu.Lock()
	v.Results[reference] = out
	if out.Status != "unreachable" { // then the same matter is asked again, under the same key
		v.Matter, v.Ticket = nil, ""
	}
	s.mu.Unlock()
	http.Redirect(w, r, "/result/"+url.PathEscape(reference), http.StatusSeeOther)
}

type verdict struct {
	*Outcome
	Propusk string
}

func (s *service) result(w http.ResponseWriter, r *http.Request) {
	v := s.visit(r)
	if s.client(v) == nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.mu.Lock()
	out := v.Results[r.PathValue("reference")]
	s.mu.Unlock()
	if out == nil {
		s.site.NotFound(w, r)
		return
	}
	s.site.Render(w, r, http.StatusOK, "result", verdict{out, s.cfg.Issuer})
}

// me is for tests and the curious: who is signed in here.
func (s *service) me(w http.ResponseWriter, r *http.Request) {
	answer := map[string]any{"signed_in": false}
	if c := s.client(s.visit(r)); c != nil {
		answer["signed_in"], answer["client"] = true, c.ID
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
