package ui

var exampleCentreCards = []CentreCard{
	{Number: 1, ID: "77-014", Town: "Заречный", Ramp: true, Services: []string{"confirm", "restore", "register", "correct", "code", "delete"}, Centre: Centre{Name: "Центр обслуживания № 14", Address: "ул. Садовая, 14", Hours: "ежедневно, 9:00–20:00", Phone: "+78000000000"}},
	{Number: 2, ID: "77-021", Town: "Лесогорск", Services: []string{"confirm", "code"}, Centre: Centre{Name: "Центр обслуживания № 21", Address: "пл. Вокзальная, 2", Hours: "пн–пт, 8:00–18:00"}},
	{ID: "77-030", Town: "Верхнеполянск-на-Чистой", Services: []string{"confirm"}, Centre: Centre{Name: "Выездной центр обслуживания", Address: "по расписанию поездок, которое вывешено в отделении почты", Hours: "каждый второй четверг"}},
}

var exampleMap = MapOf([]MapPlace{
	{1, "Центр обслуживания № 14", "Заречный", "#centre-77-014", 56.31, 38.13},
	{2, "Центр обслуживания № 21", "Лесогорск", "#centre-77-021", 56.02, 39.2},
})

func (Centres) examples() []Example {
	services := []string{"confirm", "restore", "register", "correct", "code", "delete"}
	towns := []string{"Верхнеполянск-на-Чистой", "Заречный", "Лесогорск"}
	return []Example{
		{"all", Centres{Services: services, Towns: towns, Found: exampleCentreCards, All: 3, Map: exampleMap, MapURL: "/centres/map", ListURL: "/centres"}},
		{"on the map", Centres{Query: "лес", Services: services, Towns: towns, Found: exampleCentreCards[:2], All: 3, Map: exampleMap, OnMap: true, MapURL: "/centres/map", ListURL: "/centres"}},
		{"none found", Centres{Query: "Тьмутаракань", Service: "restore", Services: services, Towns: towns, All: 3}},
		{"none at all", Centres{Services: services}},
	}
}
