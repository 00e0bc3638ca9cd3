package account

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// An ID names an account: a random whole number below 2^53, written in decimal. It is the subject of
// public-subject clients, and whole numbers below 2^53 survive every JSON parser.
type ID uint64

const maxID = 1 << 53

// NewID draws an account id from a source of randomness.
func NewID(random io.Reader) (ID, error) {
	var b [8]byte
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return 0, fmt.Errorf("account: draw an id: %w", err)
		}
		if id := binary.BigEndian.Uint64(b[:]) >> 11; id >= 1<<40 {
			return ID(id), nil
		}
	}
}

// ParseID reads the decimal form of an account id.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || n >= maxID {
		return 0, fmt.Errorf("account: not an account id: %w", fault.Invalid)
	}
	return ID(n), nil
}

func (id ID) String() string { return strconv.FormatUint(uint64(id), 10) }

// A Level says how sure we are who the citizen is. Levels are reached in order.
type Level uint8

// The three levels; their numbers are the account_level_rank claim, so that "at least" compares numbers.
const (
	Simplified Level = 1 // a name and a proved contact
	Standard   Level = 2 // the registries agreed with the data
	Verified   Level = 3 // identity confirmed by at least one method
)

func (l Level) String() string {
	switch l {
	case Simplified:
		return "simplified"
	case Standard:
		return "standard"
	case Verified:
		return "verified"
	}
	return "level(" + strconv.Itoa(int(l)) + ")"
}

// ParseLevel reads the wire form of a level.
func ParseLevel(s string) (Level, error) {
	for l := Simplified; l <= Verified; l++ {
		if l.String() == s {
			return l, nil
		}
	}
	return 0, fmt.Errorf("account: unknown level: %w", fault.Invalid)
}

// MarshalText gives the wire form.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the wire form.
func (l *Level) UnmarshalText(b []byte) (err error) { *l, err = ParseLevel(string(b)); return err }

// A Method is a way of confirming identity. Methods are ordered by strength.
type Method uint8

// The methods, from the weakest to the strongest.
const (
	MailCode           Method = 1 // the code of a registered letter
	Bank               Method = 2 // a bank vouched for its client
	ElectronicCard     Method = 3 // a statement signed with a universal electronic card
	QualifiedSignature Method = 4 // a statement under a qualified electronic signature
	ServiceCenter      Method = 5 // a visit with the document in hand
)

// Methods lists all methods, the strongest first.
func Methods() []Method {
	return []Method{ServiceCenter, QualifiedSignature, ElectronicCard, Bank, MailCode}
}

func (m Method) String() string {
	switch m {
	case MailCode:
		return "mail_code"
	case Bank:
		return "bank"
	case ElectronicCard:
		return "electronic_card"
	case QualifiedSignature:
		return "qualified_signature"
	case ServiceCenter:
		return "service_center"
	}
	return "method(" + strconv.Itoa(int(m)) + ")"
}

// ParseMethod reads the wire form of a method.
func ParseMethod(s string) (Method, error) {
	for _, m := range Methods() {
		if m.String() == s {
			return m, nil
		}
	}
	return 0, fmt.Errorf("account: unknown confirmation method: %w", fault.Invalid)
}

// MarshalText gives the wire form.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads the wire form.
func (m *Method) UnmarshalText(b []byte) (err error) { *m, err = ParseMethod(string(b)); return err }

// A Confirmation is one proof of identity.
type Confirmation struct {
	ID     string    `json:"id"`
	Method Method    `json:"method"`
	At     time.Time `json:"at"` // on the wall clock: relying parties see it
	// Suspended confirmations count for nothing until the registries agree with data of the person they
	// were made for.
	Suspended bool `json:"suspended,omitempty"`
	// Held names who holds the confirmation back, such as "recall:7Q…" or "citizen"; it counts for nothing
	// until each of them releases it. A new confirmation by the same method takes its place and is not held.
	Held []string `json:"held,omitempty"`
	// Where it came from, for verified_claims, audit and recall; none of it personal to the citizen.
	Centre       string `json:"centre,omitempty"`
	Operator     ID     `json:"operator,omitempty"`
	Second       ID     `json:"second,omitempty"` // the operator who looked too
	Letter       string `json:"letter,omitempty"`
	Batch        string `json:"batch,omitempty"` // of letters, as the printer had them
	Track        string `json:"track,omitempty"`
	Organization string `json:"organization,omitempty"`
	Serial       string `json:"serial,omitempty"`
	// Algorithm is of the key that signed: rsa, ecdsa, gost2012; empty where it was not kept.
	Algorithm string `json:"algorithm,omitempty"`
}

// Live tells whether the confirmation counts.
func (c Confirmation) Live() bool { return !c.Suspended && len(c.Held) == 0 }

// HeldBy tells whether the confirmation is held back by by.
func (c Confirmation) HeldBy(by string) bool { return slices.Contains(c.Held, by) }

// Assurance is what a token says of a citizen: the level, and the live confirmations, strongest first.
type Assurance struct {
	Level         Level
	Confirmations []Confirmation
}

// Strongest gives the first confirmation, and whether there is one.
func (a Assurance) Strongest() (Confirmation, bool) {
	if len(a.Confirmations) == 0 {
		return Confirmation{}, false
	}
	return a.Confirmations[0], true
}

// Min is what both sides allow: the lower level, and a's confirmations whose method stands in b too. Every
// token says the minimum of the session's snapshot and the account's present standing (design.md 2). A
// method counts as standing when it was confirmed anew since: that is no loss, and losses move the epoch.
func Min(a, b Assurance) Assurance {
	out := Assurance{Level: min(a.Level, b.Level)}
	if out.Level < Verified {
		return out
	}
	for _, c := range a.Confirmations {
		for _, d := range b.Confirmations {
			if c.Method == d.Method {
				out.Confirmations = append(out.Confirmations, c)
				break
			}
		}
	}
	if len(out.Confirmations) == 0 {
		out.Level = Standard
	}
	return out
}
