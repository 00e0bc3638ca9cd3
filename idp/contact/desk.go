package contact

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// ErrTaken reports a contact that changed hands at the very moment it was to be added.
	ErrTaken = fmt.Errorf("contact: another account holds it by now: %w", fault.Exists)
	// ErrRestricted reports a change of a contact soon after a recovery.
	ErrRestricted = fmt.Errorf("contact: contacts stay as they are for now: %w", fault.Denied)
	// ErrHave reports a contact that the account holds already.
	ErrHave = fmt.Errorf("contact: the account holds it already: %w", fault.Exists)
)

// A Tx is what a new contact is written with.
type Tx interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	ChangeAccount(ctx context.Context, id account.ID, f func(*account.Account) error) (*account.Account, error)
	ClaimStore
	lock.Store
	EnqueueAt(ctx context.Context, at time.Time, j job.Job) error
	audit.Log
	notice.Outbox
}

// Accounts is what a Desk reads.
type Accounts interface {
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
	ClaimsOn(ctx context.Context, holder account.ID) ([]*Claim, error)
}

// Config is what a Desk works with.
type Config struct {
	Accounts   Accounts
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Notices    *notice.Notices
	Now, Wall  func() time.Time
}

// An Outcome is what came of a proof.
type Outcome string

// The outcomes: the contact is the account's (or is not any more); it is another's and a claim on it is
// recorded; the change waits, as its citizen wanted changes to.
const (
	Added   Outcome = "added"
	Removed Outcome = "removed"
	Later   Outcome = "later"
	Waits   Outcome = "waits"
)

// A Desk adds, changes and removes the contacts of an account. Whoever calls it has asked for the password.
type Desk struct {
	Config
	limits *limit.Keeper
	flows  *transient.Box[Flow]
	links  *transient.Box[string]
}

// New makes a Desk.
func New(c Config) *Desk {
	return &Desk{
		Config: c,
		limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
		flows:  transient.NewBox[Flow](c.Transients, c.Ring, "contact", c.Now),
		links:  transient.NewBox[string](c.Transients, c.Ring, "contact_link", c.Now),
	}
}

// A Flow is a contact that an account wants to add.
type Flow struct {
	Account account.ID `json:"account"`
	Lang    string     `json:"lang"`
	Proof   Proof      `json:"proof"`
}

const refPurpose seal.Purpose = "contact"

// flowLife leaves a link that is opened at the last moment time to be pressed.
const flowLife = LinkLife + time.Hour

// Start sends a code or a link to the contact that was typed, and returns the sealed reference to the
// flow. Its errors are a fault.Fields, ErrHave, ErrRestricted and a fault.RetryAfter.
func (d *Desk) Start(ctx context.Context, a *account.Account, kind account.ContactKind, typed, lang, network string) (ref string, err error) {
	f := Flow{Account: a.ID, Lang: lang, Proof: Proof{Kind: kind}}
	if kind == account.Email {
		e, err := civil.ParseEmail(typed)
		if err != nil {
			return "", fault.Fields{{Name: "email", Code: civil.CodeOf(err)}}
		}
		f.Proof.Value = e.String()
	} else {
		p, err := civil.ParsePhone(typed)
		if err != nil {
			return "", fault.Fields{{Name: "tel", Code: civil.CodeOf(err)}}
		}
		f.Proof.Value = p.String()
	}
	restricted := d.Now().Before(a.RestrictedUntil)
	old, has := a.Profile.Contact(kind)
	switch {
	case !a.Locks.Frozen.IsZero():
		return "", lock.ErrFrozen
	case has && old.Same(f.Proof.Contact()) && !restricted:
		return "", ErrHave
	case has && !old.Same(f.Proof.Contact()) && restricted:
		return "", ErrRestricted
	}
	id := rand.Text()
	if err := d.send(ctx, id, &f, network); err != nil {
		return "", err
	}
	if err := d.flows.Create(ctx, id, f, d.Now().Add(flowLife)); err != nil {
		return "", fmt.Errorf("contact: start: %w", err)
	}
	return d.Ring.Seal(refPurpose, []byte(id), nil), nil
}

