// Package register opens a simplified account: a name, one proved contact, consent to processing, a password.
//
//	start ─▶ a code by SMS ──entered──┐
//	  │         │ "e-mail instead"    ├─▶ password, twice ─▶ account
//	  └─▶ a link by mail ─────opened──┘
//
// That a contact is taken is told only to whoever holds it, in the message; the pages look alike, and no
// code works (design.md 8). What is typed stands in Transients, sealed; the browser has the flow's id,
// sealed, and the id serves only the browser it was given to. A link opened in another browser takes the
// flow over there.
package register

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/transient"
)

// ErrTaken reports that somebody opened an account with the contact while this flow was under way. The
// contact is proved here, so this may be told.
var ErrTaken = fmt.Errorf("register: the contact has an account by now: %w", fault.Exists)

// A Tx is what a registration writes together.
type Tx interface {
	CreateAccount(ctx context.Context, a *account.Account) error
	audit.Log
	notice.Outbox
}

// Accounts finds out whether a contact is taken.
type Accounts interface {
	FindAccount(ctx context.Context, by account.Key, value string) (*account.Account, error)
}

// Config is what a Desk works with.
type Config struct {
	Accounts   Accounts
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Hasher     *password.Hasher
	Rules      password.Rules
	Notices    *notice.Notices
	// Processing is the version of the text on the processing of personal data that citizens agree to.
	Processing string
	Now, Wall  func() time.Time
}

// A Desk registers.
type Desk struct {
	Config
	limits *limit.Keeper
	flows  *transient.Box[Flow]
	links  *transient.Box[Link]
}

// New makes a Desk.
func New(c Config) *Desk {
	return &Desk{
		Config: c,
		limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
		flows:  transient.NewBox[Flow](c.Transients, c.Ring, "register", c.Now),
		links:  transient.NewBox[Link](c.Transients, c.Ring, "register_link", c.Now),
	}
}

// flowLife leaves a link that is opened at the last moment time for the password.
const flowLife = contact.LinkLife + time.Hour

// A Flow is a registration under way.
type Flow struct {
	Browser []byte `json:"browser"` // hash of the browser's secret
	Waiting string `json:"waiting"` // the sealed request that goes on afterwards; may be ""
	Lang    string `json:"lang"`

	FamilyName civil.Name         `json:"family_name"`
	GivenName  civil.Name         `json:"given_name"`
	Proof      contact.Proof      `json:"proof"`
	Processing account.Processing `json:"processing"`
}

// A Link is what the hash of a link's secret leads to. It proves one mailbox: a flow that has turned to
// another one meanwhile hears it no more.
type Link struct {
	Flow  string `json:"flow"`
	Value string `json:"value"`
}

// Proved tells that the password comes next.
func (f *Flow) Proved() bool { return !f.Proof.Proved.IsZero() }

// A Form is the first page, as typed.
type Form struct {
	FamilyName, GivenName, Tel, Email string
	Consent                           bool
	Lang, Waiting, Browser, Network   string
}

// Start checks the form, sends a message and returns the sealed reference to the flow. Its errors are a
// fault.Fields and a fault.RetryAfter.
func (d *Desk) Start(ctx context.Context, in Form) (ref string, err error) {
	f := Flow{Browser: session.HashBrowser(in.Browser), Waiting: in.Waiting, Lang: in.Lang}
	if err := f.read(in); err != nil {
		return "", err
	}
	f.Processing = account.Processing{Version: d.Processing, At: d.Wall()}
	id := rand.Text()
	if err := d.send(ctx, id, &f, in.Network); err != nil {
		return "", err
	}
	if err := d.flows.Create(ctx, id, f, d.Now().Add(flowLife)); err != nil {
		return "", fmt.Errorf("register: start: %w", err)
	}
	return d.seal(id), nil
}

// read parses what was typed.
func (f *Flow) read(in Form) error {
	var wrong fault.Fields
	name := func(field, typed string) civil.Name {
		n, err := civil.ParseName(typed)
		if err != nil {
			wrong.Add(field, civil.CodeOf(err))
		}
		return n
	}
	f.FamilyName = name("family_name", in.FamilyName)
	f.GivenName = name("given_name", in.GivenName)
	switch {
	case in.Tel == "" && in.Email == "":
		wrong.Add("contact", "contact.empty")
	case in.Tel != "" && in.Email != "":
		wrong.Add("contact", "contact.both")
	case in.Tel != "":
		p, err := civil.ParsePhone(in.Tel)
		if err != nil {
			wrong.Add("tel", civil.CodeOf(err))
		}
		f.Proof = contact.Proof{Kind: account.Phone, Value: p.String()}
	default:
		e, err := civil.ParseEmail(in.Email)
		if err != nil {
			wrong.Add("email", civil.CodeOf(err))
		}
		f.Proof = contact.Proof{Kind: account.Email, Value: e.String()}
	}
	if !in.Consent {
		wrong.Add("consent", "consent.required")
	}
	return wrong.Err()
}

