package sqlstore

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

func TestWhatIsReadIsWhatJSONSays(t *testing.T) {
	at := time.Date(2026, time.March, 14, 12, 30, 15, 123_456_000, time.UTC)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var p account.Person
	must(p.FamilyName.UnmarshalText([]byte("Ёлкина-Ковальчук")))
	must(p.GivenName.UnmarshalText([]byte("Анна")))
	must(p.Patronymic.UnmarshalText([]byte("Сергеевна")))
	must(p.Sex.UnmarshalText([]byte("f")))
	must(p.SNILS.UnmarshalText([]byte("00000060002")))
	p.BirthDate, p.BirthPlace, p.Citizenship = civil.MustDate(1986, time.May, 7), "г. Орёл", civil.Russia
	p.Document = &civil.Document{Type: "ru_passport", Number: "4512345678", IssuedOn: civil.MustDate(2006, time.June, 1),
		ExpiresOn: civil.MustDate(2031, time.May, 7), Issuer: "ОВД района Северный", DepartmentCode: "770-001"}
	full := account.Profile{Person: p, Checked: at, Contacts: []account.Contact{{Kind: account.Phone, Value: "+79000000001", Proved: at}, {Kind: account.Email, Value: "a@b.ru", Proved: at}},
		Address:    &civil.Address{PostalCode: "302000", Region: "Орловская обл.", Locality: "Орёл", Street: "Ленина", House: "1", Flat: "2"},
		Processing: account.Processing{Version: "1", At: at}, Confirmed: map[string]account.Identity{"c1": {SNILS: p.SNILS, BirthDate: p.BirthDate}},
		Lapsing: p.BirthDate}
	quoted := full
	quoted.Person.BirthPlace = `г. "Орёл" <&>`
	confirmed := []account.Confirmation{{ID: "c1", Method: account.MailCode, At: at, Letter: "l", Batch: "b", Track: "t"},
		{ID: "c2", Method: account.ServiceCenter, At: at, Centre: "c", Operator: 1 << 52, Organization: "o", Serial: "s"}}
	held := append([]account.Confirmation{{ID: "c0", Method: account.Bank, Suspended: true, Held: []string{"citizen"}}}, confirmed...)

	compare(t, readProfile, full, quoted, account.Profile{}, account.Profile{Contacts: []account.Contact{}})
	compare(t, readStanding, standing{Level: account.Simplified}, standing{Level: account.Verified, Confirmations: confirmed},
		standing{Level: account.Verified, Confirmations: held, Restricted: at, Lock: account.Lock{Since: at}})
	compare(t, readSnapshot, snapshot{Level: account.Verified, Confirmations: confirmed}, snapshot{Level: account.Verified, Confirmations: held})

	var used standing
	r := reading{rest: []byte(`{"level":"verified","confirmations":[{"id":"c1","method":"bank","at":"2026-03-14T12:30:15Z"}]}`)}
	if readStanding(&r, &used); r.gaveUp {
		t.Error("the usual standing is left to encoding/json")
	}
}

// compare reads values whole, cut short, and with a byte changed, both ways.
func compare[T any](t *testing.T, f func(*reading, *T), values ...T) {
	t.Helper()
	for _, v := range values {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{string(body), strings.ReplaceAll(string(body), ":", ": "), strings.ReplaceAll(string(body), `"id"`, `"ID"`), string(body) + "1", "null", ""}
		for i := range body {
			texts = append(texts, string(body[:i]))
			for _, c := range []byte("\"\\{}[],:0 \x00\xff") {
				texts = append(texts, string(body[:i])+string(c)+string(body[i+1:]))
			}
		}
		for _, s := range texts {
			var got, want T
			err, wrong := read([]byte(s), f, &got), json.Unmarshal([]byte(s), &want)
			if (err == nil) != (wrong == nil) || wrong == nil && !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: got %+v, %v; want %+v, %v", s, got, err, want, wrong)
			}
		}
	}
}
