package ui

// Banks lets the citizen choose the bank that knows them.
type Banks struct {
	Banks []Bank
}

// A Bank is one that confirms its clients.
type Bank struct {
	Name string
	Host string // what the address bar will show
	URL  string // where the journey begins
}

func (Banks) PageName() string { return "banks" }

// BankReturn ends a journey to a bank: what it answered, and what can be done.
type BankReturn struct {
	Form
	Bank string
	// State is waiting (the citizen has to agree), not_matched, refused, or silent.
	State  string
	Fields []string // not_matched: what differs: family_name, given_name, patronymic, document, phone
}

func (BankReturn) PageName() string { return "bank-return" }

// BankAccount asks the person for whom a bank has opened an account for what only they know, and for a
// password.
type BankAccount struct {
	Form
	Bank           string
	Username       string // the phone, as a login name
	SNILS          string
	DocumentNumber string
	Consent        bool
	Rules          PasswordRules
	Suggested      string
}

func (BankAccount) PageName() string { return "bank-account" }

func (Banks) examples() []Example {
	return []Example{
		{"two banks", Banks{Banks: []Bank{{"Банк «Заречный»", "online.zarechny.example", "/account/confirm/bank/go/zarechny"}, {"Банк «Лесной»", "lesnoy.example", "/account/confirm/bank/go/lesnoy"}}}},
		{"none", Banks{}},
	}
}

func (BankReturn) examples() []Example {
	form := Form{Action: "/account/confirm/bank/return?ticket=AQIDBA&code=AQIDBA"}
	return []Example{
		{"to agree", BankReturn{Form: form, Bank: "Банк «Заречный»", State: "waiting"}},
		{"not matched", BankReturn{Bank: "Банк «Заречный»", State: "not_matched", Fields: []string{"family_name", "document"}}},
		{"somebody else", BankReturn{Bank: "Банк «Заречный»", State: "not_matched"}},
		{"refused", BankReturn{Bank: "Банк «Заречный»", State: "refused"}},
		{"silent", BankReturn{Bank: "Банк «Заречный»", State: "silent"}},
	}
}

func (BankAccount) examples() []Example {
	p := BankAccount{Form: Form{Action: "/register/bank/AQIDBA"}, Bank: "Банк «Заречный»", Username: "+79000000041", Rules: PasswordRules{MinLength: 8, Latin: true}}
	wrong := p
	wrong.Faults = []Fault{{Field: "snils", Code: "identity.wrong", Count: 3}, {Field: "consent", Code: "consent.required"}}
	wrong.SNILS, wrong.DocumentNumber = "112-233-445 95", "45 11 804617"
	return []Example{{"empty", p}, {"wrong", wrong}}
}
