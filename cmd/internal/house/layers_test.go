package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/propusk/propusk/"

// A layer is a group of packages that may import the same things.
type layer struct {
	name string
	// packages are paths inside the module; a trailing slash takes in all below. The longest match wins.
	packages []string
	// may are the layers besides its own that it imports.
	may []string
	// never are imports from outside the module that it must not know; a trailing slash as above.
	never []string
	// why stands in the failure.
	why string
}

// What a rule of the domain must not know.
var machinery = []string{
	"github.com/labstack/echo/", "database/sql", "html/template", "github.com/jackc/pgx/", "modernc.org/",
	"github.com/redis/", "github.com/riverqueue/", "github.com/zitadel/", "github.com/go-jose/",
}

var layers = []layer{
	{
		name: "leaf", packages: []string{"idp/fault", "idp/civil", "idp/seal"},
		never: []string{"github.com/labstack/echo/", "database/sql", "html/template", "github.com/zitadel/", "net/http"},
		why:   "leaves are used by everybody, so they use nobody",
	},
	{
		name: "domain", may: []string{"leaf"},
		packages: []string{
			"idp/account", "idp/audit", "idp/authn/", "idp/centre", "idp/certificate/", "idp/claims", "idp/confirm/", "idp/consent", "idp/grant",
			"idp/bank", "idp/contact", "idp/job", "idp/limit", "idp/lock", "idp/notice/", "idp/outside", "idp/partner", "idp/policy", "idp/recall", "idp/recovery", "idp/register", "idp/registry/", "idp/rp", "idp/session", "idp/shift",
			"idp/signal/", "idp/signin", "idp/tidings/", "idp/transient", "idp/wish",
		},
		never: machinery,
		why:   "a rule must be readable and testable without web, SQL, templates and protocol",
	},
	{
		name: "process", packages: []string{"idp/authn/password/apart"}, may: []string{"domain", "leaf"},
		never: machinery,
		why:   "it deals with processes and pipes, whose deadlines are the machine's, and knows nothing of accounts",
	},
	{
		name: "proof", packages: []string{"idp/dpop"}, may: []string{"domain", "leaf"},
		never: []string{"github.com/labstack/echo/", "database/sql", "html/template", "github.com/zitadel/"},
		why:   "doors that take bound tokens share one verifier, which knows nobody's routes",
	},
	{
		name: "storage", packages: []string{"storage/"}, may: []string{"domain", "leaf"},
		never: []string{"github.com/labstack/echo/", "html/template", "github.com/zitadel/"},
		why:   "stores implement what the domain declares, and serve any door",
	},
	{
		name: "ui", packages: []string{"ui/"}, may: []string{"leaf"},
		never: []string{"github.com/labstack/echo/", "database/sql", "github.com/zitadel/"},
		why:   "pages show what they are handed; they decide and look up nothing",
	},
	{
		name: "edge", packages: []string{"idp/edge"}, may: []string{"leaf"},
		never: []string{"database/sql", "github.com/zitadel/"},
		why:   "what every door shares knows neither rules nor stores",
	},
	{
		name: "admin", packages: []string{"idp/admin"}, may: []string{"domain", "leaf", "edge"},
		never: []string{"github.com/zitadel/"},
		why:   "the administrator's listener needs no pages and no protocol",
	},
	{
		name: "oidc", packages: []string{"idp/oidc/"}, may: []string{"domain", "leaf", "edge", "ui", "proof"},
		never: []string{"database/sql", "github.com/jackc/pgx/", "modernc.org/", "github.com/redis/", "github.com/riverqueue/"},
		why:   "a door calls the domain; doors do not know stores or each other",
	},
	{
		name: "web", packages: []string{"idp/web/"}, may: []string{"domain", "leaf", "edge", "ui"},
		never: []string{"database/sql", "github.com/zitadel/", "github.com/jackc/pgx/", "modernc.org/", "github.com/redis/", "github.com/riverqueue/"},
		why:   "a door calls the domain; the protocol library stops at idp/oidc",
	},
	{
		name: "partner", packages: []string{"idp/partnerapi/"}, may: []string{"domain", "leaf", "edge", "proof"},
		never: []string{"database/sql", "github.com/zitadel/", "github.com/jackc/pgx/", "modernc.org/", "github.com/redis/", "github.com/riverqueue/", "html/template"},
		why:   "a door of programs calls the domain; it has no pages, and the tokens are opened by who made them",
	},
	{
		name: "idp", packages: []string{"idp"}, may: []string{"oidc", "web", "partner", "proof", "admin", "edge", "ui", "storage", "domain", "leaf"},
		never: []string{"github.com/zitadel/"},
		why:   "package idp puts the doors on one handler, with the stores behind them",
	},
	{
		name: "idptest", packages: []string{"idp/idptest"},
		may: []string{"idp", "oidc", "web", "partner", "proof", "admin", "edge", "ui", "storage", "domain", "leaf", "examples"},
		why: "a whole Propusk in a test is made of everything but commands",
	},
	{
		name: "examples", packages: []string{"examples/", "docs/"},
		why: "relying parties and the outside world speak HTTP to the provider, as real ones must",
	},
	{
		name: "cmd", packages: []string{"cmd/"},
		may: []string{"process", "idp", "oidc", "web", "partner", "proof", "admin", "edge", "ui", "storage", "domain", "leaf", "examples"},
		why: "commands are the outermost layer: nothing imports them",
	},
}

