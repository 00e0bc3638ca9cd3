package ui

import "time"

var exampleRows = []CompareRow{
	{Field: "family-name", Value: "Белоусова", Answer: "yes"}, {Field: "given-name", Value: "Анна", Answer: "yes"}, {Field: "patronymic", Value: "Игоревна", Answer: "yes"},
	{Field: "birth-date", Date: on(1991, 4, 7), Answer: "yes"}, {Field: "birth-place", Value: "г. Вышний Волочёк Калининской обл."},
	{Field: "document-number", Value: "45 11 804617"}, {Field: "issued-on", Date: on(2011, 5, 12), Answer: "no"}, {Field: "department-code", Value: "770-042"},
}

func (OperatorSearch) examples() []Example {
	reasons := []string{"confirm", "code", "restore", "correct", "delete"}
	return []Example{
		{"empty", OperatorSearch{Reasons: reasons}},
		{"a busy day", OperatorSearch{
			Reasons: reasons, Today: 7, Reason: "confirm",
			Mine: []DayRow{{"/operator/visit/Q2VudHJl", "Ц-014-0417-1187", at(24, 14, 20), "confirm", "", "Б•••••••• А••• И•••••••", true}},
			Waiting: []DayRow{
				{"/operator/visit/U2Vjb25k", "Ц-014-2210-0034", at(24, 14, 11), "restore", "waiting", "Р••••• Г••••• С••••••", false},
				{"/operator/visit/T3du", "Ц-014-0931-5520", at(24, 14, 2), "delete", "waiting", "О••••• П••• Л•••••••", true},
			},
			Closed: []DayRow{
				{"/operator/visit/Q2hlY2s", "Ц-014-7712-0909", at(24, 13, 40), "register", "checking", "Л••••• Д•••", true},
				{"/operator/visit/RG9uZQ", "Ц-014-1180-4471", at(24, 12, 5), "code", "handed", "М•••••• В••• А•••••••••", true},
				{"/operator/visit/Tm8", "Ц-014-0055-1290", at(24, 11, 50), "confirm", "refused", "К••••• И•••", true},
			},
		}},
		{"after a deletion", OperatorSearch{Reasons: reasons, Today: 3, Done: "deleted"}},
		{"wrong", OperatorSearch{SNILS: "112-233", Reasons: reasons, Form: Form{Faults: []Fault{{Field: "snils", Code: "snils.length"}, {Field: "document-number", Code: "document.required"}, {Field: "reason", Code: "reason.required"}}}}},
		{"a code that leads nowhere", OperatorSearch{VisitCode: "4829-1372", Reason: "confirm", Reasons: reasons, Form: Form{Faults: []Fault{{Field: "visit-code", Code: "visit_code.nobody"}}}}},
	}
}

func (OperatorCompare) examples() []Example {
	base := OperatorCompare{
		Number: "Ц-0417-118", Reason: "confirm", StartedAt: at(24, 15, 4), CheckedAt: at(21, 14, 40), Level: "standard", Name: "Белоусова Анна Игоревна", SNILS: "112-233-445 95",
		DocumentType: "ru_passport", Valid: true, LetterLive: true, Rows: exampleRows,
	}
	with := func(f func(*OperatorCompare)) OperatorCompare {
		p := base
		f(&p)
		return p
	}
	return []Example{
		{"to compare", base},
		{"not answered", with(func(p *OperatorCompare) {
			p.Faults = []Fault{{Field: "match-birth-place", Code: "compare.answer"}, {Field: "face", Code: "compare.person"}}
		})},
		{"own account", with(func(p *OperatorCompare) { p.Blocked, p.Methods, p.Level = "own", []string{"mail_code"}, "verified" })},
		{"restoring, no phone yet", with(func(p *OperatorCompare) {
			p.Reason, p.PhoneURL, p.Faults = "restore", "/operator/visit/Q2VudHJl/phone", []Fault{{Field: "phone", Code: "tel.unproved"}}
		})},
		{"registering, another account", with(func(p *OperatorCompare) {
			p.CheckedAt = time.Time{}
			p.Reason, p.Level, p.Valid, p.LetterLive, p.PhoneURL, p.Phone = "register", "simplified", false, false, "/operator/visit/Q2VudHJl/phone", "+79000000041"
			p.Others = []Namesake{{"Б•••••••• А••• И•••••••", "simplified", []string{"person"}}, {"Б•••••• А••• И•••••••", "standard", []string{"document"}}}
		})},
		{"a new document", with(func(p *OperatorCompare) {
			p.Reason, p.DataURL, p.Valid = "correct", "/operator/visit/Q2VudHJl/data", false
		})},
		{"handing over a code", with(func(p *OperatorCompare) { p.Reason = "code" })},
		{"deleting", with(func(p *OperatorCompare) {
			p.Reason, p.PrintURL, p.Faults = "delete", "/operator/visit/Q2VudHJl/form.pdf", []Fault{{Field: "sure", Code: "delete.sure"}}
		})},
		{"for a colleague", with(func(p *OperatorCompare) {
			p.Reason, p.Second, p.Risks, p.Asker, p.Phone = "restore", true, []string{"restored", "age"}, "П. Ильина", "+79000000041"
		})},
		{"for a colleague, closed to them", with(func(p *OperatorCompare) {
			*p = OperatorCompare{Number: p.Number, Reason: "restore", StartedAt: p.StartedAt, Second: true, Blocked: "shares_contact", Asker: "П. Ильина"}
		})},
	}
}

