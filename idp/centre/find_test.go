package centre

import (
	"errors"
	"slices"
	"testing"

	"github.com/propusk/propusk/idp/fault"
)

func ids(cs []*Centre) []string {
	var out []string
	for _, c := range cs {
		out = append(out, c.ID)
	}
	return out
}

func TestCentresAreFoundByTheBeginningsOfWords(t *testing.T) {
	two := func(ru, en string) map[string]string { return map[string]string{"ru": ru, "en": en} }
	all := []*Centre{
		{ID: "1", Name: two("Центр № 14", "Centre No. 14"), Town: two("Заречный", "Zarechny"), Address: two("ул. Садовая, 14", "14 Sadovaya Street")},
		{ID: "2", Name: two("Центр № 21", "Centre No. 21"), Town: two("Лесогорск", "Lesogorsk"), Address: two("Вокзальная пл., 2", "2 Vokzalnaya Square"), Services: []Service{Confirms}},
		{ID: "3", Name: two("Центр № 33", "Centre No. 33"), Town: two("Орёл-Посад", "Oryol-Posad"), Address: two("ул. Заречная, 1", "1 Zarechnaya Street"), Services: []Service{Restores}},
	}
	for _, test := range []struct {
		asked string
		s     Service
		want  []string
	}{
		{"", "", []string{"1", "2", "3"}},
		{"зареч", "", []string{"1", "3"}}, // the town first
		{"ЗАРЕЧНЫЙ, Садовая", "", []string{"1"}},
		{"орел", "", []string{"3"}},
		{"posad", "", []string{"3"}},
		{"садовая 14", "", []string{"1"}},
		{"речный", "", nil}, // no beginning of a word
		{"", Restores, []string{"1", "3"}},
		{"лес", Restores, nil},
		{"", "made up", nil},
		{"<script>", "", nil},
		{" - . ", "", []string{"1", "2", "3"}},
	} {
		if got := ids(Find(all, test.asked, test.s)); !slices.Equal(got, test.want) {
			t.Errorf("Find(%q, %q) = %v, want %v", test.asked, test.s, got, test.want)
		}
	}
	if got := Towns(append(all, all[0]), "en"); !slices.Equal(got, []string{"Lesogorsk", "Oryol-Posad", "Zarechny"}) {
		t.Errorf("Towns = %v", got)
	}
}

func TestACentreWithoutNamedServicesDoesAll(t *testing.T) {
	if got := (&Centre{}).Offers(); !slices.Equal(got, AllServices()) {
		t.Errorf("Offers = %v", got)
	}
	if got := (&Centre{Services: []Service{Deletes, Confirms}}).Offers(); !slices.Equal(got, []Service{Confirms, Deletes}) {
		t.Errorf("Offers = %v, want the order of pages", got)
	}
}

func TestAPlaceIsTwoNumbersOnTheGlobe(t *testing.T) {
	if got, err := ParsePlace("56.312, -38.5"); err != nil || got != (Place{56.312, -38.5}) {
		t.Errorf("ParsePlace = %v, %v", got, err)
	}
	for _, s := range []string{"", "56", "56,", "91,0", "0,181", "NaN,0", "0,Inf", "56,38,1"} {
		if _, err := ParsePlace(s); !errors.Is(err, fault.Invalid) {
			t.Errorf("ParsePlace(%q): %v", s, err)
		}
	}
}
