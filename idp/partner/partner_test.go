package partner_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/rp"
)

func zarechny() *partner.Partner {
	return &partner.Partner{
		ID: "zarechny", Kind: partner.Bank, Name: map[string]string{"ru": "Банк «Заречный»"}, Number: "040000999", Home: "https://bank.example/confirm",
		JWKS: json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-256","x":"x","y":"y"}]}`),
	}
}

func TestEveryMistakeOfARegistrationIsTold(t *testing.T) {
	if err := zarechny().Validate(); err != nil {
		t.Fatal(err)
	}
	for mistake, spoil := range map[string]func(*partner.Partner){
		"id is letters":      func(p *partner.Partner) { p.ID = "a b" },
		"none of ours":       func(p *partner.Partner) { p.Kind = "shop" },
		"name is missing":    func(p *partner.Partner) { p.Name = nil },
		"BIC":                func(p *partner.Partner) { p.Number = "12" },
		"home is an https":   func(p *partner.Partner) { p.Home = "http://bank.example/" },
		"without a query":    func(p *partner.Partner) { p.Home = "https://bank.example/?a=b" },
		"not a set of keys":  func(p *partner.Partner) { p.JWKS = nil },
		"no keys":            func(p *partner.Partner) { p.JWKS = json.RawMessage(`{"keys":[]}`) },
		"no kind that signs": func(p *partner.Partner) { p.JWKS = json.RawMessage(`{"keys":[{"kty":"oct","k":"x"}]}`) },
		"is private":         func(p *partner.Partner) { p.JWKS = json.RawMessage(`{"keys":[{"kty":"RSA","d":"x"}]}`) },
		"has no kid":         func(p *partner.Partner) { p.JWKS = json.RawMessage(`{"keys":[{"kty":"EC"},{"kty":"EC"}]}`) },
		"hourly is negative": func(p *partner.Partner) { p.Hourly = -1 },
	} {
		p := zarechny()
		spoil(p)
		err := p.Validate()
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), mistake) {
			t.Errorf("%s: got %v", mistake, err)
		}
	}
}

func TestConfirmationsNameTheBankAsTheStateDoes(t *testing.T) {
	if got, want := zarechny().Organization(), "Банк «Заречный», БИК 040000999"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAPartnerIsAClientWithBoundTokensOfItsOwnScopeAlone(t *testing.T) {
	p := zarechny().Party()
	if !p.Bound || p.AuthMethod != rp.AuthPrivateKey || len(p.Grants) != 1 || p.Grants[0] != rp.GrantCredentials || len(p.Scopes) != 1 || p.Scopes[0] != "partner.bank" || len(p.Redirects) != 0 {
		t.Errorf("got %+v", p)
	}
}

// shelf is a store of partners that counts.
type shelf struct {
	partner.Store
	partners map[partner.ID]*partner.Partner
	version  int64
	reads    int
	during   func()
}

func (s *shelf) Partner(_ context.Context, id partner.ID) (*partner.Partner, error) {
	s.reads++
	p, ok := s.partners[id]
	if s.during != nil {
		s.during()
	}
	if !ok {
		return nil, fault.NotFound
	}
	return p, nil
}

func (s *shelf) PartnerVersion(context.Context) (int64, error) { return s.version, nil }

func TestPartnersAreReadOnceUntilTheVersionMoves(t *testing.T) {
	s := &shelf{partners: map[partner.ID]*partner.Partner{"zarechny": zarechny()}}
	c := &partner.Cache{Store: s}
	look := func() *partner.Partner {
		t.Helper()
		p, err := c.Partner(t.Context(), "zarechny")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	look()
	if look(); s.reads != 1 {
		t.Errorf("read %d times", s.reads)
	}
	off := zarechny()
	off.Disabled = true
	s.partners["zarechny"], s.version = off, 1
	if look().Disabled {
		t.Error("changed before the version was looked at")
	}
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !look().Disabled {
		t.Error("the old partner is served after the version moved")
	}
	// What was read before an invalidation is not kept.
	s.version, s.partners["zarechny"] = 2, zarechny()
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.during = func() {
		s.during, s.version = nil, 3
		if err := c.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.partners["zarechny"] = off
	}
	look()
	if !look().Disabled {
		t.Error("a slow reader put the old partner back")
	}
}

type parties map[rp.ID]*rp.Party

func (p parties) Party(_ context.Context, id rp.ID) (*rp.Party, error) {
	if x, ok := p[id]; ok {
		return x, nil
	}
	return nil, fault.NotFound
}

func TestTheTokenEndpointFindsPartnersBesideRelyingParties(t *testing.T) {
	d := partner.Directory{
		Parties:  parties{"tax": {ID: "tax"}},
		Partners: &partner.Cache{Store: &shelf{partners: map[partner.ID]*partner.Partner{"zarechny": zarechny()}}},
	}
	for id, bound := range map[rp.ID]bool{"tax": false, "zarechny": true} {
		if p, err := d.Party(t.Context(), id); err != nil || p.ID != id || p.Bound != bound {
			t.Errorf("%s: %+v, %v", id, p, err)
		}
	}
	if _, err := d.Party(t.Context(), "nobody"); !errors.Is(err, fault.NotFound) {
		t.Errorf("nobody: %v", err)
	}
}

// answers keeps one answer for a key.
type answers map[string]*partner.Answer

func (a answers) SavePartnerAnswer(_ context.Context, x *partner.Answer) error {
	if _, ok := a[x.Key]; ok {
		return fault.Exists
	}
	a[x.Key] = x
	return nil
}

func TestASecondAnswerForAKeyIsGivenUp(t *testing.T) {
	kept := answers{}
	once := partner.Once{Partner: "zarechny", Key: "key", Fingerprint: []byte{1}}
	if err := once.Keep(t.Context(), kept, 201, map[string]string{"a": "b"}, time.Now()); err != nil || string(kept["key"].Body) != `{"a":"b"}` {
		t.Fatalf("%v %+v", err, kept)
	}
	if err := once.Keep(t.Context(), kept, 201, nil, time.Now()); !errors.Is(err, partner.ErrAnswered) {
		t.Errorf("got %v", err)
	}
}
