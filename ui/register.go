package ui

import "time"

// CreateAccount asks for a name and one contact.
type CreateAccount struct {
	Form
	Origin     *Origin
	FamilyName string
	GivenName  string
	Tel        string
	Email      string
	Consent    bool
	SignInURL  string // "" means /login
}

func (CreateAccount) PageName() string { return "create-account" }

// Password asks for a new password twice: last step of registration and of
// recovery.
type Password struct {
	Form
	Step      Step
	Purpose   string // register, recover
	Username  string // for password managers
	Rules     PasswordRules
	Suggested string // a password made up by us, shown in the open
}

func (Password) PageName() string { return "password" }

// PasswordRules are told before typing and ticked off by a script.
type PasswordRules struct {
	MinLength int
	Latin     bool // profile esia: letters of both cases and a digit
}

// AccountCreated ends registration.
type AccountCreated struct {
	Origin      *Origin
	Username    string // what to sign in with
	ContinueURL string // back to the waiting request, or "" for /account
}

func (AccountCreated) PageName() string { return "account-created" }

// RecoverStart asks who lost the way in: phone, mail or SNILS.
type RecoverStart struct {
	Form
	Username string
}

func (RecoverStart) PageName() string { return "recover-start" }

// RecoverIdentity asks what only the owner knows.
type RecoverIdentity struct {
	Form
	Step           Step
	SNILS          string
	DocumentNumber string
}

func (RecoverIdentity) PageName() string { return "recover-identity" }

// RecoverDone ends recovery.
type RecoverDone struct {
	ContinueURL string // "" means /login
	// Lowered is set when a verified account counts as simplified for a while.
	Lowered *Lowered
	// Waits is set when the new password counts only from then on.
	Waits time.Time
}

func (RecoverDone) PageName() string { return "recover-done" }

// RecoverInPerson says that only a visit helps.
type RecoverInPerson struct {
	Centres []Centre
	Staff   bool // an operator or administrator, who recovers only in person
}

func (RecoverInPerson) PageName() string { return "recover-in-person" }

// Lowered says till when a recovered account counts as simplified.
type Lowered struct{ Until time.Time }
