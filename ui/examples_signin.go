package ui

func (SignIn) examples() []Example {
	return []Example{
		{"to a service", SignIn{Origin: &exampleOrigin, CertificateURL: "/login/certificate?tx=AQIDBA"}},
		{"by itself", SignIn{Notice: "password_changed"}},
		{"wrong", SignIn{Form: Form{Faults: []Fault{{Field: "username", Code: "login.wrong"}}}, Origin: &exampleOrigin, Username: "+7 900 000-00-41", ForeignComputer: true}},
		{"over", SignIn{Form: Form{Faults: []Fault{{Field: "username", Code: "login.over"}}}, Username: "anna@example.org"}},
		{"slowed", SignIn{Form: Form{Faults: []Fault{{Field: "username", Code: "login.slow", Wait: 5 * 60e9}}}, Username: "anna@example.org"}},
		{"staff", SignIn{Staff: true}},
	}
}

func (TOTPCode) examples() []Example {
	return []Example{
		{"asked", TOTPCode{Origin: &exampleOrigin}},
		{"wrong", TOTPCode{Form: Form{Faults: []Fault{{Field: "code", Code: "totp.wrong"}}}}},
		{"or a key", TOTPCode{Key: PasskeyForm{Action: "/operator/login/key", Options: exampleQuestion}}},
		{"a key alone, wrong", TOTPCode{Form: Form{Faults: []Fault{{Code: "key.wrong"}}}, Key: PasskeyForm{Action: "/operator/login/key", Options: exampleQuestion, Alone: true}}},
	}
}

func (SMSCode) examples() []Example {
	return []Example{
		{"just sent", SMSCode{Step: Step{2, 3}, Purpose: "register", Phone: "+7900•••••41", ExpiresAt: at(24, 14, 32), EmailURL: "/register?by=email", ChangeURL: "/register"}},
		{"wrong, tries run out", SMSCode{Form: Form{Faults: []Fault{{Field: "code", Code: "code.wrong", Count: 2}}}, Step: Step{2, 4}, Purpose: "recover", Phone: "+7900•••••41", ExpiresAt: at(24, 14, 30), TriesLeft: 2}},
		{"expired", SMSCode{Purpose: "contact", Phone: "+7900•••••41", ExpiresAt: at(24, 14, 20), ChangeURL: "/account/contacts"}},
		{"second factor", SMSCode{Origin: &exampleOrigin, Purpose: "sign_in", Phone: "+7900•••••41", ExpiresAt: at(24, 14, 33)}},
	}
}

func (EmailSent) examples() []Example {
	return []Example{
		{"registration", EmailSent{Step: Step{2, 3}, Purpose: "register", Email: "anna@example.org", ValidUntil: at(27, 14, 28), ChangeURL: "/register"}},
		{"recovery", EmailSent{Purpose: "recover", Email: "a•••@example.org", ValidUntil: at(27, 14, 28)}},
	}
}

func (EmailConfirm) examples() []Example {
	return []Example{
		{"registration", EmailConfirm{Purpose: "register", Email: "anna@example.org", Form: Form{Hidden: []Hidden{{"token", "AQIDBA"}}}}},
		{"recovery", EmailConfirm{Purpose: "recover", Email: "a•••@example.org"}},
		{"contact", EmailConfirm{Purpose: "contact", Email: "anna@example.org"}},
	}
}

func (FormPost) examples() []Example {
	return []Example{{"answer", FormPost{Action: "https://tax.example/callback/tax", Origin: exampleOrigin, Inputs: []Hidden{{"code", "AQIDBA"}, {"state", "xyz"}, {"iss", "https://propusk.example"}}}}}
}

func (Logout) examples() []Example {
	return []Example{
		{"asked by a service", Logout{Origin: &exampleOrigin, Services: []string{"Портал услуг", "Налоговая служба"}}},
		{"asked by the person", Logout{}},
	}
}

func (LoggedOut) examples() []Example {
	return []Example{
		{"back to a service", LoggedOut{BackName: "Налоговая служба", BackURL: "https://tax.example/"}},
		{"everywhere", LoggedOut{Everyone: true}},
	}
}

