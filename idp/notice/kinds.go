package notice

import (
	"time"

	"github.com/propusk/propusk/idp/account"
)

// A Kind names what a message says. Its texts stand in texts/<lang>/ as <kind>.sms, <kind>.subject
// and <kind>.mail.
type Kind string

// The messages of registration. RegistrationCode and RegistrationLink go to a contact that nobody holds
// yet; ContactTaken is sent in their place to the holder of the contact, and is the only thing that says
// the account exists.
const (
	RegistrationCode Kind = "registration_code" // sms: Code
	RegistrationLink Kind = "registration_link" // mail: Link
	ContactTaken     Kind = "contact_taken"
	AccountCreated   Kind = "account_created"
)

// The messages about signing in.
const (
	SignInFailures  Kind = "sign_in_failures" // Count
	SignInLocked    Kind = "sign_in_locked"   // Until; zero: without end
	SignInNew       Kind = "sign_in_new"      // At, Device: a browser not seen before
	PasswordChanged Kind = "password_changed" // At
	TOTPAdded       Kind = "totp_added"       // At
	TOTPRemoved     Kind = "totp_removed"     // At
	PasskeyAdded    Kind = "passkey_added"    // At
	PasskeyRemoved  Kind = "passkey_removed"  // At
	PasskeyDoubted  Kind = "passkey_doubted"  // At: its counter went back, and it opens nothing any more
)

// The messages of recovery. RecoveryNoAccount answers an unknown contact, so that a page can say "we
// sent a message" to everybody and not lie.
const (
	RecoveryCode      Kind = "recovery_code" // sms: Code
	RecoveryLink      Kind = "recovery_link" // mail: Link
	RecoveryNoAccount Kind = "recovery_no_account"
	RecoveryInPerson  Kind = "recovery_in_person" // staff, or no other way left
	RecoveryDone      Kind = "recovery_done"      // At
	Restricted        Kind = "restricted"         // Until: counts as simplified till then
)

// The messages about contacts. ContactCode and ContactLink prove a new one.
const (
	ContactCode    Kind = "contact_code"    // sms: Code
	ContactLink    Kind = "contact_link"    // mail: Link
	ContactAdded   Kind = "contact_added"   // Contact (masked), At
	ContactRemoved Kind = "contact_removed" // Contact (masked), At
)

// The messages about a contact that moves to another account. ContactClaimCode and ContactClaimLink go to
// the contact, in the place of ContactCode and ContactLink; ContactNotMoved goes to who proved it, the
// others to who holds it.
const (
	ContactClaimCode Kind = "contact_claim_code" // sms: Code
	ContactClaimLink Kind = "contact_claim_link" // mail: Link
	ContactClaimed   Kind = "contact_claimed"    // Contact (masked), Until, Last
	ContactMoved     Kind = "contact_moved"      // Contact (masked), At
	ContactNotMoved  Kind = "contact_not_moved"  // Contact (masked)
)

// The messages of an application for checks.
const (
	ApplicationFiled   Kind = "application_filed"       // Number, Until
	ApplicationAgreed  Kind = "application_agreed"      // Number
	ApplicationRefused Kind = "application_refused"     // Number, Fields
	ApplicationTaken   Kind = "application_snils_taken" // Number
	ApplicationDelayed Kind = "application_delayed"     // Number, Until
	ApplicationOverdue Kind = "application_overdue"     // Number
)

// The messages of a registered letter.
const (
	LetterOrdered    Kind = "letter_ordered"     // Number
	LetterHandedOver Kind = "letter_handed_over" // Track, Until: the code's last day
	LetterArrived    Kind = "letter_arrived"     // Track
	LetterReturned   Kind = "letter_returned"    // Track
	LetterExpiring   Kind = "letter_expiring"    // Until
	LetterSpent      Kind = "letter_spent"       // Until: when another can be ordered; too many wrong codes
	LetterRefused    Kind = "letter_refused"     // Number: the post does not take it
	CodeRecalled     Kind = "code_recalled"      // who printed the letter or handed the code over is not trusted any more
)

// The messages about the level.
const (
	Confirmed Kind = "confirmed" // Method, At; Link: where to say that it was not them
	Lowered   Kind = "lowered"   // Level, Reason: a code of Why
)

