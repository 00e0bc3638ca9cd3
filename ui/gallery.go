package ui

import "time"

// A State is one entry of the gallery: a page in a state worth looking at,
// with the frame it stands in.
type State struct {
	Page, Name string
	Value      Page
	Frame      Frame
}

// GalleryNow is the moment the examples are set in.
func GalleryNow() time.Time { return at(24, 14, 28) }

// Gallery lists every example of every page, in Russian; the frame's Lang may
// be changed.
func Gallery() []State {
	var out []State
	for _, p := range all() {
		for _, e := range p.examples() {
			out = append(out, State{Page: p.PageName(), Name: e.Name, Value: e.Page, Frame: exampleFrame(e.Page)})
		}
	}
	return out
}

// exampleFrame is the frame each page is usually seen in.
func exampleFrame(p Page) Frame {
	f := Frame{Lang: "ru", SwitchURL: "?ui_locales=en", RequestID: "7F3K-92QD"}
	section := map[string]string{
		"account": "account", "contacts": "account", "contact-remove": "account",
		"profile": "profile", "check-answers": "profile", "checks": "profile",
		"methods": "level", "letter-address": "level", "letter-check": "level", "letter": "level",
		"visit": "level", "signature": "level", "signature-present": "level", "confirmed": "level", "use-now": "level",
		"assurance": "assurance", "locks": "security", "lock-lift": "security",
		"security": "security", "totp-setup": "security", "totp-off": "security", "password-change": "security",
		"operator-search": "visit", "operator-compare": "visit", "operator-data": "visit", "operator-phone": "visit", "operator-waiting": "visit", "operator-done": "visit", "operator-form": "visit",
		"operator-refused": "visit", "operator-none": "visit", "operator-journal": "journal",
		"operator-shift": "shift", "operator-keys": "keys", "operator-key-new": "keys", "operator-key-remove": "keys",
	}[p.PageName()]
	f.Section = section
	switch p := p.(type) {
	case SignIn:
		if p.Staff {
			f.Operator = &OperatorFrame{}
		}
	case OperatorSearch, OperatorData, OperatorPhone, OperatorCompare, OperatorWaiting, OperatorDone, OperatorForm, OperatorRefused, OperatorNone, OperatorJournal:
		f.SignedIn = true
		f.Operator = &OperatorFrame{Centre: "Центр «Садовая, 12»", Name: "П. С. Ильина", Window: "4"}
	case OperatorShift, OperatorKeys, OperatorKeyNew, OperatorKeyRemove:
		f.SignedIn = true
		f.Operator = &OperatorFrame{Centre: "Центр «Садовая, 12»", Name: "П. С. Ильина", Window: "4"}
	case Recalls, RecallNew, Recall:
		f.SignedIn, f.Section = true, "recalls"
		f.Operator = &OperatorFrame{Centre: "Центр «Садовая, 12»", Name: "А. П. Кедров", Administrator: true}
	case Refusal, Consent, Logout:
		f.SignedIn = true
	default:
		f.SignedIn = section != ""
	}
	if f.SignedIn && f.Operator == nil {
		f.UserName = "Анна Игоревна Белоусова"
	}
	return f
}

// at is a moment of November 2026 in Moscow.
func at(day, hour, minute int) time.Time {
	return time.Date(2026, time.November, day, hour, minute, 0, 0, time.FixedZone("MSK", 3*60*60))
}

// on is a date without a time.
func on(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// The services of the examples, as the demo's relying parties ask.
var (
	exampleOrigin  = Origin{Name: "Налоговая служба", Host: "tax.example"}
	examplePension = Origin{Name: "Пенсионный фонд", Host: "pension.example"}
	notLetter      = []string{"service_center", "qualified_signature", "electronic_card", "bank"}
	exampleCentres = []Centre{
		{Name: "Центр «Садовая, 12»", Address: "119180, Москва, Садовая ул., 12", Hours: "пн–сб 9:00–20:00", Phone: "+78000000001"},
		{Name: "Центр «Речной вокзал»", Address: "125195, Москва, Фестивальная ул., 2", Hours: "ежедневно 10:00–18:00"},
	}
	exampleAddress = Address{PostalCode: "119180", Region: "Москва", Locality: "Москва", Street: "Большая Полянка", House: "30", Flat: "17"}
)

// exampleServices are what three answers look like together.
func exampleServices(pension, tax, voting string) []Service {
	return []Service{
		{"Портал услуг", "yes", Demand{Level: "simplified"}},
		{"Запись к врачу", "yes", Demand{Level: "standard"}},
		{"Пенсионный фонд", pension, Demand{Level: "verified"}},
		{"Налоговая служба", tax, Demand{Level: "verified", Methods: notLetter}},
		{"Общественные инициативы", voting, Demand{Level: "verified", Methods: []string{"service_center"}}},
	}
}
