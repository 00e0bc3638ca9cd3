package config

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/rp"
)

// Validate joins every mistake that shows without looking at other files.
func (c *Config) Validate() error {
	v := &verdict{}
	c.validateAddresses(v)
	c.validateNeighbours(v)
	c.validateLives(v)
	c.validateCertificates(v)
	c.validateCentres(v)
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "json", "text")
	if c.Tracing.Endpoint != "" {
		v.address("tracing.endpoint", c.Tracing.Endpoint)
	}
	v.want(c.Help != "", "help: is not set; messages name it to people in trouble")
	v.want(c.Tracing.Ratio >= 0 && c.Tracing.Ratio <= 1, "tracing.ratio: want 0 to 1")
	return errors.Join(v.mistakes...)
}

// A verdict gathers mistakes.
type verdict struct{ mistakes []error }

func (v *verdict) want(ok bool, format string, args ...any) {
	if !ok {
		v.mistakes = append(v.mistakes, fmt.Errorf(format, args...))
	}
}

func (v *verdict) oneOf(name, value string, allowed ...string) {
	for _, a := range allowed {
		if value == a {
			return
		}
	}
	v.want(false, "%s: want %s", name, strings.Join(allowed, ", "))
}

func (v *verdict) address(name, value string) {
	u, err := url.Parse(value)
	v.want(err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
		"%s: want an http or https address", name)
}

// guarded is an address that nobody may listen to on the way: http only within this machine.
func (v *verdict) guarded(name, value, why string) {
	v.address(name, value)
	if u, err := url.Parse(value); err == nil && u.Scheme == "http" {
		v.want(rp.Loopback(u.Hostname()), "%s: http is only for a host on loopback: %s; want https", name, why)
	}
}

func (v *verdict) between(name string, d, low, high time.Duration) {
	v.want(d >= low && d <= high, "%s: want %s to %s", name, low, high)
}

func (c *Config) validateAddresses(v *verdict) {
	u, err := url.Parse(c.Issuer)
	switch {
	case c.Issuer == "":
		v.want(false, "issuer: is not set")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(c.Issuer, "/"):
		v.want(false, "issuer: want an address without query, fragment and closing slash")
	case u.Path != "":
		v.want(false, "issuer: want no path: cookies and discovery are bound to the whole host")
	case u.Scheme == "http":
		v.want(rp.Loopback(u.Hostname()), "issuer: http is only for loopback; want https")
	default:
		v.want(u.Scheme == "https", "issuer: want https")
	}
	v.want(len(c.Listen) > 0, "listen: want at least one address")
	for _, l := range c.Listen {
		_, _, err := net.SplitHostPort(l)
		v.want(err == nil, "listen: %q is not host:port", l)
	}
	if c.Admin.Listen != "" {
		_, _, err := net.SplitHostPort(c.Admin.Listen)
		v.want(err == nil, "admin.listen: want host:port")
	}
	for _, p := range c.TrustedProxies {
		_, err := netip.ParsePrefix(p)
		v.want(err == nil, "trusted_proxies: %q is not a network such as 10.0.0.0/8", p)
	}
	v.want((c.TLS.Certificate == "") == (c.TLS.Key == ""), "tls: certificate and key go together")
	v.store("stores.records", c.Stores.Records, "sqlite", "postgres", "postgresql")
	v.store("stores.transients", c.Stores.Transients, "sqlite", "redis", "rediss", "unix")
	v.want(c.Keys.Master != "", "keys.master: is not set")
}

func (v *verdict) store(name, dsn string, schemes ...string) {
	scheme, rest, ok := strings.Cut(dsn, ":")
	for _, s := range schemes {
		if ok && scheme == s && strings.Trim(rest, "/") != "" {
			return
		}
	}
	v.want(false, "%s: want %s:…", name, strings.Join(schemes, ":… or "))
}

// validateNeighbours looks at the services that the provider calls.
func (c *Config) validateNeighbours(v *verdict) {
	v.guarded("registries.pension", c.Registries.Pension, "questions carry citizens' data and a bearer token")
	v.guarded("registries.interior", c.Registries.Interior, "questions carry citizens' data and a bearer token")
	v.guarded("registries.tax", c.Registries.Tax, "questions carry citizens' data and a bearer token")
	c.validatePost(v)
	v.guarded("sms.url", c.SMS.URL, "messages carry codes")
	v.between("registries.timeout", c.Registries.Timeout, time.Second, 25*time.Second)
	v.between("post.timeout", c.Post.Timeout, time.Second, 25*time.Second)
	v.between("sms.timeout", c.SMS.Timeout, time.Second, 25*time.Second)
	v.between("mail.timeout", c.Mail.Timeout, time.Second, 25*time.Second)
	host, _, err := net.SplitHostPort(c.Mail.Server)
	v.want(err == nil, "mail.server: want host:port")
	v.oneOf("mail.tls", c.Mail.TLS, "mandatory", "implicit", "none")
	v.want(c.Mail.TLS != "none" || rp.Loopback(host), "mail.tls: none is only for a server on loopback: messages carry codes")
	v.want((c.Mail.User == "") == (c.Mail.PasswordFile == ""), "mail: user and password_file go together")
	_, err = mail.ParseAddress(c.Mail.From)
	v.want(err == nil, "mail.from: want an e-mail address")
}

