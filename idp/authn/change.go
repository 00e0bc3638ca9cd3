package authn

import (
	"context"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

// Again asks somebody who is signed in for the password once more.
func (d *Desk) Again(ctx context.Context, a *account.Account, pw string) error {
	h, err := d.limits.Take(ctx, perAgain, a.ID.String())
	if err != nil {
		return fmt.Errorf("authn: again: %w", err)
	}
	ok, _, err := d.check(ctx, a, pw)
	if err != nil {
		return err
	}
	if !ok || a.Lock.Locked(d.Now()) {
		return ErrPassword
	}
	return h.Clear(ctx)
}

// Admissible says what is wrong with a new password typed twice, as wrong fields "password" and
// "password-again".
func (d *Desk) Admissible(pw, again string, personal ...string) error {
	return Admissible(d.Rules, pw, again, personal...)
}

// A Change is a new password, asked by somebody who is signed in.
type Change struct {
	Account  account.ID
	Session  *session.Session // the one that asks
	Old, New string
	Again    string
	Browser  string // the browser's present secret
	Request  string
}

// ChangePassword sets a new password. That is a fall: everything issued before ends, the asking session
// with it, and a new one begins for the asking browser in the same transaction. It returns that session
// and the browser's new secret. Of the factors only the password was shown here, so the new session says no
// more, whatever the old one had.
func (d *Desk) ChangePassword(ctx context.Context, c Change) (*session.Session, string, error) {
	a, err := d.Accounts.Account(ctx, c.Account)
	if err != nil {
		return nil, "", fmt.Errorf("authn: change the password: %w", err)
	}
	if err := d.Again(ctx, a, c.Old); err != nil {
		return nil, "", err
	}
	if err := d.Admissible(c.New, c.Again, Personal(a)...); err != nil {
		return nil, "", err
	}
	hash, err := d.Hasher.Hash(ctx, c.New)
	if err != nil {
		return nil, "", fmt.Errorf("authn: change the password: %w", err)
	}
	now, wall, old := d.Now(), d.Wall(), a.Credential.Password
	secret := session.NewBrowser(c.Browser)
	var s *session.Session
	err = d.Atomically(ctx, func(tx Tx) error {
		a, err := session.Fall(ctx, tx, c.Account, func(a *account.Account) error {
			if a.Credential.Password != old {
				return fault.Conflict // somebody else changed it while we hashed
			}
			a.Credential.Password, a.Credential.PasswordChanged = hash, wall
			a.Renew()
			return nil
		}, session.Why{Kind: audit.PasswordChanged, Device: c.Session.Device, Request: c.Request, Now: now, Wall: wall})
		if err != nil {
			return err
		}
		s, err = d.Sessions.Begin(ctx, tx, a, c.Session.Kind, []string{"pwd"}, session.HashBrowser(secret), c.Session.Device)
		if err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.PasswordChanged, notice.With{At: wall})
	})
	if err != nil {
		return nil, "", fmt.Errorf("authn: change the password: %w", err)
	}
	return s, secret, nil
}
