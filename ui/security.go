package ui

import "time"

// Security is sessions, history and the protection of sign-in. Its form posts
// end=<session id|others>. Who receives what stands on the page Assurance.
type Security struct {
	Form
	Sessions        []Session
	History         []Event
	HistoryMore     string // address of the rest; "" when this is all
	PasswordChanged time.Time
	TOTP            bool
	TOTPSince       time.Time
	Phone, Email    string
	Notice          string // "", ended, ended_all, password_changed, totp_on, totp_off
}

// A Session is one place where the person is signed in.
type Session struct {
	ID           string
	Agent, Place string
	At           time.Time
	Services     []string
	Current      bool
	Foreign      bool // someone else's computer
}

// A Receiver is a service that gets the person's data.
type Receiver struct {
	ID    string
	Name  string
	Items []string // as ConsentItem.Name
	Until time.Time
	Since time.Time // when the person allowed it, or first signed in there
	Last  time.Time // when it was last given anything; zero: not known
}

// An Event is one line of history: locale key event.<Kind>.
type Event struct {
	At           time.Time
	Kind         string
	Count        int    // how many times in a row; 0 and 1 are not told
	Service      string // a party's name, where one took part
	Method       string
	Level        string
	Agent, Place string
	Bad          bool
}

func (Security) PageName() string { return "security" }

// TOTPSetup connects an authenticator app.
type TOTPSetup struct {
	Form
	QRURL  string
	Secret string
}

func (TOTPSetup) PageName() string { return "totp-setup" }

// TOTPOff disconnects it: password and a code are asked.
type TOTPOff struct {
	Form
	Username string
}

func (TOTPOff) PageName() string { return "totp-off" }

// PasswordChange asks for the present password and a new one twice.
type PasswordChange struct {
	Form
	Username  string
	Rules     PasswordRules
	Suggested string
}

func (PasswordChange) PageName() string { return "password-change" }

// Error is the calm page for whatever went wrong.
type Error struct {
	Request  string // "" means the frame's RequestID
	Kind     string // server, not_found, expired, too_many, bad_request, forbidden, unavailable
	At       time.Time
	Wait     time.Duration // with too_many
	Code     string        // with bad_request: the protocol's word, for the integrator
	Service  string        // with bad_request: whose request it was, when known
	RetryURL string        // "" hides the button
	HomeURL  string        // "" means /account
}

func (Error) PageName() string { return "error" }

// Several tells whether there are sessions beside the present one.
func (p Security) Several() bool {
	for _, s := range p.Sessions {
		if !s.Current {
			return true
		}
	}
	return false
}
