package ui

func exampleRecall(state string) Recall {
	return Recall{
		ID: "7Q3KD2M4XPLA", Reason: "Центр выдавал подтверждения без документов, служебная проверка № 14",
		RecallRow: RecallRow{
			URL: "/operator/recalls/7Q3KD2M4XPLA", Kind: "operator", Source: "П. Ильина, центр «Садовая, 12»", From: at(10, 9, 0), Until: at(21, 20, 0),
			State: state, Accounts: 10412, Drafted: at(24, 14, 2), Drafter: "А. Кедров",
		},
		CountedAt: at(24, 14, 3), Version: "2", Form: Form{Action: "/operator/recalls/7Q3KD2M4XPLA"},
		Counts: &RecallCounts{Accounts: 10412, Confirmations: 10412, Idle: 37, Verified: 1204, Standard: 9171, Unused: 18, Sessions: 3310, Grants: 5128, Parties: []RecallParty{
			{"Налоговая служба", 9860, 412, 655}, {"Пенсионный фонд", 9171, 130, 131}, {"Портал услуг", 0, 0, 3102}}},
	}
}

func (Recalls) examples() []Example {
	one, two, three := exampleRecall("counted").RecallRow, exampleRecall("running").RecallRow, exampleRecall("undone").RecallRow
	two.Kind, two.Source = "bank", "Банк «Заречный», БИК 040000999"
	three.Kind, three.Source, three.Accounts = "batch", "2026-11-02/4", 214
	return []Example{{"some", Recalls{Rows: []RecallRow{one, two, three}}}, {"none yet", Recalls{}}}
}

func (RecallNew) examples() []Example {
	groups := []RecallGroup{
		{"operator", []RecallSource{{"operator:90071992547409", "П. Ильина, центр «Садовая, 12»"}}},
		{"centre", []RecallSource{{"centre:77-012", "Центр «Садовая, 12»"}, {"centre:77-014", "Центр «Речной вокзал»"}}},
		{"bank", []RecallSource{{"bank:Банк «Заречный», БИК 040000999", "Банк «Заречный», БИК 040000999"}}},
	}
	return []Example{
		{"empty", RecallNew{Form: Form{Action: "/operator/recalls/new"}, Groups: groups}},
		{"wrong", RecallNew{Form: Form{Action: "/operator/recalls/new", Faults: []Fault{
			{Field: "source", Code: "recall.source"}, {Field: "from", Code: "date.required"}, {Field: "until", Code: "recall.future"}, {Field: "recall-reason", Code: "recall.reason"},
		}}, Groups: groups, Until: "2027-01-01T00:00"}},
		{"nobody has confirmed anybody", RecallNew{Form: Form{Action: "/operator/recalls/new"}}},
	}
}

func (Recall) examples() []Example {
	with := func(state string, f func(*Recall)) Recall {
		r := exampleRecall(state)
		f(&r)
		return r
	}
	approved := func(r *Recall) {
		r.Approver, r.ApprovedAt, r.Total, r.Done, r.CanAskUndo = "В. Осокин", at(24, 14, 20), 10412, 3150, true
	}
	return []Example{
		{"being counted", with("draft", func(r *Recall) { r.Counts, r.CanRecount, r.CanDrop = nil, true, true })},
		{"for the second administrator", with("counted", func(r *Recall) { r.CanApprove, r.CanRecount, r.CanDrop = true, true, true })},
		{"for who drafted it", with("counted", func(r *Recall) { r.Second, r.CanRecount, r.CanDrop = true, true, true })},
		{"for whom it concerns", with("counted", func(r *Recall) { r.Concerned = true })},
		{"counted long ago", with("counted", func(r *Recall) { r.Stale, r.CanRecount, r.CanDrop = true, true, true })},
		{"nobody", with("counted", func(r *Recall) { r.Counts = &RecallCounts{}; r.Accounts, r.CanRecount, r.CanDrop = 0, true, true })},
		{"running", with("running", approved)},
		{"done", with("done", func(r *Recall) { approved(r); r.Done, r.FinishedAt = r.Total, at(24, 14, 21) })},
		{"undo without a reason", with("done", func(r *Recall) {
			approved(r)
			r.Done, r.FinishedAt, r.Faults = r.Total, at(24, 14, 21), []Fault{{Field: "undo-reason", Code: "recall.reason"}}
		})},
		{"undo asked", with("undo_asked", func(r *Recall) {
			approved(r)
			r.Done, r.FinishedAt, r.CanAskUndo, r.CanDecideUndo = r.Total, at(24, 14, 21), false, true
			r.UndoAsker, r.UndoReason = "В. Осокин", "Проверка ничего не нашла"
		})},
		{"undo asked by the reader", with("undo_asked", func(r *Recall) {
			approved(r)
			r.Done, r.FinishedAt, r.CanAskUndo, r.Second = r.Total, at(24, 14, 21), false, true
			r.UndoAsker, r.UndoReason = "В. Осокин", "Проверка ничего не нашла"
		})},
		{"undoing", with("undoing", func(r *Recall) { approved(r); r.CanAskUndo, r.Done = false, 5000 })},
		{"undone", with("undone", func(r *Recall) {
			approved(r)
			r.CanAskUndo, r.Done, r.FinishedAt, r.UndoneAt, r.UndoAsker, r.UndoReason = false, r.Total, at(24, 14, 21), at(24, 15, 2), "В. Осокин", "Проверка ничего не нашла"
		})},
		{"dropped", with("dropped", func(*Recall) {})},
	}
}