// The messages about single confirmations.
const (
	Withdrawn Kind = "confirmation_withdrawn" // Method, Level, Reason: a code of Why; withdrawn or held back
	Restored  Kind = "confirmation_restored"  // Method, Level: what was held back counts again
	Disowned  Kind = "confirmation_disowned"  // Method, Level: the citizen said that it was not them
)

// The messages about what the registries tell.
const (
	DocumentLapsing Kind = "document_lapsing" // Until: the day on which it lapses
	Reopened        Kind = "reopened"         // Level: an account that was closed by mistake
)

// The messages about locks that citizens set on their own accounts, and about changes that wait for them.
// What is a code of What….
const (
	AccountFrozen   Kind = "account_frozen"   // At
	LockSet         Kind = "lock_set"         // What
	LockLifted      Kind = "lock_lifted"      // What
	ChangeAnnounced Kind = "change_announced" // What, Until, Link: where it can be stopped
	ChangeStopped   Kind = "change_stopped"   // What
)

// The names of what waits, is set or is lifted.
const (
	WhatContact        = "contact"
	WhatContactRemoval = "contact_removal"
	WhatConfirmation   = "confirmation"
	WhatRecovery       = "recovery"
	WhatFreeze         = "freeze"
	WhatNever          = "never"
	WhatWait           = "wait"
)

// The messages of an account that a bank registers, to the phone that the bank gave; Service is the bank.
const (
	BankAccountReady   Kind = "bank_account_ready"   // sms: Service, Link, Until
	BankAccountExists  Kind = "bank_account_exists"  // sms: Service
	BankAccountRefused Kind = "bank_account_refused" // sms: Service
	BankAccountDone    Kind = "bank_account_done"    // Service
)

// The messages about what was done at a window.
const (
	AccessRestored Kind = "access_restored" // At, Until: the phone's last day of opening the account without doubt
	AccountErased  Kind = "account_erased"  // At
)

// WishOpen tells of a service that turned the citizen away and would let them in now.
const WishOpen Kind = "wish_open" // Service

// The reasons of Lowered and Withdrawn.
const (
	WhyWithdrawn = "withdrawn" // a confirmation was taken back
	WhyData      = "data"      // the data changed to another person's, or no longer agrees
	WhyDocument  = "document"  // the document was annulled or has lapsed
	WhyFraud     = "fraud"
	WhyOffice    = "office" // by an administrator's decision
	WhyRecall    = "recall" // whoever confirmed many people is no longer trusted to have done so rightly
	WhyCitizen   = "citizen"
)

// With is what a message is filled in with. What its kind does not name stays zero.
type With struct {
	Code    string
	Link    string // absolute
	At      time.Time
	Until   time.Time
	Device  string
	Number  string
	Track   string
	Contact string // masked
	Fields  []string
	Method  account.Method
	Level   account.Level
	Reason  string
	Count   int
	Last    bool // the account has no other contact
	What    string
	Service string // the name of a relying party, or of a bank
	// Lang is the language when it is not the account's.
	Lang string
	// Expires is when the message is no longer worth sending; zero: never.
	Expires time.Time
	Patient bool // one of very many (job.Job)
}

// An audience says who is told.
type audience int

const (
	primary    audience = iota // the phone, or the mail where there is none
	mailFirst                  // what may come often: mail if there is one
	everywhere                 // all contacts: whoever took over one of them cannot hide it
	direct                     // not told to an account's contacts but sent to one address
)

// A need is who is told and what a kind cannot do without.
type need struct {
	to    audience
	needs []string
}