// A listed is a package as go list tells it.
type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-e", "-json=ImportPath,Dir,Imports,GoFiles", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < len(layers) {
		t.Fatalf("go list knows %d packages, fewer than there are layers", len(all))
	}
	return all
}

// covers tells whether a pattern takes in a path, and how closely.
func covers(pattern, path string) (int, bool) {
	if base, ok := strings.CutSuffix(pattern, "/"); ok {
		return len(base), path == base || strings.HasPrefix(path, pattern)
	}
	return len(pattern), path == pattern
}

func layerOf(path string) *layer {
	var best *layer
	longest := -1
	for i := range layers {
		for _, pattern := range layers[i].packages {
			if n, ok := covers(pattern, path); ok && n > longest {
				best, longest = &layers[i], n
			}
		}
	}
	return best
}

func TestDependenciesPointInward(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if len(p.GoFiles) == 0 {
			continue
		}
		from := layerOf(path)
		if from == nil {
			t.Errorf("%s stands in no layer; give it one in this file", path)
			continue
		}
		for _, i := range p.Imports {
			inside, ok := strings.CutPrefix(i, module)
			if !ok {
				if slices.ContainsFunc(from.never, func(n string) bool { _, ok := covers(n, i); return ok }) {
					t.Errorf("%s (%s) imports %s: %s", path, from.name, i, from.why)
				}
				continue
			}
			to := layerOf(inside)
			if to != nil && to != from && !slices.Contains(from.may, to.name) {
				t.Errorf("%s (%s) imports %s (%s): %s", path, from.name, inside, to.name, from.why)
			}
		}
	}
}

func TestTheProtocolLibraryStopsAtItsDoor(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(path, "idp/oidc") || strings.HasPrefix(path, "examples/") || strings.HasPrefix(path, "docs/") || path == "idp/idptest" {
			continue
		}
		for _, i := range p.Imports {
			if strings.HasPrefix(i, "github.com/zitadel/oidc/") {
				t.Errorf("%s imports %s: only idp/oidc knows the protocol library, so that it can be replaced there", path, i)
			}
		}
	}
}

func TestSeedsAreKnownToCommandsOnly(t *testing.T) {
	for _, p := range packages(t) {
		path := strings.TrimPrefix(p.ImportPath, module)
		if !strings.HasPrefix(path, "cmd/") && slices.Contains(p.Imports, module+"cmd/internal/seed") {
			t.Errorf("%s imports the seeds: people with known passwords must not be a part of the provider", path)
		}
	}
}
