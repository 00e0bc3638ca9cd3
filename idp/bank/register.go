package bank

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/seal"
)

// The jobs of openings. The ref of JobChecked is an application's id, that of the others an opening's.
const (
	JobOpen    = "bank_registration_open"    // look whether the phone is free, and ask the registries
	JobChecked = "bank_registration_checked" // the registries have answered
	JobOver    = "bank_registration_over"    // the person did not finish in time
)

// The states of an opening.
//
//	new ─▶ checking ─▶ ready ─▶ done
//	  └────────┴─────────┴────▶ (erased with its account)
const (
	opening  = "new"
	checking = "checking"
	ready    = "ready" // standard and confirmed; the person has a link
	done     = "done"
)

// identityTries is how often somebody with the link may get the document number wrong.
const identityTries = 5

var (
	// ErrLink reports a link to an opening that is over, finished or unknown.
	ErrLink = fmt.Errorf("bank: the link is over: %w", fault.Expired)
	// ErrIdentity reports papers that are not the account's.
	ErrIdentity = fmt.Errorf("bank: the data does not agree: %w", fault.Denied)
	// ErrTaken reports a phone that has got an account meanwhile.
	ErrTaken = fmt.Errorf("bank: the phone has an account by now: %w", fault.Exists)
)

// An Opening is an account that a bank is registering, until its person has taken it over. It lies sealed
// under the account's key.
//
// The account exists from the first moment and nobody can sign in to it: it has no contact and no password.
// The registries check the bank's data as they check anybody's; a bank's word does not replace them. When
// they agree the account is standard, the bank's word makes it verified, and a link goes to the phone. Whoever
// opens it must know SNILS and document number as well: a bank that mistypes a phone must not hand over
// somebody's account. What comes to nothing is erased.
type Opening struct {
	ID        string
	Account   account.ID
	Partner   partner.ID
	Reference string
	Bank      string // its name for messages, in the language of the person
	Phone     string
	Lang      string
	Person    account.Person
	State     string
	Link      []byte // hash of the link's secret
	Tries     int
	Begun     time.Time // Now
	Until     time.Time // Now
	Version   int64
}

// An Application is a bank's request to register its client.
type Application struct {
	Once      partner.Once
	Reference string
	Person    account.Person
	Phone     civil.Phone
	Lang      string
	Request   string
}

// Register takes a registration. All that can be told apart happens later, in jobs: whoever has an account
// already is told so by a message to the phone, and the bank hears the same as always.
func (d *Desk) Register(ctx context.Context, p *partner.Partner, in Application) (*Outcome, error) {
	if err := registry.Whole(in.Person, d.Registry.Today()); err != nil {
		return nil, err
	}
	if err := d.unused(ctx, p.ID, Registration, in.Reference); err != nil {
		return nil, err
	}
	if _, err := d.count(ctx, d.registrations(), p.ID, in.Person.SNILS); err != nil {
		return nil, err
	}
	if err := d.limits.Send(ctx, limit.Sending{For: "bank", Contact: in.Phone.String(), Network: string(p.ID)}); err != nil {
		return nil, fmt.Errorf("bank: register: %w", err)
	}
	id, err := account.NewID(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bank: register: %w", err)
	}
	now, wall := d.Now(), d.Wall()
	a := &account.Account{
		Standing: account.Standing{ID: id, Epoch: 1, Level: account.Simplified}, Created: wall, Lang: in.Lang,
		Profile: account.Profile{Person: account.Person{
			FamilyName: in.Person.FamilyName, GivenName: in.Person.GivenName, Patronymic: in.Person.Patronymic,
		}},
	}
	o := &Opening{
		ID: rand.Text(), Account: id, Partner: p.ID, Reference: in.Reference, Bank: p.NameIn(in.Lang), Phone: in.Phone.String(), Lang: in.Lang,
		Person: in.Person, State: opening, Begun: now, Until: now.Add(d.Term),
	}
	out := Outcome{Reference: in.Reference, Status: Accepted}
	if err := d.sign(p.ID, Registration, &out); err != nil {
		return nil, err
	}
	v := Vouching{Partner: p.ID, Kind: Registration, Reference: in.Reference, Account: id, At: now, Body: Body{Outcome: out, Closes: o.Until}}
	err = d.Atomically(ctx, func(tx Tx) error {
		if err := in.Once.Keep(ctx, tx, http.StatusAccepted, out, now); err != nil {
			return err
		}
		v := v
		if err := tx.SaveVouching(ctx, &v); err != nil {
			if errors.Is(err, fault.Exists) {
				return ErrReference
			}
			return err
		}
		if err := tx.CreateAccount(ctx, a); err != nil {
			return err
		}
		o := *o
		if err := tx.SaveRegistration(ctx, &o); err != nil {
			return err
		}
		if err := d.record(ctx, tx, audit.BankRegistering, &o, "", in.Request); err != nil {
			return err
		}
		if err := tx.EnqueueAt(ctx, o.Until, job.Job{Kind: JobOver, Ref: o.ID}); err != nil {
			return err
		}
		return tx.Enqueue(ctx, job.Job{Kind: JobOpen, Ref: o.ID})
	})
	if err != nil {
		return nil, fmt.Errorf("bank: register: %w", err)
	}
	return &out, nil
}

