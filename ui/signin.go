package ui

import "time"

// SignIn asks for login name and password.
type SignIn struct {
	Form
	Origin          *Origin
	Username        string
	ForeignComputer bool
	Notice          string // "", signed_out, password_changed, recovered, ended: why the person is here
	RegisterURL     string // "" means /register
	RecoverURL      string // "" means /recover
	CertificateURL  string // where a certificate takes the password's place; "" when it cannot
	Staff           bool   // the console: nobody registers there, and a password is recovered in person
}

func (SignIn) PageName() string { return "sign-in" }

// TOTPCode asks for the code of an authenticator app as a second factor.
type TOTPCode struct {
	Form
	Origin    *Origin
	CancelURL string      // "" means /login
	Key       PasskeyForm // staff may use a key instead, where it has a question
}

func (TOTPCode) PageName() string { return "totp-code" }

// SMSCode asks for the code sent to a phone.
type SMSCode struct {
	Form
	Step      Step
	Origin    *Origin
	Purpose   string // register, recover, contact, sign_in
	Phone     string // E.164, masked or not
	ExpiresAt time.Time
	TriesLeft int    // told when 2 or fewer; 0 is not told
	EmailURL  string // where a link by mail can be asked for instead; "" when impossible
	ChangeURL string // where the number can be changed; "" when it cannot
}

func (SMSCode) PageName() string { return "sms-code" }

// Expired tells whether the code is past its time, so that the button for a
// new one is awake.
func (p SMSCode) expired(now time.Time) bool { return !now.Before(p.ExpiresAt) }

// EmailSent says that a link is on its way, whoever the address belongs to.
type EmailSent struct {
	Form       // its button asks to send again: name "again"
	Step       Step
	Purpose    string // register, recover, contact
	Email      string
	ValidUntil time.Time
	ChangeURL  string
}

func (EmailSent) PageName() string { return "email-sent" }

// EmailConfirm is what the link opens: a GET changes nothing, the button does.
type EmailConfirm struct {
	Form
	Purpose string // register, recover, contact
	Email   string
}

func (EmailConfirm) PageName() string { return "email-confirm" }

// FormPost hands the answer to the service: a script sends it, and without
// the script the person does.
type FormPost struct {
	Action string // the validated redirect address
	Inputs []Hidden
	Origin Origin
}

func (FormPost) PageName() string { return "form-post" }

// Logout asks whether the person wants to leave everything.
type Logout struct {
	Form
	Origin   *Origin
	Services []string // where the person is signed in through this session
	StayURL  string   // "" means /account
}

func (Logout) PageName() string { return "logout" }

// LoggedOut says that the session is over.
type LoggedOut struct {
	BackName string // service to return to; "" when none was validated
	BackURL  string
	Everyone bool // every session of the account was ended
}

func (LoggedOut) PageName() string { return "logged-out" }

// Consent asks whether a service may have the data.
type Consent struct {
	Form
	Origin  Origin
	Purpose string // what for, in the service's words; may be empty
	Items   []ConsentItem
	Until   time.Time // till when the answer is remembered; zero: only this time
	Offline bool      // the service will also read the data while the person is away
	// Verified is what the service gets together with how it was verified.
	Verified []ConsentProof
	Later    bool // verified data is asked for, and nothing there is meets the service's conditions yet
}

// A ConsentProof is data verified in one way.
type ConsentProof struct {
	Method   string // "": by the registers alone
	Date     time.Time
	Items    []ConsentItem
	Evidence bool // who verified it, when and by what goes along
}

// A ConsentItem is one fact to be given, by name and value. Name is a key:
// name, birth_date, birth_place, sex, citizenship, snils, inn, phone, email,
// address, document, documents, level, id.
type ConsentItem struct {
	Name   string
	Value  string
	Date   time.Time // shown instead of Value when set
	Level  string    // with Name "level"
	Method string    // the strongest confirmation, with Date its day
	Absent bool      // the account has it not yet; the service gets it when it is there
}

func (Consent) PageName() string { return "consent" }

// UseNow asks for the password so that a level that has risen counts at once.
type UseNow struct {
	Form
	Origin   *Origin // the waiting request, if any
	Username string
	Level    string
	Method   string
	TOTP     bool   // a code is asked too
	SkipURL  string // "" means /account
}

func (UseNow) PageName() string { return "use-now" }
