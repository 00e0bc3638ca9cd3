package certificate

import (
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// A Reason says why a file or a certificate is refused.
type Reason string

// The reasons. Those about the file come first, those about the certificate, its holder and its
// revocation after.
const (
	TooBig          Reason = "too_big"
	Malformed       Reason = "malformed"         // not a signature at all, or one that does not parse
	SeveralSigners  Reason = "several_signers"   // want one
	NoCertificate   Reason = "no_certificate"    // the signer's certificate is not in the file
	AlteredContent  Reason = "altered_statement" // another text than the statement was signed
	BadSignature    Reason = "bad_signature"
	StatementOver   Reason = "statement_over" // used already, past its time, another account's, or made for other data
	Unsupported     Reason = "unsupported_algorithm"
	WeakAlgorithm   Reason = "weak_algorithm" // SHA-1, RSA under 2048 bits, GOST of 2001
	GostUnavailable Reason = "gost_unavailable"

	NotYetValid   Reason = "not_yet_valid"
	Expired       Reason = "expired"
	KeyUsage      Reason = "key_usage" // not meant for signing, or for signing in
	UnknownRoot   Reason = "unknown_root"
	NotAccredited Reason = "not_accredited" // the root is known, and not accredited at that time
	NotQualified  Reason = "not_qualified"

	NoPerson    Reason = "no_person" // names no citizen: no SNILS, no surname and name
	WrongPerson Reason = "wrong_person"

	Revoked           Reason = "revoked"
	RevocationUnknown Reason = "revocation_unknown"

	// Of presentations alone.
	Nobody  Reason = "nobody" // no account here has checked this SNILS
	TooMany Reason = "too_many"
)

// Reasons lists them all.
func Reasons() []Reason {
	return []Reason{
		TooBig, Malformed, SeveralSigners, NoCertificate, AlteredContent, BadSignature, StatementOver, Unsupported, WeakAlgorithm,
		GostUnavailable, NotYetValid, Expired, KeyUsage, UnknownRoot, NotAccredited, NotQualified, NoPerson, WrongPerson, Revoked, RevocationUnknown,
		Nobody, TooMany,
	}
}

// A Refusal is an error that says why. It holds nothing of the certificate but times.
type Refusal struct {
	Reason Reason
	// At is when the certificate expired, becomes valid or was revoked.
	At time.Time
	// Cause is for the log alone.
	Cause error
}

func (r *Refusal) Error() string {
	if r.Cause != nil {
		return fmt.Sprintf("certificate: %s: %v", r.Reason, r.Cause)
	}
	return "certificate: " + string(r.Reason)
}

// Unwrap gives the kind: what somebody else's failure caused may work later, what is no signature at all
// never will.
func (r *Refusal) Unwrap() error {
	switch r.Reason {
	case GostUnavailable, RevocationUnknown:
		return fault.Unavailable
	case TooBig, Malformed, SeveralSigners, NoCertificate, Unsupported:
		return fault.Invalid
	case StatementOver:
		return fault.Expired
	}
	return fault.Denied
}

func refuse(r Reason) *Refusal { return &Refusal{Reason: r} }
