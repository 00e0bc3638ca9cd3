// Package signal tells relying parties that a session has ended: OpenID Connect Back-Channel Logout 1.0,
// one delivery for each party and session, tried again until taken or given up.
package signal

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

// JobLogout is the kind of the job that delivers a logout token; its ref is the delivery's id.
const JobLogout = "backchannel_logout"

// A Delivery is one logout token to one party.
type Delivery struct {
	ID      string // stable: the jti of every attempt
	Client  rp.ID
	Account account.ID
	Session session.ID
	Created time.Time
	Done    time.Time
}

// A Store keeps deliveries.
type Store interface {
	// SaveDelivery keeps the delivery and enqueues JobLogout for it, in the transaction it belongs to.
	SaveDelivery(ctx context.Context, d Delivery) error
	Delivery(ctx context.Context, id string) (*Delivery, error)
	DeliveryDone(ctx context.Context, id string, at time.Time) error
}
