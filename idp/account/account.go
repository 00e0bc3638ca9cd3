package account

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

var (
	// ErrNotStandard reports a confirmation offered before the registries agreed.
	ErrNotStandard = fmt.Errorf("account: level is below standard: %w", fault.Denied)
	// ErrChecking reports a confirmation offered while changed data is being checked.
	ErrChecking = fmt.Errorf("account: data is being checked: %w", fault.Denied)
)

// Standing is the part of an account that is not personal and that every sign-in reads.
type Standing struct {
	ID            ID
	Epoch         int
	Level         Level
	Confirmations []Confirmation // strongest first, suspended ones included
	// RestrictedUntil is set by a recovery through one contact: until then (Now) a verified account
	// counts as simplified (design.md 8). Restriction tells how that began.
	RestrictedUntil time.Time
	Restriction     Restriction
	Lock            Lock
	Locks           Locks
}

// A Restriction is the beginning of the time after a recovery. Further recoveries make that time longer
// and leave the beginning where it is: what was added since then proves nothing about the owner.
type Restriction struct {
	Since   time.Time     `json:"since,omitzero"` // Wall
	Through []ContactKind `json:"through,omitempty"`
}

// A Lock closes an account to sign-in. Its page never says so; the owner's message does.
type Lock struct {
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"` // zero with Since set: without end
	// Deceased is when the owner was reported to have died (Wall). It closes the account whatever else locks
	// or unlocks it, and nobody is written to.
	Deceased time.Time `json:"deceased,omitzero"`
}

// Locked tells whether the lock holds at now.
func (l Lock) Locked(now time.Time) bool {
	return l.Endless() || !l.Since.IsZero() && now.Before(l.Until)
}

// Endless tells that no time ends the lock.
func (l Lock) Endless() bool {
	return !l.Deceased.IsZero() || !l.Since.IsZero() && l.Until.IsZero()
}

// Assurance is what the account counts as at now.
func (s *Standing) Assurance(now time.Time) Assurance {
	if now.Before(s.RestrictedUntil) {
		return Assurance{Level: Simplified}
	}
	a := Assurance{Level: s.Level}
	if s.Level < Verified {
		return a
	}
	for _, c := range s.Confirmations {
		if c.Live() {
			a.Confirmations = append(a.Confirmations, c)
		}
	}
	return a
}

// An Account is a citizen's whole record. Everything outside Standing and the times is personal and is
// encrypted at rest under the account's own key.
type Account struct {
	Standing
	Version    int64 // counts changes; the store's
	Created    time.Time
	StandardAt time.Time
	VerifiedAt time.Time
	Lang       string // "ru" or "en": the language of messages and letters

	Profile    Profile
	Credential Credential
}

// Profile is the citizen's data.
type Profile struct {
	Person   Person         `json:"person"`
	Checked  time.Time      `json:"checked,omitzero"` // when the registries last agreed; zero: never
	Contacts []Contact      `json:"contacts"`
	Address  *civil.Address `json:"address,omitempty"` // of residence, where letters go
	// Processing records the consent to the processing of personal data.
	Processing Processing `json:"processing"`
	// Confirmed tells by the id of each confirmation whose identity it is.
	Confirmed map[string]Identity `json:"confirmed,omitempty"`
	// Lapsing is the day of which the citizen was told that the document lapses then. It tells the birth date,
	// so it is kept nowhere but here.
	Lapsing civil.Date `json:"lapsing,omitzero"`
}

// An Identity is what tells one person from all others.
type Identity struct {
	SNILS     civil.SNILS `json:"snils"`
	BirthDate civil.Date  `json:"birth_date"`
}

// Identity is whose data this is.
func (p Person) Identity() Identity { return Identity{p.SNILS, p.BirthDate} }

// Processing is a recorded consent to the processing of personal data.
type Processing struct {
	Version string    `json:"version"`
	At      time.Time `json:"at"`
}

// Person is who the citizen is: the data that the registries check. At the simplified level only the
// names are there.
type Person struct {
	FamilyName  civil.Name      `json:"family_name"`
	GivenName   civil.Name      `json:"given_name"`
	Patronymic  civil.Name      `json:"patronymic,omitzero"`
	Sex         civil.Sex       `json:"sex,omitzero"`
	BirthDate   civil.Date      `json:"birth_date,omitzero"`
	BirthPlace  string          `json:"birth_place,omitzero"`
	Citizenship civil.Country   `json:"citizenship,omitzero"`
	SNILS       civil.SNILS     `json:"snils,omitzero"`
	Document    *civil.Document `json:"document,omitzero"`
	INN         civil.INN       `json:"inn,omitzero"` // found by the tax registry, never typed in
}

