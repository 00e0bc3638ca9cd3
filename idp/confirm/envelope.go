package confirm

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/seal"
)

// An Envelope is an activation code that a service centre handed over: the person was compared with their
// document, and enters the code at home. Entering it confirms by service_center, as of the visit's centre and
// operator. The code itself is kept in the visit until it is printed, and as a keyed hash here.
type Envelope struct {
	ID        string // the visit's
	Account   account.ID
	Centre    string
	Operator  account.ID
	Second    account.ID `json:",omitempty"`
	Hash      []byte
	Tries     int
	Made      time.Time
	At        time.Time // Made on the wall clock: when the person stood there, which is when they are confirmed
	Until     time.Time // Now
	Used      time.Time
	Cancelled time.Time
	Version   int64
}

// Live tells whether the code can be entered at now.
func (e *Envelope) Live(now time.Time) bool {
	return e.Used.IsZero() && e.Cancelled.IsZero() && now.Before(e.Until)
}

// Left is how many wrong codes more it bears.
func (e *Envelope) Left() int { return max(0, envelopeTries-e.Tries) }

// An EnvelopeStore keeps envelopes.
type EnvelopeStore interface {
	SaveEnvelope(ctx context.Context, e *Envelope) error // new
	// LastEnvelope returns the newest of an account; fault.NotFound.
	LastEnvelope(ctx context.Context, id account.ID) (*Envelope, error)
	ChangeEnvelope(ctx context.Context, id string, f func(*Envelope) error) (*Envelope, error)
}

const (
	// EnvelopeLife is how long an activation code can be entered.
	EnvelopeLife = 14 * 24 * time.Hour
	// envelopeTries is how many wrong codes end it.
	envelopeTries = 5
	// EnvelopePrint is how long its paper can be printed once more: printers jam.
	EnvelopePrint = 15 * time.Minute
	envelopeKind  = "activation_code"
)

// ErrNoEnvelope reports that there is no activation code to enter.
var ErrNoEnvelope = fmt.Errorf("confirm: no live activation code: %w", fault.NotFound)

// drawn makes a code outside of any transaction.
func (v *Visits) drawn() (civil.LetterCode, error) {
	c, err := civil.NewLetterCode(rand.Reader)
	if err != nil {
		return c, fmt.Errorf("confirm: draw a code: %w", err)
	}
	return c, nil
}

