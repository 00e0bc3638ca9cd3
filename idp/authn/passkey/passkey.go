// Package passkey lets staff prove themselves by a key that answers only to us (WebAuthn Level 3), in the place of an app's code.
//
// A key comes after the password, so that it is looked for among one account's own; there is no directory of keys,
// and a key known elsewhere is harmless. Every ceremony has a challenge of its own, kept sealed in Transients and used
// up by the first answer, right or wrong. User verification is required each time: the authenticator asks for a finger,
// a face or a PIN.
//
// Nothing is attested: we ask no maker who they sold to, and so have only the authenticator's own word for what it is.
// By that word a key that cannot be backed up counts as hardware, "hwk", and one that can as software, "swk"; both
// answer to our origin alone, which is what "phr" asks. Where hardware has to be proved, the administrator gives the
// keys out.
//
// An authenticator that counts must count up. One that does not may have a copy: the answer is refused, the key opens
// nothing any more (account.Passkey.Doubted), and its owner is told.
package passkey

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

var (
	// ErrAnswer reports an answer that does not hold: another challenge, another origin, a key that is not there.
	ErrAnswer = fmt.Errorf("passkey: the answer does not hold: %w", fault.Denied)
	// ErrCopied reports a key whose counter went back.
	ErrCopied = fmt.Errorf("passkey: there may be a copy of the key: %w", fault.Denied)
	// ErrOver reports a ceremony that nobody began, that was answered, or that waited too long.
	ErrOver = fmt.Errorf("passkey: the ceremony is over: %w", fault.Expired)
	// ErrMany reports one key more than an account may have.
	ErrMany = fmt.Errorf("passkey: there are enough keys: %w", fault.Denied)
	// ErrHas reports a key that is there already.
	ErrHas = fmt.Errorf("passkey: the key is there already: %w", fault.Exists)
	// ErrLast reports the removal of the last second factor: without one the console stays shut.
	ErrLast = fmt.Errorf("passkey: the last second factor: %w", fault.Denied)
	// ErrNoKey reports a key that is not there.
	ErrNoKey = fmt.Errorf("passkey: no such key: %w", fault.NotFound)
	// ErrUnfit reports an address of ours that browsers give no keys to: a number, or one without TLS.
	ErrUnfit = fmt.Errorf("passkey: browsers give no keys to this address: %w", fault.Denied)
)

const (
	// life is how long a challenge waits for its answer.
	life = 5 * time.Minute
	// Most keys of an account.
	Most = 10
	// longest name of a key, in letters.
	longest = 60
)

// perKey slows down whoever has the password and tries answers. A signature cannot be guessed; this bounds the work.
var perKey = limit.Rule{Name: "passkey", Free: 20, Window: time.Hour,
	First: 10 * time.Second, Most: 5 * time.Minute, Lock: 40, LockFor: 15 * time.Minute}

// A Tx is what a change made here writes together.
type Tx interface {
	audit.Log
	notice.Outbox
	Account(ctx context.Context, id account.ID) (*account.Account, error)
	ChangeAccount(ctx context.Context, id account.ID, f func(*account.Account) error) (*account.Account, error)
}

// Accounts finds accounts.
type Accounts interface {
	Account(ctx context.Context, id account.ID) (*account.Account, error)
}

// Factors judges what is asked again before keys are changed; authn.Desk does.
type Factors interface {
	Again(ctx context.Context, a *account.Account, password string) error
	TOTP(ctx context.Context, id account.ID, code string) (*account.Account, error)
}

// Config is what a Desk works with.
type Config struct {
	// Issuer is our address: its host is the relying party of all keys, and its origin the only one they answer to.
	Issuer *url.URL
	// Site is what authenticators call us.
	Site       string
	Accounts   Accounts
	Atomically func(ctx context.Context, f func(Tx) error) error
	Transients transient.Store
	Ring       *seal.Ring
	Factors    Factors
	Notices    *notice.Notices
	Now, Wall  func() time.Time
	Log        *slog.Logger
}

