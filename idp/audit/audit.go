// Package audit is the append-only record of security events, written with the change it speaks of.
package audit

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
)

// An Event is one security event. It holds ids, never personal data: it outlives the account.
type Event struct {
	ID      int64 // the store's, growing
	At      time.Time
	Kind    Kind
	Account account.ID // whom it concerns; 0: nobody
	Actor   account.ID // who did it, if not the citizen: an operator, an administrator
	Client  string     // the relying party, if one is involved
	Session string
	Device  string            // coarse, such as "Firefox, Windows"
	Reason  string            // an operator's reason, a code
	Detail  map[string]string // further ids and codes, such as letter, centre, method, level
	Request string            // the request id
}

// A Kind names an event.
type Kind string

// The kinds that the foundation writes.
const (
	Registered            Kind = "registered"
	SignedIn              Kind = "signed_in"
	SignInFailed          Kind = "sign_in_failed"
	SignedOut             Kind = "signed_out"
	SessionEnded          Kind = "session_ended"
	LockedOut             Kind = "locked_out"
	PasswordChanged       Kind = "password_changed"
	Recovered             Kind = "recovered"
	FactorAdded           Kind = "factor_added"
	FactorRemoved         Kind = "factor_removed"
	ContactAdded          Kind = "contact_added"
	ContactRemoved        Kind = "contact_removed"
	ContactProved         Kind = "contact_proved"    // a contact that another account holds
	ContactClaimed        Kind = "contact_claimed"   // told to its holder
	ContactKept           Kind = "contact_kept"      // the holder objected
	ContactNotMoved       Kind = "contact_not_moved" // told to the claimant
	ApplicationFiled      Kind = "application_filed"
	ApplicationAgreed     Kind = "application_agreed"
	ApplicationRefused    Kind = "application_refused"
	ApplicationOverdue    Kind = "application_overdue"
	LetterOrdered         Kind = "letter_ordered"
	LetterCancelled       Kind = "letter_cancelled"
	LetterWrongCode       Kind = "letter_wrong_code"
	Confirmed             Kind = "confirmed"
	Lowered               Kind = "lowered"
	Withdrawn             Kind = "confirmation_withdrawn"
	HeldBack              Kind = "confirmation_held"     // counts for nothing until released: a recall, the citizen's word
	Released              Kind = "confirmation_released" // what was held back counts again
	Deceased              Kind = "closed_deceased"
	Reopened              Kind = "reopened"       // a closed account: the notice was wrong
	RecallChanged         Kind = "recall_changed" // a step of a recall; concerns nobody's account
	OperatorSearched      Kind = "operator_searched"
	OperatorOpened        Kind = "operator_opened"
	OperatorRefused       Kind = "operator_refused"
	OperatorPrinted       Kind = "operator_printed"
	OperatorSignedIn      Kind = "operator_signed_in"
	ShiftOpened           Kind = "shift_opened"   // an operator at a centre's own program
	OperatorAsked         Kind = "operator_asked" // a colleague to look too
	OperatorRestored      Kind = "operator_restored"
	OperatorTookData      Kind = "operator_took_data"
	AccessRestored        Kind = "access_restored"
	CodeHanded            Kind = "code_handed"
	CodeWrong             Kind = "code_wrong"
	CodeCancelled         Kind = "code_cancelled" // an envelope's
	Erased                Kind = "erased"
	ConsentGiven          Kind = "consent_given"
	ConsentDenied         Kind = "consent_denied"
	ConsentRevoked        Kind = "consent_revoked"
	PartyChanged          Kind = "party_changed"
	PartnerChanged        Kind = "partner_changed"
	BankAsked             Kind = "bank_asked"              // and did not confirm; the reason is the answer
	BankRegistering       Kind = "bank_registering"        // an account that nobody can sign in to yet
	BankRegistrationEnded Kind = "bank_registration_ended" // and came to nothing
	KeysRotated           Kind = "keys_rotated"
	CodeReplayed          Kind = "code_replayed"
	RefreshReplayed       Kind = "refresh_replayed"
	CertificateRefused    Kind = "certificate_refused" // Reason: of package certificate
	TrustChanged          Kind = "trust_changed"
	Frozen                Kind = "frozen"           // by the citizen
	LockSet               Kind = "lock_set"         // Detail: lock, method or wait
	LockLifted            Kind = "lock_lifted"      // Detail: lock, method
	ChangeAnnounced       Kind = "change_announced" // Detail: change, id
	ChangeStopped         Kind = "change_stopped"   // Reason: citizen, link, frozen, lapsed
)

// Kinds lists them all.
func Kinds() []Kind {
	return []Kind{
		Registered, SignedIn, SignInFailed, SignedOut, SessionEnded, LockedOut, PasswordChanged, Recovered, FactorAdded, FactorRemoved,
		ContactAdded, ContactRemoved, ContactProved, ContactClaimed, ContactKept, ContactNotMoved,
		ApplicationFiled, ApplicationAgreed, ApplicationRefused, ApplicationOverdue,
		LetterOrdered, LetterCancelled, LetterWrongCode, Confirmed, Lowered, Withdrawn, HeldBack, Released, Deceased, Reopened, RecallChanged,
		OperatorSearched, OperatorOpened, OperatorRefused, OperatorPrinted, OperatorSignedIn, ShiftOpened, OperatorAsked, OperatorRestored, OperatorTookData,
		AccessRestored, CodeHanded, CodeWrong, CodeCancelled, Erased,
		ConsentGiven, ConsentDenied, ConsentRevoked, PartyChanged, PartnerChanged, BankAsked, BankRegistering, BankRegistrationEnded, KeysRotated, CodeReplayed, RefreshReplayed, CertificateRefused, TrustChanged,
		Frozen, LockSet, LockLifted, ChangeAnnounced, ChangeStopped,
	}
}

// A Log takes events in the transaction they belong to.
type Log interface {
	RecordEvent(ctx context.Context, e Event) error
}

// A Store also reads them.
type Store interface {
	Log
	// Events returns the newest events that concern an account, at most limit, before the id (0: from the end).
	Events(ctx context.Context, a account.ID, before int64, limit int) ([]Event, error)
	// EventsBy returns the newest events done by an actor (an operator's journal).
	EventsBy(ctx context.Context, actor account.ID, before int64, limit int) ([]Event, error)
}
