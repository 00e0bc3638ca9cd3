package seed

import "github.com/propusk/propusk/idp/centre"

// mainCentre is where the seeded operator and administrator work.
const mainCentre = "77-014"

// Centres returns the service centres of the demo.
func Centres() []*centre.Centre {
	two := func(ru, en string) map[string]string { return map[string]string{"ru": ru, "en": en} }
	zarechny, lesogorsk, posad := two("Заречный", "Zarechny"), two("Лесогорск", "Lesogorsk"), two("Озёрный Посад", "Ozyorny Posad")
	return []*centre.Centre{
		{
			ID: mainCentre, Name: two("Центр обслуживания № 14", "Service centre No. 14"), Town: zarechny,
			Address: two("ул. Садовая, 14", "14 Sadovaya Street"), Hours: two("ежедневно, 9:00–20:00", "every day, 9:00–20:00"),
			Phone: "+78000000014", Ramp: true, At: &centre.Place{Latitude: 56.312, Longitude: 38.134}, Services: centre.AllServices(),
		},
		{
			ID: "77-015", Name: two("Центр обслуживания № 15", "Service centre No. 15"), Town: zarechny,
			Address: two("пр. Строителей, 7", "7 Stroiteley Avenue"), Hours: two("пн–сб, 9:00–19:00", "Mon–Sat, 9:00–19:00"),
			Phone: "+78000000015", At: &centre.Place{Latitude: 56.341, Longitude: 38.181}, Services: []centre.Service{centre.Confirms, centre.HandsCode, centre.Restores},
		},
		{
			ID: "77-021", Name: two("Центр обслуживания № 21", "Service centre No. 21"), Town: lesogorsk,
			Address: two("пл. Вокзальная, 2", "2 Vokzalnaya Square"), Hours: two("пн–пт, 8:00–18:00", "Mon–Fri, 8:00–18:00"),
			Ramp: true, At: &centre.Place{Latitude: 56.018, Longitude: 38.702}, Services: []centre.Service{centre.Confirms, centre.HandsCode, centre.Restores, centre.Corrects},
		},
		{
			ID: "77-033", Name: two("Центр обслуживания № 33", "Service centre No. 33"), Town: posad,
			Address: two("ул. Набережная, 3", "3 Naberezhnaya Street"), Hours: two("вт–сб, 10:00–18:00", "Tue–Sat, 10:00–18:00"),
			At: &centre.Place{Latitude: 56.571, Longitude: 37.862}, Services: []centre.Service{centre.Confirms, centre.HandsCode},
		},
	}
}
