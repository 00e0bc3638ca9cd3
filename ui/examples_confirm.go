package ui

import "time"

func (Methods) examples() []Example {
	takes := func(pension, tax, voting string) []Service { return exampleServices(pension, tax, voting)[2:] }
	cards := []MethodCard{
		{Method: "service_center", URL: "/account/confirm/visit", Nearest: "Садовая ул., 12", Services: takes("yes", "yes", "yes")},
		{Method: "mail_code", URL: "/account/confirm/letter", Services: takes("yes", "no", "no")},
	}
	locked := []MethodCard{{Method: "service_center", Services: cards[0].Services}, {Method: "mail_code", Services: cards[1].Services}}
	live := []MethodCard{cards[0], {Method: "mail_code", URL: "/account/confirm/letter", Live: true, From: on(2026, time.December, 21), Services: cards[1].Services}}
	every := []MethodCard{
		{Method: "bank", URL: "/account/confirm/bank", Services: takes("yes", "yes", "no")}, {Method: "service_center", Done: true, Services: cards[0].Services},
		{Method: "qualified_signature", URL: "/account/confirm/signature", Services: takes("yes", "yes", "no")}, cards[1],
		{Method: "electronic_card", URL: "/account/confirm/card", Services: takes("yes", "yes", "no")},
	}
	return []Example{
		{"standard", Methods{Level: "standard", Cards: cards}},
		{"letter on its way", Methods{Level: "standard", Cards: live}},
		{"verified, every method", Methods{Level: "verified", Confirmations: []Confirmation{{"service_center", at(24, 9, 0)}}, Cards: every}},
		{"not yet standard", Methods{Level: "simplified", Cards: locked, Blocked: "not_standard"}},
		{"recovered a moment ago", Methods{Level: "simplified", Blocked: "restricted", Cards: []MethodCard{cards[0], {Method: "mail_code", From: on(2026, time.November, 27), Services: cards[1].Services}}}},
	}
}

func (LetterAddress) examples() []Example {
	refuses := []string{"Налоговая служба", "Общественные инициативы"}
	return []Example{
		{"empty", LetterAddress{Refuses: refuses}},
		{"wrong", LetterAddress{Address: Address{Region: "Москва", Locality: "Москва"}, Refuses: refuses, Form: Form{Faults: []Fault{{Field: "postal_code", Code: "address.postal_code"}, {Field: "house", Code: "address.house"}}}}},
	}
}

func (LetterCheck) examples() []Example {
	return []Example{{"town", LetterCheck{Recipient: "Белоусова Анна Игоревна", Phone: "+79000000041", Address: exampleAddress, Refuses: []string{"Налоговая служба", "Общественные инициативы"}}}}
}

func (Letter) examples() []Example {
	events := []LetterEvent{{"ordered", at(21, 15, 0), ""}, {"accepted", at(21, 15, 1), ""}, {"printed", at(21, 18, 0), ""}, {"handed_over", at(22, 9, 40), ""}, {"in_transit", at(24, 3, 15), "Сортировочный центр"}}
	way := Letter{
		State: "live", Number: "П-0417-118", ExpectedBy: on(2026, time.December, 5), Address: exampleAddress, Status: "in_transit", Events: events,
		Track: "80081234567890", ValidUntil: on(2027, time.January, 6), NextFrom: on(2026, time.December, 21), Refuses: []string{"Налоговая служба", "Общественные инициативы"},
	}
	ordered, wrong, returned, spent := way, way, way, way
	ordered.JustOrdered, ordered.Status, ordered.Events, ordered.Track, ordered.ValidUntil = true, "ordered", events[:1], "", time.Time{}
	ordered.ValidDays, ordered.TriesLeft, way.TriesLeft = 45, 5, 5
	refused := ordered
	refused.JustOrdered, refused.State, refused.NextFrom, refused.ValidDays, refused.TriesLeft = false, "post_refused", time.Time{}, 0, 0
	expired := way
	expired.State, expired.Status = "expired", "delivered"
	wrong.Status, wrong.Code, wrong.TriesLeft = "delivered", "ABCD-EFGH-JKM", 2
	wrong.Faults = []Fault{{Field: "letter-code", Code: "letter_code.wrong", Count: 2}}
	returned.State, returned.Status, returned.NextFrom = "returned", "returned", time.Time{}
	returned.Events = append(events[:5:5], LetterEvent{"returned", at(24, 10, 0), ""})
	spent.State, spent.Status = "tries", "delivered"
	return []Example{{"just ordered", ordered}, {"on its way", way}, {"wrong code", wrong}, {"came back", returned}, {"no tries left", spent},
		{"the post refused it", refused}, {"expired", expired}}
}

