// Package config is the configuration of propusk serve: one YAML file, environment overrides, secrets
// from files, and every mistake reported at once.
//
// The comments of the fields are the manual. A setting may be overridden from the environment: its path
// in capitals, joined by underscores, after PROPUSK_, such as PROPUSK_STORES_RECORDS or
// PROPUSK_SESSIONS_ORDINARY_IDLE; lists are separated by commas. Durations are written as 90s, 15m, 720h.
package config

import (
	"time"

	"github.com/propusk/propusk/idp/session"
)

// A Config is everything that can be set.
type Config struct {
	// Issuer is the address under which citizens and relying parties reach the provider, without a
	// closing slash. It is the issuer in every token and cannot be changed once parties rely on it.
	Issuer string `yaml:"issuer"`
	// Listen are the addresses to listen on.
	Listen []string `yaml:"listen"`
	// TLS makes the provider speak TLS itself. Without it a proxy must, except on loopback.
	TLS TLS `yaml:"tls"`
	// TrustedProxies are the networks of the proxies in front, whose X-Forwarded-For is believed.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// Admin is the listener of health and metrics. It asks nobody who they are: keep it private.
	Admin Admin `yaml:"admin"`

	Stores     Stores     `yaml:"stores"`
	Keys       Keys       `yaml:"keys"`
	Registries Registries `yaml:"registries"`
	Post       Post       `yaml:"post"`
	SMS        API        `yaml:"sms"`
	Mail       Mail       `yaml:"mail"`
	Passwords  Passwords  `yaml:"passwords"`
	Sessions   Sessions   `yaml:"sessions"`
	Tokens     Tokens     `yaml:"tokens"`
	// Certificates are the settings of qualified signatures, and of signing in with a certificate.
	Certificates Certificates `yaml:"certificates"`
	// Centres are the rules of the service centres.
	Centres Centres `yaml:"centres"`
	// PrivateNetwork lets logout tokens go to relying parties at loopback and private addresses.
	PrivateNetwork bool `yaml:"private_network"`
	// Help is the telephone of the help desk, as messages print it.
	Help string `yaml:"help"`

	Log     Log     `yaml:"log"`
	Tracing Tracing `yaml:"tracing"`
}

// TLS is a certificate and its key.
type TLS struct {
	// Certificate and Key are PEM files, the certificate with its chain. They are read again after they have
	// changed, within a minute.
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
}

// Admin is the private listener.
type Admin struct {
	// Listen is the address of /healthz, /readyz and /metrics; empty: none.
	Listen string `yaml:"listen"`
}

// Stores are where the provider keeps things. Several nodes share one PostgreSQL and one Redis.
type Stores struct {
	// Records keeps what lasts: sqlite:FILE, or postgres://user@host/database.
	Records string `yaml:"records"`
	// Transients keeps what has a deadline: sqlite:FILE, or redis://host:port/number.
	Transients string `yaml:"transients"`
}

// Keys are the secrets of the installation.
type Keys struct {
	// Master is the file of the master key, which wraps all other keys. Mode 0600; the same file on every
	// node; losing it is losing every account. propuskctl keys create makes one.
	Master string `yaml:"master"`
}

// Registries are the state's registers that check what citizens say of themselves.
type Registries struct {
	// Pension, Interior and Tax are the base addresses of their APIs: https, or http on loopback.
	Pension  string `yaml:"pension"`
	Interior string `yaml:"interior"`
	Tax      string `yaml:"tax"`
	// TokenFile holds the bearer token shown to all three.
	TokenFile string `yaml:"token_file"`
	// Timeout is how long one question waits for its answer; then it is asked again later.
	Timeout time.Duration `yaml:"timeout"`
}

// Post says how registered letters with codes reach the post.
type Post struct {
	// Mode is api: each letter is handed to the post's API, which is asked where it is. batch: a printing
	// partner takes signed batches from a directory and reports. local: PDFs in a directory, for a printer of
	// one's own; propuskctl letter mark says where they are.
	Mode string `yaml:"mode"`
	// URL, TokenFile and Timeout are those of the post's API, as of every API.
	URL       string        `yaml:"url"`
	TokenFile string        `yaml:"token_file"`
	Timeout   time.Duration `yaml:"timeout"`
	// Directory is where batches, or PDFs, are left: on one file system that every node reaches.
	Directory string `yaml:"directory"`
	// Reports is the directory that the printing partner leaves its signed reports in; empty: it reports by
	// the partners' API.
	Reports string `yaml:"reports"`
	// ReportsKeys is a PEM file of the public keys that sign those reports.
	ReportsKeys string `yaml:"reports_keys"`
	// Every is how often letters are gathered into a batch; a day means midnight UTC.
	Every time.Duration `yaml:"every"`
	// Largest is the most letters of a batch.
	Largest int `yaml:"largest"`
}

// API is an outside service that takes JSON.
type API struct {
	// URL is the base address of the API: https, or http on loopback.
	URL string `yaml:"url"`
	// TokenFile holds the bearer token.
	TokenFile string `yaml:"token_file"`
	// Timeout is how long one call may take; then it is tried again later.
	Timeout time.Duration `yaml:"timeout"`
}

// Mail is the mail server that takes messages.
type Mail struct {
	// Server is host:port.
	Server string `yaml:"server"`
	// TLS is mandatory (STARTTLS, the default), implicit (TLS from the first byte), or none, which is only
	// for loopback.
	TLS string `yaml:"tls"`
	// User and PasswordFile sign in at the server; empty: it asks for nothing.
	User         string `yaml:"user"`
	PasswordFile string `yaml:"password_file"`
	// From is the sender's address.
	From string `yaml:"from"`
	// Timeout is how long one hand-over may take.
	Timeout time.Duration `yaml:"timeout"`
}

