package claims_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/claims"
)

// A rule is what the published schema of the verified_claims element has at one place: written down here a
// second time, with all the members of the schema and not only ours, so that a mistake of the one is found by
// the other. Objects have these members and no others.
type rule struct {
	oneOf   []string
	like    *regexp.Regexp
	time    bool
	items   *rule // of a list, which is never empty
	members map[string]*rule
	must    []string
	open    bool // members of other names are allowed
}

var (
	anyText  = &rule{like: regexp.MustCompile(`.`)}
	aTime    = &rule{time: true}
	aDate    = &rule{like: regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)}
	aCountry = &rule{like: regexp.MustCompile(`^[A-Z]{3}$`)}

	checkRule = &rule{must: []string{"check_method"}, members: map[string]*rule{
		"check_method": {oneOf: []string{"vpip", "vpiruv", "vri", "vdig", "vcrypt", "data", "auth", "token", "kbv", "pvp", "pvr", "bvp", "bvr"}},
		"organization": anyText, "check_id": anyText, "time": aTime,
	}}
	evidenceRules = map[string]*rule{
		"document": {must: []string{"type"}, members: map[string]*rule{
			"type": anyText, "check_details": {items: checkRule}, "derived_claims": {open: true},
			"document_details": {must: []string{"type"}, members: map[string]*rule{
				"type":            {oneOf: []string{"idcard", "passport", "driving_permit", "residence_permit"}},
				"document_number": anyText, "serial_number": anyText, "date_of_issuance": aDate, "date_of_expiry": aDate,
				"issuer": with(map[string]*rule{"jurisdiction": anyText}),
			}},
		}},
		"electronic_record": {must: []string{"type"}, members: map[string]*rule{
			"type": anyText, "check_details": {items: checkRule}, "derived_claims": {open: true},
			"record": {must: []string{"type"}, members: map[string]*rule{
				"type":       {oneOf: []string{"population_register", "bank_account", "mobile_phone_account"}},
				"created_at": aTime, "date_of_expiry": aDate, "source": with(nil),
			}},
		}},
		"vouch": {must: []string{"type"}, members: map[string]*rule{
			"type": anyText, "check_details": {items: checkRule}, "derived_claims": {open: true},
			"attestation": {must: []string{"type"}, members: map[string]*rule{
				"type":             {oneOf: []string{"written_attestation", "digital_attestation"}},
				"reference_number": anyText, "date_of_issuance": aDate, "date_of_expiry": aDate,
				"voucher": with(map[string]*rule{"organization": anyText, "occupation": anyText, "birthdate": aDate}),
			}},
		}},
		"electronic_signature": {must: []string{"type", "signature_type", "issuer", "serial_number"}, members: map[string]*rule{
			"type": anyText, "signature_type": anyText, "issuer": anyText, "serial_number": anyText, "created_at": aTime, "derived_claims": {open: true},
		}},
	}
	elementRule = &rule{must: []string{"verification", "claims"}, members: map[string]*rule{
		"verification": {must: []string{"trust_framework"}, members: map[string]*rule{
			"trust_framework": {oneOf: []string{"ru_esia"}}, "assurance_level": {oneOf: []string{"standard", "verified"}},
			"assurance_process": {members: map[string]*rule{
				"policy": anyText, "procedure": anyText,
				"assurance_details": {items: &rule{members: map[string]*rule{
					"assurance_type": anyText, "assurance_classification": anyText,
					"evidence_ref": {items: &rule{must: []string{"check_id"}, members: map[string]*rule{
						"check_id": anyText, "evidence_metadata": {members: map[string]*rule{"evidence_classification": anyText}},
					}}},
				}}},
			}},
			"time": aTime, "verification_process": anyText, "evidence": {items: &rule{}}, // by type, below
		}},
		"claims": {members: map[string]*rule{
			"family_name": anyText, "given_name": anyText, "middle_name": anyText, "birthdate": aDate, "gender": {oneOf: []string{"male", "female"}},
			"place_of_birth": {members: map[string]*rule{"country": anyText, "region": anyText, "locality": anyText}},
			"nationalities":  {items: aCountry},
			"ru_snils":       {like: regexp.MustCompile(`^\d{11}$`)}, "ru_inn": {like: regexp.MustCompile(`^\d{12}$`)},
		}},
	}}
)