// kinds is every message there is.
var kinds = map[Kind]need{
	RegistrationCode: {to: direct, needs: []string{"Code"}},
	RegistrationLink: {to: direct, needs: []string{"Link"}},
	ContactTaken:     {to: direct},
	AccountCreated:   {to: primary},

	SignInFailures:  {to: everywhere, needs: []string{"Count"}},
	SignInLocked:    {to: everywhere},
	SignInNew:       {to: mailFirst, needs: []string{"At", "Device"}},
	PasswordChanged: {to: everywhere, needs: []string{"At"}},
	TOTPAdded:       {to: everywhere, needs: []string{"At"}},
	TOTPRemoved:     {to: everywhere, needs: []string{"At"}},
	PasskeyAdded:    {to: everywhere, needs: []string{"At"}},
	PasskeyRemoved:  {to: everywhere, needs: []string{"At"}},
	PasskeyDoubted:  {to: everywhere, needs: []string{"At"}},

	AccessRestored: {to: everywhere, needs: []string{"At", "Until"}},
	AccountErased:  {to: everywhere, needs: []string{"At"}},

	RecoveryCode:      {to: direct, needs: []string{"Code"}},
	RecoveryLink:      {to: direct, needs: []string{"Link"}},
	RecoveryNoAccount: {to: direct},
	RecoveryInPerson:  {to: direct},
	RecoveryDone:      {to: everywhere, needs: []string{"At"}},
	Restricted:        {to: everywhere, needs: []string{"Until"}},

	ContactCode:    {to: direct, needs: []string{"Code"}},
	ContactLink:    {to: direct, needs: []string{"Link"}},
	ContactAdded:   {to: everywhere, needs: []string{"Contact", "At"}},
	ContactRemoved: {to: everywhere, needs: []string{"Contact", "At"}},

	ContactClaimCode: {to: direct, needs: []string{"Code"}},
	ContactClaimLink: {to: direct, needs: []string{"Link"}},
	ContactClaimed:   {to: everywhere, needs: []string{"Contact", "Until"}},
	ContactMoved:     {to: everywhere, needs: []string{"Contact", "At"}},
	ContactNotMoved:  {to: primary, needs: []string{"Contact"}},

	ApplicationFiled:   {to: primary, needs: []string{"Number", "Until"}},
	ApplicationAgreed:  {to: primary, needs: []string{"Number"}},
	ApplicationRefused: {to: primary, needs: []string{"Number", "Fields"}},
	ApplicationTaken:   {to: primary, needs: []string{"Number"}},
	ApplicationDelayed: {to: primary, needs: []string{"Number", "Until"}},
	ApplicationOverdue: {to: primary, needs: []string{"Number"}},

	LetterOrdered:    {to: everywhere, needs: []string{"Number"}},
	LetterHandedOver: {to: primary, needs: []string{"Track", "Until"}},
	LetterArrived:    {to: primary, needs: []string{"Track"}},
	LetterReturned:   {to: primary, needs: []string{"Track"}},
	LetterExpiring:   {to: primary, needs: []string{"Until"}},
	LetterSpent:      {to: everywhere, needs: []string{"Until"}},
	LetterRefused:    {to: primary, needs: []string{"Number"}},
	CodeRecalled:     {to: everywhere},

	Confirmed:       {to: everywhere, needs: []string{"Method", "At"}},
	AccountFrozen:   {to: everywhere, needs: []string{"At"}},
	LockSet:         {to: everywhere, needs: []string{"What"}},
	LockLifted:      {to: everywhere, needs: []string{"What"}},
	ChangeAnnounced: {to: everywhere, needs: []string{"What", "Until", "Link"}},
	ChangeStopped:   {to: everywhere, needs: []string{"What"}},

	BankAccountReady:   {to: direct, needs: []string{"Service", "Link", "Until"}},
	BankAccountExists:  {to: direct, needs: []string{"Service"}},
	BankAccountRefused: {to: direct, needs: []string{"Service"}},
	BankAccountDone:    {to: primary, needs: []string{"Service"}},

	WishOpen: {to: primary, needs: []string{"Service"}},

	Lowered:   {to: everywhere, needs: []string{"Level", "Reason"}},
	Withdrawn: {to: everywhere, needs: []string{"Method", "Level", "Reason"}},
	Restored:  {to: everywhere, needs: []string{"Method", "Level"}},
	Disowned:  {to: everywhere, needs: []string{"Method", "Level"}},

	DocumentLapsing: {to: primary, needs: []string{"Until"}},
	Reopened:        {to: everywhere, needs: []string{"Level"}},
}

// channels tells by which channels a kind can go: codes by SMS only, links by mail only.
func (k Kind) channels() []Channel {
	switch k {
	case RegistrationCode, RecoveryCode, ContactCode, ContactClaimCode, BankAccountReady, BankAccountExists, BankAccountRefused:
		return []Channel{SMS}
	case RegistrationLink, RecoveryLink, ContactLink, ContactClaimLink:
		return []Channel{Mail}
	}
	return []Channel{SMS, Mail}
}

// Kinds lists every kind of message.
func Kinds() []Kind {
	out := make([]Kind, 0, len(kinds))
	for k := range kinds {
		out = append(out, k)
	}
	return out
}
