package sqlstore

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signal"
)

var (
	deliveryAdd = both(`
		INSERT INTO delivery (id, client, account, session, created, done) VALUES ($1, $2, $3, $4, $5, 0)
		ON CONFLICT (id) DO NOTHING`)
	deliveryOne  = both(`SELECT id, client, account, session, created, done FROM delivery WHERE id = $1`)
	deliveryDone = both(`UPDATE delivery SET done = $2 WHERE id = $1 AND done = 0`)
)

// SaveDelivery keeps a logout to be told and enqueues the telling (signal.Store).
func (s *Stores) SaveDelivery(ctx context.Context, d signal.Delivery) error {
	return s.atomically(ctx, func(s *Stores) error {
		res, err := s.exec(ctx, deliveryAdd, d.ID, string(d.Client), int64(d.Account), string(d.Session), micros(d.Created))
		if err := affected(res, err, "save delivery", fault.Exists); err != nil {
			return err
		}
		return s.Enqueue(ctx, job.Job{Kind: signal.JobLogout, Ref: d.ID, Patient: d.Patient})
	})
}

// Delivery returns a logout to be told; fault.NotFound (signal.Store).
func (s *Stores) Delivery(ctx context.Context, id string) (*signal.Delivery, error) {
	var d signal.Delivery
	var client, sid string
	var acc, created, done int64
	if err := s.row(ctx, deliveryOne, id).Scan(&d.ID, &client, &acc, &sid, &created, &done); err != nil {
		return nil, said("delivery", err)
	}
	d.Client, d.Account, d.Session, d.Created, d.Done = rp.ID(client), account.ID(acc), session.ID(sid), moment(created), moment(done)
	return &d, nil
}

// DeliveryDone records that the party knows, or that we gave up; the first time counts (signal.Store).
func (s *Stores) DeliveryDone(ctx context.Context, id string, at time.Time) error {
	_, err := s.exec(ctx, deliveryDone, id, micros(at))
	return said("delivery done", err)
}
