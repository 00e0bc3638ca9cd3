package idp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"github.com/propusk/propusk/idp/admin"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/storage"
	"github.com/propusk/propusk/storage/sqlstore"
)

// A Provider is Propusk, built and not yet running.
type Provider struct {
	// Records and Keyring are for those who work beside the doors: the demo's seeds, the administrator.
	Records *sqlstore.Records
	Keyring *seal.Keyring
	Parties *rp.Cache
	// Partners are banks and others who speak by program.
	Partners *partner.Cache

	stores *storage.Storage
	health *admin.Door
	public http.Handler
	admin  http.Handler

	certificates http.Handler
	routes       []*echo.Route
	handlers     job.Handlers
	jobs         sqlstore.JobOptions
	// receipt signs what partners are given, once the door that has the keys is built.
	receipt func(claims any) (string, error)
	// tasks run for as long as the provider does.
	tasks []func(ctx context.Context) error
}

// New opens the stores, reads the keys and builds every desk and door. Nothing runs before Run.
func New(ctx context.Context, c Config) (_ *Provider, err error) {
	stores, err := storage.Open(ctx, storage.Config{
		Records: c.Records, Transients: c.Transients, Migrate: true, Now: c.Now, Observe: c.Observe, Logger: c.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("idp: open the stores: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stores.Close())
		}
	}()
	keyring, err := seal.OpenKeyring(ctx, stores.DB, c.Master, seal.Options{
		Wall: c.Wall, Delay: cmp.Or(c.KeyDelay, 2*time.Minute), Uses: c.uses(), Logger: c.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("idp: open the keyring: %w", err)
	}
	records, err := stores.Records(sqlstore.Vault{Master: c.Master, Ring: keyring.Ring, Now: c.Now, Logger: c.Log})
	if err != nil {
		return nil, fmt.Errorf("idp: open the records: %w", err)
	}
	p := &Provider{
		Records: records, Keyring: keyring, stores: stores, handlers: job.Handlers{},
		Parties: &rp.Cache{Store: records, Logger: c.Log}, Partners: &partner.Cache{Store: records, Logger: c.Log},
	}
	p.tasks = append(p.tasks, keyring.Run, p.Parties.Run, func(ctx context.Context) error { return p.Partners.Run(ctx, c.Now) })
	d, err := newDesks(c, p)
	if err != nil {
		return nil, err
	}
	if err := p.open(c, d); err != nil {
		return nil, err
	}
	p.tasks = append(p.tasks, func(ctx context.Context) error { return records.RunJobs(ctx, p.handlers, p.jobs) })
	return p, nil
}

// Handler serves the doors for citizens, relying parties and operators.
func (p *Provider) Handler() http.Handler { return p.public }

// CertificateHandler serves the listener at which browsers present certificates. It belongs behind TLS that
// asks for a client's certificate and does not judge it (tls.RequestClientCert), with nothing in between.
func (p *Provider) CertificateHandler() http.Handler { return p.certificates }

// Routes are what Handler answers to, each as "GET /login/code" with ":name" for a parameter, in order.
func (p *Provider) Routes() []string {
	var out []string
	for _, r := range p.routes {
		if r.Method != echo.RouteNotFound {
			out = append(out, r.Method+" "+r.Path)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// AdminHandler serves health and metrics; it belongs on a listener that strangers do not reach.
func (p *Provider) AdminHandler() http.Handler { return p.admin }

// Run does what goes on beside the requests, jobs and caches, until ctx ends.
func (p *Provider) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, task := range p.tasks {
		g.Go(func() error {
			if err := task(ctx); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	return g.Wait()
}

// Close closes the stores. Run has ended before.
func (p *Provider) Close() error { return p.stores.Close() }

// within gives a domain package transactions in its own words.
func within[T any](r *sqlstore.Records, as func(*sqlstore.Stores) T) func(context.Context, func(T) error) error {
	return func(ctx context.Context, f func(T) error) error {
		return r.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(as(tx)) })
	}
}

// Drain makes /readyz say no, so that load balancers look elsewhere while the last requests are answered.
func (p *Provider) Drain() { p.health.Drain() }
