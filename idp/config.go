// Package idp puts the doors of Propusk on one handler, with the domain and the stores behind them. It
// holds no rules: everything here is one function that builds every value by hand, top to bottom.
package idp

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice/mail"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

// Config is everything a provider is built from. Zero durations and sizes are the defaults of the
// packages that use them.
type Config struct {
	// Issuer is the provider's address as citizens and relying parties write it, without a path.
	Issuer *url.URL
	// Records and Transients name the stores: sqlite:PATH, postgres://…, redis://….
	Records, Transients string
	// NoSync lets SQLite answer before the disk has the data; for tests only.
	NoSync bool
	// Observe, if set, hears of every round trip to a store and of every signature; for tests of the budget.
	Observe func(op string)
	Master  *seal.Master

	// Now is the movable clock, Wall the one that strangers share.
	Now, Wall func() time.Time
	Log       *slog.Logger
	Metrics   *prometheus.Registry // nil: none are kept
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix

	Registries Registries
	Post       API
	// Letters says how letters reach the post.
	Letters Letters
	// PostPoll is how often the post is asked where a letter is; 0: every hour.
	PostPoll time.Duration
	SMS      API
	Mail     mail.Config
	// TwoPersons says when one operator of a service centre is not enough.
	TwoPersons confirm.RiskRules

	Passwords Passwords
	Sessions  map[session.Kind]session.Life
	Tokens    Tokens
	// PrivateNetwork lets logout tokens be delivered to loopback and private addresses: the demo, and
	// sites whose relying parties live in their own network.
	PrivateNetwork bool
	// Backchannel, if set, carries the logout tokens instead of the transport that PrivateNetwork chooses:
	// for roots of one's own.
	Backchannel http.RoundTripper
	// KeyDelay is how long a new key is only readable before it is used; 0: two minutes.
	KeyDelay time.Duration
	// SeedKeys are the uses for which keys are made at the first start; nil: all.
	SeedKeys []seal.Use
	// Help is the telephone of the help desk as messages print it.
	Help string
	// Certificates are the settings of signatures and of signing in with a certificate.
	Certificates Certificates
}

// Certificates are the settings of qualified certificates. The roots stand on the trust list, in the records.
type Certificates struct {
	// PublicURL is the address of the listener at which browsers present certificates; nil: there is none.
	PublicURL *url.URL
	// Failure is what happens when nobody can tell whether a certificate is revoked; empty: hard.
	Failure certificate.Failure
	// Rules are the policies of qualified certificates and of cards; empty: the Russian classes, and no cards.
	Rules certificate.Rules
	// OpenSSL is the program that checks GOST signatures; empty: openssl.
	OpenSSL string
}

// An API is an outside service that is spoken to over HTTP with a bearer token.
type API struct {
	URL     string
	Token   string
	Timeout time.Duration
}

// Registries are the three that check data; they share a token.
type Registries struct {
	Pension, Interior, Tax string // base addresses
	Token                  string
	Timeout                time.Duration
	// Notices is how often the registries are asked what they tell by themselves; 0: every minute.
	Notices time.Duration
	// Poll is how soon a registry that is still thinking is asked again; 0: the registry package's pauses.
	Poll time.Duration
}

// Passwords are the settings of hashing and of the rules.
type Passwords struct {
	Profile password.Profile
	Params  password.Params
	Limit   password.Limit
	// Derive computes the hashes; nil: the provider itself.
	Derive password.Deriver
	// Breached is a file of breached passwords in the format of Have I Been Pwned; empty: the shipped list alone.
	Breached string
}

// Tokens are the lives of what relying parties get.
type Tokens struct {
	Access, JWT, ID, Refresh time.Duration
}