func (d *Desk) send(ctx context.Context, id string, f *Flow, network string) error {
	p := &f.Proof
	if err := d.limits.Send(ctx, limit.Sending{For: "contact", Contact: p.Contact().Key(), Network: network}); err != nil {
		return fmt.Errorf("contact: send: %w", err)
	}
	holder, err := d.Accounts.FindAccount(ctx, Key(p.Kind), p.Value)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("contact: look for the holder: %w", err)
	}
	held := holder != nil && holder.ID != f.Account
	now := d.Now()
	p.Send(now)
	token := NewToken()
	if p.Kind == account.Email {
		if err := d.links.Create(ctx, TokenID(token), id, now.Add(LinkLife)); err != nil {
			return fmt.Errorf("contact: keep the link: %w", err)
		}
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		link, code := notice.ContactLink, notice.ContactCode
		if held {
			link, code = notice.ContactClaimLink, notice.ContactClaimCode // says what comes of it; the page does not
		}
		if p.Kind == account.Email {
			return d.Notices.Link(ctx, tx, f.Account, p.Value, f.Lang, link, "/account/contacts/link/"+token, p.Until)
		}
		return d.Notices.Code(ctx, tx, f.Account, p.Value, f.Lang, code, p.Code, p.Until)
	})
	if err != nil {
		return fmt.Errorf("contact: send: %w", err)
	}
	return nil
}

func (d *Desk) load(ctx context.Context, ref string, a account.ID) (string, *Flow, error) {
	b, err := d.Ring.Open(refPurpose, ref, nil)
	if err != nil {
		return "", nil, fmt.Errorf("contact: load: %w", err)
	}
	f, err := d.flow(ctx, string(b), a)
	return string(b), f, err
}

