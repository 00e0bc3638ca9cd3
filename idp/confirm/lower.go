package confirm

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
)

// A Lowering takes an account down by decision of somebody else than its citizen.
type Lowering struct {
	Account account.ID
	To      account.Level
	Actor   account.ID        // an operator or administrator; 0: the command line
	Why     string            // what the citizen is told: a code of notice.Why…
	Reason  string            // what is recorded; nothing personal
	Detail  map[string]string // further ids and codes
	Now     time.Time
	Wall    time.Time
}

// Lower takes an account down in the transaction tx: everything issued ends, the live letter's code is
// void, the event is written and all contacts are told why and how the level comes back.
func Lower(ctx context.Context, tx Tx, n *notice.Notices, l Lowering) (*account.Account, error) {
	a, err := session.Fall(ctx, tx, l.Account, func(a *account.Account) error { return a.Lower(l.To, l.Wall) }, session.Why{
		Kind: audit.Lowered, Actor: l.Actor, Reason: l.Reason, Detail: l.Detail, Now: l.Now, Wall: l.Wall,
	})
	if err != nil {
		return nil, fmt.Errorf("confirm: lower: %w", err)
	}
	if err := Fallen(ctx, tx, a.ID, l.Now, l.Wall); err != nil {
		return nil, fmt.Errorf("confirm: lower: %w", err)
	}
	if err := n.Tell(ctx, tx, a, notice.Lowered, notice.With{Level: a.Level, Reason: l.Why}); err != nil {
		return nil, fmt.Errorf("confirm: lower: %w", err)
	}
	return a, nil
}
