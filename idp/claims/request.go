package claims

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
)

// ErrRequest reports a claims parameter that cannot be read.
var ErrRequest = fmt.Errorf("claims: the claims parameter is not as Core 5.5 has it: %w", fault.Invalid)

// MaxRequest bounds the claims parameter: it travels in the code.
const MaxRequest = 2048

// MostValues bounds the values asked of one claim.
const MostValues = 16

// A Request is the claims parameter (OpenID Connect Core 1.0 section 5.5). Names we do not know are
// ignored, as section 5.5 has it.
type Request struct {
	Userinfo map[string]*Member
	IDToken  map[string]*Member
	// The members verified_claims, which have a form of their own.
	VerifiedUserinfo VerifiedRequest
	VerifiedIDToken  VerifiedRequest

	demand policy.Policy
}

// A Member is what is asked of one claim; nil asks for it in the default manner.
type Member struct {
	Essential bool              `json:"essential,omitempty"`
	Value     json.RawMessage   `json:"value,omitempty"`
	Values    []json.RawMessage `json:"values,omitempty"`
}

// ParseRequest reads the parameter; nil and empty ask for nothing.
func ParseRequest(b []byte) (Request, error) {
	var r Request
	if len(b) == 0 {
		return r, nil
	}
	var in struct {
		Userinfo map[string]json.RawMessage `json:"userinfo"`
		IDToken  map[string]json.RawMessage `json:"id_token"`
	}
	if len(b) > MaxRequest || b[0] != '{' || json.Unmarshal(b, &in) != nil {
		return Request{}, ErrRequest
	}
	var err error
	if r.Userinfo, r.VerifiedUserinfo, err = parseMembers(in.Userinfo); err != nil {
		return Request{}, err
	}
	if r.IDToken, r.VerifiedIDToken, err = parseMembers(in.IDToken); err != nil {
		return Request{}, err
	}
	if r.demand, err = r.demands(); err != nil {
		return Request{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return r, nil
}

func parseMembers(in map[string]json.RawMessage) (out map[string]*Member, verified VerifiedRequest, err error) {
	for name, raw := range in {
		if name == "verified_claims" {
			if verified, err = parseVerified(raw); err != nil {
				return nil, nil, err
			}
			continue
		}
		var m *Member
		if json.Unmarshal(raw, &m) != nil || m != nil && len(m.Values) > MostValues {
			return nil, nil, ErrRequest
		}
		if out == nil {
			out = make(map[string]*Member, len(in))
		}
		out[name] = m
	}
	return out, verified, nil
}

// Scopes lists the scopes whose data the request asks for by name, beyond those given.
func (r Request) Scopes(given []string) []string {
	var out []string
	for _, c := range table {
		_, a := r.Userinfo[c.name]
		_, b := r.IDToken[c.name]
		if (a || b) && !slices.Contains(given, c.scope) && !slices.Contains(out, c.scope) {
			out = append(out, c.scope)
		}
	}
	return out
}

// Userinfo is what userinfo releases: the scopes' claims, and those asked for by name whose scope the
// party may have at all.
func Userinfo(scopes []string, r Request, may []string) Set {
	return OfScopes(scopes) | ofMembers(r.Userinfo, may)
}

// IDToken is what the ID token releases beside the claims that are always there.
func IDToken(r Request, may []string) Set { return ofMembers(r.IDToken, may) }

func ofMembers(m map[string]*Member, may []string) Set {
	var s Set
	for name := range m {
		if c, scope := named(name); slices.Contains(may, scope) {
			s |= c
		}
	}
	return s
}

// texts gives the values asked for, each once, if they are text.
func (m *Member) texts() []string {
	if m == nil {
		return nil
	}
	var out []string
	for _, v := range append([]json.RawMessage{m.Value}, m.Values...) {
		var s string
		if len(v) > 0 && json.Unmarshal(v, &s) == nil && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// insists tells whether values are demanded; values that are no text are demanded all the same, and then
// nobody has them.
func (m *Member) insists() bool {
	return m != nil && m.Essential && (len(m.Value) > 0 || len(m.Values) > 0)
}

func (r Request) member(name string) *Member {
	if m := r.IDToken[name]; m != nil {
		return m
	}
	return r.Userinfo[name]
}

// ACR lists the acr values asked for, essential or not.
func (r Request) ACR() []string { return r.member("acr").texts() }

// Subject is the sub asked for, or "".
func (r Request) Subject() string {
	for _, m := range []*Member{r.IDToken["sub"], r.Userinfo["sub"]} {
		if v := m.texts(); len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

// Demand is the policy that essential claims amount to. A level means at least the lowest named; a demand
// for what we do not know is met by nobody.
func (r Request) Demand() policy.Policy { return r.demand }

func (r Request) demands() (p policy.Policy, err error) {
	if m := r.member("acr"); m.insists() {
		var q policy.Policy
		for _, v := range m.texts() {
			if c, ok := policy.OfACR(v); ok {
				q.Accept = append(q.Accept, c)
			}
		}
		if p, err = policy.And(p, orImpossible(q)); err != nil {
			return p, err
		}
	}
	if m := r.member("account_level"); m.insists() {
		var q policy.Policy
		for _, v := range m.texts() {
			if l, err := account.ParseLevel(v); err == nil {
				q.Accept = append(q.Accept, policy.Combination{Level: l})
			}
		}
		if p, err = policy.And(p, orImpossible(q)); err != nil {
			return p, err
		}
	}
	if m := r.member("confirmation_method"); m.insists() {
		var c policy.Combination
		for _, v := range m.texts() {
			if method, err := account.ParseMethod(v); err == nil {
				c.Methods = append(c.Methods, method)
			}
		}
		var q policy.Policy
		if len(c.Methods) > 0 {
			q.Accept = append(q.Accept, c)
		}
		if p, err = policy.And(p, orImpossible(q)); err != nil {
			return p, err
		}
	}
	return p, nil
}

func orImpossible(p policy.Policy) policy.Policy {
	if len(p.Accept) == 0 {
		p.Accept = []policy.Combination{policy.Impossible()}
	}
	return p
}
