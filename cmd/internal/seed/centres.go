package seed

import "github.com/propusk/propusk/idp/centre"

// mainCentre is where the seeded operator and administrator work.
const mainCentre = "77-014"

// Centres returns the service centres of the demo.
func Centres() []*centre.Centre {
	return []*centre.Centre{
		{
			ID:      mainCentre,
			Name:    map[string]string{"ru": "Центр обслуживания № 14", "en": "Service centre No. 14"},
			Address: map[string]string{"ru": "ул. Садовая, 14", "en": "14 Sadovaya Street"},
			Hours:   map[string]string{"ru": "ежедневно, 9:00–20:00", "en": "every day, 9:00–20:00"},
			Town:    map[string]string{"ru": "Заречный", "en": "Zarechny"},
		},
		{
			ID:      "77-021",
			Name:    map[string]string{"ru": "Центр обслуживания № 21", "en": "Service centre No. 21"},
			Address: map[string]string{"ru": "пл. Вокзальная, 2", "en": "2 Vokzalnaya Square"},
			Hours:   map[string]string{"ru": "пн–пт, 8:00–18:00", "en": "Mon–Fri, 8:00–18:00"},
			Town:    map[string]string{"ru": "Лесогорск", "en": "Lesogorsk"},
		},
	}
}
