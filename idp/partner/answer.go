package partner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/fault"
)

// AnswersLive is how long an answer is kept for the repeats of its request.
const AnswersLive = 7 * 24 * time.Hour

var (
	// ErrAnswered reports, out of a transaction, that the key has been answered meanwhile: nothing was
	// done, and the stored answer is the one to give.
	ErrAnswered = fmt.Errorf("partner: the idempotency key was answered: %w", fault.Exists)
	// ErrOtherRequest reports a key that came before with another request.
	ErrOtherRequest = fmt.Errorf("partner: the idempotency key belongs to another request: %w", fault.Conflict)
)

// An Answer is what a partner was told.
type Answer struct {
	Partner     ID
	Key         string // the idempotency key
	Fingerprint []byte // keyed digest of the request: what was asked is not kept
	Status      int
	Body        json.RawMessage // nothing personal
	At          time.Time       // Now
}

// Answers takes answers in the transaction of their effect.
type Answers interface {
	// SavePartnerAnswer writes an answer; fault.Exists if the key has one already, and then the
	// transaction must be given up.
	SavePartnerAnswer(ctx context.Context, a *Answer) error
}

// A Once is a request that has its effect once, however often and in parallel it is sent. Whoever does what
// it asks keeps the answer in the same transaction:
//
//	err := Atomically(ctx, func(tx Tx) error {
//		… the effect …
//		return once.Keep(ctx, tx, status, body, now)
//	})
//
// Then either both stand or neither, and a program that dies between the commit and the answer has lost
// nothing: the repeat finds the answer. Of parallel requests one commits; the others get ErrAnswered.
type Once struct {
	Partner     ID
	Key         string
	Fingerprint []byte
}

// Keep writes the answer in the transaction tx.
func (o Once) Keep(ctx context.Context, tx Answers, status int, body any, now time.Time) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("partner: encode an answer: %w", err)
	}
	err = tx.SavePartnerAnswer(ctx, &Answer{Partner: o.Partner, Key: o.Key, Fingerprint: o.Fingerprint, Status: status, Body: text, At: now})
	if errors.Is(err, fault.Exists) {
		return ErrAnswered
	}
	if err != nil {
		return fmt.Errorf("partner: keep an answer: %w", err)
	}
	return nil
}
