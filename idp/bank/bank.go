// Package bank lets a bank vouch for its own client: it confirms a standard account, or registers a whole one.
//
// A confirmation. The client presses a button in the online bank, and the bank sends what it knows of them:
// name, birth date, SNILS, document, phone. All of it must be the account's. Who the account belongs to is
// then known; whether its holder is the bank's client is another question, for an account in somebody's name
// may have been opened by a stranger who knows the papers. So one of two things must bind the two:
//
//   - the phone that the bank has proved is one that the account has proved; or
//   - the client came from our own page (a Ticket), was recognised by the bank, and comes back to the very
//     session that they left, with a code that only the bank's answer carries. Whoever is lured into
//     somebody else's journey comes back without that session, and nothing happens.
//
// What the bank is told. An account is found by SNILS and birth date together. Without one, and with one
// that does not agree in these two, the answer is the same: not_matched, no fields. With one, the answer names
// those fields that differ, of what the bank itself sent, and never their right values. Misses are counted for
// each bank and questions for each SNILS, whether it has an account or not.
//
// A registration is in register.go.
package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// ErrReference reports a reference that the bank has used for another request.
	ErrReference = fmt.Errorf("bank: the reference was used before: %w", fault.Exists)
	// ErrTicket reports a ticket that is over, or another bank's, or used for another reference.
	ErrTicket = fmt.Errorf("bank: the ticket is over: %w", fault.Expired)
	// ErrNotHere reports a return without the session that left, or without the code of the bank's answer.
	ErrNotHere = fmt.Errorf("bank: not the journey of this session: %w", fault.Denied)
)

// The kinds of vouching.
const (
	Confirmation = "confirmation"
	Registration = "registration"
)

// A Status is how far a vouching has come, as the bank is told.
type Status string

// The statuses. Of a registration the bank hears only that it was accepted, and in the end whether the person
// finished it: why one came to nothing is the person's own affair, and would tell who has an account.
const (
	Confirmed  Status = "confirmed"
	Waiting    Status = "waiting"     // for the citizen to come back to us and agree, or for their time to object
	NotMatched Status = "not_matched" // Fields may say in what
	Refused    Status = "refused"     // all matches, and the account takes no confirmation by a bank now

	Accepted  Status = "accepted"
	Completed Status = "completed"
	Closed    Status = "closed"
)

// An Outcome is what the bank is told; its JSON is the wire form.
type Outcome struct {
	Reference    string     `json:"reference"`
	Status       Status     `json:"status"`
	Fields       []string   `json:"fields,omitempty"`
	Confirmation string     `json:"confirmation,omitempty"`
	ConfirmedAt  *time.Time `json:"confirmed_at,omitempty"`
	// ReturnTo is where the bank sends the client's browser, if the client came from us.
	ReturnTo string `json:"return_to,omitempty"`
	Receipt  string `json:"receipt"`
}

// A Receipt is signed by us and kept by the bank.
type Receipt struct {
	Issuer       string   `json:"iss"`
	Audience     string   `json:"aud"`
	Issued       int64    `json:"iat"`
	ID           string   `json:"jti"`
	Kind         string   `json:"kind"`
	Reference    string   `json:"reference"`
	Status       Status   `json:"status"`
	Method       string   `json:"method,omitempty"`
	Confirmation string   `json:"confirmation,omitempty"`
	ConfirmedAt  int64    `json:"confirmed_at,omitempty"`
	Fields       []string `json:"fields,omitempty"`
}

// A Vouching is what a bank asked under one of its references. Nothing in it is personal.
type Vouching struct {
	Partner      partner.ID
	Kind         string
	Reference    string
	Account      account.ID // 0: none was found
	Confirmation string     // the confirmation's id, once made; it may wait for its citizen's time to object
	At           time.Time  // Now
	Version      int64
	Body         Body
}

// Body is the rest of a vouching.
type Body struct {
	Outcome Outcome `json:"outcome"`
	// Person is the keyed digest of whom a waiting confirmation was judged for.
	Person *seal.IndexDigest `json:"person,omitempty"`
	// Closes is when a registration is over (Now).
	Closes time.Time `json:"closes,omitzero"`
}

