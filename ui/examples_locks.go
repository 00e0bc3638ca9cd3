package ui

import "time"

// The services of the examples as the page about assurance shows them.
func judged(pension, tax, voting AssuredService) []AssuredService {
	out := []AssuredService{}
	for i, s := range exampleServices(pension.Answer, tax.Answer, voting.Answer) {
		row := AssuredService{Service: s}
		if i >= 2 {
			more := []AssuredService{pension, tax, voting}[i-2]
			row.Reasons, row.Ways = more.Reasons, more.Ways
		}
		out = append(out, row)
	}
	return out
}

func (Assurance) examples() []Example {
	yes := AssuredService{Service: Service{Answer: "yes"}}
	no := func(reason string, ways ...Way) AssuredService {
		return AssuredService{Service: Service{Answer: "no"}, Reasons: []string{reason}, Ways: ways}
	}
	visit, bank := Way{"service_center", "/account/confirm/visit"}, Way{"bank", "/account/confirm/bank"}
	unlock := Way{"unlock", "/account/locks"}
	standard := Assurance{
		Level: "standard", Since: at(21, 14, 40),
		Services: judged(no("level_too_low", bank, visit), no("level_too_low", bank, visit), no("level_too_low", visit)),
	}
	letter := Assurance{
		Level: "verified", Since: at(20, 9, 0), Wait: 72 * time.Hour, Never: []string{"bank"}, Notice: "revoked",
		Confirmations: []HeldConfirmation{
			{Confirmation: Confirmation{"qualified_signature", at(24, 9, 0)}, State: "waiting", Until: at(27, 9, 0)},
			{Confirmation: Confirmation{"mail_code", at(20, 9, 0)}, State: "counts", Ages: []Age{{"Архив", on(2027, 11, 20), false}, {"Нотариат", at(23, 9, 0), true}}},
		},
		Services: judged(yes, no("method_refused", visit), no("method_refused", visit)),
		Wishes: []Wish{
			{ID: "tax", Name: "Налоговая служба", At: at(23, 10, 0), Demand: Demand{Level: "verified", Methods: notLetter}, Reasons: []string{"method_refused"}},
			{ID: "pension", Name: "Пенсионный фонд", Open: true, URL: "https://pension.example/login?iss=https%3A%2F%2Fpropusk.example", At: at(3, 10, 0), Demand: Demand{Level: "verified"}},
		},
		Receivers: []Receiver{
			{"pension", "Пенсионный фонд", []string{"name", "birth_date", "snils", "phone"}, on(2027, 11, 24), at(3, 10, 0), at(24, 14, 20)},
			{"portal", "Портал услуг", []string{"name", "phone"}, time.Time{}, at(3, 10, 0), time.Time{}},
		},
	}
	frozen := Assurance{
		Level: "verified", Since: at(24, 9, 0), Frozen: at(24, 14, 20), Rose: true,
		Confirmations: []HeldConfirmation{
			{Confirmation: Confirmation{"service_center", at(24, 9, 0)}, State: "counts", Where: "Центр «Садовая, 12»"},
			{Confirmation: Confirmation{"bank", at(20, 9, 0)}, State: "held"}, {Confirmation: Confirmation{"mail_code", at(3, 9, 0)}, State: "suspended"},
		},
		Services: judged(no("locked_by_citizen", unlock), no("locked_by_citizen", unlock), no("locked_by_citizen", unlock)),
	}
	frozen.Services[0].Answer, frozen.Services[1].Answer = "no", "no"
	fresh := Assurance{Level: "simplified", Since: at(3, 10, 0)}
	lowered := Assurance{Level: "simplified", Lowered: &Lowered{Until: at(27, 14, 28)}, Notice: "forgotten", Services: standard.Services}
	return []Example{{"simplified", fresh}, {"standard", standard}, {"by letter", letter}, {"frozen", frozen}, {"recovered", lowered}}
}

func (Locks) examples() []Example {
	open := Locks{After: 72 * time.Hour, Longer: []time.Duration{24 * time.Hour, 72 * time.Hour, 168 * time.Hour}}
	shut := Locks{After: 72 * time.Hour, Wait: 72 * time.Hour, Longer: []time.Duration{168 * time.Hour}, Notice: "waits"}
	for i, m := range []string{"qualified_signature", "electronic_card", "bank", "mail_code"} {
		open.Methods = append(open.Methods, LockMethod{Method: m})
		row := LockMethod{Method: m, Never: i > 1}
		if i == 3 {
			row.Opens = at(27, 10, 0)
		}
		shut.Methods = append(shut.Methods, row)
	}
	shut.Changes = []WaitingChange{
		{ID: "c1", Kind: "contact", Contact: "+7900•••••42", Opened: at(24, 14, 0), Due: at(27, 14, 0)},
		{ID: "c2", Kind: "confirmation", Method: "qualified_signature", Opened: at(24, 9, 0), Due: at(27, 9, 0)},
		{ID: "c3", Kind: "never", Method: "mail_code", Opened: at(24, 10, 0), Due: at(27, 10, 0)},
		{ID: "c4", Kind: "recovery", Opened: at(24, 10, 0), Due: at(27, 10, 0)},
	}
	frozen, thawing := open, shut
	frozen.Frozen, frozen.Notice = at(24, 14, 20), "frozen"
	thawing.Frozen, thawing.Unfreezes, thawing.Unwaits, thawing.Notice = at(24, 14, 20), at(27, 14, 20), at(27, 14, 0), "still_frozen"
	return []Example{{"open", open}, {"shut", shut}, {"frozen", frozen}, {"thawing", thawing}}
}

func (LockLift) examples() []Example {
	return []Example{
		{"freeze", LockLift{Kind: "freeze", Due: at(27, 14, 28), Username: "+79000000041", TOTP: true}},
		{"wrong", LockLift{Kind: "never", Method: "bank", Due: at(27, 14, 28), Form: Form{Faults: []Fault{{Field: "password", Code: "password.wrong"}}}}},
		{"wait", LockLift{Kind: "wait", Due: at(27, 14, 28)}},
	}
}

func (StopChange) examples() []Example {
	return []Example{
		{"asked", StopChange{State: "asked", Kind: "contact", Due: at(27, 14, 0)}},
		{"stopped", StopChange{State: "stopped", Kind: "confirmation", Method: "bank", Due: at(27, 14, 0)}},
		{"over", StopChange{State: "over"}},
	}
}
