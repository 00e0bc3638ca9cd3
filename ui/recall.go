package ui

import "time"

// Recalls lists the recalls of confirmations, the newest first.
type Recalls struct {
	Rows []RecallRow
}

// A RecallRow is one recall in the list.
type RecallRow struct {
	URL      string
	Kind     string // operator, centre, bank, issuer, batch
	Source   string // a name, ready to show
	From     time.Time
	Until    time.Time
	State    string // draft, counted, running, done, undo_asked, undoing, undone, dropped
	Accounts int
	Drafted  time.Time
	Drafter  string
}

func (Recalls) PageName() string { return "recalls" }

// RecallNew drafts a recall.
type RecallNew struct {
	Form
	Groups []RecallGroup
	Source string // of the choices
	From   string // as a datetime-local input has it
	Until  string
	Reason string
}

// A RecallGroup is the sources of a kind to choose among.
type RecallGroup struct {
	Kind    string
	Sources []RecallSource
}

// A RecallSource is one choice.
type RecallSource struct{ Value, Name string }

func (RecallNew) PageName() string { return "recall-new" }

// Recall is one recall: what it takes back, what it would do, how far it is, and what the reader can decide.
type Recall struct {
	Form
	RecallRow
	ID         string
	Reason     string
	Approver   string
	ApprovedAt time.Time
	FinishedAt time.Time
	UndoAsker  string
	UndoReason string
	UndoneAt   time.Time
	Version    string // of what is shown
	CountedAt  time.Time
	Stale      bool // counted too long ago to be approved
	Counts     *RecallCounts
	// Done of Total accounts are through, of the recall or of its undo.
	Done, Total int
	// What the reader can do now. Second tells that the next decision is another administrator's.
	CanApprove, CanRecount, CanDrop, CanAskUndo, CanDecideUndo bool
	Second, Concerned                                          bool
}

// RecallCounts are what a dry run found.
type RecallCounts struct {
	Accounts, Confirmations, Idle, Verified, Standard, Unused, Sessions, Grants int
	Parties                                                                     []RecallParty
}

// A RecallParty is how a service is concerned.
type RecallParty struct {
	Name             string
	Lost, Using, Out int
}

func (Recall) PageName() string { return "recall" }
