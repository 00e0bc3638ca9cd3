package civil_test

import (
	"strings"
	"testing"

	"github.com/propusk/propusk/idp/civil"
)

func TestACityThatIsItsOwnRegionIsWrittenOnce(t *testing.T) {
	for _, test := range []struct{ region, locality, want string }{
		{"Москва", "Москва", "Москва"},
		{"г. Москва", "Москва", "г. Москва"},
		{"Москва", "г. Москва", "г. Москва"},
		{"г.Москва", "москва", "г.Москва"},
		{"город Санкт-Петербург", "Санкт-Петербург г.", "город Санкт-Петербург"},
		{"Севастополь г", "Севастополь", "Севастополь г"},
		{"Орловская область", "г. Орёл", "Орловская область, г. Орёл"},
		{"Гродненская область", "Гродно", "Гродненская область, Гродно"},
		{"Московская область", "г. Москва", "Московская область, г. Москва"},
	} {
		a := civil.Address{PostalCode: "119019", Region: test.region, Locality: test.locality, House: "1"}
		if got := a.Place(); got != test.want {
			t.Errorf("Place of %q and %q: got %q, want %q", test.region, test.locality, got, test.want)
		}
		if got, want := a.Format(), "119019, "+test.want+", д. 1"; got != want {
			t.Errorf("Format: got %q, want %q", got, want)
		}
	}
	if got := (civil.Address{Locality: "Орёл"}).Place(); got != "Орёл" || strings.Contains(got, ",") {
		t.Errorf("Place without a region: %q", got)
	}
}
