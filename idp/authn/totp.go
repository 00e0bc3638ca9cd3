package authn

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

var (
	// ErrCode reports a wrong code of the app, or one that was used before.
	ErrCode = fmt.Errorf("authn: wrong code: %w", fault.Denied)
	// ErrSetup reports a set-up that nobody began, or that waited too long.
	ErrSetup = fmt.Errorf("authn: the set-up is over: %w", fault.Expired)
	// ErrHasTOTP and ErrNoTOTP report a second app, and none.
	ErrHasTOTP = fmt.Errorf("authn: an app is connected already: %w", fault.Exists)
	ErrNoTOTP  = fmt.Errorf("authn: no app is connected: %w", fault.NotFound)
)

const (
	totpPeriod = 30 // seconds; RFC 6238 section 5.2
	totpSkew   = 1  // steps either way: clocks of phones are not exact
	setupLife  = 20 * time.Minute
)

// A setup is a secret that was shown and not yet proved.
type setup struct {
	Account account.ID `json:"account"`
	Secret  string     `json:"secret"`
}

// step finds the time step whose code was typed: after last, within the skew.
func step(secret, code string, at time.Time, last int64) (int64, bool) {
	code = digits(code)
	now := at.Unix() / totpPeriod
	for s := now - totpSkew; s <= now+totpSkew; s++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		if s > last && subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return s, true
		}
	}
	return 0, false
}

// digits keeps the digits of a code: people type it in groups.
func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// TOTP judges the second factor: a code of the account's app. Each code counts once (RFC 6238 section
// 5.2), which the change of the account settles between requests that race.
func (d *Desk) TOTP(ctx context.Context, id account.ID, code string) (*account.Account, error) {
	h, err := d.limits.Take(ctx, perCode, id.String())
	if err != nil {
		return nil, fmt.Errorf("authn: second factor: %w", err)
	}
	wall := d.Wall()
	var out *account.Account
	err = d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			if a.Credential.TOTP == nil || a.Lock.Locked(d.Now()) {
				return ErrCode
			}
			s, ok := step(a.Credential.TOTP.Secret, code, wall, a.Credential.TOTP.LastStep)
			if !ok {
				return ErrCode
			}
			t := *a.Credential.TOTP
			t.LastStep = s
			a.Credential.TOTP = &t
			return nil
		})
		out = a
		return err
	})
	if errors.Is(err, ErrCode) {
		return nil, d.wrongCode(ctx, id, h.Sum)
	}
	if err != nil {
		return nil, fmt.Errorf("authn: second factor: %w", err)
	}
	return out, h.Clear(ctx)
}

// wrongCode records a wrong code. Whoever gets here has the password, so the owner hears of it sooner.
func (d *Desk) wrongCode(ctx context.Context, id account.ID, sum int) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		e := audit.Event{At: d.Wall(), Kind: audit.SignInFailed, Account: id, Detail: map[string]string{"factor": "otp"}}
		if err := tx.RecordEvent(ctx, e); err != nil || sum != tellAt {
			return err
		}
		a, err := tx.Account(ctx, id)
		if err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.SignInFailures, notice.With{Count: sum})
	})
	if err != nil {
		return fmt.Errorf("authn: record a wrong code: %w", err)
	}
	return ErrCode
}

// A TOTPSetup is what the owner enters into the app.
type TOTPSetup struct {
	Secret string // base32
	URL    string // otpauth, for the QR code
}

// SetupTOTP begins the set-up of an app, or continues the one begun in this session: a reload must not
// change the secret that a phone has just read.
func (d *Desk) SetupTOTP(ctx context.Context, a *account.Account, s session.ID) (TOTPSetup, error) {
	if a.Credential.TOTP != nil {
		return TOTPSetup{}, ErrHasTOTP
	}
	v, err := d.setups.Load(ctx, string(s))
	if errors.Is(err, fault.NotFound) || err == nil && v.Account != a.ID {
		var secret [20]byte // RFC 4226 section 4, R6: 160 bits
		rand.Read(secret[:])
		v = setup{a.ID, base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret[:])}
		err = d.setups.Put(ctx, string(s), v, d.Now().Add(setupLife))
	}
	if err != nil {
		return TOTPSetup{}, fmt.Errorf("authn: set up an app: %w", err)
	}
	return TOTPSetup{v.Secret, d.otpauth(a, v.Secret)}, nil
}

// otpauth is the address that apps read from the QR code. The label is what the owner signs in with.
func (d *Desk) otpauth(a *account.Account, secret string) string {
	label := d.Issuer
	for _, kind := range []account.ContactKind{account.Email, account.Phone} {
		if c, ok := a.Profile.Contact(kind); ok {
			label = d.Issuer + ":" + c.Value
		}
	}
	q := url.Values{"secret": {secret}, "issuer": {d.Issuer}, "period": {"30"}, "digits": {"6"}, "algorithm": {"SHA1"}}
	var b bytes.Buffer
	b.WriteString("otpauth://totp/" + url.PathEscape(label) + "?" + strings.ReplaceAll(q.Encode(), "+", "%20"))
	return b.String()
}

// EnrolTOTP connects the app once it shows the right code.
func (d *Desk) EnrolTOTP(ctx context.Context, id account.ID, s session.ID, code, request string) error {
	h, err := d.limits.Take(ctx, perCode, "setup", id.String())
	if err != nil {
		return fmt.Errorf("authn: connect an app: %w", err)
	}
	v, err := d.setups.Load(ctx, string(s))
	if errors.Is(err, fault.NotFound) || err == nil && v.Account != id {
		return ErrSetup
	}
	if err != nil {
		return fmt.Errorf("authn: connect an app: %w", err)
	}
	wall := d.Wall()
	last, ok := step(v.Secret, code, wall, 0)
	if !ok {
		return ErrCode
	}
	err = d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			if a.Credential.TOTP != nil {
				return ErrHasTOTP
			}
			a.Credential.TOTP = &account.TOTP{Secret: v.Secret, Since: wall, LastStep: last}
			return nil
		})
		if err != nil {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.FactorAdded, Account: id, Session: string(s), Detail: map[string]string{"factor": "otp"}, Request: request}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.TOTPAdded, notice.With{At: wall})
	})
	if err != nil {
		return fmt.Errorf("authn: connect an app: %w", err)
	}
	if err := d.setups.Delete(ctx, string(s)); err != nil {
		return fmt.Errorf("authn: connect an app: %w", err)
	}
	return h.Clear(ctx)
}

// RemoveTOTP disconnects the app. The password and a code are asked: a session left open is not enough.
func (d *Desk) RemoveTOTP(ctx context.Context, id account.ID, s session.ID, pw, code, request string) error {
	a, err := d.Accounts.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("authn: disconnect the app: %w", err)
	}
	if a.Credential.TOTP == nil {
		return ErrNoTOTP
	}
	if err := d.Again(ctx, a, pw); err != nil {
		return err
	}
	if _, err := d.TOTP(ctx, id, code); err != nil {
		return err
	}
	wall := d.Wall()
	err = d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			if a.Credential.TOTP == nil {
				return ErrNoTOTP
			}
			a.Credential.TOTP = nil
			return nil
		})
		if err != nil {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.FactorRemoved, Account: id, Session: string(s), Detail: map[string]string{"factor": "otp"}, Request: request}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.TOTPRemoved, notice.With{At: wall})
	})
	if err != nil {
		return fmt.Errorf("authn: disconnect the app: %w", err)
	}
	return nil
}
