package rp_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

func party() *rp.Party {
	_, hash := rp.NewSecret()
	p := &rp.Party{
		ID: "tax", Name: map[string]string{"ru": "Налоговая"}, SecretHash: hash,
		Redirects: []string{"https://tax.example/callback/tax"},
	}
	p.Default()
	return p
}

func TestARightRegistrationPasses(t *testing.T) {
	if err := party().Validate(); err != nil {
		t.Fatal(err)
	}
}

func TestTheWireFormCountsInSeconds(t *testing.T) {
	p := party()
	p.Consent, p.Changed = 90*time.Minute, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)
	b, err := json.Marshal(p)
	if err != nil || !strings.Contains(string(b), `"consent_seconds":5400`) {
		t.Fatalf("%s %v", b, err)
	}
	var q rp.Party
	if err := json.Unmarshal(b, &q); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, &q); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestEveryMistakeIsTold(t *testing.T) {
	for mistake, spoil := range map[string]func(*rp.Party){
		"fragment":                func(p *rp.Party) { p.Redirects = []string{"https://a.example/cb#x"} },
		"wildcard":                func(p *rp.Party) { p.Redirects = []string{"https://*.example/cb"} },
		"neither https nor http":  func(p *rp.Party) { p.Redirects = []string{"http://a.example/cb"} },
		"not an absolute address": func(p *rp.Party) { p.PostLogout = []string{"/cb"} },
		"names a user":            func(p *rp.Party) { p.Backchannel = "https://a@b.example/" },
		"redirect_uris is empty":  func(p *rp.Party) { p.Redirects = nil },
		"scope \"everything\"":    func(p *rp.Party) { p.Scopes = append(p.Scopes, "everything") },
		"scope openid is missing": func(p *rp.Party) { p.Scopes = []string{"email"} },
		"secret is missing":       func(p *rp.Party) { p.SecretHash = nil },
		"jwks is missing":         func(p *rp.Party) { p.AuthMethod = rp.AuthPrivateKey },
		"keeps no secret":         func(p *rp.Party) { p.Native = true },
		"client_credentials needs": func(p *rp.Party) {
			p.AuthMethod, p.SecretHash, p.Grants = rp.AuthNone, nil, []string{rp.GrantCode, rp.GrantCredentials}
		},
		"needs the audience":  func(p *rp.Party) { p.AccessJWT = true },
		"refresh_token needs": func(p *rp.Party) { p.Grants = []string{rp.GrantRefresh} },
		"none of ours":        func(p *rp.Party) { p.Grants = append(p.Grants, "password") },
		"profile":             func(p *rp.Party) { p.Profile = "loose" },
		"neither ES256":       func(p *rp.Party) { p.IDTokenAlg = "none" },
		"client_id":           func(p *rp.Party) { p.ID = "a b" },
		"client_name":         func(p *rp.Party) { p.Name = nil },
		"met by nobody": func(p *rp.Party) {
			p.Policy.Accept = []policy.Combination{{Level: account.Verified, Refuse: account.Methods()}}
		},
	} {
		p := party()
		spoil(p)
		err := p.Validate()
		if err == nil || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%s: got %v", mistake, err)
		}
	}
}

func TestRedirectIsComparedAsWritten(t *testing.T) {
	p := party()
	for address, want := range map[string]bool{
		"https://tax.example/callback/tax":     true,
		"https://tax.example/callback/tax/":    false,
		"https://tax.example/callback/tax?x=1": false,
		"https://tax.example/callback/%74ax":   false,
		"https://TAX.example/callback/tax":     false,
		"https://tax.example:443/callback/tax": false,
		"https://tax.example/callback/tax#":    false,
		"https://tax.example@evil.example/":    false,
		"http://tax.example/callback/tax":      false,
		"":                                     false,
	} {
		if got := p.Redirect(address); got != want {
			t.Errorf("Redirect(%q) = %v, want %v", address, got, want)
		}
	}
}

func TestThisMachineIsLocalhostAndLoopbackAddresses(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "id.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "localhost.example": false, "notlocalhost": false, "127.0.0.1.example": false, "10.0.0.1": false,
		"0.0.0.0": false, "::": false, "::1%lo": false, "2130706433": false,
	} {
		if got := rp.Loopback(host); got != want {
			t.Errorf("Loopback(%q) = %v, want %v", host, got, want)
		}
	}
}

