package ui

import "time"

// OperatorSearch is where a day at the window happens: the search that opens a
// case, and what is open, waits and is done.
type OperatorSearch struct {
	Form
	VisitCode      string // leads by itself; else both numbers do
	SNILS          string
	DocumentNumber string
	Reason         string
	Reasons        []string
	Today          int      // cases opened today
	Done           string   // "", deleted: what has just happened and left nothing to show
	Mine           []DayRow // open
	Waiting        []DayRow // for a second pair of eyes
	Closed         []DayRow
}

// A DayRow is one visit of today.
type DayRow struct {
	URL     string // "" when there is nothing to see
	Number  string
	At      time.Time
	Reason  string
	Outcome string // "": open
	Name    string // masked
	Own     bool   // opened by the reader
}

func (OperatorSearch) PageName() string { return "operator-search" }

// OperatorCompare puts what is known beside the document in hand.
type OperatorCompare struct {
	Form
	Number       string // of the case
	Reason       string // confirm, code, restore, correct, register, delete
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
	Sure         bool     // of a deletion
	Blocked      string   // "", own, shares_contact, not_standard, checks_running, lapsed: shown without the buttons
	Second       bool     // a colleague decides over a case that waits: the lines are looked at as a whole
	Risks        []string // why it waits: contact, restored, age, final
	Asker        string   // who asks the colleague
	Phone        string   // proved at the window
	PhoneURL     string   // where one is proved; "" when the case needs none
	DataURL      string   // where the data was typed; "" when it is the profile's
	PrintURL     string   // what is signed before the act
	Others       []Namesake
}

// A Namesake is an account that may be the same person's.
type Namesake struct {
	Name   string // masked
	Level  string
	Shares []string // person, document
}

// A CompareRow is one line to compare; the radio is named match-<Field>.
type CompareRow struct {
	Field  string // family-name, given-name, birth-date, birth-place, document-number, issued-on, department-code …
	Value  string
	Date   time.Time
	Answer string // "", yes, no
}

func (OperatorCompare) PageName() string { return "operator-compare" }

// OperatorPhone proves a phone at the window: the person reads the code out.
type OperatorPhone struct {
	Form      // posts act=send or act=enter
	Number    string
	Name      string
	Reason    string
	Tel       string
	Sent      bool
	ExpiresAt time.Time
	TriesLeft int
	BackURL   string
}

func (OperatorPhone) PageName() string { return "operator-phone" }

// OperatorData takes the data of a document down: of somebody new, or of a new document.
type OperatorData struct {
	Form
	Number         string // of the case; "" when it begins here
	Reason         string // correct, register
	FamilyName     string
	GivenName      string
	Patronymic     string
	Sex            string
	BirthDay       string
	BirthMonth     string
	BirthYear      string
	BirthPlace     string
	Citizenship    string
	SNILS          string
	DocumentType   string
	DocumentNumber string
	IssuedDay      string
	IssuedMonth    string
	IssuedYear     string
	ExpiresDay     string
	ExpiresMonth   string
	ExpiresYear    string
	DepartmentCode string
	Issuer         string
	Blocked        string // own, shares_contact
}

func (OperatorData) PageName() string { return "operator-data" }

// OperatorWaiting tells that a colleague must look too.
type OperatorWaiting struct {
	Number   string
	Name     string
	Reason   string
	Risks    []string
	Until    time.Time
	URL      string // to look again
	PrintURL string
}

func (OperatorWaiting) PageName() string { return "operator-waiting" }

// OperatorDone ends a case with what the person came for.
type OperatorDone struct {
	Number        string
	Name          string
	Outcome       string // confirmed, handed, restored, checking
	At            time.Time
	PrintURL      string
	EnvelopeURL   string // while the code can be printed
	EnvelopeUntil time.Time
	Seconded      bool // the reader is the colleague: the papers are the other's
}

func (OperatorDone) PageName() string { return "operator-done" }

// OperatorRefused ends a case without one.
type OperatorRefused struct {
	Number  string
	Name    string
	At      time.Time
	Reasons []string // fields that differ, as CompareRow.Field, and face, genuine, second
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