// A Desk adds keys and judges their answers.
type Desk struct {
	Config
	party     *webauthn.WebAuthn // nil: the address is unfit
	additions *transient.Box[addition]
	questions *transient.Box[webauthn.SessionData]
	limits    *limit.Keeper
}

// New makes a Desk.
func New(c Config) (*Desk, error) {
	d := &Desk{
		Config: c, limits: &limit.Keeper{Store: c.Transients, Digest: c.Ring, Now: c.Now},
		additions: transient.NewBox[addition](c.Transients, c.Ring, "passkey_addition", c.Now),
		questions: transient.NewBox[webauthn.SessionData](c.Transients, c.Ring, "passkey_question", c.Now),
	}
	host := c.Issuer.Hostname()
	if protocol.ValidateRPID(host) != nil || c.Issuer.Scheme != "https" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return d, nil
	}
	var err error
	d.party, err = webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: c.Site, RPOrigins: []string{c.Issuer.Scheme + "://" + c.Issuer.Host},
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{UserVerification: protocol.VerificationRequired, ResidentKey: protocol.ResidentKeyRequirementPreferred},
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return d, nil
}

// Possible tells whether browsers give keys to our address at all.
func (d *Desk) Possible() bool { return d.party != nil }

// algorithms are the signatures that we take, the best first.
func algorithms(o *protocol.PublicKeyCredentialCreationOptions) error {
	o.Parameters = nil
	for _, alg := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgEdDSA, webauthncose.AlgES256, webauthncose.AlgRS256} {
		o.Parameters = append(o.Parameters, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: alg})
	}
	return nil
}

// owner is an account as the library wants it.
type owner struct{ *account.Account }

// WebAuthnID stays the same for the account's life and does not say its number: it lies in authenticators.
func (o owner) WebAuthnID() []byte {
	sum := sha256.Sum256([]byte("propusk passkey " + o.ID.String()))
	return sum[:]
}

func (o owner) WebAuthnName() string {
	p := o.Profile.Person
	return strings.TrimSpace(p.GivenName.Format() + " " + p.FamilyName.Format())
}

func (o owner) WebAuthnDisplayName() string { return o.WebAuthnName() }

// WebAuthnCredentials are the keys that are not doubted.
func (o owner) WebAuthnCredentials() []webauthn.Credential {
	var out []webauthn.Credential
	for _, k := range o.Credential.Passkeys {
		if !k.Doubted.IsZero() {
			continue
		}
		c := webauthn.Credential{ID: k.ID, PublicKey: k.PublicKey, AttestationType: "none", AttestationFormat: "none",
			Flags:         webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: k.Synced},
			Authenticator: webauthn.Authenticator{AAGUID: k.AAGUID, SignCount: k.Count}}
		for _, t := range k.Transports {
			c.Transport = append(c.Transport, protocol.AuthenticatorTransport(t))
		}
		out = append(out, c)
	}
	return out
}

// Ask makes the question for a sign-in, in JSON for the page's script; nil when the account has no key that could
// answer. ceremony names the sign-in: a question asked again replaces the one before.
func (d *Desk) Ask(ctx context.Context, ceremony string, id account.ID) ([]byte, error) {
	a, err := d.Accounts.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("passkey: ask: %w", err)
	}
	who := owner{a}
	if d.party == nil || len(who.WebAuthnCredentials()) == 0 {
		return nil, nil
	}
	q, kept, err := d.party.BeginLogin(who)
	if err != nil {
		return nil, fmt.Errorf("passkey: ask: %w", err)
	}
	if err := d.questions.Put(ctx, ceremony, *kept, d.Now().Add(life)); err != nil {
		return nil, fmt.Errorf("passkey: ask: %w", err)
	}
	return json.Marshal(q)
}

// A From is where an answer came from, for its event.
type From struct{ Device, Request string }