// A Store keeps vouchings and registrations.
type Store interface {
	// SaveVouching writes a new vouching; fault.Exists if the bank has used the reference.
	SaveVouching(ctx context.Context, v *Vouching) error
	// Vouching returns one; fault.NotFound.
	Vouching(ctx context.Context, id partner.ID, kind, reference string) (*Vouching, error)
	// ChangeVouching loads, applies f and writes under a lock, in the transaction it belongs to.
	ChangeVouching(ctx context.Context, id partner.ID, kind, reference string, f func(*Vouching) error) (*Vouching, error)

	SaveRegistration(ctx context.Context, r *Opening) error // new
	// Registration returns an opening; fault.NotFound.
	Registration(ctx context.Context, id string) (*Opening, error)
	// LastRegistration returns the newest opening of an account; fault.NotFound.
	LastRegistration(ctx context.Context, a account.ID) (*Opening, error)
	ChangeRegistration(ctx context.Context, id string, f func(*Opening) error) (*Opening, error)
}

// A Reader is what is read outside transactions.
type Reader interface {
	Store
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	Application(ctx context.Context, id string) (*registry.Application, error)
	LastApplication(ctx context.Context, id account.ID) (*registry.Application, error)
}

// A Tx is the transaction in which a bank's word takes effect.
type Tx interface {
	confirm.Tx
	registry.Store
	Store
	partner.Answers
	CreateAccount(ctx context.Context, a *account.Account) error
	// RemoveUnclaimed erases an account that nobody can sign in to, with its papers: it has neither a contact
	// nor a password. Any other is fault.Conflict.
	RemoveUnclaimed(ctx context.Context, id account.ID) error
}

// Config is what a Desk works with. Numbers that are zero take the usual values.
type Config struct {
	Issuer     string // without a slash at its end
	Read       Reader
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Registry   *registry.Desk
	Partners   *partner.Cache
	Notices    *notice.Notices
	Hasher     *password.Hasher
	Rules      password.Rules
	// Processing is the version of the text on the processing of personal data that citizens agree to.
	Processing string
	// Sign makes a receipt's JWS. It is called outside transactions.
	Sign      func(claims any) (string, error)
	Now, Wall func() time.Time
	Log       *slog.Logger

	PerSNILS int // questions about one SNILS in a day, all banks together; 10
	Misses   int // answers not_matched to one bank in a day; 1000
	// Registrations is how many one bank may begin in a day; 1000. They are no misses: one must not shut the
	// other.
	Registrations int
	Term          time.Duration // for the person to finish a registration; 30 days
}

// A Desk hears banks.
type Desk struct {
	Config
	limits  *limit.Keeper
	tickets *transient.Box[Ticket]
}

// New makes a desk.
func New(c Config) *Desk {
	if c.PerSNILS == 0 {
		c.PerSNILS = 10
	}
	if c.Misses == 0 {
		c.Misses = 1000
	}
	if c.Registrations == 0 {
		c.Registrations = 1000
	}
	if c.Term == 0 {
		c.Term = 30 * 24 * time.Hour
	}
	return &Desk{
		Config: c, limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
		tickets: transient.NewBox[Ticket](c.Transients, c.Ring, "bank_ticket", c.Now),
	}
}

// An Identity is what a bank knows of its client, parsed.
type Identity struct {
	FamilyName, GivenName, Patronymic civil.Name
	BirthDate                         civil.Date
	SNILS                             civil.SNILS
	Document                          civil.Document // type and number
	Phone                             civil.Phone
}

// differs names what of an identity is not the account's, in the order of the form.
func (i Identity) differs(a *account.Account) (out []string) {
	p := a.Profile.Person
	number := civil.Document{}
	if p.Document != nil {
		number = *p.Document
	}
	phone := false
	for _, c := range a.Profile.Contacts {
		phone = phone || c.Kind == account.Phone && c.Value == i.Phone.String()
	}
	for _, f := range []struct {
		name string
		same bool
	}{
		{"family_name", i.FamilyName.Fold() == p.FamilyName.Fold()},
		{"given_name", i.GivenName.Fold() == p.GivenName.Fold()},
		{"patronymic", i.Patronymic.Fold() == p.Patronymic.Fold()},
		{"document", p.Document != nil && i.Document.Key() == number.Key()},
		{phoneField, phone},
	} {
		if !f.same {
			out = append(out, f.name)
		}
	}
	return out
}

