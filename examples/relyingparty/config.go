package relyingparty

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Config is what a relying party has to be told before it can let people sign in.
type Config struct {
	// Listeners are open and owned by the party from the call of Run on.
	// Several of them serve the same site, for example on 127.0.0.1 and ::1.
	Listeners []net.Listener
	// PublicURL is the address that people type, without a closing slash:
	// http://localhost:8082. Requests for other hosts are refused.
	PublicURL string

	// Issuer is the provider's issuer exactly as its discovery document has it.
	Issuer string
	// HomeURL is where people manage their account; empty: the issuer.
	HomeURL string
	// ClientID and ClientSecret were given out when the party was registered.
	ClientID     string
	ClientSecret string
	// Scopes to ask for; empty: those that the party needs.
	Scopes []string

	// WorldURL, when set, is linked in the foot of every page: the outbox of the demo.
	WorldURL string
	// HTTPClient calls the provider; empty: a client with a time limit and the
	// system's roots. Give one with its own roots for a development authority.
	HTTPClient *http.Client
	Logger     *slog.Logger
	// Now judges the age of sessions and of their last check; empty: time.Now.
	// Tokens are always judged by the real time.
	Now func() time.Time
}

// RedirectURI is the one address that the provider may answer to.
func (c Config) RedirectURI() string { return c.PublicURL + c.callbackPath() }

// PostLogoutRedirectURI is where the provider sends people after signing out.
func (c Config) PostLogoutRedirectURI() string { return c.PublicURL + "/" }

// BackchannelLogoutURI is where the provider tells that a session has ended.
func (c Config) BackchannelLogoutURI() string { return c.PublicURL + "/backchannel-logout" }

// Each party has its own callback path, because cookies know hosts and paths
// but not ports: on localhost the sign-in cookies of two parties would collide.
func (c Config) callbackPath() string { return "/callback/" + c.ClientID }

// WithDefaults gives a party its usual client id and scopes where none were set.
func (c Config) WithDefaults(clientID string, scopes ...string) Config {
	if c.ClientID == "" {
		c.ClientID = clientID
	}
	if len(c.Scopes) == 0 {
		c.Scopes = scopes
	}
	return c
}

func (c Config) complete() (Config, error) {
	var errs []error
	need := func(name, value string) {
		if value == "" {
			errs = append(errs, fmt.Errorf("%s is empty", name))
		}
	}
	need("PublicURL", c.PublicURL)
	need("Issuer", c.Issuer)
	need("ClientID", c.ClientID)
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	for name, value := range map[string]string{"PublicURL": c.PublicURL, "Issuer": c.Issuer} {
		if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "") {
			errs = append(errs, fmt.Errorf("%s is not an address: %q", name, value))
		}
	}
	if c.HomeURL == "" {
		c.HomeURL = c.Issuer
	}
	c.HomeURL = strings.TrimSuffix(c.HomeURL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Timeout: 10 * time.Second}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if err := errors.Join(errs...); err != nil {
		return c, fmt.Errorf("relying party configuration: %w", err)
	}
	return c, nil
}

// FromFlags reads a Config from a program's arguments, for parties that run on
// their own. The secret comes from a file, since arguments can be read by
// everybody on the machine.
func FromFlags(clientID, listen string, args []string) (Config, error) {
	flags := flag.NewFlagSet(clientID, flag.ContinueOnError)
	address := flags.String("listen", listen, "address to listen on")
	public := flags.String("url", "http://"+listen, "address that people type")
	issuer := flags.String("issuer", "http://localhost:8080", "issuer of the identity provider")
	id := flags.String("client-id", clientID, "client identifier")
	secretFile := flags.String("client-secret-file", "", "file that holds the client secret")
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	cfg := Config{PublicURL: *public, Issuer: *issuer, ClientID: *id, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	if *secretFile != "" {
		secret, err := os.ReadFile(*secretFile)
		if err != nil {
			return Config{}, fmt.Errorf("client secret: %w", err)
		}
		cfg.ClientSecret = strings.TrimSpace(string(secret))
	}
	l, err := net.Listen("tcp", *address)
	if err != nil {
		return Config{}, err
	}
	cfg.Listeners = []net.Listener{l}
	return cfg, nil
}
