package contact

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
)

// A number that its owner gave up is given out again, a mailbox changes hands. Whoever proves a contact
// that another account holds gets it, and nothing else of that account, after the holder was told on all
// contacts and did not object for seven days (design.md 8).
//
//	proved ──▶ open ──7 days──▶ moved
//	             ├──holder keeps it──▶ kept
//	             ├──another claimant proves it later──▶ outrun
//	             └──no account, or no room, to move it to──▶ lapsed

// ClaimWait is how long the holder may object; ClaimRest is how long after an objection nobody's proof of
// the same contact disturbs the holder again.
const (
	ClaimWait = 7 * 24 * time.Hour
	ClaimRest = 30 * 24 * time.Hour
)

// JobClaim settles a claim whose time has come; its ref is the claim's id.
const JobClaim = "contact_claim"

var (
	// ErrClaimOver reports an objection to a claim that is settled, or is no claim on this account.
	ErrClaimOver = fmt.Errorf("contact: the claim is over: %w", fault.NotFound)
	// errMoving reports that the holder's contacts changed while a claim was being settled.
	errMoving = fmt.Errorf("contact: the contact changed hands meanwhile: %w", fault.Conflict)
)

// How claims end.
const (
	Moved  = "moved"
	Kept   = "kept"
	Outrun = "outrun"
	Lapsed = "lapsed"
)

// A Claim is a proof of a contact that another account holds. Its times are on the movable clock, but for
// Proved.
type Claim struct {
	ID       string              `json:"id"`
	Holder   account.ID          `json:"holder"`
	Claimant account.ID          `json:"claimant"`
	Kind     account.ContactKind `json:"kind"`
	Value    string              `json:"value"`
	Proved   time.Time           `json:"proved"` // Wall
	Opened   time.Time           `json:"opened"`
	Due      time.Time           `json:"due"` // when it moves
	Closed   time.Time           `json:"closed,omitzero"`
	Outcome  string              `json:"outcome,omitempty"`
	Version  int64               `json:"-"`
}

// Contact is what is claimed, as the claimant spelt it.
func (c *Claim) Contact() account.Contact {
	return account.Contact{Kind: c.Kind, Value: c.Value, Proved: c.Proved}
}

// Open tells that the claim is not settled yet.
func (c *Claim) Open() bool { return c.Closed.IsZero() }

// A ClaimStore keeps claims, sealed under the key of the holder: the contact is the holder's.
type ClaimStore interface {
	// SaveClaim writes a new claim.
	SaveClaim(ctx context.Context, c *Claim) error
	// Claim returns a claim; fault.NotFound.
	Claim(ctx context.Context, id string) (*Claim, error)
	// ClaimsOn returns the newest claims on an account's contacts, settled ones included, the newest first.
	ClaimsOn(ctx context.Context, holder account.ID) ([]*Claim, error)
	// ChangeClaim changes a claim under a lock, as account.Store's ChangeAccount does. Id, holder and the
	// time of opening stay.
	ChangeClaim(ctx context.Context, id string, f func(*Claim) error) (*Claim, error)
}

// Handlers gives the job that settles claims.
func (d *Desk) Handlers() job.Handlers { return job.Handlers{JobClaim: d.Settle} }

// Claims are the open claims on the contacts that an account holds.
func (d *Desk) Claims(ctx context.Context, a *account.Account) ([]*Claim, error) {
	all, err := d.Accounts.ClaimsOn(ctx, a.ID)
	if err != nil {
		return nil, fmt.Errorf("contact: claims: %w", err)
	}
	var out []*Claim
	for _, c := range all {
		if held, ok := a.Profile.Contact(c.Kind); ok && held.Same(c.Contact()) && c.Open() {
			out = append(out, c)
		}
	}
	return out, nil
}
