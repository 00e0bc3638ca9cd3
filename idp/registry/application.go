// Package registry runs an application for checks: the citizen's data goes to the registries, and their
// verdicts raise the account to standard or name what did not agree.
//
//	filed ─▶ running ─┬─▶ agreed   (pension and interior agreed; INN looked up)
//	                  ├─▶ refused  (a registry named fields, or the SNILS is taken)
//	                  ├─▶ ended    (a newer application took its place)
//	                  └─▶ overdue  (no answer in five days)
//
// Pension fund and interior ministry are asked in parallel; the tax registry after both agreed, and
// never in the way of the level. Every question is a durable job under the application's stable id.
package registry

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// A State is where an application stands.
type State string

// The states.
const (
	Running State = "running"
	Agreed  State = "agreed"
	Refused State = "refused"
	Ended   State = "ended"
	Overdue State = "overdue"
)

// A Bureau is a registry that is asked.
type Bureau string

// The registries.
const (
	Pension  Bureau = "pension"
	Interior Bureau = "interior"
	Tax      Bureau = "tax"
)

// A Verdict is a registry's answer.
type Verdict string

// The verdicts. The tax registry says Agreed for found and Refused for not found.
const (
	Waiting    Verdict = "" // asked or to be asked
	AgreedWith Verdict = "agreed"
	RefusedBy  Verdict = "refused"
)

// A Check is one registry's part in an application.
type Check struct {
	Verdict  Verdict   `json:"verdict,omitempty"`
	Fields   []string  `json:"fields,omitempty"` // refused: the names of the fields that differ
	Asked    time.Time `json:"asked,omitzero"`   // Now: first sent
	Answered time.Time `json:"answered,omitzero"`
	Attempts int       `json:"attempts,omitempty"`
	// Trouble says that the last attempt found the registry slow, down or incoherent: a code, for the page.
	Trouble string `json:"trouble,omitempty"`
	// Told is when the citizen was told that this registry keeps them waiting.
	Told time.Time `json:"told,omitzero"`
}

// An Application is data sent for checks.
type Application struct {
	ID       string // random; the stable id that registries see
	Number   string // printed form for people, such as "4417-0926"
	Account  account.ID
	Person   account.Person // encrypted at rest under the account's key
	State    State
	Filed    time.Time // Now
	Deadline time.Time // Now: five days later
	Closed   time.Time
	Checks   map[Bureau]Check
	// SNILSTaken: both agreed, but another account holds the checked SNILS.
	SNILSTaken bool
	// Follow is the kind of a job that is enqueued when the application is closed; see Filing.
	Follow  string
	For     string // what the job is about, such as a visit
	Version int64
}

// A Store keeps applications.
type Store interface {
	// FileApplication writes a new application and ends the account's running one, if any: what is to follow that
	// one's end is enqueued with it.
	FileApplication(ctx context.Context, a *Application) error
	// Application returns an application; fault.NotFound.
	Application(ctx context.Context, id string) (*Application, error)
	// LastApplication returns the newest application of an account; fault.NotFound.
	LastApplication(ctx context.Context, id account.ID) (*Application, error)
	// ChangeApplication loads, applies f and writes in the transaction it belongs to, under a lock.
	ChangeApplication(ctx context.Context, id string, f func(*Application) error) (*Application, error)
}
