package claims_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/claims"
)

var update = flag.Bool("update", false, "write the golden files anew")

// everyScope is what the most trusted party may have.
var everyScope = claims.Scopes()

// proved makes a citizen confirmed by methods, each a day after the one before, with all that is known of them.
func proved(t interface{ Fatal(...any) }, methods ...account.Method) *account.Account {
	a := citizen(t)
	for i, m := range methods {
		c := account.Confirmation{ID: "c-" + m.String(), Method: m, At: at.AddDate(0, 0, i+1)}
		switch m {
		case account.ServiceCenter:
			c.Centre, c.Operator = "77-014", 12
		case account.MailCode:
			c.Letter, c.Track = "letter-1", "80000000000004"
		case account.Bank:
			c.Organization = "Банк «Заречный», БИК 040000999"
		case account.QualifiedSignature, account.ElectronicCard:
			c.Organization, c.Serial = "CN=УЦ Заречный, C=RU", "5a00c0ffee"
		}
		if err := a.Confirm(c); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// month is a month after the last confirmation.
var month = at.AddDate(0, 1, 0)

// bareOf is an assurance as snapshots keep it.
func bareOf(a *account.Account) account.Assurance {
	out := a.Assurance(month)
	out.Confirmations = slices.Clone(out.Confirmations)
	for i, c := range out.Confirmations {
		out.Confirmations[i] = account.Confirmation{ID: c.ID, Method: c.Method, At: c.At}
	}
	return out
}

func parsed(t interface{ Fatal(...any) }, verified string) claims.VerifiedRequest {
	r, err := claims.ParseRequest([]byte(`{"userinfo":{"verified_claims":` + verified + `}}`))
	if err != nil {
		t.Fatal(err, verified)
	}
	return r.VerifiedUserinfo
}

func answer(t interface{ Fatal(...any) }, a *account.Account, may []string, verified string) string {
	got, err := claims.OfVerified(parsed(t, verified), a, bareOf(a), may, month)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// everything asks for all that there is.
const everything = `{"verification":{"trust_framework":null,"assurance_level":null,"time":null,"verification_process":null,
	"assurance_process":{"policy":null,"procedure":null,"assurance_details":null},"evidence":[` +
	`{"type":{"value":"document"},` + checks + `,"document_details":{"type":null,"document_number":null,"date_of_issuance":null,"date_of_expiry":null,"issuer":{"name":null,"country_code":null,"jurisdiction":null}}},` +
	`{"type":{"value":"electronic_record"},` + checks + `,"record":{"type":null,"source":{"name":null,"country_code":null}}},` +
	`{"type":{"value":"vouch"},` + checks + `,"attestation":{"type":null,"reference_number":null,"voucher":{"organization":null,"country_code":null}}},` +
	`{"type":{"value":"electronic_signature"},"created_at":null}]},` + allClaims + `}`

const (
	checks    = `"check_details":[{"check_method":null,"organization":null,"check_id":null,"time":null}]`
	allClaims = `"claims":{"family_name":null,"given_name":null,"middle_name":null,"birthdate":null,"gender":null,"place_of_birth":null,"nationalities":null,"ru_snils":null,"ru_inn":null}`
	oneClaim  = `"claims":{"family_name":null}`
	surname   = `{"family_name":"Иванова"}`
)

// people are an account for each way, and one with two.
func people(t interface{ Fatal(...any) }) map[string]*account.Account {
	simplified := citizen(t)
	simplified.Level, simplified.Profile.Checked = account.Simplified, time.Time{}
	out := map[string]*account.Account{
		"simplified": simplified, "standard": citizen(t),
		"mail_code and service_center": proved(t, account.MailCode, account.ServiceCenter),
	}
	for _, m := range account.Methods() {
		out[m.String()] = proved(t, m)
	}
	return out
}

func TestEveryAccountSaysHowItsDataWasVerified(t *testing.T) {
	for name, a := range people(t) {
		var b bytes.Buffer
		if got := answer(t, a, everyScope, everything); got == "" {
			b.WriteString("nothing")
		} else if err := json.Indent(&b, []byte(got), "", "  "); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		golden := filepath.Join("testdata", "verified", strings.ReplaceAll(name, " ", "-")+".json")
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), b.String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestOnlyWhatWasAskedIsSaid(t *testing.T) {
	visit, both, letter := proved(t, account.ServiceCenter), proved(t, account.MailCode, account.ServiceCenter), proved(t, account.MailCode)
	const framework = `"trust_framework":"ru_esia"`
	for _, c := range []struct {
		rule    string
		who     *account.Account
		ask     string
		want    string
		without string // a scope that the party has not
	}{
		{"the framework is always said", visit, `{"verification":{},` + oneClaim + `}`, `{"verification":{` + framework + `},"claims":` + surname + `}`, ""},
		{"a member by name", visit, `{"verification":{"trust_framework":null,"assurance_level":null},` + oneClaim + `}`,
			`{"verification":{"assurance_level":"verified",` + framework + `},"claims":` + surname + `}`, ""},
		{"an object without members says nothing", visit, `{"verification":{"assurance_process":null},` + oneClaim + `}`, `{"verification":{` + framework + `},"claims":` + surname + `}`, ""},
		{"evidence by type, and what the schema demands", visit, `{"verification":{"evidence":[{"type":{"value":"document"},"document_details":null,"check_details":null}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"check_details":[{"check_method":"vpip"},{"check_method":"pvp"}],"document_details":{"type":"idcard"},"type":"document"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"a filter of checks", visit, `{"verification":{"evidence":[{"type":{"value":"document"},"check_details":[{"check_method":{"value":"pvp"},"organization":null}]}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"check_details":[{"check_method":"pvp","organization":"Service centre 77-014"}],"type":"document"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"filters are alternatives", letter, `{"verification":{"evidence":[{"type":{"value":"document"}},{"type":{"value":"vouch"}}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"type":"vouch"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"a number with the scope", visit, `{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":null}}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"document_details":{"document_number":"4500000001","type":"idcard"},"type":"document"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"no number without the scope", visit, `{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":null,"date_of_issuance":null,"issuer":{"name":null}}}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"document_details":{"type":"idcard"},"type":"document"}],` + framework + `},"claims":` + surname + `}`, "documents"},
		{"a guess at a number without the scope", visit, `{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":{"value":"4500000001"}}}]},` + oneClaim + `}`, ``, "documents"},
		{"a claim without its scope", visit, `{"verification":{},"claims":{"family_name":null,"ru_snils":null}}`, `{"verification":{` + framework + `},"claims":` + surname + `}`, "snils"},
		{"no claim left", visit, `{"verification":{},"claims":{"ru_snils":null}}`, ``, "snils"},
		{"unknown members are left out", visit, `{"verification":{"moon":null,"evidence":[{"type":{"value":"document"},"method":null}]},"claims":{"family_name":null,"shoe_size":null,"email":null},"purpose":"x"}`,
			`{"verification":{"evidence":[{"type":"document"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"only unknown claims", visit, `{"verification":{},"claims":{"shoe_size":null}}`, ``, ""},
		{"each confirmation its element, the strongest first", both, `{"verification":{"assurance_process":{"procedure":null}},` + oneClaim + `}`,
			`[{"verification":{"assurance_process":{"procedure":"in_person"},` + framework + `},"claims":` + surname + `},{"verification":{"assurance_process":{"procedure":"registered_letter"},` + framework + `},"claims":` + surname + `}]`, ""},
		{"one of two, by its evidence", both, `{"verification":{"evidence":[{"type":{"value":"vouch"}}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"type":"vouch"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"elements of a request by themselves", both, `[{"verification":{"evidence":[{"type":{"value":"vouch"}}]},` + oneClaim + `},{"verification":{"assurance_process":{"procedure":{"value":"in_person"}}},"claims":{"birthdate":null}},{"verification":{"trust_framework":{"value":"eidas"}},` + oneClaim + `}]`,
			`[{"verification":{"evidence":[{"type":"vouch"}],` + framework + `},"claims":` + surname + `},{"verification":{"assurance_process":{"procedure":"in_person"},` + framework + `},"claims":{"birthdate":"1986-05-07"}}]`, ""},
		{"a citizen whom nothing vouches for", letter, `{"verification":{"evidence":[{"type":{"value":"document"}}]},` + oneClaim + `}`, ``, ""},
		{"the registers alone", citizen(t), `{"verification":{"assurance_level":null,"evidence":[{"type":{"value":"electronic_record"},"record":{"type":null}}]},` + oneClaim + `}`,
			`{"verification":{"assurance_level":"standard","evidence":[{"record":{"type":"population_register"},"type":"electronic_record"}],` + framework + `},"claims":` + surname + `}`, ""},
		{"a signature names its certificate", proved(t, account.QualifiedSignature), `{"verification":{"evidence":[{"type":{"value":"electronic_signature"}}]},` + oneClaim + `}`,
			`{"verification":{"evidence":[{"issuer":"CN=УЦ Заречный, C=RU","serial_number":"5a00c0ffee","signature_type":"ru_qualified_gost2012","type":"electronic_signature"}],` + framework + `},"claims":` + surname + `}`, ""},
	} {
		may := slices.DeleteFunc(slices.Clone(everyScope), func(s string) bool { return s == c.without })
		if got := answer(t, c.who, may, c.ask); got != c.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", c.rule, c.ask, got, c.want)
		}
	}
}

func TestARestrictionThatIsNotMetIsAnsweredWithNothing(t *testing.T) {
	a := proved(t, account.ServiceCenter) // on the second of September, judged on the first of October
	verification := func(s string) string { return `{"verification":` + s + `,` + oneClaim + `}` }
	evidence := func(s string) string {
		return verification(`{"evidence":[{"type":{"value":"document"},` + s + `}]}`)
	}
	for ask, met := range map[string]bool{
		verification(`{"trust_framework":{"value":"ru_esia"}}`):                                 true,
		verification(`{"trust_framework":{"values":["eidas","ru_esia"]}}`):                      true,
		verification(`{"trust_framework":{"value":"eidas"}}`):                                   false,
		verification(`{"trust_framework":{"value":null}}`):                                      false,
		verification(`{"trust_framework":{"value":"eidas","essential":false}}`):                 false,
		verification(`{"trust_framework":{"value":["ru_esia"]}}`):                               false,
		verification(`{"assurance_level":{"values":["standard","simplified"]}}`):                false,
		verification(`{"assurance_level":{"value":"verified","values":["standard"]}}`):          false,
		verification(`{"time":{"max_age":2592000}}`):                                            true,
		verification(`{"time":{"max_age":86400}}`):                                              false,
		verification(`{"assurance_process":{"procedure":{"value":"in_person"}}}`):               true,
		verification(`{"assurance_process":{"procedure":{"value":"bank"}}}`):                    false,
		verification(`{"assurance_process":{"assurance_details":[{"x":{"value":"y"}}]}}`):       true, // IDA 5.4: filters nothing
		verification(`{"moon":{"value":"full"}}`):                                               false,
		verification(`{"moon":{"phase":[{"x":{"max_age":1}}]}}`):                                false,
		verification(`{"assurance_process":{"value":"x"}}`):                                     false,
		evidence(`"method":{"value":"pipp"}`):                                                   false,
		evidence(`"document_details":{"type":{"values":["passport","idcard"]}}`):                true,
		evidence(`"document_details":{"type":{"value":"passport"}}`):                            false,
		evidence(`"document_details":{"issuer":{"name":{"value":"Another"}}}`):                  false,
		evidence(`"document_details":{"date_of_issuance":{"max_age":86400}}`):                   false,
		evidence(`"document_details":{"date_of_expiry":{"max_age":0}}`):                         false, // a passport that does not expire says no day
		evidence(`"check_details":[{"check_method":{"value":"vcrypt"}}]`):                       false,
		evidence(`"check_details":[{"check_method":{"value":"vcrypt"}},{"check_method":null}]`): true,
		evidence(`"record":{"type":{"value":"population_register"}}`):                           false,
		`{"verification":{},"claims":{"family_name":{"value":"Иванова"}}}`:                      true,
		`{"verification":{},"claims":{"family_name":{"value":"Петрова"}}}`:                      false,
		`{"verification":{},"claims":{"birthdate":{"values":["1986-05-07"]}}}`:                  true,
		`{"verification":{},"claims":{"birthdate":{"max_age":568024668}}}`:                      false, // under eighteen
		`{"verification":{},"claims":{"nationalities":{"value":"RUS"}}}`:                        true,
		`{"verification":{},"claims":{"nationalities":{"values":["BLR",["RUS"]]}}}`:             true,
		`{"verification":{},"claims":{"nationalities":{"value":"BLR"}}}`:                        false,
		`{"verification":{},"claims":{"shoe_size":{"value":42}}}`:                               false,
	} {
		if got := answer(t, a, everyScope, ask); (got != "") != met {
			t.Errorf("%s: met %v, want %v: %s", ask, got != "", met, got)
		}
	}
}

func TestARestrictionOfAClaimCostsThatClaimAlone(t *testing.T) {
	got := answer(t, proved(t, account.Bank), everyScope, `{"verification":{},"claims":{"family_name":null,"given_name":{"value":"Анна","essential":true}}}`)
	if want := `{"verification":{"trust_framework":"ru_esia"},"claims":` + surname + `}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAgeIsCountedFromTheLastSecondOfADay(t *testing.T) {
	a := citizen(t)
	a.Profile.Person.BirthDate = civil.DateOf(month)
	if got := answer(t, a, everyScope, `{"verification":{},"claims":{"birthdate":{"max_age":0}}}`); got == "" {
		t.Error("a day that is not over is old")
	}
}

func TestAFallenConfirmationVouchesForNobody(t *testing.T) {
	ask := parsed(t, `{"verification":{"assurance_process":{"procedure":null}},`+oneClaim+`}`)
	a := proved(t, account.MailCode, account.ServiceCenter)
	snapshot := bareOf(a)
	if err := a.Withdraw("c-service_center", month); err != nil {
		t.Fatal(err)
	}
	got, err := claims.OfVerified(ask, a, account.Min(snapshot, a.Assurance(month)), everyScope, month)
	if err != nil || strings.Contains(string(got), "in_person") || !strings.Contains(string(got), "registered_letter") {
		t.Errorf("%s %v", got, err)
	}
	risen := proved(t, account.MailCode, account.ServiceCenter)
	before := account.Assurance{Level: account.Verified, Confirmations: bareOf(risen).Confirmations[1:]}
	got, err = claims.OfVerified(ask, risen, account.Min(before, risen.Assurance(month)), everyScope, month)
	if err != nil || strings.Contains(string(got), "in_person") {
		t.Errorf("a session from before the visit says the visit: %s %v", got, err)
	}
}

func TestADocumentThatCameAfterTheVisitWasNotSeenThere(t *testing.T) {
	a := proved(t, account.ServiceCenter)
	p := a.Profile.Person
	p.Document = &civil.Document{Type: civil.RuPassport, Number: "4599999999", IssuedOn: civil.MustDate(2026, time.September, 10)}
	a.Agree(p, month.AddDate(0, 0, -1))
	got := answer(t, a, everyScope, everything)
	if strings.Contains(got, "4599999999") || strings.Contains(got, "document_details") || !strings.Contains(got, "vpip") {
		t.Errorf("%s", got)
	}
}

func TestAConfirmationMadeAnewDoesNotLendItsOrigin(t *testing.T) {
	a := proved(t, account.MailCode)
	old := bareOf(a)
	if err := a.Confirm(account.Confirmation{ID: "second", Method: account.MailCode, At: month, Track: "80000000000099"}); err != nil {
		t.Fatal(err)
	}
	got, err := claims.OfVerified(parsed(t, everything), a, account.Min(old, a.Assurance(month)), everyScope, month)
	if err != nil || strings.Contains(string(got), "80000000000099") || strings.Contains(string(got), "second") {
		t.Errorf("%s %v", got, err)
	}
}

func TestASignatureWithoutItsCertificateIsNoEvidence(t *testing.T) {
	a := proved(t, account.QualifiedSignature)
	a.Confirmations[0].Serial = ""
	if got := answer(t, a, everyScope, `{"verification":{"evidence":[{"type":{"value":"electronic_signature"}}]},`+oneClaim+`}`); got != "" {
		t.Errorf("%s", got)
	}
	if got := answer(t, a, everyScope, `{"verification":{},`+oneClaim+`}`); got == "" {
		t.Error("the confirmation itself is gone")
	}
}

func TestMalformedVerifiedClaimsAreRefused(t *testing.T) {
	evidence := func(s string) string { return `{"verification":{"evidence":` + s + `},` + oneClaim + `}` }
	for _, ask := range []string{
		`null`, `true`, `"x"`, `[]`, `[null]`, `{}`, `{"verification":null,` + oneClaim + `}`, `{"verification":{}}`, `{` + oneClaim + `}`,
		`{"verification":{},"claims":null}`, `{"verification":{},"claims":{}}`, `{"verification":{},"claims":[]}`, `{"verification":{},"claims":{"family_name":true}}`,
		`{"verification":[],` + oneClaim + `}`, `{"verification":{"trust_framework":"ru_esia"},` + oneClaim + `}`,
		`{"verification":{"trust_framework":{"values":[]}},` + oneClaim + `}`, `{"verification":{"trust_framework":{"values":"x"}},` + oneClaim + `}`,
		`{"verification":{"trust_framework":{"max_age":1}},` + oneClaim + `}`, `{"verification":{"time":{"max_age":-1}},` + oneClaim + `}`,
		`{"verification":{"time":{"max_age":"1"}},` + oneClaim + `}`, `{"verification":{"time":{"max_age":null}},` + oneClaim + `}`,
		`{"verification":{"time":{"essential":"yes"}},` + oneClaim + `}`, `{"verification":{"assurance_process":"x"},` + oneClaim + `}`,
		evidence(`null`), evidence(`[]`), evidence(`{}`), evidence(`[null]`), evidence(`[{}]`), evidence(`[{"type":null}]`), evidence(`[{"type":{}}]`),
		evidence(`[{"type":{"values":["document"]}}]`), evidence(`[{"type":{"value":"document","values":["document"]}}]`),
		evidence(`[{"type":{"value":"document"},"check_details":{}}]`), evidence(`[{"type":{"value":"document"},"check_details":[]}]`),
		evidence(`[{"type":{"value":"document"},"document_details":[]}]`),
		`[` + strings.Repeat(`{"verification":{},`+oneClaim+`},`, 8) + `{"verification":{},` + oneClaim + `}]`,
	} {
		for _, member := range []string{"userinfo", "id_token"} {
			if _, err := claims.ParseRequest([]byte(`{"` + member + `":{"verified_claims":` + ask + `}}`)); err == nil {
				t.Errorf("%s: %s is read", member, ask)
			}
		}
	}
}

func TestTheCitizenIsAskedForEachVerifiedClaim(t *testing.T) {
	for ask, want := range map[string]string{
		`{"verification":{},` + oneClaim + `}`:                                                                                                  "verified:family_name",
		`{"verification":{},"claims":{"email":null,"shoe_size":null}}`:                                                                          "",
		`{"verification":{},"claims":{"ru_inn":null,"birthdate":null}}`:                                                                         "verified:birthdate verified:ru_inn",
		`{"verification":{"evidence":[{"type":{"value":"vouch"}}]},` + oneClaim + `}`:                                                           "verified:family_name verified:evidence",
		`{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"type":null}}]},` + oneClaim + `}`:                       "verified:family_name verified:evidence",
		`{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":null}}]},` + oneClaim + `}`:            "verified:family_name verified:evidence verified:document",
		`{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"issuer":null}}]},"claims":{"email":null}}`:              "",
		`[{"verification":{},` + oneClaim + `},{"verification":{},"claims":{"family_name":{"value":"x"},"place_of_birth":{"essential":true}}}]`: "verified:family_name verified:place_of_birth",
	} {
		r := claims.Request{VerifiedIDToken: parsed(t, ask)}
		if got := strings.Join(r.VerifiedData(everyScope), " "); got != want {
			t.Errorf("%s: asks for %q, want %q", ask, got, want)
		}
		if got := r.VerifiedData([]string{"openid"}); len(got) != 0 {
			t.Errorf("%s: a party without scopes asks for %v", ask, got)
		}
	}
}

func TestThePageShowsWhatIsReleased(t *testing.T) {
	a := proved(t, account.MailCode, account.ServiceCenter)
	r := claims.Request{
		VerifiedUserinfo: parsed(t, `{"verification":{"evidence":[{"type":{"value":"document"},"document_details":{"document_number":null}}]},`+oneClaim+`}`),
		VerifiedIDToken:  parsed(t, `{"verification":{},"claims":{"birthdate":null}}`),
	}
	got, err := r.Proofs(a, bareOf(a), everyScope, month)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	visit, letter := got[0], got[1]
	if visit.Method != account.ServiceCenter || !visit.Evidence || !visit.Document || strings.Join(claims.Facts(visit.Claims), " ") != "family_name birthdate" {
		t.Errorf("visit: %+v", visit)
	}
	if letter.Method != account.MailCode || letter.Evidence || letter.Document || strings.Join(claims.Facts(letter.Claims), " ") != "birthdate" {
		t.Errorf("letter: %+v", letter)
	}
}

// What is released never exceeds what was named, whatever is named.
func TestNoMemberIsReleasedThatWasNotNamed(t *testing.T) {
	known := people(t)
	names := []string{"assurance_level", "time", "verification_process"}
	rapid.Check(t, func(t *rapid.T) {
		a := known[rapid.SampledFrom([]string{"standard", "bank", "service_center", "mail_code", "electronic_card"}).Draw(t, "who")]
		asked := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID[string]).Draw(t, "verification")
		wanted := rapid.SliceOfNDistinct(rapid.SampledFrom(claims.SupportedVerified().Claims), 1, 4, rapid.ID[string]).Draw(t, "claims")
		members, inner := map[string]any{}, map[string]any{}
		for _, n := range asked {
			members[n] = nil
		}
		for _, n := range wanted {
			inner[n] = nil
		}
		b, _ := json.Marshal(map[string]any{"verification": members, "claims": inner})
		var got struct{ Verification, Claims map[string]any }
		if err := json.Unmarshal([]byte(answer(t, a, everyScope, string(b))), &got); err != nil {
			t.Fatal(err)
		}
		for n := range got.Verification {
			if n != "trust_framework" && !slices.Contains(asked, n) {
				t.Fatalf("%s was not asked for", n)
			}
		}
		for n := range got.Claims {
			if !slices.Contains(wanted, n) {
				t.Fatalf("%s was not asked for", n)
			}
		}
	})
}
