// Package partner keeps those who speak to Propusk by program and not for a citizen's sign-in: banks that
// vouch for their clients, printers of letters, the software of service centres.
//
// A partner proves itself at the token endpoint by a signed assertion (private_key_jwt) and gets a token for
// itself that is bound to a key of its own: by DPoP (RFC 9449) or by its TLS certificate (RFC 8705). Whoever
// steals such a token can do nothing with it. What it may do follows from its kind: there is one scope for
// each.
//
// Every call that changes something carries an idempotency key; Once and Answer are the contract of it.
package partner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

// An ID names a partner; it is also the client_id at the token endpoint, so no relying party may have it.
type ID string

// A Kind says what a partner is, and so what it may do.
type Kind string

// The kinds.
const (
	Bank    Kind = "bank"    // vouches for its own clients
	Printer Kind = "printer" // prints and hands over letters
	Centre  Kind = "centre"  // service centres with software of their own
)

// Kinds lists them all.
func Kinds() []Kind { return []Kind{Bank, Printer, Centre} }

// Scope is what a token must carry to do what the kind does.
func (k Kind) Scope() string { return "partner." + string(k) }

// A Partner is registered by an administrator.
type Partner struct {
	ID   ID                `json:"id"`
	Kind Kind              `json:"kind"`
	Name map[string]string `json:"name"` // by language
	// Number identifies the organisation to the state: the BIC of a bank. That of a centre's software is the id of the
	// centre, whose operators alone it serves.
	Number string `json:"number,omitempty"`
	// Home is the page of a bank to which citizens are sent to confirm their account; "?ticket=…" is added to it.
	Home string          `json:"home,omitempty"`
	JWKS json.RawMessage `json:"jwks"` // its public keys
	// Hourly bounds its calls that change something, a hour; 0: the usual.
	Hourly   int       `json:"hourly,omitempty"`
	Disabled bool      `json:"disabled,omitempty"`
	Changed  time.Time `json:"changed"`
}

// NameIn gives the partner's name in a language, or in another it has, or its id.
func (p *Partner) NameIn(lang string) string {
	for _, l := range []string{lang, "ru", "en"} {
		if n := p.Name[l]; n != "" {
			return n
		}
	}
	return string(p.ID)
}

// Organization is how confirmations and records name it: it outlives the registration.
func (p *Partner) Organization() string {
	name := p.NameIn("ru")
	if p.Kind == Bank && p.Number != "" {
		return name + ", БИК " + p.Number
	}
	return name
}

// Party is the partner as the token endpoint knows its clients: proved by its keys, with a token of its own
// scope that is bound to a key.
func (p *Partner) Party() *rp.Party {
	return &rp.Party{
		ID: rp.ID(p.ID), Name: p.Name, Profile: rp.Strict, AuthMethod: rp.AuthPrivateKey, JWKS: p.JWKS,
		Grants: []string{rp.GrantCredentials}, Scopes: []string{p.Kind.Scope()}, IDTokenAlg: "ES256",
		Bound: true, Disabled: p.Disabled, Changed: p.Changed,
	}
}

// ErrPartner wraps all that is wrong with a registration.
var ErrPartner = fmt.Errorf("partner: registration: %w", fault.Invalid)

var (
	idForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	centreForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,31}$`)
	bicForm    = regexp.MustCompile(`^04[0-9]{7}$`)
)

// Validate tells everything that is wrong with a registration, all together.
func (p *Partner) Validate() error {
	var errs []error
	wrong := func(bad bool, format string, a ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("%w: "+format, append([]any{ErrPartner}, a...)...))
		}
	}
	wrong(!idForm.MatchString(string(p.ID)), "id is letters, digits, dots and hyphens, at most 64")
	known := false
	for _, k := range Kinds() {
		known = known || p.Kind == k
	}
	wrong(!known, "kind %q is none of ours", p.Kind)
	wrong(p.Name["ru"] == "" && p.Name["en"] == "", "name is missing")
	wrong(p.Hourly < 0, "hourly is negative")
	if p.Kind == Bank {
		wrong(!bicForm.MatchString(p.Number), "number of a bank is its BIC: nine digits that begin with 04")
	}
	if p.Kind == Centre {
		wrong(!centreForm.MatchString(p.Number), "number of a centre's software is the centre's id, such as 77-014")
	}
	if p.Home != "" {
		u, err := url.Parse(p.Home)
		wrong(err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" ||
			u.Scheme != "https" && !(u.Scheme == "http" && rp.Loopback(u.Hostname())),
			"home is an https address without a query, and http on this machine only")
	}
	if err := checkKeys(p.JWKS); err != nil {
		wrong(true, "jwks: %s", err)
	}
	return errors.Join(errs...)
}

// checkKeys tells whether a key set is one of public signing keys. The keys themselves are read where
// signatures are verified.
func checkKeys(set json.RawMessage) error {
	var keys struct {
		Keys []map[string]any `json:"keys"`
	}
	if len(set) == 0 || json.Unmarshal(set, &keys) != nil {
		return errors.New("not a set of keys in JSON (RFC 7517)")
	}
	if len(keys.Keys) == 0 {
		return errors.New("has no keys")
	}
	for i, k := range keys.Keys {
		switch kty, _ := k["kty"].(string); kty {
		case "EC", "RSA", "OKP":
		default:
			return fmt.Errorf("key %d is of no kind that signs", i+1)
		}
		for _, secret := range []string{"d", "p", "q", "k"} {
			if _, ok := k[secret]; ok {
				return fmt.Errorf("key %d is private: send the public key, and take this one out of use", i+1)
			}
		}
		if kid, _ := k["kid"].(string); kid == "" && len(keys.Keys) > 1 {
			return fmt.Errorf("key %d has no kid, and there are several", i+1)
		}
	}
	return nil
}

// A Store keeps partners, and what they were answered.
type Store interface {
	// Partner returns a partner, disabled or not; fault.NotFound.
	Partner(ctx context.Context, id ID) (*Partner, error)
	Partners(ctx context.Context) ([]*Partner, error)
	// SavePartner writes a partner, new or changed, and moves the version row that caches watch.
	SavePartner(ctx context.Context, p *Partner) error
	// PartnerVersion changes with every SavePartner.
	PartnerVersion(ctx context.Context) (int64, error)

	Answers
	// PartnerAnswer returns what was answered to a key; fault.NotFound.
	PartnerAnswer(ctx context.Context, id ID, key string) (*Answer, error)
	// DropPartnerAnswers forgets, at most limit, what was answered before a time, and tells how many went.
	DropPartnerAnswers(ctx context.Context, before time.Time, limit int) (int, error)
}
