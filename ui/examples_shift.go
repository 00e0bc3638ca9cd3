package ui

func (OperatorShift) examples() []Example {
	form := Form{Action: "/operator/shift"}
	programs := []Program{{"mfc-desk", "МФЦ «Единое окно»"}, {"queue", "Электронная очередь"}}
	run := &Shift{Program: "МФЦ «Единое окно»", Opened: at(24, 9, 2), Until: at(24, 21, 0), Bound: true}
	wrong := form
	wrong.Faults = []Fault{{Field: "partner", Code: "shift.program"}}
	return []Example{
		{"none", OperatorShift{Form: form, Programs: programs, Notice: "closed"}},
		{"opened", OperatorShift{Form: form, Programs: programs, Token: "dGhpcyBpcyBhbiBleGFtcGxlLCBub3QgYSB0b2tlbi4", Running: &Shift{Program: run.Program, Opened: run.Opened, Until: run.Until}}},
		{"running", OperatorShift{Form: form, Programs: programs, Running: run}},
		{"wrong", OperatorShift{Form: wrong, Programs: programs}},
		{"no programs", OperatorShift{Form: form}},
	}
}
