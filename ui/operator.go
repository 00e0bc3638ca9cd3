package ui

import "time"

// OperatorSearch opens a case: the person's numbers and the reason.
type OperatorSearch struct {
	Form
	SNILS          string
	DocumentNumber string
	Reason         string // confirm, restore, correct
	Reasons        []string
	Today          int // cases opened today
}

func (OperatorSearch) PageName() string { return "operator-search" }

// OperatorCompare puts the profile beside the document in hand.
type OperatorCompare struct {
	Form
	Number       string // of the case
	StartedAt    time.Time
	CheckedAt    time.Time
	Level        string
	Name         string
	SNILS        string
	DocumentType string
	Valid        bool // the registry holds the document valid
	Methods      []string
	LetterLive   bool
	Rows         []CompareRow
	Face         bool
	Genuine      bool
	Blocked      string // "", own, shares_contact, not_standard, checks_running: shown without the buttons
}

// A CompareRow is one line to compare; the radio is named match-<Field>.
type CompareRow struct {
	Field  string // family-name, given-name, birth-date, birth-place, document-number, issued-on, department-code …
	Value  string
	Date   time.Time
	Answer string // "", yes, no
}

func (OperatorCompare) PageName() string { return "operator-compare" }

// OperatorDone ends a case with a confirmation.
type OperatorDone struct {
	Number   string
	Name     string
	At       time.Time
	PrintURL string
}

func (OperatorDone) PageName() string { return "operator-done" }

// OperatorRefused ends a case without one.
type OperatorRefused struct {
	Number  string
	Name    string
	At      time.Time
	Reasons []string // fields that differ, as CompareRow.Field, and face, genuine
}

func (OperatorRefused) PageName() string { return "operator-refused" }

// OperatorNone says that nobody with these numbers can be helped here.
type OperatorNone struct {
	SNILS          string
	DocumentNumber string
	OtherDocument  bool // the SNILS is known, the document is another
}

func (OperatorNone) PageName() string { return "operator-none" }

// OperatorJournal lists the operator's own acts.
type OperatorJournal struct {
	Day  time.Time
	Rows []JournalRow
}

// A JournalRow is one act.
type JournalRow struct {
	At     time.Time
	Number string
	Kind   string // search, open, confirm, refuse, print, sign_in
	Reason string
	Name   string // masked
}

func (OperatorJournal) PageName() string { return "operator-journal" }

// OperatorForm is the signed statement, printed from the browser: one copy a
// sheet, for the centre and for the citizen.
type OperatorForm struct {
	Number   string
	At       time.Time
	Centre   string
	Operator string
	Person   Person
	Paper    Paper
}

func (OperatorForm) PageName() string { return "operator-form" }

// Copies are whom each sheet is for.
func (OperatorForm) Copies() []string { return []string{"centre", "citizen"} }