// with are the members of whoever issued something, and more.
func with(more map[string]*rule) *rule {
	r := &rule{members: map[string]*rule{"name": anyText, "country": anyText, "country_code": aCountry, "formatted": anyText,
		"street_address": anyText, "locality": anyText, "region": anyText, "postal_code": anyText}}
	for n, m := range more {
		r.members[n] = m
	}
	return r
}

func (r *rule) check(at string, v any) error {
	switch v := v.(type) {
	case map[string]any:
		if strings.HasSuffix(at, ".evidence[]") {
			kind, _ := v["type"].(string)
			if r = evidenceRules[kind]; r == nil {
				return fmt.Errorf("%s: type %q", at, kind)
			}
		}
		if r.members == nil && !r.open || len(v) == 0 {
			return fmt.Errorf("%s: an object, or an empty one", at)
		}
		for _, n := range r.must {
			if v[n] == nil {
				return fmt.Errorf("%s: no %s", at, n)
			}
		}
		for n, m := range v {
			sub := r.members[n]
			if sub == nil {
				return fmt.Errorf("%s: unknown member %s", at, n)
			}
			if err := sub.check(at+"."+n, m); err != nil {
				return err
			}
		}
	case []any:
		if r.items == nil || len(v) == 0 {
			return fmt.Errorf("%s: a list, or an empty one", at)
		}
		for _, i := range v {
			if err := r.items.check(at+"[]", i); err != nil {
				return err
			}
		}
	case string:
		_, wrong := time.Parse(time.RFC3339, v)
		switch {
		case r.time && wrong != nil, r.like != nil && !r.like.MatchString(v), r.oneOf != nil && !slices.Contains(r.oneOf, v),
			!r.time && r.like == nil && r.oneOf == nil:
			return fmt.Errorf("%s: %q", at, v)
		}
	default:
		return fmt.Errorf("%s: %v", at, v)
	}
	return nil
}

func valid(answer string) error {
	var v any
	if err := json.Unmarshal([]byte(answer), &v); err != nil {
		return err
	}
	elements, several := v.([]any)
	if !several {
		elements = []any{v}
	} else if len(elements) < 2 {
		return fmt.Errorf("a list of %d", len(elements))
	}
	for _, e := range elements {
		if err := elementRule.check("", e); err != nil {
			return err
		}
	}
	return nil
}

