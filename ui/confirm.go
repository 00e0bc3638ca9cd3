package ui

import "time"

// Methods offers the ways to verified. Only what is possible now is a card
// with a button.
type Methods struct {
	Level         string
	Confirmations []Confirmation
	Cards         []MethodCard
	Blocked       string // why none is possible: "", not_standard, checks_running, data_changing, restricted (all but a visit)
}

// A MethodCard is one way.
type MethodCard struct {
	Method   string
	URL      string // "" when it cannot be started now
	Live     bool   // under way: the button leads there
	Done     bool   // this confirmation is already held
	From     time.Time
	Nearest  string // address of one
	Services []Service
}

func (Methods) PageName() string { return "methods" }

// LetterAddress asks where the letter should go.
type LetterAddress struct {
	Form
	Address
	Refuses []string // services that will not accept this method
}

func (LetterAddress) PageName() string { return "letter-address" }

// LetterCheck shows the order before it is sent.
type LetterCheck struct {
	Form
	Recipient string
	Phone     string
	Address   Address
	Refuses   []string
	ChangeURL string // "" means /account/confirm/letter
}

func (LetterCheck) PageName() string { return "letter-check" }

// Letter follows a letter and takes its code.
type Letter struct {
	Form
	State       string // live, expired, or why it ended: citizen, returned, tries, replaced, fallen, post_refused, recalled
	JustOrdered bool
	Number      string // of the order
	ExpectedBy  time.Time
	Address     Address
	Status      string // ordered, accepted, printed, handed_over, in_transit, arrived, delivered, returned
	Events      []LetterEvent
	Track       string
	ValidUntil  time.Time // of the code; zero until handed over
	ValidDays   int       // until then: for how many days from the hand-over it will be valid
	NextFrom    time.Time // when another letter may be ordered; zero: now
	TriesLeft   int
	Code        string
	Refuses     []string
}

// A LetterEvent is one report of the post.
type LetterEvent struct {
	Status string
	At     time.Time
	Place  string
}

func (Letter) PageName() string { return "letter" }

// Visit tells where to go and what to take.
type Visit struct {
	Form
	Centres      []Centre
	Code         string // the visit code, if one is live
	CodeUntil    time.Time
	QRURL        string
	DocumentType string
	Document     string // masked
	// An activation code was handed over in an envelope and waits to be entered.
	EnvelopeUntil  time.Time
	ActivationCode string // as typed
	TriesLeft      int
}

func (Visit) PageName() string { return "visit" }

// Confirmed tells what a confirmation opened.
type Confirmed struct {
	Method    string
	At        time.Time
	Number    string
	Opens     []string
	StillNot  []Service
	Origin    *Origin // the service whose request is waiting
	UseNowURL string
	Wishes    []Wish // services that turned the person away and would let them in now
}

func (Confirmed) PageName() string { return "confirmed" }

// Refusal tells why a service will not have the person yet, and the ways up.
type Refusal struct {
	Form       // posts way=<kind>
	Origin     Origin
	Reasons    []string // level_too_low, method_refused, confirmation_too_old, authentication_too_weak, locked_by_citizen
	Have       Standing
	Need       Demand
	Ways       []Way // shortest first; only those that would satisfy this service
	BackURL    string
	AcceptedBy []string // services that have the person already
}

// A Way leads up: a confirmation method, or profile, checks, letter (one is
// under way), second_contact, second_factor, sign_in_again, unlock, use_now.
type Way struct {
	Kind string
	URL  string
}

func (Refusal) PageName() string { return "refusal" }

// Why explains a refusal looked up by its request id. It is open to anyone
// who has the id, so it tells reasons only when the door knows the citizen.
type Why struct {
	Known   bool
	Request string
	At      time.Time
	Service string
	Reasons []string // empty: not for this reader
	Need    *Demand
	SignIn  string // where to sign in to see more; "" when signed in
}

func (Why) PageName() string { return "why" }
