// Package recall takes back everything that was confirmed by somebody who is no longer trusted to have done
// so rightly: one operator, one centre, one bank, one issuer of certificates, one batch of letters, within
// a time.
//
//	draft ──count──▶ counted ──a second administrator──▶ running ──▶ done
//	  └──────drop──────┘                                    └──undo, asked and approved──▶ undoing ──▶ undone
//
// A recall is reviewed before it runs: its dry run says how many people fall, from which services they
// are shut out and who is signed in now, and an administrator other than the one who drafted it approves
// just that count. It runs by a durable job, so many accounts a transaction; each account is claimed and
// treated in one transaction with its event and its messages, so that whatever dies in between, every
// account is treated once and every message exists once.
//
// Nothing is deleted: the confirmations are held back under the recall's name, and an undo releases what
// it held. Codes that nobody had entered yet are void for good. What happened since (a new confirmation, another fall) stands, and ended sessions stay ended.
package recall

import (
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

// An ID names a recall.
type ID string

// Holder is the name under which a recall holds confirmations.
func (id ID) Holder() string { return "recall:" + string(id) }

// A Kind says what sort of source confirmations came from.
type Kind string

// The kinds.
const (
	Operator Kind = "operator" // an account id
	Centre   Kind = "centre"   // a centre's id
	Bank     Kind = "bank"     // Confirmation.Organization of confirmations by a bank
	Issuer   Kind = "issuer"   // the same of those by signature or card: who issued the certificate
	Batch    Kind = "batch"    // of letters
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{Operator, Centre, Bank, Issuer, Batch} }

// A Source is who confirmed.
type Source struct {
	Kind  Kind   `json:"kind"`
	Value string `json:"value"`
}

// A Filter chooses confirmations: by a source, from and until a time (Wall, the end not included).
type Filter struct {
	Source
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// Takes tells whether the filter chooses a confirmation.
func (f Filter) Takes(c account.Confirmation) bool {
	if c.At.Before(f.From) || !c.At.Before(f.Until) {
		return false
	}
	switch f.Kind {
	case Operator:
		return c.Operator != 0 && c.Operator.String() == f.Value || c.Second != 0 && c.Second.String() == f.Value
	case Centre:
		return c.Centre != "" && c.Centre == f.Value
	case Bank:
		return c.Method == account.Bank && c.Organization != "" && c.Organization == f.Value
	case Issuer:
		return (c.Method == account.QualifiedSignature || c.Method == account.ElectronicCard) && c.Organization != "" && c.Organization == f.Value
	case Batch:
		return c.Batch != "" && c.Batch == f.Value
	}
	return false
}

// A State is how far a recall is.
type State string

// The states.
const (
	Draft   State = "draft" // its dry run is not done yet
	Counted State = "counted"
	Running State = "running"
	Done    State = "done"
	Undoing State = "undoing"
	Undone  State = "undone"
	Dropped State = "dropped"
)

// A Step is a decision of an administrator.
type Step struct {
	By account.ID `json:"by,omitempty"`
	At time.Time  `json:"at,omitzero"` // Wall
}

// A Recall is one such operation.
type Recall struct {
	ID ID `json:"id"`
	Filter
	Reason  string  `json:"reason"` // for the record; nothing personal
	State   State   `json:"state"`
	Drafted Step    `json:"drafted"`
	Counts  *Counts `json:"counts,omitempty"` // of the last dry run
	// Counted is when (Now) that was.
	Counted    time.Time `json:"counted,omitzero"`
	Approved   Step      `json:"approved,omitzero"`
	Finished   time.Time `json:"finished,omitzero"`
	UndoAsked  Step      `json:"undo_asked,omitzero"`
	UndoReason string    `json:"undo_reason,omitempty"`
	Undo       Step      `json:"undo,omitzero"` // its approval
	UndoneAt   time.Time `json:"undone_at,omitzero"`
	Version    int64     `json:"-"`
}

// Counts are what a dry run found.
type Counts struct {
	Accounts      int `json:"accounts"`
	Confirmations int `json:"confirmations"`
	// Idle are accounts that lose nothing: what they had by this source counts for nothing already.
	Idle int `json:"idle"`
	// Verified stay verified by something else, Standard fall to standard.
	Verified int `json:"verified"`
	Standard int `json:"standard"`
	// Unused are codes that nobody has entered yet: they will be void.
	Unused int `json:"unused,omitempty"`
	// Sessions and Grants are those alive now that will end.
	Sessions int     `json:"sessions"`
	Grants   int     `json:"grants"`
	Parties  []Party `json:"parties,omitempty"` // those concerned, the most concerned first
}

// A Party is how a recall concerns a relying party.
type Party struct {
	Client rp.ID `json:"client"`
	// Lost are the people it would let in now and would not afterwards, Using those of them who are signed
	// in there now.
	Lost  int `json:"lost"`
	Using int `json:"using"`
	// Out are the people who are signed in there now and will be signed out.
	Out int `json:"out"`
}

// An ItemState is how far one account of a recall is.
type ItemState int

// The states of an item.
const (
	Pending ItemState = 0
	Treated ItemState = 1
	Back    ItemState = 2 // given back by an undo
)

// An Item is one account of a recall, and what was done to it.
type Item struct {
	Account account.ID
	State   ItemState
	Outcome
}

// An Outcome is what a recall held of an account. Empty: there was nothing any more.
type Outcome struct {
	Held       []string      `json:"held,omitempty"`
	From       account.Level `json:"from,omitempty"`
	To         account.Level `json:"to,omitempty"`
	VerifiedAt time.Time     `json:"verified_at,omitzero"`
	Fell       bool          `json:"fell,omitempty"`
	Voided     bool          `json:"voided,omitempty"` // a code that nobody had entered yet
}

// Progress counts the items of a recall.
type Progress struct {
	Pending, Treated, Back int
}

// Total is all of them.
func (p Progress) Total() int { return p.Pending + p.Treated + p.Back }

var (
	// ErrNotAdministrator reports somebody who may not decide on recalls.
	ErrNotAdministrator = fmt.Errorf("recall: not an administrator: %w", fault.Denied)
	// ErrSamePerson reports that the one who decides second is the one who decided first.
	ErrSamePerson = fmt.Errorf("recall: the second decision is another administrator's: %w", fault.Denied)
	// ErrConcerned reports an administrator who is the operator in question.
	ErrConcerned = fmt.Errorf("recall: one's own confirmations are for others to judge: %w", fault.Denied)
	// ErrState reports a step that the recall's state does not allow.
	ErrState = fmt.Errorf("recall: not in this state: %w", fault.Conflict)
	// ErrMoved reports that the recall is not what was shown to who decides.
	ErrMoved = fmt.Errorf("recall: it has changed since it was shown: %w", fault.Conflict)
	// ErrStale reports a dry run of longer ago than CountLife.
	ErrStale = fmt.Errorf("recall: the dry run is too old, count again: %w", fault.Conflict)
	// ErrNobody reports a recall that concerns no account.
	ErrNobody = fmt.Errorf("recall: it concerns nobody: %w", fault.Conflict)
)

// CountLife is how long a dry run can be approved.
const CountLife = 24 * time.Hour