func (OperatorPhone) examples() []Example {
	base := OperatorPhone{Number: "Ц-0417-118", Name: "Белоусова Анна Игоревна", Reason: "restore", BackURL: "/operator/visit/Q2VudHJl"}
	sent := base
	sent.Sent, sent.Tel, sent.ExpiresAt, sent.TriesLeft = true, "+79000000041", at(24, 14, 32), 5
	wrong, bad := sent, base
	wrong.TriesLeft, wrong.Faults = 2, []Fault{{Field: "code", Code: "code.wrong", Count: 2}}
	bad.Tel, bad.Faults = "8 495", []Fault{{Field: "tel", Code: "phone.format"}}
	return []Example{{"which number", base}, {"not a number", bad}, {"code sent", sent}, {"wrong code", wrong}}
}

func (OperatorData) examples() []Example {
	full := OperatorData{
		Number: "Ц-0417-118", Reason: "correct", FamilyName: "Белоусова", GivenName: "Анна", Patronymic: "Игоревна", Sex: "f", BirthDay: "7", BirthMonth: "4", BirthYear: "1991",
		BirthPlace: "г. Вышний Волочёк Калининской обл.", Citizenship: "RUS", SNILS: "112-233-445 95", DocumentType: "ru_passport", DocumentNumber: "45 26 000112",
		IssuedDay: "2", IssuedMonth: "11", IssuedYear: "2026", DepartmentCode: "770-042", Issuer: "ГУ МВД России по г. Москве",
	}
	wrong := full
	wrong.DocumentNumber, wrong.Faults = "45 26", []Fault{{Field: "document-number", Code: "document.length"}}
	own := OperatorData{Reason: "register", Citizenship: "RUS", DocumentType: "ru_passport", Blocked: "own"}
	return []Example{{"somebody new", OperatorData{Reason: "register", Citizenship: "RUS", DocumentType: "ru_passport"}}, {"a new document", full}, {"wrong", wrong}, {"themselves", own}}
}

func (OperatorWaiting) examples() []Example {
	return []Example{
		{"restoring", OperatorWaiting{Number: "Ц-0417-118", Name: "Белоусова Анна Игоревна", Reason: "restore", Risks: []string{"restored", "contact"}, Until: at(24, 15, 4), URL: "/operator/visit/Q2VudHJl"}},
		{"deleting", OperatorWaiting{Number: "Ц-0417-118", Name: "Белоусова Анна Игоревна", Reason: "delete", Risks: []string{"age", "final"}, Until: at(24, 15, 4), URL: "/operator/visit/Q2VudHJl", PrintURL: "/operator/visit/Q2VudHJl/form.pdf"}},
	}
}

func (OperatorDone) examples() []Example {
	base := OperatorDone{Number: "Ц-0417-118", Name: "Белоусова Анна Игоревна", Outcome: "confirmed", At: at(24, 15, 12), PrintURL: "/operator/visit/Q2VudHJl/form.pdf"}
	handed, restored, checking, second := base, base, base, base
	handed.Outcome, handed.EnvelopeURL, handed.EnvelopeUntil = "handed", "/operator/visit/Q2VudHJl/envelope.pdf", at(24, 15, 27)
	restored.Outcome, checking.Outcome = "restored", "checking"
	second.Outcome, second.PrintURL, second.Seconded = "restored", "", true
	return []Example{{"done", base}, {"a code in an envelope", handed}, {"access restored", restored}, {"the registries check", checking}, {"as a colleague", second}}
}

func (OperatorRefused) examples() []Example {
	return []Example{{"refused", OperatorRefused{Number: "Ц-0417-118", Name: "Белоусова Анна Игоревна", At: at(24, 15, 12), Reasons: []string{"issued-on", "face"}}}, {"by a colleague", OperatorRefused{Number: "Ц-0417-118", Name: "Белоусова Анна Игоревна", At: at(24, 15, 12), Reasons: []string{"second"}}}}
}

func (OperatorNone) examples() []Example {
	return []Example{{"nobody", OperatorNone{SNILS: "112-233-445 95", DocumentNumber: "45 11 804617"}}, {"another document", OperatorNone{SNILS: "112-233-445 95", DocumentNumber: "45 11 804618", OtherDocument: true}}}
}

func (OperatorJournal) examples() []Example {
	return []Example{
		{"a day", OperatorJournal{Day: at(24, 0, 0), Rows: []JournalRow{{at(24, 15, 12), "Ц-0417-118", "confirmed", "confirm", "Белоусова А. И."}, {at(24, 15, 4), "Ц-0417-118", "operator_searched", "confirm", "Белоусова А. И."}}}},
		{"empty", OperatorJournal{}},
	}
}

func (OperatorForm) examples() []Example {
	return []Example{{"two copies", OperatorForm{
		Number: "Ц-0417-118", At: at(24, 15, 12), Centre: "Центр «Садовая, 12»", Operator: "Ильина П. С.",
		Person: Person{"Белоусова", "Анна", "Игоревна", "f", on(1991, 4, 7), "г. Вышний Волочёк Калининской обл.", "RUS", "112-233-445 95"},
		Paper:  Paper{Type: "ru_passport", Number: "45 11 804617", IssuedOn: on(2011, 5, 12), Issuer: "ОВД района Якиманка г. Москвы", DepartmentCode: "770-042"},
	}}}
}