func (Visit) examples() []Example {
	return []Example{
		{"two centres", Visit{Centres: exampleCentres, DocumentType: "ru_passport", Document: "•• •• •••617"}},
		{"with a code", Visit{Form: Form{Action: "/account/confirm/visit"}, Centres: exampleCentres[:1], DocumentType: "ru_passport", Document: "•• •• •••617", Code: "4829-1372", CodeUntil: at(24, 14, 43), QRURL: "/account/confirm/visit/qr.png?v=7"}},
		{"an envelope at home", Visit{Form: Form{Action: "/account/confirm/visit", Faults: []Fault{{Field: "activation-code", Code: "activation_code.wrong", Count: 2}}}, Centres: exampleCentres[:1], DocumentType: "ru_passport", Document: "•• •• •••617", EnvelopeUntil: at(30, 14, 0), ActivationCode: "ABCD-EFGH-JKM"}},
		{"none open", Visit{}},
	}
}

func (Confirmed) examples() []Example {
	return []Example{
		{"by letter, a service waits", Confirmed{Method: "mail_code", At: at(24, 14, 28), Number: "П-0417-118", Opens: []string{"Пенсионный фонд"}, StillNot: exampleServices("yes", "no", "no")[3:], Origin: &examplePension, UseNowURL: "/login?tx=AQIDBA"}},
		{"a wish comes true", Confirmed{Method: "service_center", At: at(24, 14, 28), Wishes: []Wish{{ID: "tax", Name: "Налоговая служба", Open: true, URL: "https://tax.example/login", At: at(20, 10, 0)}}}},
		{"by visit", Confirmed{Method: "service_center", At: at(24, 14, 28), Opens: []string{"Пенсионный фонд", "Налоговая служба", "Общественные инициативы"}}},
	}
}

func (Refusal) examples() []Example {
	return []Example{
		{"letter at the tax service", Refusal{
			Origin: exampleOrigin, Reasons: []string{"method_refused"}, Have: Standing{Level: "verified", Methods: []string{"mail_code"}},
			Need: Demand{Level: "verified", Methods: notLetter}, Ways: []Way{{"service_center", "/account/confirm/visit"}, {"bank", "/account/confirm/bank"}},
			BackURL: "/login/refusal?tx=AQIDBA&back=1", AcceptedBy: []string{"Пенсионный фонд", "Портал услуг"},
		}},
		{"level too low", Refusal{Origin: examplePension, Reasons: []string{"level_too_low"}, Have: Standing{Level: "simplified"}, Need: Demand{Level: "verified"}, Ways: []Way{{"profile", "/account/profile"}}, BackURL: "/login/refusal?tx=AQIDBA&back=1"}},
		{"too old and too weak", Refusal{
			Origin: exampleOrigin, Reasons: []string{"confirmation_too_old", "authentication_too_weak"}, Have: Standing{Level: "verified", Methods: []string{"bank"}, At: on(2023, 5, 3)},
			Need: Demand{Level: "verified", MaxAge: 365 * 24 * time.Hour, Strong: true}, Ways: []Way{{"second_factor", "/account/security/totp"}}, BackURL: "/login/refusal?tx=AQIDBA&back=1",
		}},
		{"locked, no way", Refusal{Origin: exampleOrigin, Reasons: []string{"locked_by_citizen"}, Have: Standing{Level: "standard", Locked: true}, Need: Demand{Level: "standard"}, BackURL: "/login/refusal?tx=AQIDBA&back=1"}},
	}
}

func (Why) examples() []Example {
	need := Demand{Level: "verified", Methods: notLetter}
	return []Example{
		{"to the person", Why{Known: true, Request: "7F3K-92QD", At: at(24, 14, 0), Service: "Налоговая служба", Reasons: []string{"method_refused"}, Need: &need}},
		{"to a stranger", Why{Known: true, Request: "7F3K-92QD", At: at(24, 14, 0), Service: "Налоговая служба", SignIn: "/login"}},
		{"unknown", Why{}},
	}
}
