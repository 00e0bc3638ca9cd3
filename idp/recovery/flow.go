package recovery

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/lock"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

const refPurpose seal.Purpose = "recovery"

func (d *Desk) seal(id string) string { return d.Ring.Seal(refPurpose, []byte(id), nil) }

func (d *Desk) load(ctx context.Context, ref, browser string) (string, *Flow, error) {
	b, err := d.Ring.Open(refPurpose, ref, nil)
	if err != nil {
		return "", nil, fmt.Errorf("recovery: load: %w", err)
	}
	f, err := d.flows.Load(ctx, string(b))
	if errors.Is(err, fault.NotFound) || err == nil && f.over(d.Now()) {
		return "", nil, contact.ErrOver
	}
	if err != nil {
		return "", nil, fmt.Errorf("recovery: load: %w", err)
	}
	if !session.OnceBrowser(browser, f.Browser) {
		return "", nil, contact.ErrOtherBrowser
	}
	return string(b), &f, nil
}

// Flow returns the flow behind a reference.
func (d *Desk) Flow(ctx context.Context, ref, browser string) (*Flow, error) {
	_, f, err := d.load(ctx, ref, browser)
	return f, err
}

// Enter tries the code from the SMS.
func (d *Desk) Enter(ctx context.Context, ref, browser, code string) (left int, err error) {
	id, _, err := d.load(ctx, ref, browser)
	if err != nil {
		return 0, err
	}
	var verdict error
	f, err := d.flows.Change(ctx, id, func(f *Flow) error {
		now := d.Now()
		verdict = f.Phone.Enter(code, now, d.Wall())
		if verdict == nil && f.Since.IsZero() {
			f.Since = now
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("recovery: enter the code: %w", err)
	}
	return f.Phone.Left(), verdict
}

// Resend sends anew once the time of the old code is over; a mailbox may be asked for at any time.
func (d *Desk) Resend(ctx context.Context, ref, browser, network string) error {
	id, f, err := d.load(ctx, ref, browser)
	if err != nil {
		return err
	}
	if f.Stage() != Proving {
		return nil
	}
	if wait := f.Phone.Until.Sub(d.Now()); f.Named != ByEmail && wait > 0 {
		return fault.RetryAfter{After: wait}
	}
	a, err := d.Accounts.Account(ctx, f.Account) // nobody's 0 is asked for too: the same trips for every name
	if errors.Is(err, fault.NotFound) && f.Account == 0 {
		a, err = nil, nil
	}
	if err != nil {
		return fmt.Errorf("recovery: send again: %w", err)
	}
	if err := d.prepare(ctx, id, f, a, network); err != nil {
		return err
	}
	_, err = d.flows.Change(ctx, id, func(g *Flow) error {
		if g.Stage() == Proving {
			g.Phone, g.Mail, g.Mailing = f.Phone, f.Mail, f.Mailing
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recovery: keep the proof: %w", err)
	}
	return d.order(ctx, id)
}

// Opened shows what a link from a mail is about, and changes nothing.
func (d *Desk) Opened(ctx context.Context, token string) (*Flow, error) {
	_, f, err := d.byLink(ctx, token)
	return f, err
}

func (d *Desk) byLink(ctx context.Context, token string) (string, *Flow, error) {
	id, err := d.links.Load(ctx, contact.TokenID(token))
	var f Flow
	if err == nil {
		f, err = d.flows.Load(ctx, id)
	}
	if errors.Is(err, fault.NotFound) || err == nil && (f.Mail.Deaf || f.over(d.Now())) {
		return "", nil, contact.ErrLink
	}
	if err != nil {
		return "", nil, fmt.Errorf("recovery: link: %w", err)
	}
	return id, &f, nil
}

// Open proves the mailbox by its link, and the browser that opens it goes on.
func (d *Desk) Open(ctx context.Context, token, browser string) (ref string, err error) {
	id, _, err := d.byLink(ctx, token)
	if err != nil {
		return "", err
	}
	_, err = d.flows.Change(ctx, id, func(f *Flow) error {
		if f.Stage() != Proving {
			if !session.OnceBrowser(browser, f.Browser) {
				return contact.ErrLink
			}
			return nil
		}
		f.Mail.Proved, f.Since, f.Browser = d.Wall(), d.Now(), session.HashBrowser(browser)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("recovery: open the link: %w", err)
	}
	return d.seal(id), nil
}

// Identify compares SNILS and document number with the account's. Both are always compared, and the
// answer does not tell which was wrong. left says how many tries remain.
func (d *Desk) Identify(ctx context.Context, ref, browser, snils, number string) (left int, err error) {
	id, f, err := d.load(ctx, ref, browser)
	if err != nil {
		return 0, err
	}
	switch f.Stage() {
	case Proving:
		return 0, contact.ErrOver
	case Choosing:
		return 0, nil
	case InPerson:
		return 0, ErrInPerson
	}
	var wrong fault.Fields
	n, err := civil.ParseSNILS(snils)
	if err != nil {
		wrong.Add("snils", civil.CodeOf(err))
	}
	if number == "" {
		wrong.Add("document_number", "document.required")
	}
	if err := wrong.Err(); err != nil {
		return identityTries - f.Tries, err // not a try: nobody's data looks like this
	}
	h, err := d.limits.Take(ctx, perAccount, f.Account.String())
	if errors.Is(err, fault.Limited) {
		return 0, ErrInPerson
	}
	if err != nil {
		return 0, fmt.Errorf("recovery: identify: %w", err)
	}
	a, err := d.Accounts.Account(ctx, f.Account)
	if err != nil {
		return 0, fmt.Errorf("recovery: identify: %w", err)
	}
	same := agrees(a, n, number)
	out, err := d.flows.Change(ctx, id, func(f *Flow) error {
		if f.Tries >= identityTries {
			return ErrInPerson
		}
		f.Tries++
		f.Identified = f.Identified || same
		return nil
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("recovery: identify: %w", err)
	case same:
		return 0, h.Back(ctx)
	case out.Tries >= identityTries:
		return 0, ErrInPerson
	}
	return identityTries - out.Tries, ErrIdentity
}

// agrees compares without telling where the first difference is.
func agrees(a *account.Account, snils civil.SNILS, number string) bool {
	p := a.Profile.Person
	if p.Document == nil {
		return false
	}
	typed, err := civil.ParseDocumentNumber(p.Document.Type, number)
	if err != nil {
		typed = ""
	}
	one := subtle.ConstantTimeCompare([]byte(snils.String()), []byte(p.SNILS.String()))
	two := subtle.ConstantTimeCompare([]byte(typed), []byte(p.Document.Number))
	return one&two == 1
}

// A Password is the last page, as typed.
type Password struct {
	Ref, Browser    string
	Password, Again string
	Device, Request string
}

// Done is what a recovery came to.
type Done struct {
	Account *account.Account
	Waiting string
	// Until is set when the account counts as simplified till then.
	Until time.Time
	// Waits is set when the new password begins to count then: the citizen wanted changes to wait.
	Waits time.Time
}

// Finish sets the new password, if what was proved is still so (serves); where the citizen wanted changes to wait
// it is announced, and set in its time. Everything issued before ends, a verified account is restricted, and
// every contact is told. It signs nobody in: the second factor, where there is one, is still asked.
func (d *Desk) Finish(ctx context.Context, in Password) (*Done, error) {
	id, f, err := d.load(ctx, in.Ref, in.Browser)
	if err != nil {
		return nil, err
	}
	if f.Stage() != Choosing {
		return nil, contact.ErrOver
	}
	a, err := d.Accounts.Account(ctx, f.Account)
	if err != nil {
		return nil, fmt.Errorf("recovery: finish: %w", err)
	}
	if err := authn.Admissible(d.Rules, in.Password, in.Again, authn.Personal(a)...); err != nil {
		return nil, err
	}
	hash, err := d.Hasher.Hash(ctx, in.Password)
	if err != nil {
		return nil, fmt.Errorf("recovery: finish: %w", err)
	}
	now, wall := d.Now(), d.Wall()
	done := &Done{Waiting: f.Waiting}
	kept := lock.Password{Hash: hash, Epoch: f.Epoch, Through: f.proof().Contact(), Identified: f.Identified, Device: in.Device}
	err = d.Atomically(ctx, func(tx Tx) error {
		done.Until, done.Waits = time.Time{}, time.Time{}
		done.Account, err = tx.ChangeAccount(ctx, f.Account, func(a *account.Account) error { return d.serves(ctx, tx, kept, a) })
		if err != nil {
			return err
		}
		if wait := done.Account.Locks.Wait; wait > 0 {
			p, err := lock.Announce(ctx, tx, d.Notices, done.Account, lock.Pending{Kind: lock.Recovery, Password: &kept},
				lock.Wait{For: wait, Request: in.Request, Now: now, Wall: wall})
			if err == nil {
				done.Waits = p.Due
			}
			return err
		}
		done.Account, done.Until, err = d.set(ctx, tx, f.Account, kept, in.Request)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("recovery: finish: %w", err)
	}
	if err := d.flows.Delete(ctx, id); err != nil {
		return nil, fmt.Errorf("recovery: finish: %w", err)
	}
	return done, nil
}

// set gives an account its new password, in the transaction tx.
func (d *Desk) set(ctx context.Context, tx Tx, id account.ID, p lock.Password, request string) (a *account.Account, until time.Time, err error) {
	now, wall := d.Now(), d.Wall()
	through := p.Through.Kind
	a, err = session.Fall(ctx, tx, id, func(a *account.Account) error {
		until = time.Time{}
		if err := d.serves(ctx, tx, p, a); err != nil {
			return err
		}
		a.Credential.Password, a.Credential.PasswordChanged = p.Hash, wall
		if a.Credential.Restored.Covers(p.Through, now) {
			a.Credential.Restored = account.Restoration{} // once: they stood at a window with the document
		} else if len(a.Confirmations) > 0 { // suspended ones too: an agreement brings them back
			a.Restrict(through, now, wall, now.Add(d.Restrict))
			until = a.RestrictedUntil
		}
		if !a.Lock.Until.IsZero() {
			a.Lock = account.Lock{} // one for a while kept strangers out; the owner is back
		}
		a.Renew()
		return nil
	}, session.Why{Kind: audit.Recovered, Device: p.Device, Request: request, Now: now, Wall: wall,
		Detail: map[string]string{"contact": string(through)}})
	if err != nil {
		return nil, until, err
	}
	if err := d.Notices.Tell(ctx, tx, a, notice.RecoveryDone, notice.With{At: wall}); err != nil || until.IsZero() {
		return a, until, err
	}
	return a, until, d.Notices.Tell(ctx, tx, a, notice.Restricted, notice.With{Until: until})
}

// Make is the lock.Maker of recoveries: it sets the new password of one whose time has come. When what was
// proved is not so any more, it lapses.
func (d *Desk) Make(ctx context.Context, p *lock.Pending) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		if _, err := lock.Close(ctx, tx, p.ID, lock.Made, d.Now()); err != nil {
			return err
		}
		_, _, err := d.set(ctx, tx, p.Account, *p.Password, "")
		return err
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, contact.ErrOver):
		return fmt.Errorf("recovery: %w: %w", lock.ErrLapsed, err)
	}
	return fmt.Errorf("recovery: make what waited: %w", err)
}