// Passwords says what they must be like and how they are kept: argon2id. A change of parameters applies
// to every account at its next sign-in.
type Passwords struct {
	// Profile is esia (at least 8 characters of three kinds) or nist (15 characters, or 8 beside a second factor).
	Profile string `yaml:"profile"`
	// MemoryKiB, Passes and Threads are the cost of one hash.
	MemoryKiB uint32 `yaml:"memory_kib"`
	Passes    uint32 `yaml:"passes"`
	Threads   uint8  `yaml:"threads"`
	// Admitted is how many hashes are computed at once: it bounds their memory to Admitted × MemoryKiB,
	// and keeps the rest of the processor for token traffic. 0: half the processors, at least one.
	Admitted int `yaml:"admitted"`
	// Helper is the program that computes the hashes, one process of it for each that is admitted, with less
	// priority than the provider (Linux): requests that need no password do not feel those that do. A name
	// without a path lies beside propusk. Empty: the provider computes them itself.
	Helper string `yaml:"helper"`
	// Wait is how long a sign-in waits for its turn before it is asked to come back.
	Wait time.Duration `yaml:"wait"`
	// Breached is a file of breached passwords as Have I Been Pwned publishes them: SHA-1 in hexadecimal, a
	// colon, a count. Empty: the built-in list alone.
	Breached string `yaml:"breached"`
}

func life(k session.Kind) Life {
	l := session.Lives()[k]
	return Life{Lifetime: l.Whole, Idle: l.Idle}
}

// A Life says how long a session lives.
type Life struct {
	// Lifetime is the absolute end, counted from sign-in.
	Lifetime time.Duration `yaml:"lifetime"`
	// Idle ends a session that nobody used for so long.
	Idle time.Duration `yaml:"idle"`
}

// Sessions are the lives of the kinds of sessions.
type Sessions struct {
	Ordinary Life `yaml:"ordinary"`
	// Foreign is for "someone else's computer".
	Foreign Life `yaml:"foreign"`
	// Operator is for the console of service centres: 12 h and 15 min at most.
	Operator Life `yaml:"operator"`
}

// Tokens are the lives of what relying parties hold.
type Tokens struct {
	// Access is for opaque tokens, JWT for self-contained ones: these cannot be called back, so 5 min at most.
	Access time.Duration `yaml:"access"`
	JWT    time.Duration `yaml:"jwt"`
	ID     time.Duration `yaml:"id"`
	// Refresh is how long a family of refresh tokens lives in all.
	Refresh time.Duration `yaml:"refresh"`
}

// Certificates are the settings of qualified certificates. The roots that are believed stand on the trust
// list: propuskctl trust.
type Certificates struct {
	// Listen are the addresses of the listener at which browsers present a certificate; none: citizens sign
	// statements only. It speaks TLS itself, since a proxy in front would take the certificate for its own.
	Listen []string `yaml:"listen"`
	// PublicURL is the listener's address as browsers reach it: https, another host or port than the issuer's.
	PublicURL string `yaml:"public_url"`
	// TLS is the listener's certificate; without it that of tls.
	TLS TLS `yaml:"tls"`
	// Revocation is hard or soft: whether a certificate is refused or passes when no authority can tell
	// whether it is revoked.
	Revocation string `yaml:"revocation"`
	// Qualified are the policies of which a qualified certificate carries one; empty: the Russian classes KC1
	// to KA1.
	Qualified []string `yaml:"qualified"`
	// Cards are the policies of certificates on electronic cards.
	Cards []string `yaml:"cards"`
	// OpenSSL is the program that checks GOST signatures with its GOST engine; empty: openssl on the PATH.
	OpenSSL string `yaml:"openssl"`
}

// Log is what is written to standard error.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
	// Format is json or text.
	Format string `yaml:"format"`
}

// Tracing sends OpenTelemetry traces.
type Tracing struct {
	// Endpoint is the OTLP/HTTP collector, such as http://localhost:4318; empty: no traces.
	Endpoint string `yaml:"endpoint"`
	// Ratio is the share of requests traced, 0 to 1.
	Ratio float64 `yaml:"ratio"`
}

// Default is the configuration before the file is read: SQLite in the working directory, and every
// number at its ruling.
func Default() Config {
	return Config{
		Listen: []string{"127.0.0.1:8080"},
		Admin:  Admin{Listen: "127.0.0.1:8089"},
		Stores: Stores{Records: "sqlite:propusk.db", Transients: "sqlite:transients.db"},
		Keys:   Keys{Master: "master.key"},

		Registries: Registries{Timeout: 10 * time.Second},
		Post:       Post{Mode: "api", Timeout: 20 * time.Second, Every: 24 * time.Hour, Largest: 100},
		SMS:        API{Timeout: 10 * time.Second},
		Mail:       Mail{TLS: "mandatory", Timeout: 20 * time.Second},

		Passwords: Passwords{Profile: "esia", MemoryKiB: 19456, Passes: 2, Threads: 1, Helper: "propusk-hash", Wait: 5 * time.Second},
		Sessions: Sessions{
			Ordinary: life(session.Ordinary), Foreign: life(session.Foreign), Operator: life(session.Operator),
		},
		Tokens:       Tokens{Access: 15 * time.Minute, JWT: 5 * time.Minute, ID: 10 * time.Minute, Refresh: 90 * 24 * time.Hour},
		Certificates: Certificates{Revocation: "hard"},
		Centres:      Centres{TwoPersons: TwoPersons{Fresh: 7 * 24 * time.Hour, Age: 80}},

		Log:     Log{Level: "info", Format: "json"},
		Tracing: Tracing{Ratio: 0.01},
	}
}