// SamePerson tells whether two sets of data are of one person: SNILS and birth date are equal.
func (p Person) SamePerson(q Person) bool { return p.Identity() == q.Identity() }

// A ContactKind is a way to reach a citizen.
type ContactKind string

// The kinds of contact.
const (
	Phone ContactKind = "phone"
	Email ContactKind = "email"
)

// A Contact is a proved way to reach the citizen. One contact belongs to one account.
type Contact struct {
	Kind   ContactKind `json:"kind"`
	Value  string      `json:"value"` // canonical: E.164, or the address with its domain in lower case
	Proved time.Time   `json:"proved"`
}

// Key is what the spellings of one contact share: an address for mail is one in whatever case it is written,
// and is written to as its owner spelt it.
func (c Contact) Key() string {
	if c.Kind == Email {
		return strings.ToLower(c.Value)
	}
	return c.Value
}

// Same tells whether two are one contact.
func (c Contact) Same(o Contact) bool { return c.Kind == o.Kind && c.Key() == o.Key() }

// Contact gives the citizen's contact of a kind, and whether there is one.
func (p *Profile) Contact(kind ContactKind) (Contact, bool) {
	for _, c := range p.Contacts {
		if c.Kind == kind {
			return c, true
		}
	}
	return Contact{}, false
}

// Credential is what the citizen signs in with.
type Credential struct {
	Password        string    `json:"password"` // argon2id in PHC form
	PasswordChanged time.Time `json:"password_changed"`
	TOTP            *TOTP     `json:"totp,omitempty"`
	// Passkeys open the console of staff, and nothing else.
	Passkeys []Passkey `json:"passkeys,omitempty"`
	// Restored is a visit at which the owner stood and got a new phone: for a while a recovery through that
	// phone leaves nothing in doubt.
	Restored Restoration `json:"restored,omitzero"`
}

// Unclaimed tells whether nobody can sign in to the account yet: it is being registered for its person, by a bank
// or at a window, and has neither a contact nor a password.
func (a *Account) Unclaimed() bool {
	return len(a.Profile.Contacts) == 0 && a.Credential.Password == ""
}

// A Restoration is access given back face to face.
type Restoration struct {
	At    time.Time `json:"at"`    // Now
	Phone string    `json:"phone"` // the contact's value
}

// RestorationLife is how long the phone of a restoration opens the account without doubt.
const RestorationLife = 3 * 24 * time.Hour

// Covers tells whether a recovery through the contact is the restoration's.
func (r Restoration) Covers(c Contact, now time.Time) bool {
	return !r.At.IsZero() && now.Before(r.At.Add(RestorationLife)) && c.Same(Contact{Kind: Phone, Value: r.Phone})
}

// TOTP is a second factor of RFC 6238.
type TOTP struct {
	Secret string    `json:"secret"` // base32
	Since  time.Time `json:"since"`
	// LastStep is the last time step whose code was accepted: each value counts once.
	LastStep int64 `json:"last_step"`
}

// Confirm records a proof of identity and raises the account to Verified. Only a Standard or Verified
// account can gather confirmations. A newer confirmation by the same method takes the older one's place.
func (a *Account) Confirm(c Confirmation) error {
	if a.Level < Standard {
		return ErrNotStandard
	}
	a.Confirmations = slices.DeleteFunc(a.Confirmations, func(o Confirmation) bool { return o.Method == c.Method })
	a.Confirmations = append(a.Confirmations, c)
	a.own()
	slices.SortStableFunc(a.Confirmations, func(x, y Confirmation) int { return int(y.Method) - int(x.Method) })
	if a.Level < Verified {
		a.VerifiedAt = c.At
	}
	a.Level = Verified
	return nil
}