func (d *Desk) record(ctx context.Context, tx Tx, kind audit.Kind, o *Opening, reason, request string) error {
	return tx.RecordEvent(ctx, audit.Event{
		At: d.Wall(), Kind: kind, Account: o.Account, Reason: reason, Request: request,
		Detail: map[string]string{"partner": string(o.Partner), "reference": o.Reference},
	})
}

// Handlers gives the jobs of openings.
func (d *Desk) Handlers() job.Handlers {
	return job.Handlers{JobOpen: d.open, JobChecked: d.checked, JobOver: d.over}
}

// load reads an opening, or nil if it is gone.
func (d *Desk) load(ctx context.Context, o *Opening, err error) (*Opening, error) {
	if errors.Is(err, fault.NotFound) {
		return nil, nil
	}
	return o, err
}

// open looks whether the phone is free and sends the data to the registries.
func (d *Desk) open(ctx context.Context, ref string) error {
	found, err := d.Read.Registration(ctx, ref)
	o, err := d.load(ctx, found, err)
	if err != nil || o == nil || o.State != opening {
		return err
	}
	holder, err := d.Read.FindAccount(ctx, account.ByPhone, o.Phone)
	if err != nil && !errors.Is(err, fault.NotFound) {
		return fmt.Errorf("bank: open: %w", err)
	}
	if err == nil {
		return d.end(ctx, o.ID, notice.BankAccountExists, nil, holder.ID)
	}
	return d.Atomically(ctx, func(tx Tx) error {
		moved := false
		o, err := tx.ChangeRegistration(ctx, ref, func(o *Opening) error {
			if moved = o.State == opening; moved {
				o.State = checking
			}
			return nil
		})
		if err != nil || !moved {
			return err
		}
		_, err = d.Registry.File(ctx, tx, registry.Filing{Account: o.Account, Person: o.Person, Follow: JobChecked})
		return err
	})
}

