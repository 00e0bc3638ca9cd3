// Package portal is a small portal of public services: a relying party that lets
// in everybody, and whose services each name the level they need. A locked service
// is shown with the way up; an open one has its form filled in from the claims.
package portal

import (
	"context"
	"embed"
	"net/http"

	"github.com/propusk/propusk/examples/relyingparty"
)

//go:embed pages site.html words.json icon.svg catalogue.json
var files embed.FS

// Config is what the portal needs.
type Config = relyingparty.Config

// Judge lets in everybody; the services judge for themselves.
func Judge(relyingparty.Claims) relyingparty.Decision { return relyingparty.Allow() }

// Run serves the site until ctx ends.
func Run(ctx context.Context, cfg Config) error {
	s, err := newService(cfg)
	if err != nil {
		return err
	}
	return s.party.Serve(ctx, s.routes())
}

type service struct {
	party     *relyingparty.Party
	catalogue Catalogue
	desk      *desk
}

func newService(cfg Config) (*service, error) {
	party, err := relyingparty.New(cfg.WithDefaults("portal", "openid", "profile", "email", "phone"),
		relyingparty.Look{Class: "Site--portal", Files: files}, Judge)
	if err != nil {
		return nil, err
	}
	catalogue, err := readCatalogue()
	return &service{party, catalogue, newDesk()}, err
}

func (s *service) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /services", s.all)
	mux.HandleFunc("GET /services/{id}", s.service)
	mux.HandleFunc("POST /services/{id}", s.apply)
	mux.HandleFunc("GET /applications", s.applications)
	mux.HandleFunc("/", s.party.Site().NotFound)
	return mux
}

// A counter is one service as one person sees it.
type counter struct {
	Service
	SignedIn bool
	// Locked: the person is signed in and the level is too low.
	Locked bool
	Level  string // of the person
}

func (s *service) counter(svc Service, session *relyingparty.Session) counter {
	c := counter{Service: svc}
	if session != nil {
		c.SignedIn, c.Level = true, session.Claims.Level
		c.Locked = session.Claims.Rank < svc.Rank()
	}
	return c
}

type group struct {
	Category
	Counters []counter
}

type shelf struct {
	Query    string
	Asked    bool
	Popular  []counter
	Groups   []group
	Found    []counter
	SignedIn bool
}

func (s *service) home(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	view := shelf{Query: r.URL.Query().Get("q"), SignedIn: session != nil}
	if len(view.Query) > 200 {
		view.Query = ""
	}
	if view.Query != "" {
		view.Asked = true
		for _, svc := range s.catalogue.Search(view.Query) {
			view.Found = append(view.Found, s.counter(svc, session))
		}
	}
	for _, svc := range s.catalogue.Services {
		if svc.Popular {
			view.Popular = append(view.Popular, s.counter(svc, session))
		}
	}
	view.Groups = s.groups(session)
	s.party.Site().Render(w, r, http.StatusOK, "home", view)
}

func (s *service) all(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	s.party.Site().Render(w, r, http.StatusOK, "services", shelf{Groups: s.groups(session), SignedIn: session != nil})
}

func (s *service) groups(session *relyingparty.Session) []group {
	var groups []group
	for _, c := range s.catalogue.Categories {
		g := group{Category: c}
		for _, svc := range s.catalogue.Services {
			if svc.Category == c.ID {
				g.Counters = append(g.Counters, s.counter(svc, session))
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// A form is a service's page: what it takes, and the form if it is open.
type form struct {
	counter
	Claims relyingparty.Claims
	WayUp  string
	Phone  string
	Email  string
	Note   string
	Wrong  map[string]string
}

func (s *service) form(svc Service, session *relyingparty.Session) form {
	f := form{counter: s.counter(svc, session)}
	if session != nil {
		f.Claims, f.Phone, f.Email = session.Claims, session.Claims.Phone, session.Claims.Email
		// One step at a time: verified is reached from standard only.
		f.WayUp = s.party.HomeURL("/account")
		if session.Claims.Rank == relyingparty.RankStandard {
			f.WayUp = s.party.HomeURL("/account/confirm")
		}
	}
	return f
}

func (s *service) service(w http.ResponseWriter, r *http.Request) {
	svc, ok := s.catalogue.Find(r.PathValue("id"))
	if !ok {
		s.party.Site().NotFound(w, r)
		return
	}
	s.party.Site().Render(w, r, http.StatusOK, "service", s.form(svc, s.party.Session(r)))
}

// apply takes an application. Who it is from stands in the claims and not in
// the form: the person cannot apply as somebody else.
func (s *service) apply(w http.ResponseWriter, r *http.Request) {
	svc, ok := s.catalogue.Find(r.PathValue("id"))
	if !ok {
		s.party.Site().NotFound(w, r)
		return
	}
	session := s.party.Session(r)
	if session == nil {
		http.Redirect(w, r, "/login?next=/services/"+svc.ID, http.StatusSeeOther)
		return
	}
	f := s.form(svc, session)
	if f.Locked {
		http.Redirect(w, r, "/services/"+svc.ID, http.StatusSeeOther)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		s.party.Site().Message(w, r, http.StatusBadRequest, tooLong(s, r))
		return
	}
	if f.fill(r.PostForm); len(f.Wrong) > 0 {
		s.party.Site().Render(w, r, http.StatusUnprocessableEntity, "service", f)
		return
	}
	s.desk.take(session.Claims.Subject, Application{Service: svc, At: s.party.Now(), Phone: f.Phone, Email: f.Email, Note: f.Note})
	http.Redirect(w, r, "/applications", http.StatusSeeOther)
}

func (s *service) applications(w http.ResponseWriter, r *http.Request) {
	session := s.party.Session(r)
	if session == nil {
		http.Redirect(w, r, "/login?next=/applications", http.StatusSeeOther)
		return
	}
	s.party.Site().Render(w, r, http.StatusOK, "applications", s.desk.of(session.Claims.Subject))
}
