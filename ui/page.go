package ui

import (
	"time"

	"github.com/propusk/propusk/idp/civil"
)

// A Page is exactly what one page shows. Its template is
// pages/<PageName>/page.html; the two cannot exist without each other.
type Page interface {
	// PageName is the folder of the page's template.
	PageName() string
	// examples are the page's documentation, its tests and its gallery
	// entries in one; the method also keeps the set of pages in this package.
	examples() []Example
}

// An Example is one state of a page worth looking at.
type Example struct {
	Name string
	Page Page
}

// A Fault is one mistake in a form, told above the heading and again at its
// field in the same words: locale key fault.<Code>. Field is the id of an
// input, or a name of civil's forms: family_name, birth_date, issued_on.
type Fault struct {
	Field string        // "" when no single field is wrong
	Code  string        // "snils.check"
	Count int           // for sentences that count: tries left
	Wait  time.Duration // for sentences that ask to wait
	When  time.Time     // for sentences that name a date
}

// A Hidden is a value that travels with a form unseen.
type Hidden struct{ Name, Value string }

// A Form is what every page with a form has. Action is relative to the page's
// own address; empty posts to that address itself.
type Form struct {
	Action string
	Hidden []Hidden
	Faults []Fault
}

// An Origin is the service that sent the person here. Name is in the
// language of the page, Host is what the address bar would show.
type Origin struct{ Name, Host string }

// A Step is where a person stands in a linear flow. Of below 3 shows nothing.
type Step struct{ N, Of int }

// A Demand is what a service asks of those it lets in. Methods are the
// confirmation methods it accepts; none listed means any.
type Demand struct {
	Level   string // simplified, standard, verified
	Methods []string
	MaxAge  time.Duration // 0: any age of a confirmation
	Strong  bool          // a second factor at sign-in
}

// A Standing is what the person has against a Demand.
type Standing struct {
	Level   string
	Methods []string
	At      time.Time // of the confirmation that is judged, when age matters
	Strong  bool
	Locked  bool
}

// A Service is one place that accepts the person or not.
type Service struct {
	Name   string
	Answer string // yes, later (a running check or letter will open it), no
	Demand Demand
}

// A Confirmation is one proof of identity.
type Confirmation struct {
	Method string // mail_code, bank, service_center, qualified_signature, electronic_card
	At     time.Time
}

// An Address is where a letter goes.
type Address struct{ PostalCode, Region, Locality, Street, House, Flat string }

// Place is region and locality, a city of its own region once.
func (a Address) Place() string { return civil.Address{Region: a.Region, Locality: a.Locality}.Place() }

// A Person is the checked main data, ready to show.
type Person struct {
	FamilyName, GivenName, Patronymic string
	Sex                               string // f, m
	BirthDate                         time.Time
	BirthPlace                        string
	Citizenship                       string // ISO 3166 alpha-3
	SNILS                             string
}

// A Paper is an identity document, ready to show.
type Paper struct {
	Type           string // ru_passport, residence_permit, foreign_passport
	Number         string
	IssuedOn       time.Time
	ExpiresOn      time.Time // zero: none
	Issuer         string
	DepartmentCode string
}

// A Centre is a service centre a person can walk into.
type Centre struct{ Name, Address, Hours, Phone string }

// all lists every page once; the order is that of a citizen's life.
func all() []Page {
	return []Page{
		SignIn{}, CertificateRefused{}, TOTPCode{}, SMSCode{}, CreateAccount{}, EmailSent{}, EmailConfirm{}, Password{}, AccountCreated{},
		Account{}, Profile{}, CheckAnswers{}, Checks{},
		Methods{}, LetterAddress{}, LetterCheck{}, Letter{}, Visit{}, Centres{}, Banks{}, BankReturn{}, BankAccount{}, Signature{}, SignaturePresent{}, Confirmed{}, NotMe{}, UseNow{},
		Consent{}, Refusal{}, Why{}, FormPost{}, Logout{}, LoggedOut{}, Error{},
		RecoverStart{}, RecoverIdentity{}, RecoverDone{}, RecoverInPerson{},
		Assurance{}, Locks{}, LockLift{}, StopChange{}, Security{}, TOTPSetup{}, TOTPOff{}, PasswordChange{}, Contacts{}, ContactRemove{}, Legal{},
		OperatorSearch{}, OperatorData{}, OperatorPhone{}, OperatorCompare{}, OperatorWaiting{}, OperatorDone{}, OperatorForm{}, OperatorRefused{}, OperatorNone{}, OperatorJournal{},
		Recalls{}, RecallNew{}, Recall{}, OperatorShift{}, OperatorKeys{}, OperatorKeyNew{}, OperatorKeyRemove{},
	}
}