// flow reads a flow of this account; another's is over for it.
func (d *Desk) flow(ctx context.Context, id string, a account.ID) (*Flow, error) {
	f, err := d.flows.Load(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && f.Account != a {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("contact: load: %w", err)
	}
	return &f, nil
}

// Flow returns the flow behind a reference.
func (d *Desk) Flow(ctx context.Context, ref string, a account.ID) (*Flow, error) {
	_, f, err := d.load(ctx, ref, a)
	return f, err
}

// Resend sends anew once the time of the old code is over; a mailbox may be asked for at any time.
func (d *Desk) Resend(ctx context.Context, ref string, a account.ID, network string) error {
	id, f, err := d.load(ctx, ref, a)
	if err != nil {
		return err
	}
	if wait := f.Proof.Until.Sub(d.Now()); f.Proof.Kind == account.Phone && wait > 0 {
		return fault.RetryAfter{After: wait}
	}
	if err := d.send(ctx, id, f, network); err != nil {
		return err
	}
	keep := func(g *Flow) error { g.Proof = f.Proof; return nil }
	if _, err := d.flows.ChangeUntil(ctx, id, d.Now().Add(flowLife), keep); err != nil {
		return fmt.Errorf("contact: keep the proof: %w", err)
	}
	return nil
}

// Enter tries the code, and with the right one adds the phone or claims it.
func (d *Desk) Enter(ctx context.Context, ref string, a account.ID, code, request string) (Outcome, error) {
	id, _, err := d.load(ctx, ref, a)
	if err != nil {
		return "", err
	}
	var verdict error
	f, err := d.flows.Change(ctx, id, func(f *Flow) error {
		verdict = f.Proof.Enter(code, d.Now(), d.Wall())
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("contact: enter the code: %w", err)
	}
	if verdict != nil {
		return "", verdict
	}
	return d.attach(ctx, id, &f, request)
}

// Opened shows what a link from a mail is about, to the account that asked for it.
func (d *Desk) Opened(ctx context.Context, token string, a account.ID) (*Flow, error) {
	_, f, err := d.byLink(ctx, token, a)
	return f, err
}

func (d *Desk) byLink(ctx context.Context, token string, a account.ID) (string, *Flow, error) {
	id, err := d.links.Load(ctx, TokenID(token))
	if errors.Is(err, fault.NotFound) {
		return "", nil, ErrLink
	}
	if err != nil {
		return "", nil, fmt.Errorf("contact: link: %w", err)
	}
	f, err := d.flow(ctx, id, a)
	if errors.Is(err, ErrOver) {
		return "", nil, ErrLink
	}
	return id, f, err
}

// Open proves the mailbox by its link, and adds it or claims it. Only the account that asked for the link may use it:
// nobody gets another's mailbox by sending its owner a link to press.
func (d *Desk) Open(ctx context.Context, token string, a account.ID, request string) (Outcome, error) {
	id, f, err := d.byLink(ctx, token, a)
	if err != nil {
		return "", err
	}
	f.Proof.Proved = d.Wall()
	return d.attach(ctx, id, f, request)
}

// attach writes the proved contact. The contact whose place it takes is told, and all that remain. A
// contact of another account is claimed instead.
//
// After a recovery through one contact, proving another one lifts the restriction if it stood before the
// restriction began and no recovery since went through it. A contact added since does not: whoever stole a
// telephone can open a mailbox, and recover through that as often as they like (design.md 8).
func (d *Desk) attach(ctx context.Context, id string, f *Flow, request string) (out Outcome, err error) {
	fresh := account.Contact{Kind: f.Proof.Kind, Value: f.Proof.Value, Proved: f.Proof.Proved}
	err = d.Atomically(ctx, func(tx Tx) error {
		out, err = d.add(ctx, tx, f.Account, fresh, request, false)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("contact: add: %w", err)
	}
	if err := d.flows.Delete(ctx, id); err != nil {
		return "", fmt.Errorf("contact: add: %w", err)
	}
	return out, nil
}

// add writes a proved contact in the transaction tx; waited tells that it waited as its citizen wanted.
func (d *Desk) add(ctx context.Context, tx Tx, id account.ID, fresh account.Contact, request string, waited bool) (Outcome, error) {
	now, wall := d.Now(), d.Wall()
	var replaced *account.Contact
	added, waits := true, false
	a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
		replaced, added, waits = nil, true, false
		restricted := now.Before(a.RestrictedUntil)
		old, has := a.Profile.Contact(fresh.Kind)
		switch {
		case !a.Locks.Frozen.IsZero():
			return lock.ErrFrozen
		case has && old.Same(fresh):
			added = false
			if restricted && a.Vouches(old) {
				a.Unrestrict()
			}
		case has && restricted:
			return ErrRestricted
		case a.Locks.Wait > 0 && !waited:
			waits = true
		default:
			replaced = put(&a.Profile, fresh)
		}
		return nil
	})
	switch {
	case errors.Is(err, fault.Exists): // nothing is written yet
		return Later, d.claim(ctx, tx, id, fresh, request)
	case err != nil:
		return "", err
	case waits:
		return Waits, d.announce(ctx, tx, a, lock.Contact, fresh, request)
	case !added:
		return Added, nil
	}
	e := audit.Event{At: wall, Kind: audit.ContactAdded, Account: a.ID, Request: request, Detail: map[string]string{"contact": string(fresh.Kind)}}
	return Added, d.tell(ctx, tx, a, e, fresh, replaced)
}

// tell writes the events and the messages of a new contact. The one that it replaced is free for others.
func (d *Desk) tell(ctx context.Context, tx Tx, a *account.Account, e audit.Event, fresh account.Contact, replaced *account.Contact) error {
	if err := tx.RecordEvent(ctx, e); err != nil {
		return err
	}
	if err := d.Notices.Tell(ctx, tx, a, notice.ContactAdded, notice.With{Contact: Mask(fresh), At: e.At}); err != nil {
		return err
	}
	if replaced == nil {
		return nil
	}
	e.Kind = audit.ContactRemoved
	if err := tx.RecordEvent(ctx, e); err != nil {
		return err
	}
	if err := d.Notices.To(ctx, tx, a.ID, *replaced, a.Lang, notice.ContactRemoved, notice.With{Contact: Mask(*replaced), At: e.At}); err != nil {
		return err
	}
	return d.free(ctx, tx, a.ID, *replaced)
}