func (c *Config) validatePost(v *verdict) {
	p := c.Post
	v.oneOf("post.mode", p.Mode, "api", "batch", "local")
	if p.Mode == "api" {
		v.guarded("post.url", p.URL, "letters carry addresses and codes")
		return
	}
	v.want(p.Directory != "", "post.directory: is not set; mode %s leaves letters there", p.Mode)
	v.want((p.Reports == "") == (p.ReportsKeys == ""), "post: reports and reports_keys go together")
	v.want(p.Reports == "" || p.Mode == "batch", "post.reports: only for mode batch")
	v.between("post.every", p.Every, time.Minute, 7*24*time.Hour)
	v.want(p.Largest >= 1 && p.Largest <= 500, "post.largest: want 1 to 500")
}

func (c *Config) validateLives(v *verdict) {
	p := c.Passwords
	v.oneOf("passwords.profile", p.Profile, "esia", "nist")
	v.want(p.MemoryKiB >= 7168 && p.MemoryKiB <= password.MaxMemory, "passwords.memory_kib: want 7168 to %d", password.MaxMemory)
	v.want(p.Passes >= 1 && p.Passes <= password.MaxTime, "passwords.passes: want 1 to %d", password.MaxTime)
	v.want(p.Threads >= 1 && p.Threads <= password.MaxThreads, "passwords.threads: want 1 to %d", password.MaxThreads)
	// OWASP's floor in its own units: 19 MiB twice, or 46 MiB once, and what costs as much between.
	v.want(uint64(p.MemoryKiB)*uint64(p.Passes) >= 35840, "passwords: memory_kib × passes is under 35840; such hashes are guessed too fast")
	v.want(p.Admitted >= 0 && p.Admitted <= 1024, "passwords.admitted: want 0 to 1024")
	v.between("passwords.wait", p.Wait, 0, time.Minute)
	for name, l := range map[string]Life{"ordinary": c.Sessions.Ordinary, "foreign": c.Sessions.Foreign} {
		v.between("sessions."+name+".lifetime", l.Lifetime, time.Minute, 30*24*time.Hour)
		v.between("sessions."+name+".idle", l.Idle, time.Minute, 30*24*time.Hour)
	}
	v.between("sessions.operator.lifetime", c.Sessions.Operator.Lifetime, time.Minute, 12*time.Hour)
	v.between("sessions.operator.idle", c.Sessions.Operator.Idle, time.Minute, 15*time.Minute)
	v.between("tokens.access", c.Tokens.Access, 10*time.Second, 24*time.Hour)
	v.between("tokens.jwt", c.Tokens.JWT, 10*time.Second, 5*time.Minute)
	v.between("tokens.id", c.Tokens.ID, 10*time.Second, 24*time.Hour)
	v.between("tokens.refresh", c.Tokens.Refresh, time.Minute, 366*24*time.Hour)
}

func (c *Config) validateCertificates(v *verdict) {
	k := c.Certificates
	v.oneOf("certificates.revocation", k.Revocation, "hard", "soft")
	for _, p := range append(slices.Clone(k.Qualified), k.Cards...) {
		_, err := x509.ParseOID(p)
		v.want(err == nil, "certificates: %q is no policy; want numbers and dots", p)
	}
	v.want((k.TLS.Certificate == "") == (k.TLS.Key == ""), "certificates.tls: certificate and key go together")
	v.want((len(k.Listen) == 0) == (k.PublicURL == ""), "certificates: listen and public_url go together")
	for _, l := range k.Listen {
		_, _, err := net.SplitHostPort(l)
		v.want(err == nil, "certificates.listen: %q is not host:port", l)
	}
	if k.PublicURL == "" {
		return
	}
	u, err := url.Parse(k.PublicURL)
	v.want(err == nil && u.Scheme == "https" && u.Host != "" && u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil,
		"certificates.public_url: want an https address without a path")
	v.want(k.PublicURL != c.Issuer, "certificates.public_url: want another host or port than the issuer's")
	v.want(k.TLS.Certificate != "" || c.TLS.Certificate != "", "certificates.tls: is not set, and neither is tls; the listener speaks TLS itself")
}

// Files joins every mistake in the files that the configuration names.
func (c *Config) Files() error {
	v := &verdict{}
	for name, path := range map[string]string{
		"tls.certificate": c.TLS.Certificate, "tls.key": c.TLS.Key,
		"certificates.tls.certificate": c.Certificates.TLS.Certificate, "certificates.tls.key": c.Certificates.TLS.Key,
		"keys.master":           c.Keys.Master,
		"registries.token_file": c.Registries.TokenFile, "post.token_file": c.Post.TokenFile, "post.reports_keys": c.Post.ReportsKeys,
		"post.directory": c.Post.Directory, "post.reports": c.Post.Reports,
		"sms.token_file": c.SMS.TokenFile, "mail.password_file": c.Mail.PasswordFile, "passwords.breached": c.Passwords.Breached,
	} {
		if path == "" {
			continue
		}
		f, err := os.Open(path)
		v.want(err == nil, "%s: %w", name, err)
		if err == nil {
			f.Close()
		}
	}
	return errors.Join(v.mistakes...)
}

// Secret reads a file that holds one secret; no file, no secret.
func Secret(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err
}

// LogLevel is the level as slog has it.
func (c *Config) LogLevel() slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return slog.LevelInfo // Validate has refused it
	}
	return l
}
