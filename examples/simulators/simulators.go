// Package simulators is the outside world of the demo: the state registries, the post, the
// SMS gateway, the mail server, certification authorities, and a clock that can be moved. The provider meets
// it only through its real adapters, over HTTP and SMTP, as it would meet the real ones.
//
// People look at it on the pages, and programs through the JSON under /api: the
// message with the code, the letter, who exists, how the registries behave.
// Whoever can open them reads everybody's codes, so they are served on loopback only,
// unless Config.Open says that the network around may read them.
//
//	World  /  pages for people     /api  the World API
//	SMTP                           mail into the outbox
//	API    /pension /interior /tax /post /sms   what the provider calls
//	       /ca                                  lists and responders of the authorities, for anybody
package simulators

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the driver of the one file that keeps everything

	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/examples/simulators/gateway"
	"github.com/propusk/propusk/examples/simulators/post"
	"github.com/propusk/propusk/examples/simulators/registries"
	"github.com/propusk/propusk/examples/site"
)

// Run serves the outside world until ctx ends, and closes the listeners.
func Run(ctx context.Context, cfg Config) error {
	w, err := open(ctx, cfg)
	if err != nil {
		return err
	}
	defer w.db.Close()
	defer w.authority.Close()
	pages := w.site.Handler(w.routes())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return site.Serve(ctx, cfg.World, pages, w.cfg.Logger) })
	group.Go(func() error { return site.Serve(ctx, cfg.API, w.outsideAPI(), w.cfg.Logger) })
	group.Go(func() error { return w.outbox.ServeSMTP(ctx, cfg.SMTP, w.cfg.Logger) })
	return group.Wait()
}

type world struct {
	cfg    Config
	clock  *Clock
	db     *sql.DB
	site   *site.Site
	people *registries.Office
	post   *post.Office
	outbox *gateway.Outbox

	authority *authority.Office
}

func open(ctx context.Context, cfg Config) (*world, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	db, err := openDatabase(filepath.Join(cfg.Dir, "world.sqlite"))
	if err != nil {
		return nil, err
	}
	w := &world{cfg: cfg, clock: cfg.Clock, db: db}
	if err := w.furnish(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return w, nil
}

func (w *world) furnish(ctx context.Context) (err error) {
	now := w.clock.Now
	if w.people, err = registries.Open(ctx, w.db, now, w.cfg.CheckDelay, w.cfg.People); err != nil {
		return err
	}
	if w.post, err = post.Open(ctx, w.db, now, w.cfg.AutomaticPost); err != nil {
		return err
	}
	if w.outbox, err = gateway.Open(ctx, w.db, now); err != nil {
		return err
	}
	if w.authority = w.cfg.Authority; w.authority == nil {
		base := ""
		if len(w.cfg.API) > 0 {
			base = "http://" + w.cfg.API[0].Addr().String()
		}
		if w.authority, err = authority.Open(ctx, w.cfg.Dir, base); err != nil {
			return err
		}
	}
	w.site, err = site.New(site.Options{
		Name: "world", Class: "Site--world", Files: files, PublicURL: w.cfg.PublicURL,
		Around: w.around, Logger: w.cfg.Logger,
	})
	return err
}

func (c Config) check() error {
	var errs []error
	if c.Clock == nil {
		errs = append(errs, errors.New("no clock"))
	}
	if c.Dir == "" {
		errs = append(errs, errors.New("no directory"))
	}
	if c.Token == "" {
		errs = append(errs, errors.New("no token for the provider"))
	}
	for _, l := range c.World {
		address, ok := l.Addr().(*net.TCPAddr)
		if !c.Open && (!ok || !address.IP.IsLoopback()) {
			errs = append(errs, fmt.Errorf("%s is not a loopback address, and the pages show everybody's codes", l.Addr()))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("outside world: %w", err)
	}
	return nil
}

// openDatabase gives one connection, so that writers wait in line; what was
// answered has reached the disk.
func openDatabase(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if err := db.Ping(); err != nil {
		return nil, errors.Join(fmt.Errorf("outside world: %s: %w", path, err), db.Close())
	}
	return db, nil
}

// outsideAPI is what the provider calls, behind its token.
func (w *world) outsideAPI() http.Handler {
	mux := http.NewServeMux()
	w.people.Mount(mux)
	w.post.Mount(mux)
	w.outbox.Mount(mux)
	public := http.NewServeMux() // whoever checks a certificate asks, and has no token
	w.authority.Mount(public)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/ca/") {
			public.ServeHTTP(rw, r)
			return
		}
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || subtle.ConstantTimeCompare([]byte(token), []byte(w.cfg.Token)) != 1 {
			rw.Header().Set("WWW-Authenticate", "Bearer")
			answer(rw, http.StatusUnauthorized, map[string]string{"error": "a valid bearer token is needed"})
			return
		}
		mux.ServeHTTP(rw, r)
	})
}
