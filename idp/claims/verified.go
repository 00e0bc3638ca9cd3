package claims

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// Verified claims (OpenID Connect for Identity Assurance 1.0, OpenID Identity Assurance Schema 1.0) say of
// data how it was verified. Beside every claim stand the trust framework, the level, and the evidence:
//
//	request element ─┐
//	                 ├─▶ one answer element, with what was asked for and nothing else, or none
//	way of proving ──┘
//
// A standard account has one way of proving, the registers; a verified one has as many as it has live
// confirmations. Each request element is held against each way by itself, so a party that asks for a method
// gets that method's element. What is in the answer depends on the request member by member, so here, and
// only here, claims are trees and not structs.

// TrustFramework is the name of our rules.
const TrustFramework = "ru_esia"

// verifiedSet is what registers and confirmations verify. Contacts are proved in another manner, and the
// address is the citizen's word.
const verifiedSet = familyName | givenName | middleName | birthDate | gender | placeOfBirth | nationalities | snils | inn

// verifiedPrefix marks what of verified claims a citizen is asked to allow. They are no scopes: a consent to
// the verified family name does not open the whole profile.
const verifiedPrefix = "verified:"

// The permissions that are no claims.
const (
	// VerifiedEvidence covers how the data was verified: bodies, times, numbers of letters and certificates.
	VerifiedEvidence = verifiedPrefix + "evidence"
	// VerifiedDocument covers number, issuer and dates of the identity document.
	VerifiedDocument = verifiedPrefix + "document"
)

// VerifiedSupport is what the provider's metadata says of verified claims.
type VerifiedSupport struct {
	Supported  bool     `json:"verified_claims_supported"`
	Frameworks []string `json:"trust_frameworks_supported"`
	Evidence   []string `json:"evidence_supported"`
	Documents  []string `json:"documents_supported"`
	Checks     []string `json:"documents_check_methods_supported"`
	Records    []string `json:"electronic_records_supported"`
	Claims     []string `json:"claims_in_verified_claims_supported"`
}

// SupportedVerified tells what there is.
func SupportedVerified() VerifiedSupport {
	s := VerifiedSupport{
		Supported: true, Frameworks: []string{TrustFramework},
		Evidence:  []string{document, electronicRecord, vouch, electronicSignature},
		Documents: []string{"idcard", "passport", "residence_permit"},
		Checks:    []string{"vpip", "pvp"},
		Records:   []string{"population_register", "bank_account"},
		Claims:    Facts(verifiedSet),
	}
	return s
}

// A VerifiedRequest is one member verified_claims of the claims parameter.
type VerifiedRequest []demand

// A demand is one element of it.
type demand struct {
	verification *want
	claims       map[string]*want
	noPaper      bool // the citizen did not allow their document
}

// VerifiedData lists what the request asks the citizen to allow, beyond scopes, for a party that may have
// these scopes at all.
func (r Request) VerifiedData(may []string) []string {
	var out []string
	add := func(s string) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for _, d := range slices.Concat(r.VerifiedIDToken, r.VerifiedUserinfo) {
		some := false
		for _, c := range table { // not the map: the order is remembered and shown
			if _, asked := d.claims[c.name]; asked && verifiedSet.has(c.set) && slices.Contains(may, c.scope) {
				add(verifiedPrefix + c.name)
				some = true
			}
		}
		if evidence := d.verification.in["evidence"]; some && evidence != nil {
			add(VerifiedEvidence)
			if slices.Contains(may, documentScope) && evidence.wantsPaper(verificationShape.in["evidence"]) {
				add(VerifiedDocument)
			}
		}
	}
	return out
}

// documentScope is the scope behind everything about the identity document.
const documentScope = "documents"

// OfVerified answers a request: an element, an array of several, or nil if nothing meets it. subject is what
// the tokens say, may the scopes of the party, wall the time that ages are counted to.
func OfVerified(v VerifiedRequest, a *account.Account, subject account.Assurance, may []string, wall time.Time) (json.RawMessage, error) {
	elements, err := v.answer(a, subject, may, wall)
	if err != nil || len(elements) == 0 {
		return nil, err
	}
	if len(elements) == 1 {
		return json.Marshal(elements[0])
	}
	return json.Marshal(elements)
}

// An element is one verified_claims element.
type element struct {
	Verification tree `json:"verification"`
	Claims       tree `json:"claims"`
	way          *way
}

func (v VerifiedRequest) answer(a *account.Account, subject account.Assurance, may []string, wall time.Time) ([]element, error) {
	if len(v) == 0 || subject.Level < account.Standard || a.Profile.Checked.IsZero() {
		return nil, nil
	}
	var set Set
	for _, c := range table {
		if verifiedSet.has(c.set) && slices.Contains(may, c.scope) {
			set |= c.set
		}
	}
	data, err := treeOf(OfUser(a, set))
	if err != nil {
		return nil, err
	}
	p := picker{wall: wall}
	ways := waysOf(a, subject)
	var out []element
	for _, d := range v {
		p.papers = slices.Contains(may, documentScope) && !d.noPaper
		for i := range ways {
			verification, ok := p.object(d.verification, verificationShape, ways[i].tree())
			if !ok {
				continue
			}
			// A restriction that a claim does not meet costs that claim, one in verification the element
			// (IDA 5.7.4); an element without claims is none (5.7.5).
			given := tree{}
			for name, w := range d.claims {
				if have, there := data[name]; there && w.check.met(have, p.wall) {
					given[name] = have
				}
			}
			if len(given) > 0 {
				out = append(out, element{verification, given, &ways[i]})
			}
		}
	}
	return out, nil
}

// treeOf spells a value as JSON does, for members to be chosen by name.
func treeOf(v any) (tree, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var t tree
	return t, json.Unmarshal(b, &t)
}

// A Proof is what of one way of proving a party would get, for the page that asks the citizen.
type Proof struct {
	Level    account.Level
	Method   account.Method // zero at the standard level
	At       time.Time
	Claims   Set
	Evidence bool
	Document bool // beyond its type
}

// Proofs tells what the request would release now, ID token and userinfo taken together.
func (r Request) Proofs(a *account.Account, subject account.Assurance, may []string, wall time.Time) ([]Proof, error) {
	elements, err := slices.Concat(r.VerifiedIDToken, r.VerifiedUserinfo).answer(a, subject, may, wall)
	if err != nil {
		return nil, err
	}
	var out []Proof
	for _, e := range elements {
		i := slices.IndexFunc(out, func(p Proof) bool { return p.Method == e.way.Method })
		if i < 0 {
			i = len(out)
			out = append(out, Proof{Level: e.way.level, Method: e.way.Method, At: e.way.At})
		}
		for name := range e.Claims {
			s, _ := named(name)
			out[i].Claims |= s
		}
		evidence, _ := e.Verification["evidence"].([]any)
		for _, x := range evidence {
			out[i].Evidence = true
			details, _ := x.(tree)["document_details"].(tree)
			out[i].Document = out[i].Document || len(details) > 1
		}
	}
	return out, nil
}
