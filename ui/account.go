package ui

import "time"

// Account is the home page of a person.
type Account struct {
	Name            string
	Level           string
	SimplifiedSince time.Time
	StandardSince   time.Time // zero: not reached
	VerifiedSince   time.Time
	Confirmations   []Confirmation
	Running         string    // what is under way: "", checks, letter
	RunningUntil    time.Time // till when at the latest
	Next            string    // the one act offered: "", profile, checks, confirm, letter, use_now
	NextURL         string    // "" means the act's usual place
	Lowered         *Lowered
	Services        []Service
	Phone, Email    string // ready to show, masked
	SNILS, INN      string
	DocumentType    string
	Document        string
	LastLogin       *Login
	Wishes          []Wish    // services that turned the person away and would let them in now
	Frozen          time.Time // since when; zero: not frozen
	Notice          string    // "", profile_saved, contact_added, contact_later, password_changed, totp_on, totp_off
}

// A Login is one entry. Place is empty when unknown.
type Login struct {
	At           time.Time
	Place, Agent string
}

func (Account) PageName() string { return "account" }

// Profile asks for the data the registries compare.
type Profile struct {
	Form
	FamilyName, GivenName, Patronymic     string
	Sex                                   string
	BirthDay, BirthMonth, BirthYear       string
	BirthPlace                            string
	Citizenship                           string // ISO 3166 alpha-3; "" means RUS
	SNILS                                 string
	DocumentType                          string
	DocumentNumber                        string
	IssuedDay, IssuedMonth, IssuedYear    string
	ExpiresDay, ExpiresMonth, ExpiresYear string // optional
	DepartmentCode, Issuer                string
	Change                                bool   // the data was checked before; the old stays until the verdict
	Running                               string // number of the application that this one will end
}

func (Profile) PageName() string { return "profile" }

// CheckAnswers shows what will be sent to the registries.
type CheckAnswers struct {
	Form
	Person    Person
	Paper     Paper
	ChangeURL string // "" means /account/profile
	Running   string
}

func (CheckAnswers) PageName() string { return "check-answers" }

// Checks shows how an application fares.
type Checks struct {
	State        string // running, agreed, refused, ended (a new application took its place), overdue (a registry kept silent)
	Number       string
	SubmittedAt  time.Time
	DueAt        time.Time
	Contact      string // where the answer will be sent
	DocumentType string
	Items        []Check
	Taken        bool // the SNILS belongs to another checked account
	ConfirmURL   string
	Origin       *Origin // the service whose request waits and can go on now
	BackURL      string
}

// A Check is one registry's part.
type Check struct {
	Registry string // pension, interior, tax
	State    string // todo, sent, delayed, agreed, refused, found, not_found
	At       time.Time
	Fields   []string // what failed: names as in the contract, birth_date
}

func (Checks) PageName() string { return "checks" }

// Contacts adds or changes a contact; the password is asked.
type Contacts struct {
	Form
	Phone, Email string // present ones, masked; "" when there is none
	Removable    bool   // there are two, and nothing holds them
	Claims       []ContactClaim
	Tel          string // typed
	NewEmail     string
	Notice       string // "", contact_kept, contact_removed
}

// A ContactClaim is a contact of this account that somebody else proved. Its form posts keep=<id>.
type ContactClaim struct {
	ID      string
	Kind    string // phone, email
	Contact string // masked
	Until   time.Time
}

// ContactRemove asks whether a contact shall go; the password is asked.
type ContactRemove struct {
	Form
	Kind     string // phone, email
	Contact  string // masked
	Username string
}

func (ContactRemove) PageName() string { return "contact-remove" }

func (Contacts) PageName() string { return "contacts" }

// Legal is one of the texts at the foot.
type Legal struct {
	Text    string // data, rules, accessibility
	Version string
	Since   time.Time
}

func (Legal) PageName() string { return "legal" }