// Enter judges the answer to a sign-in's question, and says which factor it was: hwk or swk. The question is used up.
func (d *Desk) Enter(ctx context.Context, ceremony string, id account.ID, answer []byte, from From) (*account.Account, string, error) {
	h, err := d.limits.Take(ctx, perKey, id.String())
	if err != nil {
		return nil, "", fmt.Errorf("passkey: enter: %w", err)
	}
	q, err := d.questions.Take(ctx, ceremony)
	if errors.Is(err, fault.NotFound) {
		return nil, "", ErrOver
	}
	if err != nil {
		return nil, "", fmt.Errorf("passkey: enter: %w", err)
	}
	a, err := d.Accounts.Account(ctx, id)
	if err != nil {
		return nil, "", fmt.Errorf("passkey: enter: %w", err)
	}
	said, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err == nil {
		_, err = d.validate(owner{a}, q, said)
	}
	if err != nil || a.Lock.Locked(d.Now()) {
		return nil, "", d.refused(ctx, id, from, ErrAnswer, err)
	}
	now := said.Response.AuthenticatorData
	return d.count(ctx, h, id, said.RawID, now.Counter, from)
}

// validate is the library's judgement. It does not trust that the library survives what strangers send.
func (d *Desk) validate(who owner, q webauthn.SessionData, said *protocol.ParsedCredentialAssertionData) (c *webauthn.Credential, err error) {
	defer recovered(&err)
	return d.party.ValidateLogin(who, q, said)
}

// recovered makes an error of a panic in the parser of something that a stranger sent.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("passkey: the library gave up: %v", p)
	}
}

// count writes how far the key has counted. Of two answers that race, the second has to be further than the first.
func (d *Desk) count(ctx context.Context, h *limit.Hit, id account.ID, key []byte, counter uint32, from From) (*account.Account, string, error) {
	wall := d.Wall()
	var a *account.Account
	var factor string
	var copied bool
	err := d.Atomically(ctx, func(tx Tx) (err error) {
		a, err = tx.ChangeAccount(ctx, id, func(a *account.Account) error {
			k := a.Credential.Passkey(key)
			if k == nil || !k.Doubted.IsZero() || a.Lock.Locked(d.Now()) {
				return ErrAnswer
			}
			changed := *k
			factor = k.Factor()
			if copied = counter <= k.Count && (counter != 0 || k.Count != 0); copied {
				changed.Doubted = wall
			} else {
				changed.Count, changed.Used = counter, wall
			}
			replace(a, changed)
			return nil
		})
		if err != nil || !copied {
			return err
		}
		e := audit.Event{At: wall, Kind: audit.SignInFailed, Account: id, Device: from.Device, Reason: "key_copied", Detail: map[string]string{"factor": factor}, Request: from.Request}
		if err := tx.RecordEvent(ctx, e); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.PasskeyDoubted, notice.With{At: wall})
	})
	switch {
	case errors.Is(err, ErrAnswer):
		return nil, "", d.refused(ctx, id, from, ErrAnswer, nil)
	case err != nil:
		return nil, "", fmt.Errorf("passkey: enter: %w", err)
	case copied:
		return nil, "", ErrCopied
	}
	return a, factor, h.Clear(ctx)
}

// refused records an answer that did not hold. What exactly was wrong with it is for our log.
func (d *Desk) refused(ctx context.Context, id account.ID, from From, verdict, cause error) error {
	if cause != nil {
		d.Log.InfoContext(ctx, "a passkey's answer was refused", "error", cause)
	}
	err := d.Atomically(ctx, func(tx Tx) error {
		return tx.RecordEvent(ctx, audit.Event{At: d.Wall(), Kind: audit.SignInFailed, Account: id, Device: from.Device, Detail: map[string]string{"factor": "key"}, Request: from.Request})
	})
	if err != nil {
		return fmt.Errorf("passkey: record a refusal: %w", err)
	}
	return verdict
}

// replace puts a changed key in the place of the one with its id, in a list of its own.
func replace(a *account.Account, changed account.Passkey) {
	list := append([]account.Passkey(nil), a.Credential.Passkeys...)
	a.Credential.Passkeys = list
	*a.Credential.Passkey(changed.ID) = changed
}
