// Package signal tells relying parties that a session has ended: OpenID Connect Back-Channel Logout 1.0,
// one delivery for each party and session, tried again until taken or given up.
package signal

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/session"
)

// JobLogout is the kind of the job that delivers a logout token; its ref is the delivery's id.
const JobLogout = "backchannel_logout"

// A Delivery is one logout token to one party. session.End makes them.
type Delivery = session.Delivery

// A Store keeps deliveries.
type Store interface {
	// SaveDelivery keeps the delivery and enqueues JobLogout for it, in the transaction it belongs to.
	SaveDelivery(ctx context.Context, d Delivery) error
	Delivery(ctx context.Context, id string) (*Delivery, error)
	DeliveryDone(ctx context.Context, id string, at time.Time) error
}
