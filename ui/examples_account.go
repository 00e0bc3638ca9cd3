package ui

import "time"

func (Account) examples() []Example {
	base := Account{
		Name: "Анна Игоревна Белоусова", Level: "standard", SimplifiedSince: at(3, 10, 0), StandardSince: at(21, 14, 40),
		Phone: "+7900•••••41", Email: "anna@example.org", SNILS: "•••-•••-445 95", INN: "••••••••2259", DocumentType: "ru_passport", Document: "•• •• •••617",
		LastLogin: &Login{At: at(24, 14, 20), Place: "Москва", Agent: "Chrome, Android"},
	}
	fresh, letter, verified, checking := base, base, base, base
	fresh.Level, fresh.StandardSince, fresh.SNILS, fresh.INN, fresh.Document = "simplified", time.Time{}, "", "", ""
	fresh.Next = "profile"
	checking = fresh
	checking.Running, checking.RunningUntil, checking.Next = "checks", at(26, 14, 35), "checks"
	letter.Running, letter.RunningUntil, letter.Next = "letter", on(2026, time.December, 5), "letter"
	letter.Services = exampleServices("later", "no", "no")
	verified.Level, verified.VerifiedSince = "verified", at(24, 9, 0)
	verified.Confirmations = []Confirmation{{"service_center", at(24, 9, 0)}, {"mail_code", at(20, 9, 0)}}
	verified.Services = exampleServices("yes", "yes", "yes")
	verified.Next = "use_now"
	lowered := verified
	lowered.Level, lowered.Lowered, lowered.Next, lowered.Notice = "simplified", &Lowered{Until: at(27, 14, 28)}, "", "contact_added"
	lowered.Services = exampleServices("no", "no", "no")
	lowered.Services[1].Answer = "no"
	confirm := base
	confirm.Next, confirm.Services = "confirm", exampleServices("no", "no", "no")
	frozen := verified
	frozen.Next, frozen.Frozen = "", at(24, 14, 20)
	frozen.Services = exampleServices("no", "no", "no")
	wished := verified
	wished.Next, wished.Wishes = "", []Wish{{ID: "tax", Name: "Налоговая служба", Open: true, URL: "https://tax.example/login", At: at(20, 10, 0)}}
	return []Example{{"simplified", fresh}, {"checks run", checking}, {"standard", confirm}, {"letter on its way", letter}, {"verified", verified}, {"recovered", lowered}, {"frozen", frozen}, {"wished", wished}}
}

func (Profile) examples() []Example {
	full := Profile{
		FamilyName: "Белоусова", GivenName: "Анна", Patronymic: "Игоревна", Sex: "f", BirthDay: "07", BirthMonth: "04", BirthYear: "1991",
		BirthPlace: "г. Вышний Волочёк Калининской обл.", Citizenship: "RUS", SNILS: "112-233-445 94", DocumentType: "ru_passport", DocumentNumber: "45 11 804617",
		IssuedDay: "12", IssuedMonth: "05", IssuedYear: "2001", DepartmentCode: "770-042", Issuer: "ОВД района Якиманка г. Москвы",
		Form: Form{Faults: []Fault{{Field: "snils", Code: "snils.check"}, {Field: "issued_on", Code: "passport.too_early", When: on(2005, 4, 7)}}},
	}
	change := full
	change.Faults, change.Change, change.Running = nil, true, "4417-0926"
	return []Example{{"empty", Profile{}}, {"wrong", full}, {"change while a check runs", change}}
}

func (CheckAnswers) examples() []Example {
	person := Person{"Белоусова", "Анна", "Игоревна", "f", on(1991, 4, 7), "г. Вышний Волочёк Калининской обл.", "RUS", "112-233-445 95"}
	return []Example{
		{"passport", CheckAnswers{Person: person, Paper: Paper{Type: "ru_passport", Number: "45 11 804617", IssuedOn: on(2011, 5, 12), Issuer: "ОВД района Якиманка г. Москвы", DepartmentCode: "770-042"}}},
		{"residence permit", CheckAnswers{Person: person, Running: "4417-0926", Paper: Paper{Type: "residence_permit", Number: "82 1234567", IssuedOn: on(2021, 5, 12), ExpiresOn: on(2031, 5, 12), Issuer: "МВД 770"}}},
	}
}

func (Checks) examples() []Example {
	base := Checks{State: "running", Number: "4417-0926", SubmittedAt: at(21, 14, 35), DueAt: at(26, 14, 35), Contact: "+7900•••••41", DocumentType: "ru_passport"}
	late, agreed, refused, taken, ended, overdue := base, base, base, base, base, base
	base.Items = []Check{{"pension", "agreed", at(24, 14, 26), nil}, {"interior", "sent", at(24, 14, 25), nil}, {"tax", "todo", time.Time{}, nil}}
	late.Items = []Check{{"pension", "delayed", at(24, 14, 20), nil}, {"interior", "agreed", at(24, 14, 25), nil}, {"tax", "todo", time.Time{}, nil}}
	agreed.State, agreed.Items = "agreed", []Check{{"pension", "agreed", at(24, 14, 26), nil}, {"interior", "agreed", at(24, 14, 25), nil}, {"tax", "not_found", at(24, 14, 27), nil}}
	refused.State, refused.Items = "refused", []Check{{"pension", "refused", at(24, 14, 26), []string{"snils", "birth_date"}}, {"interior", "agreed", at(23, 14, 25), nil}}
	taken.State, taken.Taken, taken.Items = "refused", true, agreed.Items[:2]
	back := agreed
	back.Origin, back.BackURL = &Origin{Name: "Запись к врачу", Host: "doctor.example"}, "/login?tx=AQIDBA"
	ended.State = "ended"
	overdue.State, overdue.Items = "overdue", late.Items[:2]
	return []Example{{"running", base}, {"registry is late", late}, {"agreed", agreed}, {"agreed, a service waits", back}, {"refused", refused}, {"SNILS is taken", taken}, {"ended by another", ended}, {"overdue", overdue}}
}

