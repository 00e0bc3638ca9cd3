package ui

import "time"

// A Wish is a service that turned the person away.
type Wish struct {
	ID      string
	Name    string
	Open    bool   // it would let them in now
	URL     string // where that begins; "" when nobody knows
	At      time.Time
	Demand  Demand
	Reasons []string // when it would not, as in Refusal
}

// Assurance is all about how sure services can be of the person: the level and how it was reached, who takes
// it, who received what. Its forms post revoke=<receiver id> and forget=<wish id>.
type Assurance struct {
	Form
	Level         string
	Since         time.Time
	Confirmations []HeldConfirmation
	Services      []AssuredService
	Wishes        []Wish
	Receivers     []Receiver
	Frozen        time.Time
	Never         []string // methods the person shut off
	Wait          time.Duration
	Lowered       *Lowered
	Rose          bool   // the session says less than the account has
	Notice        string // "", revoked, forgotten
}

// A HeldConfirmation is one proof, whether it counts or not.
type HeldConfirmation struct {
	Confirmation
	State string    // counts, waiting (Until), held, suspended
	Until time.Time // waiting: counts from then
	Where string    // a centre's name
	Ages  []Age     // services that want it fresh
}

// An Age is until when a confirmation is fresh enough for a service.
type Age struct {
	Service string
	Until   time.Time
	Past    bool
}

// An AssuredService is a service, its answer, and if that is no why and which ways would change it.
type AssuredService struct {
	Service
	Reasons []string
	Ways    []Way
}

// Locks is what the person shut off. Its forms post freeze=1, shut=<method>, wait=<hours> or stop=<change id>.
type Locks struct {
	Form
	Frozen    time.Time
	Unfreezes time.Time // when a lifting that waits takes effect
	Methods   []LockMethod
	Wait      time.Duration
	Unwaits   time.Time
	Longer    []time.Duration // the waiting periods that can still be set
	After     time.Duration   // how long a lifting waits
	Changes   []WaitingChange
	Notice    string // "", waits, frozen, stopped, set, lifting, refused_frozen
}

// A LockMethod is a way of confirming and whether it is shut off.
type LockMethod struct {
	Method string
	Never  bool
	Opens  time.Time // when a lifting that waits takes effect
}

// A WaitingChange is a change that has been announced.
type WaitingChange struct {
	ID      string
	Kind    string // contact, contact_removal, confirmation, recovery, freeze, never, wait
	Method  string
	Contact string // masked
	Opened  time.Time
	Due     time.Time
}

// LockLift asks for the password, and a code where there is an app, before a lock is lifted.
type LockLift struct {
	Form
	Kind     string // freeze, never, wait
	Method   string
	Due      time.Time
	Username string
	TOTP     bool
}

// StopChange is where the link of a message leads: it stops a change, without signing in.
type StopChange struct {
	Form
	Kind   string
	Method string
	Due    time.Time
	State  string // asked, stopped, over
}

func (Assurance) PageName() string  { return "assurance" }
func (Locks) PageName() string      { return "locks" }
func (LockLift) PageName() string   { return "lock-lift" }
func (StopChange) PageName() string { return "stop-change" }
