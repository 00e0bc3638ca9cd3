package civil

import "strings"

// Country is a citizenship by the three letters of ISO 3166, and of the Russian
// classifier OKSM where that knows a state more. The zero value
// means "not given"; forms begin with Russia.
type Country string

// Russia is what forms begin with.
const Russia Country = "RUS"

// Stateless is what travel documents print for a person without citizenship
// (ICAO 9303, part 3).
const Stateless Country = "XXA"

// countries in the order of forms: Russia, its neighbours, others by their
// Russian names.
var countries = []struct {
	code   Country
	ru, en string
}{
	{"RUS", "Россия", "Russia"},
	{"AZE", "Азербайджан", "Azerbaijan"},
	{"ARM", "Армения", "Armenia"},
	{"BLR", "Беларусь", "Belarus"},
	{"GEO", "Грузия", "Georgia"},
	{"KAZ", "Казахстан", "Kazakhstan"},
	{"KGZ", "Киргизия", "Kyrgyzstan"},
	{"MDA", "Молдавия", "Moldova"},
	{"TJK", "Таджикистан", "Tajikistan"},
	{"TKM", "Туркмения", "Turkmenistan"},
	{"UZB", "Узбекистан", "Uzbekistan"},
	{"UKR", "Украина", "Ukraine"},
	{"ABH", "Абхазия", "Abkhazia"},
	{"OST", "Южная Осетия", "South Ossetia"},
	{"AUT", "Австрия", "Austria"},
	{"AFG", "Афганистан", "Afghanistan"},
	{"BGR", "Болгария", "Bulgaria"},
	{"BRA", "Бразилия", "Brazil"},
	{"GBR", "Великобритания", "United Kingdom"},
	{"HUN", "Венгрия", "Hungary"},
	{"VNM", "Вьетнам", "Vietnam"},
	{"DEU", "Германия", "Germany"},
	{"GRC", "Греция", "Greece"},
	{"EGY", "Египет", "Egypt"},
	{"ISR", "Израиль", "Israel"},
	{"IND", "Индия", "India"},
	{"IRN", "Иран", "Iran"},
	{"ESP", "Испания", "Spain"},
	{"ITA", "Италия", "Italy"},
	{"CHN", "Китай", "China"},
	{"PRK", "КНДР", "North Korea"},
	{"CUB", "Куба", "Cuba"},
	{"LVA", "Латвия", "Latvia"},
	{"LTU", "Литва", "Lithuania"},
	{"MNG", "Монголия", "Mongolia"},
	{"NGA", "Нигерия", "Nigeria"},
	{"POL", "Польша", "Poland"},
	{"KOR", "Республика Корея", "South Korea"},
	{"SRB", "Сербия", "Serbia"},
	{"SYR", "Сирия", "Syria"},
	{"USA", "США", "United States"},
	{"TUR", "Турция", "Türkiye"},
	{"FIN", "Финляндия", "Finland"},
	{"FRA", "Франция", "France"},
	{"CZE", "Чехия", "Czechia"},
	{"EST", "Эстония", "Estonia"},
	{"JPN", "Япония", "Japan"},
	{Stateless, "Без гражданства", "Stateless"},
}

// Countries lists the citizenships a form offers, in its order.
func Countries() []Country {
	list := make([]Country, len(countries))
	for i, c := range countries {
		list[i] = c.code
	}
	return list
}

// ParseCountry reads the three letters.
func ParseCountry(s string) (Country, error) {
	if len(s) <= maxInput {
		code := Country(strings.ToUpper(strings.TrimSpace(bare(s))))
		for _, c := range countries {
			if c.code == code {
				return code, nil
			}
		}
	}
	return "", Wrong{"country.unknown"}
}

// String returns the three letters.
func (c Country) String() string { return string(c) }

// IsZero reports that no country is given.
func (c Country) IsZero() bool { return c == "" }

// Name returns the country's name in the language "ru" or "en".
func (c Country) Name(lang string) string {
	for _, x := range countries {
		if x.code == c {
			if lang == "en" {
				return x.en
			}
			return x.ru
		}
	}
	return string(c)
}

// UnmarshalText parses; empty text is the zero value.
func (c *Country) UnmarshalText(text []byte) error { return unmarshal(c, text, ParseCountry) }