func TestNativeApplicationsChooseTheLoopbackPort(t *testing.T) {
	p := &rp.Party{Native: true, Redirects: []string{"http://127.0.0.1/cb", "http://localhost:1/cb"}}
	for address, want := range map[string]bool{
		"http://127.0.0.1:49152/cb":        true,
		"http://localhost:80/cb":           true,
		"http://127.0.0.1:49152/cb/":       false,
		"http://[::1]:49152/cb":            false,
		"http://127.0.0.1.evil.example/cb": false,
		"http://127.0.0.1:80@evil/cb":      false,
		"http://127.0.0.1:/cb":             false,
		"http://127.0.0.1:99999999/cb":     false,
		"https://127.0.0.1:49152/cb":       false,
	} {
		if got := p.Redirect(address); got != want {
			t.Errorf("Redirect(%q) = %v, want %v", address, got, want)
		}
	}
	p.Native = false
	if p.Redirect("http://127.0.0.1:49152/cb") {
		t.Error("a web application chose its port")
	}
}

// Whatever is let through leads to a registered host and path.
func FuzzRedirect(f *testing.F) {
	for _, s := range []string{
		"http://127.0.0.1:1/cb", "http://localhost/cb", "https://a.example/cb", "http://127.0.0.1:1@evil/cb",
		"http://localhost:1\\@evil/cb", "http://[::1]:1/cb", "http://127.0.0.1:1/cb?x=1#y", "//evil/cb",
	} {
		f.Add(s)
	}
	p := &rp.Party{Native: true, Redirects: []string{"http://127.0.0.1/cb", "https://a.example/cb", "http://[::1]/cb"}}
	f.Fuzz(func(t *testing.T, address string) {
		if !p.Redirect(address) {
			return
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatalf("let through, and not an address: %q", address)
		}
		host := u.Hostname()
		if u.Path != "/cb" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
			!(u.Scheme == "https" && u.Host == "a.example" || u.Scheme == "http" && (host == "127.0.0.1" || host == "::1")) {
			t.Fatalf("let through: %q", address)
		}
	})
}

type shelf struct {
	rp.Store
	parties map[rp.ID]*rp.Party
	version int64
	reads   int
	during  func()
}

func (s *shelf) Party(_ context.Context, id rp.ID) (*rp.Party, error) {
	s.reads++
	p, ok := s.parties[id]
	if s.during != nil {
		s.during()
	}
	if !ok {
		return nil, fault.NotFound
	}
	return p, nil
}

func (s *shelf) PartyVersion(context.Context) (int64, error) { return s.version, nil }

func TestCacheReadsOnceUntilTheVersionMoves(t *testing.T) {
	s := &shelf{parties: map[rp.ID]*rp.Party{"tax": {ID: "tax", Audience: "old"}}}
	c := &rp.Cache{Store: s}
	audience := func() string {
		p, err := c.Party(t.Context(), "tax")
		if err != nil {
			t.Fatal(err)
		}
		return p.Audience
	}
	audience()
	audience()
	if s.reads != 1 {
		t.Errorf("read %d times, want once", s.reads)
	}
	s.parties["tax"], s.version = &rp.Party{ID: "tax", Audience: "new"}, 1
	if audience() != "old" {
		t.Error("changed before the version was looked at")
	}
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if audience() != "new" {
		t.Error("the old party is served after the version moved")
	}
}

func TestCacheForgetsWhatWasReadBeforeAnInvalidation(t *testing.T) {
	s := &shelf{parties: map[rp.ID]*rp.Party{"tax": {ID: "tax", Audience: "old"}}}
	c := &rp.Cache{Store: s}
	s.during = func() { c.Forget(); s.during = nil }
	if _, err := c.Party(t.Context(), "tax"); err != nil {
		t.Fatal(err)
	}
	s.parties["tax"] = &rp.Party{ID: "tax", Audience: "new"}
	if p, _ := c.Party(t.Context(), "tax"); p.Audience != "new" {
		t.Error("a slow reader put the old party back")
	}
}
