package bank

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
)

// idLength is that of rand.Text.
const idLength = 26

// Opened reads the opening behind a link and changes nothing. ErrLink.
func (d *Desk) Opened(ctx context.Context, token string) (*Opening, error) {
	if len(token) != 2*idLength {
		return nil, ErrLink
	}
	o, err := d.Read.Registration(ctx, token[:idLength])
	if errors.Is(err, fault.NotFound) {
		return nil, ErrLink
	}
	if err != nil {
		return nil, fmt.Errorf("bank: link: %w", err)
	}
	if !o.opens(token, d.Now()) || o.Tries >= identityTries {
		return nil, ErrLink
	}
	return o, nil
}

// opens tells whether a token leads to the opening now; whether tries are left is another question.
func (o *Opening) opens(token string, now time.Time) bool {
	return o.State == ready && now.Before(o.Until) && subtle.ConstantTimeCompare(o.Link, seal.Hash([]byte(token[idLength:]))) == 1
}

// A Taking is what the person types who takes the account over.
type Taking struct {
	Token           string
	SNILS, Document string
	Password, Again string
	Consent         bool
	Device, Request string
}

// Finish gives the account its phone and password. Its errors are ErrLink, ErrTaken, a fault.Fields and an
// ErrIdentity, after which left tries remain.
func (d *Desk) Finish(ctx context.Context, in Taking) (a *account.Account, left int, err error) {
	o, err := d.Opened(ctx, in.Token)
	if err != nil {
		return nil, 0, err
	}
	var wrong fault.Fields
	snils, err := civil.ParseSNILS(in.SNILS)
	if err != nil {
		wrong.Add("snils", civil.CodeOf(err))
	}
	number, err := civil.ParseDocumentNumber(o.Person.Document.Type, in.Document)
	if err != nil {
		wrong.Add("document_number", civil.CodeOf(err))
	}
	personal := []string{o.Person.FamilyName.String(), o.Person.GivenName.String(), o.Phone}
	var bad fault.Fields
	if err := d.Rules.Admissible(in.Password, in.Again, personal...); errors.As(err, &bad) {
		wrong = append(wrong, bad...)
	} else if err != nil {
		return nil, 0, err
	}
	if !in.Consent {
		wrong.Add("consent", "consent.required")
	}
	if err := wrong.Err(); err != nil {
		return nil, 0, err
	}
	if o, err = d.try(ctx, o.ID, in.Token); err != nil {
		return nil, 0, err
	}
	one := subtle.ConstantTimeCompare([]byte(snils.String()), []byte(o.Person.SNILS.String()))
	two := subtle.ConstantTimeCompare([]byte(number), []byte(o.Person.Document.Number))
	if one&two != 1 {
		return nil, identityTries - o.Tries, ErrIdentity
	}
	hash, err := d.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, 0, fmt.Errorf("bank: finish: %w", err)
	}
	out := Outcome{Reference: o.Reference, Status: Completed}
	if err := d.sign(o.Partner, Registration, &out); err != nil {
		return nil, 0, err
	}
	err = d.Atomically(ctx, func(tx Tx) (err error) {
		a, err = d.finish(ctx, tx, o.ID, hash, out, in)
		return err
	})
	if errors.Is(err, fault.Exists) {
		return nil, 0, ErrTaken
	}
	if err != nil {
		return nil, 0, fmt.Errorf("bank: finish: %w", err)
	}
	return a, 0, nil
}

// try counts a try before it is judged: of guesses that come all at once no more are judged than one after
// another would be.
func (d *Desk) try(ctx context.Context, id, token string) (o *Opening, err error) {
	err = d.Atomically(ctx, func(tx Tx) error {
		o, err = tx.ChangeRegistration(ctx, id, func(o *Opening) error {
			if !o.opens(token, d.Now()) || o.Tries >= identityTries {
				return ErrLink
			}
			o.Tries++
			return nil
		})
		return err
	})
	if errors.Is(err, fault.NotFound) {
		return nil, ErrLink
	}
	if err != nil {
		return nil, fmt.Errorf("bank: finish: %w", err)
	}
	return o, nil
}

func (d *Desk) finish(ctx context.Context, tx Tx, id, hash string, out Outcome, in Taking) (*account.Account, error) {
	wall := d.Wall()
	o, err := tx.ChangeRegistration(ctx, id, func(o *Opening) error {
		if !o.opens(in.Token, d.Now()) || o.Tries > identityTries {
			return ErrLink
		}
		o.State, o.Link = done, nil
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, err := tx.ChangeAccount(ctx, o.Account, func(a *account.Account) error {
		a.Profile.Contacts = []account.Contact{{Kind: account.Phone, Value: o.Phone, Proved: wall}}
		a.Profile.Processing = account.Processing{Version: d.Processing, At: wall}
		a.Credential.Password, a.Credential.PasswordChanged = hash, wall
		return nil
	})
	if err != nil {
		return nil, err
	}
	if _, err := tx.ChangeVouching(ctx, o.Partner, Registration, o.Reference, func(v *Vouching) error {
		v.Body.Outcome = out
		return nil
	}); err != nil {
		return nil, err
	}
	err = tx.RecordEvent(ctx, audit.Event{At: wall, Kind: audit.Registered, Account: a.ID, Device: in.Device, Request: in.Request, Detail: map[string]string{
		"contact": string(account.Phone), "partner": string(o.Partner), "processing_version": d.Processing, "processing_at": wall.UTC().Format(time.RFC3339),
	}})
	if err != nil {
		return nil, err
	}
	return a, d.Notices.Tell(ctx, tx, a, notice.BankAccountDone, notice.With{Service: o.Bank})
}
