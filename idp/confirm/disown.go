package confirm

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

// Disowned is the By of a confirmation that its citizen said was none of theirs.
const Disowned = "citizen"

// ErrDisownLink reports a link that leads nowhere: never ours, too old, or of an account that is no more.
// Which of these is told to nobody.
var ErrDisownLink = fmt.Errorf("confirm: this was not me: %w", fault.Expired)

// DisownConfig is what a Disowner works with.
type DisownConfig struct {
	Read interface {
		Account(ctx context.Context, id account.ID) (*account.Account, error)
	}
	Atomically func(ctx context.Context, f func(Tx) error) error
	Ring       *seal.Ring
	Notices    *notice.Notices
	Now, Wall  func() time.Time
	Valid      time.Duration // of a link; 30 days
}

// A Disowner makes the links of "this was not me", which go to every contact with the news of a
// confirmation, and takes them. Who has the link needs no sign-in: the password may be what was stolen. A
// link names one confirmation, and can only take away: it freezes that confirmation and ends all sessions.
type Disowner struct{ DisownConfig }

// NewDisowner makes it, and lets its links stand in the messages.
func NewDisowner(c DisownConfig) *Disowner {
	if c.Valid == 0 {
		c.Valid = 30 * 24 * time.Hour
	}
	d := &Disowner{c}
	c.Notices.Disown = d.Path
	return d
}

const disownPurpose seal.Purpose = "not me"

// A link holds account, last second and the beginning of the confirmation's hash: short, since it stands in
// an SMS.
const disownSize = 8 + 4 + 8

func mark(confirmation string) [8]byte {
	h := sha256.Sum256([]byte(confirmation))
	return [8]byte(h[:8])
}

// Path is where the citizen of an account disowns a confirmation.
func (d *Disowner) Path(id account.ID, confirmation string) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, disownSize), uint64(id))
	b = binary.BigEndian.AppendUint32(b, uint32(d.Now().Add(d.Valid).Unix()))
	m := mark(confirmation)
	return "/not-me/" + d.Ring.Seal(disownPurpose, append(b, m[:]...), nil)
}

// A Claim is what a link says, held against the account.
type Claim struct {
	Account      account.ID
	Confirmation account.Confirmation
	// State is live, frozen (by this link or one like it), or gone: taken back, or replaced by a newer one.
	State string
}

// The states of a Claim.
const (
	ClaimLive   = "live"
	ClaimFrozen = "frozen"
	ClaimGone   = "gone"
)

// Look reads a link and changes nothing.
func (d *Disowner) Look(ctx context.Context, token string) (*Claim, error) {
	b, err := d.Ring.Open(disownPurpose, token, nil)
	if err != nil || len(b) != disownSize || d.Now().Unix() > int64(binary.BigEndian.Uint32(b[8:])) {
		return nil, ErrDisownLink
	}
	a, err := d.Read.Account(ctx, account.ID(binary.BigEndian.Uint64(b)))
	if errors.Is(err, fault.NotFound) {
		return nil, ErrDisownLink
	}
	if err != nil {
		return nil, fmt.Errorf("confirm: not me: %w", err)
	}
	out := &Claim{Account: a.ID, State: ClaimGone}
	for _, c := range a.Confirmations {
		if mark(c.ID) != [8]byte(b[12:]) {
			continue
		}
		out.Confirmation, out.State = c, ClaimLive
		if c.HeldBy(Disowned) {
			out.State = ClaimFrozen
		}
	}
	return out, nil
}

// Disown freezes the confirmation that a link names: it counts no more, whatever was issued ends, offline
// grants too, a live letter's code is void, and all contacts are told how to go on. A visit to a service
// centre confirms anew; an administrator gives the frozen one back. Pressed twice, it acts once.
func (d *Disowner) Disown(ctx context.Context, token, request string) (*Claim, error) {
	claim, err := d.Look(ctx, token)
	if err != nil || claim.State != ClaimLive {
		return claim, err
	}
	now, wall := d.Now(), d.Wall()
	err = d.Atomically(ctx, func(tx Tx) error {
		a, held, err := HoldBack(ctx, tx, d.Notices, Holding{
			Order: Order{
				Account: claim.Account, Why: notice.WhyCitizen, Reason: "not_me", Request: request, Quietly: true, Now: now, Wall: wall,
			},
			By: Disowned, Which: One(claim.Confirmation.ID), Letter: true,
		})
		if err != nil || len(held.Confirmations) == 0 {
			return err
		}
		if !held.Fell {
			// It counted for nothing, so nothing fell; but whoever confirmed may still be signed in.
			why := session.Why{Kind: audit.SignedOut, Reason: "not_me", Request: request, Now: now, Wall: wall}
			if err := session.End(ctx, tx, session.Scope{Account: claim.Account}, true, why); err != nil {
				return err
			}
		}
		return d.Notices.Tell(ctx, tx, a, notice.Disowned, notice.With{Method: claim.Confirmation.Method, Level: a.Level})
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: not me: %w", err)
	}
	return d.Look(ctx, token)
}
