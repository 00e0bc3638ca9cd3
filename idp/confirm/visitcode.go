package confirm

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/transient"
)

// A visit code leads an operator to the account of the person who shows it, in the place of typing two
// numbers. It opens nothing by itself: the document is compared as always. It lives for VisitCodeLife, works
// once, and the newest of an account is the only one.

// VisitCodeLife is how long a visit code leads anywhere.
const VisitCodeLife = 15 * time.Minute

// ErrNoVisitCode reports a code that leads nowhere: wrong, used, replaced or over.
var ErrNoVisitCode = fmt.Errorf("confirm: no such visit code: %w", fault.NotFound)

// A VisitCode is what the citizen shows.
type VisitCode struct {
	Code  string // 4829-1372
	Until time.Time
}

// VisitCodes keeps the codes.
type VisitCodes struct {
	owners *transient.Box[account.ID] // by the digest of the code
	codes  *transient.Box[VisitCode]  // by the account
	now    func() time.Time
}

// NewVisitCodes makes them.
func NewVisitCodes(store transient.Store, sealer transient.Sealer, now func() time.Time) *VisitCodes {
	return &VisitCodes{
		owners: transient.NewBox[account.ID](store, sealer, "visit_code", now),
		codes:  transient.NewBox[VisitCode](store, sealer, "visit_code_of", now), now: now,
	}
}

// Of returns the account's live code; fault.NotFound when it has none.
func (v *VisitCodes) Of(ctx context.Context, id account.ID) (VisitCode, error) {
	c, err := v.codes.Load(ctx, id.String())
	if err != nil {
		return c, fmt.Errorf("confirm: visit code: %w", err)
	}
	// Used codes are forgotten by their owner only: the operator's side knows the digest.
	if _, err := v.owners.Load(ctx, digest(c.Code)); err != nil {
		return VisitCode{}, fmt.Errorf("confirm: visit code: %w", err)
	}
	return c, nil
}

// New makes a code, and the one before void.
func (v *VisitCodes) New(ctx context.Context, id account.ID) (VisitCode, error) {
	if old, err := v.codes.Load(ctx, id.String()); err == nil {
		if err := v.owners.Delete(ctx, digest(old.Code)); err != nil {
			return VisitCode{}, fmt.Errorf("confirm: visit code: %w", err)
		}
	}
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
		if err != nil {
			return VisitCode{}, fmt.Errorf("confirm: visit code: %w", err)
		}
		digits := fmt.Sprintf("%08d", n.Int64())
		c := VisitCode{Code: digits[:4] + "-" + digits[4:], Until: v.now().Add(VisitCodeLife)}
		err = v.owners.Create(ctx, digest(c.Code), id, c.Until)
		if errors.Is(err, fault.Exists) {
			continue // somebody else's, now
		}
		if err == nil {
			err = v.codes.Put(ctx, id.String(), c, c.Until)
		}
		if err != nil {
			return VisitCode{}, fmt.Errorf("confirm: visit code: %w", err)
		}
		return c, nil
	}
}

// take spends a code; ErrNoVisitCode.
func (v *VisitCodes) take(ctx context.Context, code string) (account.ID, error) {
	id, err := v.owners.Take(ctx, digest(code))
	if errors.Is(err, fault.NotFound) {
		return 0, ErrNoVisitCode
	}
	if err != nil {
		return 0, fmt.Errorf("confirm: visit code: %w", err)
	}
	return id, nil
}

// digest names a code in the store, where nobody reads it off. Whoever could try all hundred million
// against the store would find sealed ids.
func digest(code string) string {
	h := sha256.Sum256([]byte("visit code|" + code))
	return hex.EncodeToString(h[:])
}

// ParseVisitCode reads a code as typed or as a scanner types it: eight digits, whatever stands between them.
// The error is fault.Fields at visit-code.
func ParseVisitCode(s string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case r == '-' || r == ' ' || r == '\u00a0' || r == '–':
			return -1
		}
		return 'x'
	}, strings.TrimSpace(s))
	switch {
	case digits == "":
		return "", fault.Fields{{Name: "visit-code", Code: "visit_code.required"}}
	case len(digits) != 8 || strings.Contains(digits, "x"):
		return "", fault.Fields{{Name: "visit-code", Code: "visit_code.form"}}
	}
	return digits[:4] + "-" + digits[4:], nil
}

// FindByCode leads to the account of whoever shows a visit code. Like every search it is recorded with its
// reason, whether it leads anywhere or not; the code is spent by it. Codes that lead nowhere are counted with the
// searches that do not (fault.RetryAfter): eight digits must not be tried out.
func (v *Visits) FindByCode(ctx context.Context, op Operator, typed string, why VisitReason) (*Found, error) {
	code, err := ParseVisitCode(typed)
	var wrong fault.Fields
	errors.As(err, &wrong)
	if !why.valid() {
		wrong.Add("reason", "reason.required")
	}
	if err := wrong.Err(); err != nil {
		return nil, err
	}
	m, err := v.Serving(ctx, op.Account)
	if err != nil {
		return nil, err
	}
	e := v.event(op, m, audit.OperatorSearched, why)
	e.Detail["by"] = "visit_code"
	tries, err := v.mayMiss(ctx, e)
	if err != nil {
		return nil, err
	}
	id, answer := v.Codes.take(ctx, code)
	switch {
	case errors.Is(answer, ErrNoVisitCode):
		e.Detail["result"] = "nobody"
	case answer != nil:
		return nil, fmt.Errorf("confirm: find: %w", answer)
	default:
		e.Account, e.Detail["result"] = id, "found"
	}
	if err := v.Atomically(ctx, func(tx VisitTx) error { return tx.RecordEvent(ctx, e) }); err != nil {
		return nil, fmt.Errorf("confirm: record the search: %w", err)
	}
	if answer != nil {
		return nil, answer
	}
	if err := v.Limits.Back(ctx, tries...); err != nil {
		return nil, fmt.Errorf("confirm: find: %w", err)
	}
	return &Found{Account: id}, nil
}