const phoneField = "phone"

// Outcome returns what a bank was told, or would be told now, under a reference; fault.NotFound.
func (d *Desk) Outcome(ctx context.Context, p *partner.Partner, kind, reference string) (*Outcome, error) {
	v, err := d.Read.Vouching(ctx, p.ID, kind, reference)
	if err != nil {
		return nil, fmt.Errorf("bank: %s: %w", kind, err)
	}
	if v.held() {
		if v, err = d.settled(ctx, v); err != nil {
			return nil, err
		}
	}
	out := v.Body.Outcome
	late := kind == Registration && out.Status == Accepted && !d.Now().Before(v.Body.Closes) ||
		kind == Confirmation && out.Status == Waiting && !v.held() && !d.Now().Before(v.At.Add(ticketLife))
	if late {
		out.Status, out.ReturnTo = Closed, ""
		if err := d.sign(p.ID, kind, &out); err != nil {
			return nil, err
		}
	}
	return &out, nil
}

// held tells whether a confirmation was made that did not count yet when the bank was last told.
func (v *Vouching) held() bool {
	return v.Kind == Confirmation && v.Body.Outcome.Status == Waiting && v.Confirmation != ""
}

// settled looks whether a confirmation that waited for its citizen's time to object counts by now, or is gone,
// and writes down what it has come to.
func (d *Desk) settled(ctx context.Context, v *Vouching) (*Vouching, error) {
	a, err := d.Read.Account(ctx, v.Account)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("bank: settle: %w", err)
	}
	out := Outcome{Reference: v.Reference, Status: Closed}
	if err == nil {
		for _, c := range a.Confirmations {
			switch {
			case c.ID != v.Confirmation:
			case c.HeldBy(lock.HeldBy):
				return v, nil
			case c.Live():
				out.Status, out.Confirmation, out.ConfirmedAt = Confirmed, c.ID, &c.At
			}
		}
	}
	if err := d.sign(v.Partner, v.Kind, &out); err != nil {
		return nil, err
	}
	var now *Vouching
	err = d.Atomically(ctx, func(tx Tx) (err error) {
		now, err = tx.ChangeVouching(ctx, v.Partner, v.Kind, v.Reference, func(v *Vouching) error {
			if v.held() {
				v.Body.Outcome = out
			}
			return nil
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("bank: settle: %w", err)
	}
	return now, nil
}

// sign gives an outcome its receipt.
func (d *Desk) sign(to partner.ID, kind string, o *Outcome) (err error) {
	r := Receipt{
		Issuer: d.Issuer, Audience: string(to), Issued: d.Wall().Unix(), ID: rand.Text(), Kind: kind, Reference: o.Reference,
		Status: o.Status, Confirmation: o.Confirmation, Fields: o.Fields,
	}
	if o.ConfirmedAt != nil {
		r.Method, r.ConfirmedAt = account.Bank.String(), o.ConfirmedAt.Unix()
	}
	if o.Receipt, err = d.Sign(r); err != nil {
		return fmt.Errorf("bank: receipt: %w", err)
	}
	return nil
}

// blocked tells whether an error is a reason for which the account takes no confirmation now.
func blocked(err error) bool {
	for _, e := range []error{confirm.ErrNotStandard, confirm.ErrChecking, confirm.ErrRestricted, confirm.ErrShut} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// A Ticket is a citizen's journey from our page to a bank and back. The bank is given its id.
type Ticket struct {
	Account account.ID `json:"account"`
	Session session.ID `json:"session"`
	Partner partner.ID `json:"partner"`
	// Reference is the bank's, once it has used the ticket; Code comes back with the citizen.
	Reference string `json:"reference,omitempty"`
	Code      string `json:"code,omitempty"`
}

// ticketLife is how long a journey to the bank and back may take.
const ticketLife = 30 * time.Minute
