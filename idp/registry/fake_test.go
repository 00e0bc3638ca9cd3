package registry_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/registry/interior"
	"github.com/propusk/propusk/idp/registry/pension"
	"github.com/propusk/propusk/idp/registry/tax"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// An answerer writes what a registry says to the question with this id.
type answerer func(w http.ResponseWriter, id string)

func says(status int, body string) answerer {
	return func(w http.ResponseWriter, id string) {
		w.WriteHeader(status)
		w.Write([]byte(strings.ReplaceAll(body, "ID", id)))
	}
}

var (
	agrees  = says(200, `{"id":"ID","status":"done","verdict":"agreed"}`)
	pending = says(202, `{"id":"ID","status":"pending"}`)
	down    = says(503, ``)
	late    = func(w http.ResponseWriter, _ string) { time.Sleep(700 * time.Millisecond) }
	finds   = says(200, `{"id":"ID","status":"done","verdict":"found","inn":"500100732259"}`)
)

func refuses(fields string) answerer {
	return says(200, `{"id":"ID","status":"done","verdict":"refused","fields":[`+fields+`]}`)
}

// registries are three of them behind one server.
type registries struct {
	mu      sync.Mutex
	answers map[string]answerer // by the first part of the path
	asked   map[string]int      // "POST pension"
	bodies  map[string]map[string]any
}

func (r *registries) set(name string, a answerer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[name] = a
}

func (r *registries) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
	var body map[string]any
	id := rest[strings.LastIndex(rest, "/")+1:]
	if q.Method == http.MethodPost {
		json.NewDecoder(q.Body).Decode(&body)
		id, _ = body["id"].(string)
	}
	r.mu.Lock()
	r.asked[q.Method+" "+name]++
	if body != nil {
		r.bodies[name] = body
	}
	a := r.answers[name]
	r.mu.Unlock()
	a(w, id)
}

// A world is a desk over real stores and fake registries.
type world struct {
	*storagetest.Stores
	t    *testing.T
	desk *registry.Desk
	regs *registries
}

func newWorld(t *testing.T, s *storagetest.Stores) *world {
	t.Helper()
	w := &world{Stores: s, t: t, regs: &registries{
		answers: map[string]answerer{"pension": agrees, "interior": agrees, "tax": finds}, asked: map[string]int{}, bodies: map[string]map[string]any{},
	}}
	server := httptest.NewServer(w.regs)
	t.Cleanup(server.Close)
	notices, err := notice.New(notice.Config{Issuer: "https://propusk.example", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	c := outside.Config{Base: server.URL, Timeout: 200 * time.Millisecond}
	w.desk = registry.New(registry.Config{
		Store:      s.Records,
		Atomically: atomically(s.Records),
		Counter:    s.Transients,
		Pension:    pension.New(c), Interior: interior.New(c), Tax: tax.New(c),
		Notices: notices, Now: s.Clock.Now, Wall: s.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	return w
}

func atomically(r *sqlstore.Records) func(ctx context.Context, f func(registry.Tx) error) error {
	return func(ctx context.Context, f func(registry.Tx) error) error {
		return r.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
	}
}

// run does jobs of these kinds once.
func (w *world) run(app *registry.Application, kinds ...string) *registry.Application {
	w.t.Helper()
	for _, k := range kinds {
		if err := w.desk.Handlers()[k](w.t.Context(), app.ID); err != nil {
			w.t.Fatalf("%s: %v", k, err)
		}
	}
	return w.application(app.ID)
}

func (w *world) application(id string) *registry.Application {
	w.t.Helper()
	app, err := w.Application(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return app
}

func (w *world) account(id account.ID) *account.Account {
	w.t.Helper()
	a, err := w.Account(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) submit(a *account.Account, p account.Person) *registry.Application {
	w.t.Helper()
	app, err := w.desk.Submit(w.t.Context(), a.ID, p, "ru")
	if err != nil {
		w.t.Fatal(err)
	}
	return app
}

// events counts the audit events of an account by kind.
func (w *world) events(id account.ID) map[string]int {
	w.t.Helper()
	es, err := w.Events(w.t.Context(), id, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range es {
		out[string(e.Kind)+" "+e.Reason]++
	}
	return out
}
