package confirm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
)

// An Act is one line of an operator's journal.
type Act struct {
	At     time.Time // Wall
	Kind   audit.Kind
	Number string // of the visit; "" for searches
	Reason VisitReason
	Name   string // masked; "" for nobody
}

// journalLines is how far back the journal shows.
const journalLines = 50

// Journal returns the newest acts of an operator.
func (v *Visits) Journal(ctx context.Context, op Operator) ([]Act, error) {
	if _, err := v.Serving(ctx, op.Account); err != nil {
		return nil, err
	}
	events, err := v.Read.EventsBy(ctx, op.Account, 0, journalLines)
	if err != nil {
		return nil, fmt.Errorf("confirm: journal: %w", err)
	}
	names := map[account.ID]string{0: ""}
	var out []Act
	for _, e := range events {
		name, ok := names[e.Account]
		if !ok {
			if name, err = v.masked(ctx, e.Account); err != nil {
				return nil, err
			}
			names[e.Account] = name
		}
		out = append(out, Act{At: e.At, Kind: e.Kind, Number: e.Detail["number"], Reason: VisitReason(e.Reason), Name: name})
	}
	return out, nil
}

// masked is enough of a name to know a person again whom one has just served.
func (v *Visits) masked(ctx context.Context, id account.ID) (string, error) {
	a, err := v.Read.Account(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return "", nil // erased since
	}
	if err != nil {
		return "", fmt.Errorf("confirm: journal: %w", err)
	}
	return maskedName(a.Profile.Person), nil
}

// Today counts the visits that the operator opened since midnight.
func (v *Visits) Today(ctx context.Context, op Operator) (int, error) {
	y, m, d := v.Wall().In(v.Zone).Date()
	midnight := time.Date(y, m, d, 0, 0, 0, 0, v.Zone)
	n, before := 0, int64(0)
	for {
		events, err := v.Read.EventsBy(ctx, op.Account, before, 200)
		if err != nil {
			return 0, fmt.Errorf("confirm: today: %w", err)
		}
		for _, e := range events {
			if e.At.Before(midnight) {
				return n, nil
			}
			if e.Kind == audit.OperatorOpened {
				n++
			}
			before = e.ID
		}
		if len(events) < 200 {
			return n, nil
		}
	}
}
