package simulators

import (
	"log/slog"
	"net"
	"time"

	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/examples/simulators/registries"
	"github.com/propusk/propusk/examples/site"
)

// A Person is somebody who exists in the registries.
type Person = registries.Person

// A Document is the identity document of a Person.
type Document = registries.Document

// Config is what the outside world needs to know.
type Config struct {
	// World listeners serve the pages for people and the JSON under /api; they
	// must be loopback ones unless Open, since whoever reaches them reads all messages.
	World []net.Listener
	// Open says that the World may be reached from other machines: everybody there
	// reads everybody's messages, letters and codes, and moves the clock.
	Open bool
	// SMTP listeners take the provider's mail.
	SMTP []net.Listener
	// API listeners serve the registries, the post and the SMS gateway.
	API []net.Listener
	// PublicURL is the address of the pages, http://localhost:8090.
	PublicURL string

	// Dir holds everything that must survive a restart; it is made if missing.
	Dir string
	// Token is the bearer token that the provider shows at the APIs.
	Token string
	// Clock is the movable clock shared with the provider.
	Clock *Clock

	// People are entered in the registries at start, by SNILS; those added by
	// hand stay.
	People []Person
	// CheckDelay is how long a registry thinks over a check; until then it
	// answers that the check is pending.
	CheckDelay time.Duration
	// AutomaticPost lets letters travel by themselves as the clock moves.
	AutomaticPost bool

	// Authority is the certification authorities, if somebody has opened them before; nil: the outside world
	// opens them itself. They are closed when it ends.
	Authority *authority.Office

	// Seeds is answered by GET /api/seeds as it stands.
	Seeds any
	// TOTP holds the shared secrets (base32) of people by phone, for GET /api/totp.
	TOTP map[string]string
	// Links are shown in the foot of the pages.
	Links []Link

	Logger *slog.Logger
}

// A Link leads from the pages of the outside world to another site of the demo.
type Link struct {
	Name site.Text
	URL  string
}