// endEnvelope cancels the live envelope of an account, if there is one.
func endEnvelope(ctx context.Context, tx EnvelopeStore, id account.ID, now time.Time) error {
	e, err := tx.LastEnvelope(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && !e.Live(now) {
		return nil
	}
	if err == nil {
		_, err = tx.ChangeEnvelope(ctx, e.ID, func(o *Envelope) error {
			if o.Live(now) {
				o.Cancelled = now
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("confirm: end an activation code: %w", err)
	}
	return nil
}

// envelopeSalt binds a code to its envelope and to whom it was handed to.
func envelopeSalt(id string, p account.Person) []byte { return salt(id, p) }

// hand makes an envelope; the one before is void.
func (v *Visits) hand(ctx context.Context, tx VisitTx, w *Visit, a *account.Account, code civil.LetterCode) (audit.Event, error) {
	e := audit.Event{Kind: audit.CodeHanded, Detail: map[string]string{"envelope": w.ID}}
	if err := endEnvelope(ctx, tx, a.ID, v.Now()); err != nil {
		return e, err
	}
	d, err := v.Ring.KeyedHash(envelopeKind, code.String(), envelopeSalt(w.ID, a.Profile.Person))
	if err != nil {
		return e, err
	}
	w.Code = code.String()
	if err := tx.EnqueueAt(ctx, v.Now().Add(EnvelopePrint), job.Job{Kind: JobVisitPrinted, Ref: w.ID}); err != nil {
		return e, err
	}
	return e, tx.SaveEnvelope(ctx, &Envelope{
		ID: w.ID, Account: a.ID, Centre: w.Centre, Operator: w.Operator, Second: w.Second, Made: v.Now(), At: v.Wall(), Until: v.Now().Add(EnvelopeLife),
		Hash: append(binary.BigEndian.AppendUint32(nil, d.KeyID), d.Digest...),
	})
}

// Envelope returns the account's live envelope, for its page; ErrNoEnvelope. What was handed over by somebody
// whose membership has ended since is live no more: whoever is stopped confirms nobody from then on.
func (v *Visits) Envelope(ctx context.Context, id account.ID) (*Envelope, error) {
	e, err := v.Read.LastEnvelope(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && !e.Live(v.Now()) {
		return nil, ErrNoEnvelope
	}
	if err != nil {
		return nil, fmt.Errorf("confirm: envelope: %w", err)
	}
	if err := stillStaff(ctx, v.Read, e.Operator, e.Second); err != nil {
		if errors.Is(err, ErrNotStaff) {
			return nil, ErrNoEnvelope
		}
		return nil, err
	}
	return e, nil
}

// stillStaff wants all these to work for a centre still; ErrNotStaff. 0 is nobody.
func stillStaff(ctx context.Context, from memberReader, all ...account.ID) error {
	for _, id := range all {
		if id == 0 {
			continue
		}
		if _, err := staff(ctx, from, id); err != nil {
			return err
		}
	}
	return nil
}

// Activate takes the code of an envelope and confirms. What cannot be a code is fault.Fields and costs no
// try; a wrong one is a WrongCodeError and costs one; ErrNoEnvelope when there is none to enter. The
// confirmation is as of the visit, by its time too, so that a recall of what was done at a window takes it.
func (v *Visits) Activate(ctx context.Context, id account.ID, typed string) (*account.Account, error) {
	a, err := v.Read.Account(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("confirm: activate: %w", err)
	}
	e, err := v.Envelope(ctx, id)
	if err != nil {
		return nil, err
	}
	code, err := civil.ParseLetterCode(typed)
	if err != nil {
		return nil, fault.Fields{{Name: "activation-code", Code: civil.CodeOf(err)}}
	}
	if len(e.Hash) <= 4 {
		return nil, ErrNoEnvelope
	}
	digest := seal.IndexDigest{KeyID: binary.BigEndian.Uint32(e.Hash), Digest: e.Hash[4:]}
	fits, err := v.Ring.CheckKeyedHash(digest, envelopeKind, code.String(), envelopeSalt(e.ID, a.Profile.Person))
	if err != nil {
		return nil, fmt.Errorf("confirm: activate: %w", err)
	}
	var wrong error
	err = v.Atomically(ctx, func(tx VisitTx) error {
		wrong = nil
		e, err := tx.ChangeEnvelope(ctx, e.ID, func(o *Envelope) error {
			if !o.Live(v.Now()) {
				return ErrNoEnvelope
			}
			if fits {
				o.Used = v.Now()
				return nil
			}
			if o.Tries++; o.Tries >= envelopeTries {
				o.Cancelled = v.Now()
			}
			return nil
		})
		if err != nil {
			return err
		}
		if !fits {
			wrong = &WrongCodeError{Left: e.Left()}
			return tx.RecordEvent(ctx, audit.Event{At: v.Wall(), Kind: audit.CodeWrong, Account: id, Detail: map[string]string{"envelope": e.ID}})
		}
		if err := stillStaff(ctx, tx, e.Operator, e.Second); err != nil {
			if errors.Is(err, ErrNotStaff) {
				return ErrNoEnvelope
			}
			return err
		}
		at := e.At
		if at.IsZero() { // made before this was kept
			at = e.Made
		}
		a, _, err = Prove(ctx, tx, v.Notices, Proof{
			Account: id, Judged: a.Profile.Person, Now: v.Now(), Wall: v.Wall(), Detail: map[string]string{"envelope": e.ID},
			Confirmation: account.Confirmation{Method: account.ServiceCenter, At: at, Centre: e.Centre, Operator: e.Operator, Second: e.Second},
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: activate: %w", err)
	}
	return a, wrong
}
