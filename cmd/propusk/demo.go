package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/propusk/propusk/cmd/internal/devca"
	"github.com/propusk/propusk/cmd/internal/seed"
	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/notice/mail"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/seal"
)

type demoCommand struct {
	Data      string        `help:"Where everything is kept between starts." type:"path" default:"propusk-data" placeholder:"DIR"`
	BasePort  int           `help:"The provider's port; the other sites take the next ones." default:"8080"`
	TLS       bool          `help:"All sites speak https, with a certificate of a development authority that is made once in the data directory." name:"tls"`
	PublicURL string        `help:"The provider's address in the browser, if it is not localhost and the base port; the other sites are at the same host, the ports that follow." placeholder:"URL"`
	Listen    string        `help:"The address that the provider and the relying parties listen on instead of 127.0.0.1 and ::1, such as 0.0.0.0 in a container. Everybody's passwords are known." placeholder:"IP"`
	OpenWorld bool          `help:"The outside world listens on the address of --listen as well: whoever reaches it reads everybody's messages, letters and codes, signs in as anybody and moves the clock. Without it only this machine reaches it."`
	TaxPolicy bool          `help:"The tax service registers its demands with the provider, which then turns people away itself; without it the tax service reads the claims."`
	Checks    time.Duration `help:"How long a registry thinks over a check." default:"4s"`
}

// A demo is everything between the flags and the running sites.
type demo struct {
	demoCommand
	dir, world  string
	at          seed.Addresses
	place       stores.Place
	clock       *simulators.Clock
	token       string // the provider's, at the outside world's APIs
	people      []seed.Person
	clients     []seed.Client
	partners    []partner.Partner
	bankKey     crypto.Signer     // the demo bank's
	authority   *devca.Authority  // nil: no TLS
	development *devca.Authority  // of the listener where certificates are presented
	certifiers  *authority.Office // of the outside world
	calls       *http.Transport   // carries what the sites and the provider say to each other
	log         *slog.Logger
}

func (c *demoCommand) Run(ctx context.Context) error {
	// The ports come first: a busy one is found before anything is made.
	ports, err := c.ports()
	if err != nil {
		return err
	}
	defer ports.close()
	d, logFile, err := c.prepare()
	if err != nil {
		return err
	}
	defer logFile.Close()
	if err := d.connect(ports); err != nil {
		return err
	}
	slog.SetDefault(slog.New(edge.Logs(d.log.Handler()))) // for libraries that know no other logger
	provider, err := d.provider(ctx)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return runProvider(ctx, provider, d.log, provider.Handler(), ports[portProvider], ports[portAdmin], ports[portPresent])
	})
	d.sites(ctx, group, ports)
	d.table(os.Stdout)
	err = group.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if err == nil {
		fmt.Println("\nEnded. The next start goes on from here:", d.dir)
	}
	return err
}

// sitePorts are those that people's browsers reach.
var sitePorts = []port{portProvider, portPortal, portTax, portPension, portVoting, portBank, portWorld}

