package claims_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/policy"
)

var at = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func citizen(t interface{ Fatal(...any) }) *account.Account {
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	a := &account.Account{Standing: account.Standing{ID: 7, Level: account.Standard}, Created: at, Lang: "ru"}
	p := &a.Profile.Person
	var err error
	p.FamilyName, err = civil.ParseName("Иванова")
	must(err)
	p.GivenName, err = civil.ParseName("Мария")
	must(err)
	p.Patronymic, err = civil.ParseName("Сергеевна")
	must(err)
	p.SNILS, err = civil.ParseSNILS("112-233-445 95")
	must(err)
	p.INN, err = civil.ParseINN("500100732259")
	must(err)
	p.Sex, p.BirthDate, p.BirthPlace, p.Citizenship = civil.Female, civil.MustDate(1986, time.May, 7), "г. Орёл", civil.Russia
	p.Document = &civil.Document{Type: civil.RuPassport, Number: "4500000001", IssuedOn: civil.MustDate(2006, time.June, 1), Issuer: "ОВД", DepartmentCode: "770-001"}
	a.Profile.Checked = at
	a.Profile.Contacts = []account.Contact{{Kind: account.Phone, Value: "+79000000001"}, {Kind: account.Email, Value: "a@b.test"}}
	a.Profile.Address = &civil.Address{PostalCode: "101000", Region: "Москва", Locality: "Москва", Street: "Мясницкая", House: "1", Flat: "2"}
	return a
}

func released(t interface{ Fatal(...any) }, u claims.User) map[string]any {
	b, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryScopeReleasesItsClaims(t *testing.T) {
	want := map[string]string{
		"openid": "", "offline_access": "",
		"profile":   "birthdate family_name gender given_name locale middle_name name updated_at",
		"email":     "email email_verified",
		"phone":     "phone_number phone_number_verified",
		"address":   "address",
		"snils":     "ru_snils",
		"inn":       "ru_inn",
		"documents": "documents nationalities place_of_birth",
	}
	for _, scope := range claims.Scopes() {
		var got []string
		for name := range released(t, claims.OfUser(citizen(t), claims.OfScopes([]string{scope}))) {
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want[scope] {
			t.Errorf("scope %s releases %v, want %s", scope, got, want[scope])
		}
	}
}

func TestNothingIsReleasedThatWasNotAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(claims.Names()).Draw(t, "name")
		may := rapid.SliceOfDistinct(rapid.SampledFrom(claims.Scopes()), rapid.ID[string]).Draw(t, "may")
		b, _ := json.Marshal(map[string]any{"userinfo": map[string]any{name: nil}})
		r, err := claims.ParseRequest(b)
		if err != nil {
			t.Fatal(err)
		}
		got := released(t, claims.OfUser(citizen(t), claims.Userinfo([]string{"openid"}, r, may)))
		delete(got, name)
		if len(got) > 0 {
			t.Fatalf("asked for %s, with %v allowed, released %v", name, may, got)
		}
	})
}

func TestAnAccountWithoutDataSaysNothingEmpty(t *testing.T) {
	got := released(t, claims.OfUser(&account.Account{}, claims.OfScopes(claims.Scopes())))
	if len(got) != 0 {
		t.Errorf("released %v", got)
	}
}

func TestValuesAreAsTheStandardsHaveThem(t *testing.T) {
	got := released(t, claims.OfUser(citizen(t), claims.OfScopes(claims.Scopes())))
	for name, want := range map[string]any{
		"name": "Иванова Мария Сергеевна", "gender": "female", "birthdate": "1986-05-07", "ru_snils": "11223344595", "ru_inn": "500100732259",
		"phone_number": "+79000000001", "phone_number_verified": true, "updated_at": float64(at.Unix()), "nationalities": []any{"RUS"},
		"place_of_birth": map[string]any{"locality": "г. Орёл"},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestConfirmationsAreAListEvenWhenThereAreNone(t *testing.T) {
	for level, want := range map[account.Level]string{
		account.Simplified: `{"account_level":"simplified","account_level_rank":1,"confirmations":[]}`,
		account.Standard:   `{"account_level":"standard","account_level_rank":2,"confirmations":[]}`,
	} {
		b, err := json.Marshal(claims.OfAssurance(account.Assurance{Level: level}))
		if err != nil || string(b) != want {
			t.Errorf("%s %v, want %s", b, err, want)
		}
	}
	b, _ := json.Marshal(claims.OfAssurance(account.Assurance{Level: account.Verified, Confirmations: []account.Confirmation{
		{Method: account.ServiceCenter, At: at, Operator: 5, Centre: "77-014"}, {Method: account.MailCode, At: at}}}))
	want := `{"account_level":"verified","account_level_rank":3,"confirmations":[{"method":"service_center","at":1788264000},{"method":"mail_code","at":1788264000}],"confirmation_method":"service_center","confirmed_at":1788264000}`
	if string(b) != want {
		t.Errorf("%s\nwant %s", b, want)
	}
}

func TestEssentialClaimsAreDemands(t *testing.T) {
	verified := policy.Subject{Assurance: account.Assurance{Level: account.Verified, Confirmations: []account.Confirmation{{Method: account.Bank, At: at}}}}
	for text, met := range map[string]bool{
		``: true,
		`{"id_token":{"account_level":{"essential":true,"value":"verified"}}}`:                  true,
		`{"id_token":{"account_level":{"essential":true,"values":["king","standard"]}}}`:        true,
		`{"id_token":{"account_level":{"essential":true,"value":"king"}}}`:                      false,
		`{"id_token":{"account_level":{"value":"king"}}}`:                                       true,
		`{"userinfo":{"confirmation_method":{"essential":true,"values":["bank","mail_code"]}}}`: true,
		`{"userinfo":{"confirmation_method":{"essential":true,"value":"mail_code"}}}`:           false,
		`{"userinfo":{"confirmation_method":{"essential":true}}}`:                               true,
		`{"id_token":{"acr":{"essential":true,"values":["x","urn:propusk:loa:verified"]}}}`:     true,
		`{"id_token":{"acr":{"essential":true,"values":["x"]}}}`:                                false,
		`{"id_token":{"acr":{"essential":true,"values":[1,null]}}}`:                             false,
	} {
		r, err := claims.ParseRequest([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := policy.Decide(verified, at, r.Demand()); got.Met != met {
			t.Errorf("%s: met %v, want %v", text, got.Met, met)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add([]byte(`{"userinfo":{"ru_snils":null},"id_token":{"acr":{"essential":true,"values":["a"]},"sub":{"value":"7"}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := claims.ParseRequest(b)
		if err != nil {
			return
		}
		r.Demand()
		r.Subject()
		if asked := r.Scopes(claims.Scopes()); len(asked) != 0 {
			t.Fatalf("asks for scopes that are given: %v", asked)
		}
	})
}
