// Package idptest is a whole Propusk inside one test: the provider with every desk and door over real stores,
// the outside world that it talks to, and browsers and relying parties that use it.
//
//	w := idptest.New(t)                     // SQLite; idptest.Served(t) for PostgreSQL and Redis
//	a := w.NewCitizen(account.Verified, account.MailCode)
//	p := w.RegisterParty(&rp.Party{ID: "tax"})
//	b := w.Browser()
//	tokens := w.Redeem(p, b.Code(p, a))     // signed in, allowed, redeemed
//
// Several nodes may stand on the same stores (World.Node). They share one issuer, as behind a balancer; a
// browser or a party says at which node it speaks. Now is the clock of the outside world and moves by
// World.Advance; Wall is the real time.
package idptest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/notice/mail"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest/servers"
)

// A World is a provider and everybody around it. What a Node can do it does at its first node.
type World struct {
	*first
	*Outside
	Issuer *url.URL

	tb     testing.TB
	config idp.Config
}

// first keeps the name Node free for the method.
type first = Node

// A Node is one running provider.
type Node struct {
	*idp.Provider
	// Address is where this node listens, host:port; the issuer's for the first.
	Address string
	world   *World
	client  *http.Client
}

// An Option changes what a world is made of.
type Option func(*idp.Config)

// Stores puts the world on other stores than temporary SQLite files.
func Stores(records, transients string) Option {
	return func(c *idp.Config) { c.Records, c.Transients = records, transients }
}

// Configure changes the provider's configuration.
func Configure(f func(*idp.Config)) Option { return f }

// RS256 has signing keys of that kind made too, which takes a second.
func RS256() Option { return func(c *idp.Config) { c.SeedKeys = nil } }

// Cheap are the parameters of password hashes in tests.
var Cheap = password.Params{Memory: 64, Time: 1, Threads: 1}

// New starts a world. It ends with the test.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	dir := t.TempDir()
	w := &World{tb: t, Outside: StartOutside(t)}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.Issuer = &url.URL{Scheme: "http", Host: l.Addr().String()}
	service := idp.API{URL: w.APIURL, Token: OutsideToken, Timeout: 2 * time.Second}
	w.config = idp.Config{
		Issuer:  w.Issuer,
		Records: SQLite(dir, "records"), Transients: SQLite(dir, "transients"),
		Master: seal.NewMaster(1, bytes.Repeat([]byte{7}, seal.SecretSize)),
		Now:    w.Clock.Now, Wall: time.Now, Log: slog.New(slog.DiscardHandler),
		// Browsers of a world come from networks of their own, as X-Forwarded-For says.
		Proxies:    []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Registries: idp.Registries{Pension: w.APIURL, Interior: w.APIURL, Tax: w.APIURL, Token: OutsideToken, Timeout: 2 * time.Second, Poll: 50 * time.Millisecond, Notices: 200 * time.Millisecond},
		Post:       service, SMS: service, PostPoll: time.Second,
		Mail:           mail.Config{Address: w.SMTPAddress, From: "Propusk <noreply@propusk.test>", TLS: "none"},
		Passwords:      idp.Passwords{Params: Cheap},
		PrivateNetwork: true,
		SeedKeys:       []seal.Use{seal.UseSeal, seal.UseIndex, seal.UseSignES256},
	}
	for _, o := range options {
		o(&w.config)
	}
	w.first = w.start(l)
	return w
}

// Served starts a world on PostgreSQL and Redis, or skips the test where they are not installed.
func Served(t testing.TB, options ...Option) *World {
	t.Helper()
	return New(t, append([]Option{Stores(servers.StartPostgres(t), servers.StartRedis(t))}, options...)...)
}

// SQLite is the data source of a file that answers before the disk has the data.
func SQLite(dir, name string) string {
	return "sqlite:" + filepath.Join(dir, name+".db") + "?synchronous=off"
}

// Each runs a test on every pair of stores that a site may choose.
func Each(t *testing.T, f func(t *testing.T, w *World)) {
	for _, pair := range []struct {
		name                string
		postgresql, inRedis bool
	}{{"sqlite", false, false}, {"postgres+redis", true, true}, {"postgres+sqlite", true, false}, {"sqlite+redis", false, true}} {
		t.Run(pair.name, func(t *testing.T) {
			dir := t.TempDir()
			records, transients := SQLite(dir, "records"), SQLite(dir, "transients")
			if pair.postgresql {
				records = servers.StartPostgres(t)
			}
			if pair.inRedis {
				transients = servers.StartRedis(t)
			}
			f(t, New(t, Stores(records, transients)))
		})
	}
}

// Node starts another node on the same stores, under the same issuer.
func (w *World) Node() *Node {
	w.tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.tb.Fatal(err)
	}
	return w.start(l)
}

// start builds a provider and serves it. What it opened is closed in the order of a shutdown: no more
// requests, the jobs ended, the stores closed.
func (w *World) start(l net.Listener) *Node {
	w.tb.Helper()
	p, err := idp.New(w.tb.Context(), w.config)
	if err != nil {
		w.tb.Fatalf("idptest: %v", err)
	}
	server := httptest.NewUnstartedServer(p.Handler())
	server.Listener.Close()
	server.Listener = l
	server.Config.MaxHeaderBytes = 32 << 10
	server.Start()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	w.tb.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-ended; err != nil {
			w.tb.Errorf("idptest: the provider ended badly: %v", err)
		}
		if err := p.Close(); err != nil {
			w.tb.Errorf("idptest: close the stores: %v", err)
		}
	})
	n := &Node{Provider: p, Address: l.Addr().String(), world: w, client: clientOf(l.Addr().String())}
	w.tb.Cleanup(n.client.CloseIdleConnections)
	return n
}

// clientOf leads to a node, whatever the address says, and follows nothing.
func clientOf(address string) *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 32, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}},
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Advance moves Now, of the provider and of the outside world.
func (w *World) Advance(d time.Duration) {
	w.tb.Helper()
	if err := w.Clock.Advance(d); err != nil {
		w.tb.Fatal(err)
	}
}

// Fall changes an account at this node as the administrator does: what it lowers bites at once.
func (n *Node) Fall(id account.ID, f func(*account.Account) error) *account.Account {
	w := n.world
	w.tb.Helper()
	var out *account.Account
	err := n.Records.Atomically(w.tb.Context(), func(tx *sqlstore.Stores) (err error) {
		out, err = session.Fall(w.tb.Context(), tx, id, f, session.Why{Kind: "lowered", Now: w.Clock.Now(), Wall: time.Now()})
		return err
	})
	if err != nil {
		w.tb.Fatal(err)
	}
	return out
}

// SaveParty writes a party at this node, without a word to its cache.
func (n *Node) SaveParty(p *rp.Party) {
	n.world.tb.Helper()
	if err := n.Records.SaveParty(n.world.tb.Context(), p); err != nil {
		n.world.tb.Fatal(err)
	}
}

// First is the node that the world itself is.
func (w *World) First() *Node { return w.first }