// checked goes on when the registries have answered: confirmed and a link to the phone, or the end.
func (d *Desk) checked(ctx context.Context, application string) error {
	app, err := d.Read.Application(ctx, application)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bank: checked: %w", err)
	}
	last, err := d.Read.LastRegistration(ctx, app.Account)
	o, err := d.load(ctx, last, err)
	if err != nil || o == nil || o.State != checking {
		return err
	}
	switch {
	case app.State == registry.Running:
		return nil
	case app.SNILSTaken:
		return d.end(ctx, o.ID, notice.BankAccountExists, nil, 0)
	case app.State != registry.Agreed:
		return d.end(ctx, o.ID, notice.BankAccountRefused, app.Refusals(), 0)
	}
	p, err := d.Partners.Partner(ctx, o.Partner)
	if err != nil {
		return fmt.Errorf("bank: checked: %w", err)
	}
	if p.Disabled { // switched off while the registries looked: its word is worth nothing now
		return d.end(ctx, o.ID, notice.BankAccountRefused, nil, 0)
	}
	secret := rand.Text()
	return d.Atomically(ctx, func(tx Tx) error {
		moved := false
		o, err := tx.ChangeRegistration(ctx, o.ID, func(o *Opening) error {
			if moved = o.State == checking; moved {
				o.State, o.Link = ready, seal.Hash([]byte(secret))
			}
			return nil
		})
		if err != nil || !moved {
			return err
		}
		a, err := tx.Account(ctx, o.Account)
		if err != nil {
			return err
		}
		// The bank's word is as old as the account, and a recall of what the bank said then must find it.
		at := a.Created.UTC().Truncate(time.Second)
		proof := account.Confirmation{ID: rand.Text(), Method: account.Bank, At: at, Organization: p.Organization(), Serial: o.Reference}
		_, _, err = confirm.Prove(ctx, tx, d.Notices, confirm.Proof{
			Account: o.Account, Confirmation: proof, Judged: o.Person, Now: d.Now(), Wall: d.Wall(), Detail: map[string]string{"partner": string(o.Partner)},
		})
		if err != nil {
			return err
		}
		if _, err := tx.ChangeVouching(ctx, o.Partner, Registration, o.Reference, func(v *Vouching) error { v.Confirmation = proof.ID; return nil }); err != nil {
			return err
		}
		return d.say(ctx, tx, o, o.Account, notice.BankAccountReady, notice.With{
			Link: d.Issuer + "/register/bank/" + o.ID + secret, Until: o.Until, Expires: o.Until,
		})
	})
}

// say posts a message to the phone that the bank gave.
func (d *Desk) say(ctx context.Context, tx Tx, o *Opening, about account.ID, kind notice.Kind, w notice.With) error {
	w.Service = o.Bank
	return d.Notices.To(ctx, tx, about, account.Contact{Kind: account.Phone, Value: o.Phone}, o.Lang, kind, w)
}

// end erases an opening with its account and tells the phone why. about is whose account the message speaks
// of; 0: nobody's.
func (d *Desk) end(ctx context.Context, id string, kind notice.Kind, fields []string, about account.ID) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		o, err := tx.ChangeRegistration(ctx, id, func(o *Opening) error {
			if o.State == done {
				return fault.Conflict
			}
			return nil
		})
		if errors.Is(err, fault.NotFound) || errors.Is(err, fault.Conflict) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := d.record(ctx, tx, audit.BankRegistrationEnded, o, string(kind), ""); err != nil {
			return err
		}
		if kind != "" {
			if err := d.say(ctx, tx, o, about, kind, notice.With{Fields: fields}); err != nil {
				return err
			}
		}
		if _, err := tx.ChangeVouching(ctx, o.Partner, Registration, o.Reference, func(v *Vouching) error { v.Account = 0; return nil }); err != nil {
			return err
		}
		return tx.RemoveUnclaimed(ctx, o.Account)
	})
	if err != nil {
		return fmt.Errorf("bank: end a registration: %w", err)
	}
	return nil
}

// over erases an opening that its person did not finish.
func (d *Desk) over(ctx context.Context, ref string) error {
	found, err := d.Read.Registration(ctx, ref)
	o, err := d.load(ctx, found, err)
	if err != nil || o == nil || o.State == done || d.Now().Before(o.Until) {
		return err
	}
	return d.end(ctx, o.ID, "", nil, 0)
}

// Open tells whether the person has still to finish.
func (o *Opening) Open() bool { return o.State != done }