// ports takes every port. Those that no browser needs, the admin listener and what the provider calls,
// stay on this machine whatever --listen says, and the outside world's pages too unless they are opened.
func (c *demoCommand) ports() (opened, error) {
	public, world := machine, machine
	if c.Listen != "" {
		if net.ParseIP(c.Listen) == nil {
			return nil, fmt.Errorf("--listen %s: want an IP address", c.Listen)
		}
		public = []string{c.Listen}
	}
	if c.OpenWorld {
		if c.Listen == "" {
			return nil, errors.New("--open-world: goes with --listen")
		}
		world = public
	}
	out := opened{}
	err := out.open(c.BasePort, public, portProvider, portPortal, portTax, portPension, portVoting, portBank, portPresent)
	if err == nil {
		err = out.open(c.BasePort, world, portWorld)
	}
	if err == nil {
		err = out.open(c.BasePort, machine, portAdmin, portSMTP, portAPI)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// connect decides how the programs of the demo speak to browsers and to each other. Under --tls every
// site that a browser opens is https, and the sites and the provider trust the development authority and
// nobody else. Admin, SMTP and the APIs that the provider calls stay plain: they never leave the machine.
func (d *demo) connect(ports opened) error {
	u, err := url.Parse(d.at.Provider)
	if err != nil {
		return err
	}
	first, err := strconv.Atoi(u.Port())
	if err != nil {
		return err
	}
	var trust *tls.Config
	if d.development, err = devca.Open(d.dir, u.Hostname(), time.Now); err != nil {
		return err
	}
	// Certificates are presented over TLS, whatever the rest speaks.
	ports[portPresent] = overTLS(ports[portPresent], askingTLS(d.development.Certificate))
	if d.TLS {
		d.authority = d.development
		trust = &tls.Config{RootCAs: d.authority.Roots(), MinVersion: tls.VersionTLS12}
	}
	d.calls = ports.transport(u.Hostname(), first, trust)
	if d.TLS {
		ports.secure(serverTLS(d.authority.Certificate), sitePorts...)
	}
	return nil
}

// prepare reads and makes what lies in the directory.
func (c *demoCommand) prepare() (*demo, *os.File, error) {
	d := &demo{demoCommand: *c, dir: c.Data, world: filepath.Join(c.Data, "world"), place: stores.Demo(c.Data)}
	var err error
	if d.at, err = c.addresses(); err != nil {
		return nil, nil, err
	}
	for _, dir := range []string{filepath.Join(c.Data, "provider"), d.world} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, nil, err
		}
	}
	if d.clock, err = simulators.OpenClock(d.world); err != nil {
		return nil, nil, err
	}
	// Before the provider, whose trust list takes in their roots.
	if d.certifiers, err = authority.Open(context.Background(), d.world, c.api()); err != nil {
		return nil, nil, err
	}
	if d.token, err = lasting(filepath.Join(d.world, "token")); err != nil {
		return nil, nil, err
	}
	if d.people, err = seed.People(); err != nil {
		return nil, nil, err
	}
	secrets, err := seed.LoadSecrets(filepath.Join(d.world, "secrets.json"))
	if err != nil {
		return nil, nil, err
	}
	d.clients = seed.Clients(d.at, secrets, c.TaxPolicy)
	if d.bankKey, err = seed.LoadBankKey(filepath.Join(d.world, "bank-key.pem")); err != nil {
		return nil, nil, err
	}
	if d.partners, err = seed.Partners(d.at, d.bankKey); err != nil {
		return nil, nil, err
	}
	f, err := os.OpenFile(filepath.Join(c.Data, "propusk.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	d.log = slog.New(slog.NewTextHandler(f, nil))
	return d, f, nil
}

// addresses are those that browsers use.
func (c *demoCommand) addresses() (seed.Addresses, error) {
	scheme := "http"
	if c.TLS {
		scheme = "https"
	}
	public := c.PublicURL
	if public == "" {
		public = scheme + "://localhost:" + strconv.Itoa(c.BasePort)
	}
	u, err := url.Parse(strings.TrimSuffix(public, "/"))
	if err != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Hostname() == "" || u.Port() == "" ||
		u.Host != strings.ToLower(u.Host) {
		return seed.Addresses{}, fmt.Errorf("--public-url %s: want %s://host:port, in small letters", public, scheme)
	}
	if u.Scheme != scheme {
		return seed.Addresses{}, fmt.Errorf("--public-url %s: want %s://host:port; https goes with --tls", public, scheme)
	}
	first, err := strconv.Atoi(u.Port())
	if err != nil {
		return seed.Addresses{}, fmt.Errorf("--public-url %s: want a port number", public)
	}
	at := func(p port) string {
		return scheme + "://" + net.JoinHostPort(u.Hostname(), strconv.Itoa(first+int(p)))
	}
	return seed.Addresses{
		Provider: at(portProvider), Portal: at(portPortal), Tax: at(portTax), Pension: at(portPension), Voting: at(portVoting),
		Bank: at(portBank), World: at(portWorld),
		Admin: fmt.Sprintf("http://localhost:%d", c.BasePort+int(portAdmin)), // on this machine only, whatever is public
	}, nil
}

// api is where the outside world is called; it never leaves this machine.
func (c *demoCommand) api() string {
	return fmt.Sprintf("http://127.0.0.1:%d", c.BasePort+int(portAPI))
}

// lasting reads a secret from a file, or draws it and keeps it there.
func lasting(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	secret := rand.Text()
	return secret, os.WriteFile(path, []byte(secret+"\n"), 0o600)
}

// provider makes the key files at the first start, writes the seeds and builds the provider.
func (d *demo) provider(ctx context.Context) (*idp.Provider, error) {
	master, err := seal.CreateMaster(d.place.Master)
	if err != nil {
		return nil, err
	}
	if err := d.place.LeaveIssuer(d.at.Provider); err != nil {
		return nil, err
	}
	if err := d.seed(ctx); err != nil {
		return nil, err
	}
	issuer, err := url.Parse(d.at.Provider)
	if err != nil {
		return nil, err
	}
	first, err := strconv.Atoi(issuer.Port())
	if err != nil {
		return nil, err
	}
	present := &url.URL{Scheme: "https", Host: net.JoinHostPort(issuer.Hostname(), strconv.Itoa(first+int(portPresent)))}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	api := d.api()
	service := idp.API{URL: api, Token: d.token, Timeout: 5 * time.Second}
	return idp.New(ctx, idp.Config{
		Issuer: issuer, Records: d.place.Records, Transients: d.place.Transients, Master: master,
		Now: d.clock.Now, Wall: time.Now, Log: d.log, Metrics: metrics,
		Registries: idp.Registries{Pension: api, Interior: api, Tax: api, Token: d.token, Timeout: 5 * time.Second, Notices: 2 * time.Second},
		Post:       service, SMS: service, PostPoll: 2 * time.Second,
		Mail: mail.Config{
			Address: fmt.Sprintf("127.0.0.1:%d", d.BasePort+int(portSMTP)), From: "Propusk <noreply@propusk.example>", TLS: "none",
		},
		PrivateNetwork: true, Backchannel: d.calls,
		Certificates: idp.Certificates{PublicURL: present, Rules: certificate.Rules{Card: []string{authority.CardPolicy}}},
	})
}
