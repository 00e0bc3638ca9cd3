package passkey

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

// An addition is a key that its owner may add, and has not pressed yet.
type addition struct {
	Account  account.ID           `json:"account"`
	Name     string               `json:"name"`
	Question json.RawMessage      `json:"question"`
	Kept     webauthn.SessionData `json:"kept"`
}

// An Asking is what is asked again before keys are changed: a session left open is not enough.
type Asking struct {
	Account        account.ID
	Session        session.ID
	Password, Code string
	Request        string
}

// named gives the name of a key as it is kept, or says what is wrong with it: field "key-name".
func named(name string) (string, error) {
	name = strings.Join(strings.Fields(name), " ")
	switch {
	case name == "":
		return "", fault.Fields{{Name: "key-name", Code: "key.name"}}
	case utf8.RuneCountInString(name) > longest, !utf8.ValidString(name), strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "", fault.Fields{{Name: "key-name", Code: "key.name-long"}}
	}
	return name, nil
}

// Begin lets the owner add a key in this session. The app's code is asked besides the password: a first key comes
// under the app's protection, never in its place. Errors: fault.Fields, those of Factors, ErrMany, ErrUnfit.
func (d *Desk) Begin(ctx context.Context, by Asking, name string) error {
	if d.party == nil {
		return ErrUnfit
	}
	name, err := named(name)
	if err != nil {
		return err
	}
	a, err := d.Accounts.Account(ctx, by.Account)
	if err != nil {
		return fmt.Errorf("passkey: begin: %w", err)
	}
	if len(a.Credential.Passkeys) >= Most {
		return ErrMany
	}
	if err := d.Factors.Again(ctx, a, by.Password); err != nil {
		return err
	}
	if a, err = d.Factors.TOTP(ctx, by.Account, by.Code); err != nil {
		return err
	}
	var there webauthn.Credentials = owner{a}.WebAuthnCredentials()
	q, kept, err := d.party.BeginRegistration(owner{a}, algorithms, webauthn.WithExclusions(there.CredentialDescriptors()))
	if err != nil {
		return fmt.Errorf("passkey: begin: %w", err)
	}
	question, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("passkey: begin: %w", err)
	}
	if err := d.additions.Put(ctx, string(by.Session), addition{a.ID, name, question, *kept}, d.Now().Add(life)); err != nil {
		return fmt.Errorf("passkey: begin: %w", err)
	}
	return nil
}

// Question is what Begin left for the page's script, and the name of the key; ErrOver.
func (d *Desk) Question(ctx context.Context, id account.ID, s session.ID) (question []byte, name string, err error) {
	v, err := d.additions.Load(ctx, string(s))
	if errors.Is(err, fault.NotFound) || err == nil && v.Account != id {
		return nil, "", ErrOver
	}
	if err != nil {
		return nil, "", fmt.Errorf("passkey: question: %w", err)
	}
	return v.Question, v.Name, nil
}

// Add takes the new key's answer. The question is used up.
func (d *Desk) Add(ctx context.Context, id account.ID, s session.ID, answer []byte, request string) error {
	v, err := d.additions.Take(ctx, string(s))
	if errors.Is(err, fault.NotFound) || err == nil && v.Account != id {
		return ErrOver
	}
	if err != nil {
		return fmt.Errorf("passkey: add: %w", err)
	}
	a, err := d.Accounts.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("passkey: add: %w", err)
	}
	c, err := d.create(owner{a}, v.Kept, answer)
	if err != nil {
		d.Log.InfoContext(ctx, "a new passkey was refused", "error", err)
		return ErrAnswer
	}
	wall := d.Wall()
	k := account.Passkey{ID: c.ID, PublicKey: c.PublicKey, Count: c.Authenticator.SignCount, AAGUID: c.Authenticator.AAGUID,
		Synced: c.Flags.BackupEligible, Name: v.Name, Since: wall}
	for _, t := range c.Transport {
		if len(k.Transports) < 8 && len(t) <= 32 {
			k.Transports = append(k.Transports, string(t))
		}
	}
	err = d.change(ctx, id, s, audit.FactorAdded, notice.PasskeyAdded, k.Factor(), request, func(a *account.Account) error {
		if a.Credential.Passkey(k.ID) != nil {
			return ErrHas
		}
		if len(a.Credential.Passkeys) >= Most {
			return ErrMany
		}
		a.Credential.Passkeys = append(slices.Clip(a.Credential.Passkeys), k)
		return nil
	})
	if err != nil {
		return fmt.Errorf("passkey: add: %w", err)
	}
	return nil
}

// create is the library's judgement of a new key; see validate.
func (d *Desk) create(who owner, kept webauthn.SessionData, answer []byte) (c *webauthn.Credential, err error) {
	defer recovered(&err)
	said, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, err
	}
	return d.party.CreateCredential(who, kept, said)
}

// Remove takes a key away. The password is asked, and the app's code where there is an app.
func (d *Desk) Remove(ctx context.Context, by Asking, key []byte) error {
	a, err := d.Accounts.Account(ctx, by.Account)
	if err != nil {
		return fmt.Errorf("passkey: remove: %w", err)
	}
	k := a.Credential.Passkey(key)
	if k == nil {
		return ErrNoKey
	}
	if err := d.Factors.Again(ctx, a, by.Password); err != nil {
		return err
	}
	if a.Credential.TOTP != nil {
		if _, err := d.Factors.TOTP(ctx, by.Account, by.Code); err != nil {
			return err
		}
	}
	err = d.change(ctx, by.Account, by.Session, audit.FactorRemoved, notice.PasskeyRemoved, k.Factor(), by.Request, func(a *account.Account) error {
		if a.Credential.Passkey(key) == nil {
			return ErrNoKey
		}
		a.Credential.Passkeys = slices.DeleteFunc(slices.Clone(a.Credential.Passkeys), func(k account.Passkey) bool { return bytes.Equal(k.ID, key) })
		if !a.Credential.HasSecond() {
			return ErrLast
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("passkey: remove: %w", err)
	}
	return nil
}

// change writes a change of the keys, its event and what the owner is told, to all contacts.
func (d *Desk) change(ctx context.Context, id account.ID, s session.ID, kind audit.Kind, told notice.Kind, factor, request string, f func(*account.Account) error) error {
	wall := d.Wall()
	return d.Atomically(ctx, func(tx Tx) error {
		a, err := tx.ChangeAccount(ctx, id, f)
		if err != nil {
			return err
		}
		e := audit.Event{At: wall, Kind: kind, Account: id, Session: string(s), Detail: map[string]string{"factor": factor}, Request: request}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, told, notice.With{At: wall})
	})
}