// send counts, looks whether the contact is taken, and posts the one or the other message. The flow is
// the caller's to keep.
func (d *Desk) send(ctx context.Context, id string, f *Flow, network string) error {
	p := &f.Proof
	if err := d.limits.Send(ctx, limit.Sending{For: "register", Contact: p.Contact().Key(), Network: network}); err != nil {
		return fmt.Errorf("register: send: %w", err)
	}
	holder, err := d.Accounts.FindAccount(ctx, contact.Key(p.Kind), p.Value)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("register: look for the contact: %w", err)
	}
	p.Deaf = holder != nil
	now := d.Now()
	p.Send(now)
	to := account.Contact{Kind: p.Kind, Value: p.Value}
	path, token := "", ""
	if p.Kind == account.Email {
		token = contact.NewToken()
		path = "/register/link/" + token
		if err := d.links.Create(ctx, contact.TokenID(token), Link{id, p.Value}, now.Add(contact.LinkLife)); err != nil {
			return fmt.Errorf("register: keep the link: %w", err)
		}
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		switch {
		case p.Deaf:
			return d.Notices.To(ctx, tx, holder.ID, to, f.Lang, notice.ContactTaken, notice.With{})
		case p.Kind == account.Email:
			return d.Notices.Link(ctx, tx, 0, p.Value, f.Lang, notice.RegistrationLink, path, p.Until)
		default:
			return d.Notices.Code(ctx, tx, 0, p.Value, f.Lang, notice.RegistrationCode, p.Code, p.Until)
		}
	})
	if err != nil {
		return fmt.Errorf("register: send: %w", err)
	}
	return nil
}

// A Password is the last page, as typed.
type Password struct {
	Ref, Browser    string
	Password, Again string
	Device, Request string
}

// Finish opens the account. Its errors are a fault.Fields about the password, and ErrTaken.
func (d *Desk) Finish(ctx context.Context, in Password) (*account.Account, *Flow, error) {
	id, f, err := d.load(ctx, in.Ref, in.Browser)
	if err != nil {
		return nil, nil, err
	}
	if !f.Proved() {
		return nil, nil, contact.ErrOver
	}
	personal := []string{f.FamilyName.String(), f.GivenName.String(), f.Proof.Value}
	if err := authn.Admissible(d.Rules, in.Password, in.Again, personal...); err != nil {
		return nil, nil, err
	}
	hash, err := d.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, nil, fmt.Errorf("register: finish: %w", err)
	}
	number, err := account.NewID(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("register: finish: %w", err)
	}
	wall := d.Wall()
	a := &account.Account{
		Standing: account.Standing{ID: number, Epoch: 1, Level: account.Simplified},
		Created:  wall, Lang: f.Lang,
		Profile: account.Profile{
			Person:     account.Person{FamilyName: f.FamilyName, GivenName: f.GivenName},
			Contacts:   []account.Contact{{Kind: f.Proof.Kind, Value: f.Proof.Value, Proved: f.Proof.Proved}},
			Processing: f.Processing,
		},
		Credential: account.Credential{Password: hash, PasswordChanged: wall},
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		if err := tx.CreateAccount(ctx, a); err != nil {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.Registered, Account: a.ID, Device: in.Device, Request: in.Request, Detail: map[string]string{
			"contact": string(f.Proof.Kind), "processing_version": f.Processing.Version,
			"processing_at": f.Processing.At.UTC().Format(time.RFC3339),
		}}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.AccountCreated, notice.With{})
	})
	if errors.Is(err, fault.Exists) {
		return nil, f, ErrTaken
	}
	if err != nil {
		return nil, nil, fmt.Errorf("register: finish: %w", err)
	}
	if err := d.flows.Delete(ctx, id); err != nil {
		return nil, nil, fmt.Errorf("register: finish: %w", err)
	}
	return a, f, nil
}