func TestElementsAreAsTheSchemaHasThem(t *testing.T) {
	for name, a := range people(t) {
		got := answer(t, a, everyScope, everything)
		if name == "simplified" {
			if got != "" {
				t.Errorf("a simplified account has %s", got)
			}
			continue
		}
		if err := valid(got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range account.Methods() { // confirmations of which nothing is known but the method
		a := proved(t, m)
		a.Confirmations[0] = account.Confirmation{ID: "x", Method: m, At: at}
		if err := valid(answer(t, a, everyScope, `{"verification":{"assurance_process":{"assurance_details":null,"procedure":null},"time":null},`+allClaims+`}`)); err != nil {
			t.Errorf("%s alone: %v", m, err)
		}
	}
}

// The check itself must see what is wrong.
func TestTheSchemaCheckRefuses(t *testing.T) {
	for _, wrong := range []string{
		`{}`, `{"verification":{},"claims":{"family_name":"x"}}`, `{"verification":{"trust_framework":"ru_esia"},"claims":{}}`,
		`{"verification":{"trust_framework":"ru_esia"},"claims":{"family_name":"x"},"more":"x"}`, `[]`,
		`{"verification":{"trust_framework":"ru_esia","evidence":[]},"claims":{"family_name":"x"}}`,
		`{"verification":{"trust_framework":"ru_esia","evidence":[{"type":"document","record":{"type":"bank_account"}}]},"claims":{"family_name":"x"}}`,
		`{"verification":{"trust_framework":"ru_esia","evidence":[{"type":"electronic_signature"}]},"claims":{"family_name":"x"}}`,
		`{"verification":{"trust_framework":"ru_esia","evidence":[{"type":"vouch","check_details":[{"organization":"x"}]}]},"claims":{"family_name":"x"}}`,
		`{"verification":{"trust_framework":"ru_esia","time":"yesterday"},"claims":{"family_name":"x"}}`,
	} {
		if valid(wrong) == nil {
			t.Errorf("%s passes", wrong)
		}
	}
}

// However little or much of the evidence is asked for, what comes is valid.
func TestAnyChoiceOfMembersGivesAValidElement(t *testing.T) {
	known := people(t)
	types := []string{"document", "electronic_record", "vouch", "electronic_signature"}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(label string, of map[string]any) map[string]any {
			out := map[string]any{}
			for _, n := range slices.Sorted(maps.Keys(of)) {
				if rapid.Bool().Draw(t, label+"."+n) {
					out[n] = of[n]
				}
			}
			return out
		}
		nothing := func(names ...string) map[string]any {
			out := map[string]any{}
			for _, n := range names {
				out[n] = nil
			}
			return out
		}
		var evidence []any
		for _, kind := range types {
			e := pick(kind, map[string]any{
				"check_details":    []any{pick("check", nothing("check_method", "organization", "time", "check_id"))},
				"document_details": pick("details", map[string]any{"type": nil, "document_number": nil, "date_of_issuance": nil, "issuer": pick("issuer", nothing("name", "jurisdiction"))}),
				"record":           pick("record", map[string]any{"type": nil, "source": pick("source", nothing("name", "country_code"))}),
				"attestation":      pick("attestation", map[string]any{"reference_number": nil, "voucher": pick("voucher", nothing("organization", "name"))}),
				"created_at":       nil, "signature_type": nil,
			})
			e["type"] = map[string]any{"value": kind}
			evidence = append(evidence, e)
		}
		verification := pick("", map[string]any{"time": nil, "assurance_level": nil, "evidence": evidence,
			"assurance_process": pick("process", nothing("policy", "procedure", "assurance_details"))})
		b, _ := json.Marshal(map[string]any{"verification": verification, "claims": map[string]any{"family_name": nil}})
		if len(b) > claims.MaxRequest-64 {
			t.Skip("too long")
		}
		who := rapid.SampledFrom([]string{"standard", "bank", "service_center", "mail_code", "electronic_card", "qualified_signature", "mail_code and service_center"}).Draw(t, "who")
		may := rapid.SampledFrom([][]string{everyScope, {"openid", "profile"}}).Draw(t, "may")
		if err := valid(answer(t, known[who], may, string(b))); err != nil {
			t.Fatalf("%s of %s: %v", b, who, err)
		}
	})
}

// Whatever a stranger sends is refused, or answered with a valid element, and never with more of the document
// than a party without its scope may have.
func FuzzVerifiedRequest(f *testing.F) {
	for _, seed := range []string{
		everything, `{"verification":{},` + oneClaim + `}`, `[{"verification":{"time":{"max_age":1e9}},"claims":{"nationalities":{"value":"RUS"}}}]`,
		`{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":{"value":1}}}]},` + oneClaim + `}`,
		`{"verification":{"x":[[[{"values":[1]}]]]},` + oneClaim + `}`,
	} {
		f.Add([]byte(seed))
	}
	known := people(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := claims.ParseRequest(slices.Concat([]byte(`{"id_token":{"verified_claims":`), b, []byte(`}}`)))
		if err != nil {
			return
		}
		r.VerifiedData(everyScope)
		for name, a := range known {
			got, err := claims.OfVerified(r.VerifiedIDToken, a, bareOf(a), []string{"openid", "profile"}, month)
			if err != nil {
				t.Fatal(err)
			}
			if got == nil {
				continue
			}
			if err := valid(string(got)); err != nil {
				t.Fatalf("%s: %v: %s", name, err, got)
			}
			for _, secret := range []string{a.Profile.Person.Document.Number, a.Profile.Person.SNILS.String()} {
				if strings.Contains(string(got), secret) {
					t.Fatalf("%s: released without its scope: %s", name, got)
				}
			}
		}
	})
}