// Agree takes over data that the registries agreed with. The first agreement raises the account to
// Standard. A confirmation counts while the data is of the person it was made for, and is suspended while
// it is another's (design.md 2): so a later agreement keeps the confirmations of the same person and lifts
// the suspension of those that a lowering left, which is a rise; suspending any is a fall: then Agree
// returns true, and the caller must end what was issued.
func (a *Account) Agree(p Person, at time.Time) (fell bool) {
	a.own()
	first := a.Level < Standard
	a.Profile.Person = p
	a.Profile.Checked = at
	a.Confirmations = slices.Clone(a.Confirmations)
	for i := range a.Confirmations {
		c := &a.Confirmations[i]
		theirs, known := a.Profile.Confirmed[c.ID]
		suspended := !known || theirs != p.Identity()
		fell = fell || suspended && c.Live()
		c.Suspended = suspended
	}
	a.settle(at)
	if first {
		a.StandardAt = at
	}
	if fell {
		a.Epoch++
	}
	return fell
}

// own keeps whose the confirmations are: the live ones are of the present person, and what is kept of
// those that are gone is forgotten.
func (a *Account) own() {
	var kept map[string]Identity
	for _, c := range a.Confirmations {
		theirs, known := a.Profile.Confirmed[c.ID]
		switch {
		case !c.Suspended:
			theirs = a.Profile.Person.Identity()
		case !known:
			continue // suspended before this was kept: it stays so
		}
		if kept == nil {
			kept = map[string]Identity{}
		}
		kept[c.ID] = theirs
	}
	a.Profile.Confirmed = kept
}

// Withdraw takes back a confirmation, which is a fall even while others remain.
func (a *Account) Withdraw(id string, at time.Time) error {
	n := len(a.Confirmations)
	a.Confirmations = slices.DeleteFunc(a.Confirmations, func(c Confirmation) bool { return c.ID == id })
	if len(a.Confirmations) == n {
		return fmt.Errorf("account: no such confirmation: %w", fault.NotFound)
	}
	a.own()
	a.settle(at)
	a.Epoch++
	return nil
}

// Lower takes the account down to a level: to Standard it loses every confirmation, to Simplified its
// data no longer counts as checked and the confirmations are suspended until the registries agree with data
// of the same person again. It raises the epoch.
func (a *Account) Lower(to Level, at time.Time) error {
	if to >= a.Level || to < Simplified {
		return fmt.Errorf("account: %s is not below %s: %w", to, a.Level, fault.Denied)
	}
	a.own()
	if to == Standard {
		a.Confirmations, a.Profile.Confirmed = nil, nil
	} else {
		a.Profile.Checked = time.Time{}
		for i := range a.Confirmations {
			a.Confirmations[i].Suspended = true
		}
	}
	a.settle(at)
	a.Epoch++
	return nil
}

// Renew raises the epoch without touching the level: after a change of password, a recovery.
func (a *Account) Renew() { a.Epoch++ }

// Restrict takes note of a recovery through a contact: until a time the account counts as simplified. A
// recovery while such a time runs makes it longer, and the contact counts as used too.
func (a *Account) Restrict(through ContactKind, now, wall, until time.Time) {
	if !now.Before(a.RestrictedUntil) {
		a.Restriction = Restriction{Since: wall}
	}
	if !slices.Contains(a.Restriction.Through, through) {
		a.Restriction.Through = append(slices.Clone(a.Restriction.Through), through)
	}
	if until.After(a.RestrictedUntil) {
		a.RestrictedUntil = until
	}
}

// Vouches tells whether proving a contact anew shows the owner of a restricted account: it was there
// before the restriction began, and no recovery since went through it.
func (s *Standing) Vouches(c Contact) bool {
	return c.Proved.Before(s.Restriction.Since) && !slices.Contains(s.Restriction.Through, c.Kind)
}

// Unrestrict ends the time after a recovery.
func (a *Account) Unrestrict() { a.RestrictedUntil, a.Restriction = time.Time{}, Restriction{} }

// settle computes the level from what stands.
func (a *Account) settle(at time.Time) {
	switch {
	case a.Profile.Checked.IsZero():
		a.Level, a.StandardAt, a.VerifiedAt = Simplified, time.Time{}, time.Time{}
	case slices.ContainsFunc(a.Confirmations, Confirmation.Live):
		if a.Level < Verified {
			a.VerifiedAt = at
		}
		a.Level = Verified
	default:
		a.Level, a.VerifiedAt = Standard, time.Time{}
	}
}