func (Consent) examples() []Example {
	return []Example{
		{"remembered", Consent{Origin: examplePension, Purpose: "Чтобы показать ваш лицевой счёт и заполнить за вас заявления.", Until: on(2027, 11, 24), Items: []ConsentItem{
			{Name: "name", Value: "Белоусова Анна Игоревна"}, {Name: "birth_date", Date: on(1991, 4, 7)}, {Name: "sex", Value: "f"}, {Name: "citizenship", Value: "RUS"},
			{Name: "snils", Value: "112-233-445 95"}, {Name: "phone", Value: "+79000000041"}, {Name: "level", Level: "verified", Method: "bank", Date: at(24, 9, 0)},
		}}},
		{"once and offline", Consent{Origin: exampleOrigin, Offline: true, Items: []ConsentItem{{Name: "name", Value: "Белоусова Анна Игоревна"}, {Name: "inn", Absent: true}, {Name: "level", Level: "standard"}}}},
		{"verified", Consent{Origin: exampleOrigin, Until: on(2027, 11, 24), Items: []ConsentItem{{Name: "level", Level: "verified", Method: "service_center", Date: at(24, 9, 0)}}, Verified: []ConsentProof{
			{Method: "service_center", Date: at(24, 9, 0), Evidence: true, Items: []ConsentItem{{Name: "name", Value: "Белоусова Анна Игоревна"}, {Name: "birth_date", Date: on(1991, 4, 7)}, {Name: "document", Value: "45 10 123456"}}},
			{Date: at(20, 9, 0), Items: []ConsentItem{{Name: "snils", Value: "112-233-445 95"}}},
		}}},
		{"verified later", Consent{Origin: exampleOrigin, Later: true, Items: []ConsentItem{{Name: "level", Level: "simplified"}}}},
	}
}

func (UseNow) examples() []Example {
	return []Example{
		{"for a waiting service", UseNow{Origin: &exampleOrigin, Username: "+79000000041", Level: "verified", Method: "service_center", TOTP: true}},
		{"by itself", UseNow{Form: Form{Faults: []Fault{{Field: "password", Code: "password.wrong"}}}, Level: "standard"}},
	}
}

func (CreateAccount) examples() []Example {
	return []Example{
		{"empty", CreateAccount{}},
		{"wrong", CreateAccount{Origin: &exampleOrigin, FamilyName: "Белоусова", Form: Form{Faults: []Fault{{Field: "given-name", Code: "name.required"}, {Field: "tel", Code: "contact.empty"}, {Field: "consent", Code: "consent.required"}}}}},
		{"both contacts", CreateAccount{FamilyName: "Белоусова", GivenName: "Анна", Tel: "+7 900 000-00-41", Email: "anna@example.org", Consent: true, Form: Form{Faults: []Fault{{Field: "contact", Code: "contact.both"}}}}},
	}
}

func (Password) examples() []Example {
	rules := PasswordRules{MinLength: 8, Latin: true}
	return []Example{
		{"last step", Password{Step: Step{3, 3}, Purpose: "register", Username: "+79000000041", Rules: rules}},
		{"wrong", Password{Purpose: "recover", Rules: rules, Form: Form{Faults: []Fault{{Field: "password", Code: "password.short", Count: 8}, {Field: "password-again", Code: "password.again"}}}}},
		{"suggested", Password{Step: Step{3, 3}, Purpose: "register", Rules: rules, Suggested: "Lodka-7-sever-Vmeste"}},
		{"nist", Password{Purpose: "recover", Rules: PasswordRules{MinLength: 15}}},
	}
}

func (AccountCreated) examples() []Example {
	return []Example{
		{"for a waiting service", AccountCreated{Origin: &exampleOrigin, Username: "+79000000041", ContinueURL: "/login?tx=AQIDBA"}},
		{"by itself", AccountCreated{Username: "anna@example.org"}},
	}
}

func (RecoverStart) examples() []Example {
	return []Example{
		{"empty", RecoverStart{}},
		{"nothing typed", RecoverStart{Form: Form{Faults: []Fault{{Field: "username", Code: "login.required"}}}}},
	}
}

func (RecoverIdentity) examples() []Example {
	return []Example{
		{"asked", RecoverIdentity{Step: Step{3, 4}}},
		{"wrong", RecoverIdentity{SNILS: "112-233-445 95", DocumentNumber: "45 11 804617", Form: Form{Faults: []Fault{{Field: "snils", Code: "identity.wrong", Count: 3}}}}},
	}
}

func (RecoverDone) examples() []Example {
	return []Example{{"simplified", RecoverDone{}}, {"verified, lowered", RecoverDone{Lowered: &Lowered{Until: at(27, 14, 28)}}}, {"waits", RecoverDone{Waits: at(27, 14, 28)}}}
}

func (RecoverInPerson) examples() []Example {
	return []Example{{"no contact", RecoverInPerson{Centres: exampleCentres}}, {"staff", RecoverInPerson{Staff: true}}}
}