func (Contacts) examples() []Example {
	return []Example{
		{"phone only", Contacts{Phone: "+7900•••••41", Notice: "contact_removed"}},
		{"claimed", Contacts{Phone: "+7900•••••41", Email: "anna@example.org", Removable: true, Claims: []ContactClaim{{ID: "c1", Kind: "phone", Contact: "+7900•••••41", Until: at(30, 10, 0)}}}},
		{"wrong", Contacts{Phone: "+7900•••••41", Email: "anna@example.org", Tel: "+7 495 000-00-00", Form: Form{Faults: []Fault{{Field: "tel", Code: "phone.not_mobile"}, {Field: "current-password", Code: "password.wrong"}}}}},
	}
}

func (ContactRemove) examples() []Example {
	return []Example{
		{"phone", ContactRemove{Kind: "phone", Contact: "+7900•••••41", Username: "anna@example.org"}},
		{"wrong", ContactRemove{Kind: "email", Contact: "a•••@example.org", Form: Form{Faults: []Fault{{Field: "current-password", Code: "password.wrong"}}}}},
	}
}

func (Legal) examples() []Example {
	return []Example{{"data", Legal{Text: "data", Version: "1", Since: on(2026, 11, 1)}}, {"rules", Legal{Text: "rules", Version: "1"}}, {"accessibility", Legal{Text: "accessibility"}}}
}

func (Security) examples() []Example {
	return []Example{
		{"busy", Security{
			Sessions: []Session{
				{ID: "s1", Agent: "Chrome, Android", Place: "Москва", At: at(24, 14, 20), Current: true},
				{ID: "s2", Agent: "Firefox, Windows", Place: "Тверь", At: at(24, 9, 12), Services: []string{"Портал услуг", "Пенсионный фонд"}},
				{ID: "s3", Agent: "Safari, iPad", At: at(19, 23, 48), Foreign: true},
			},
			History: []Event{
				{At: at(24, 14, 20), Kind: "signed_in", Place: "Москва", Agent: "Chrome, Android"},
				{At: at(24, 9, 0), Kind: "confirmed", Method: "service_center"},
				{At: at(23, 14, 20), Kind: "consent_given", Service: "Пенсионный фонд"},
				{At: at(20, 2, 31), Kind: "sign_in_failed", Count: 3, Bad: true},
				{At: at(3, 2, 31), Kind: "something_new"},
			},
			HistoryMore: "/account/security?before=120#history", PasswordChanged: at(3, 10, 0), TOTP: true, TOTPSince: at(4, 10, 0), Phone: "+7900•••••41", Email: "anna@example.org", Notice: "ended",
		}},
		{"quiet", Security{Sessions: []Session{{ID: "s1", Agent: "Chrome, Android", Current: true, At: at(24, 14, 20)}}, Phone: "+7900•••••41"}},
	}
}

func (TOTPSetup) examples() []Example {
	return []Example{
		{"connect", TOTPSetup{QRURL: "/account/security/totp/qr.png", Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"}},
		{"wrong", TOTPSetup{Secret: "JBSW Y3DP EHPK 3PXP", Form: Form{Faults: []Fault{{Field: "code", Code: "totp.wrong"}}}}},
	}
}

func (TOTPOff) examples() []Example { return []Example{{"asked", TOTPOff{Username: "+79000000041"}}} }

func (PasswordChange) examples() []Example {
	rules := PasswordRules{MinLength: 8, Latin: true}
	return []Example{
		{"empty", PasswordChange{Username: "+79000000041", Rules: rules}},
		{"wrong", PasswordChange{Rules: rules, Form: Form{Faults: []Fault{{Field: "current-password", Code: "password.wrong"}, {Field: "password", Code: "password.breached"}}}}},
	}
}

func (Error) examples() []Example {
	return []Example{
		{"server", Error{Kind: "server", At: at(24, 14, 28), RetryURL: "/account"}},
		{"not found", Error{Kind: "not_found"}},
		{"expired", Error{Kind: "expired", HomeURL: "/login"}},
		{"too many", Error{Kind: "too_many", Wait: 90 * time.Second}},
		{"bad request", Error{Kind: "bad_request", Code: "invalid_redirect_uri", Service: "Налоговая служба", At: at(24, 14, 28)}},
		{"forbidden", Error{Kind: "forbidden"}},
		{"unavailable", Error{Kind: "unavailable", RetryURL: "/login"}},
	}
}
