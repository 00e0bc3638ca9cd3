package sqlstore

import (
	"context"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
)

var envelopes = newDossier("envelope", func(e *confirm.Envelope) card {
	return card{e.ID, e.Account, e.Made, e.Used.IsZero() && e.Cancelled.IsZero(), &e.Version}
})

// LastVisit returns the newest visit of an account (confirm.VisitReader).
func (s *Stores) LastVisit(ctx context.Context, id account.ID) (*confirm.Visit, error) {
	return visits.get(ctx, s, visits.last, int64(id))
}

// SaveEnvelope writes a new envelope (confirm.EnvelopeStore).
func (s *Stores) SaveEnvelope(ctx context.Context, e *confirm.Envelope) error {
	return envelopes.add(ctx, s, e)
}

// LastEnvelope returns the newest envelope of an account (confirm.EnvelopeStore).
func (s *Stores) LastEnvelope(ctx context.Context, id account.ID) (*confirm.Envelope, error) {
	return envelopes.get(ctx, s, envelopes.last, int64(id))
}

// ChangeEnvelope changes an envelope under a lock (confirm.EnvelopeStore).
func (s *Stores) ChangeEnvelope(ctx context.Context, id string, f func(*confirm.Envelope) error) (*confirm.Envelope, error) {
	return envelopes.change(ctx, s, id, f)
}

// erased are the tables that go with an account, its own row last. What is kept of it names nobody: events
// (append-only), messages and deliveries on their way, and what a recall did. A test names each table that
// stays, and why.
var erased = []string{
	"lookup", "session", "grants", "consent", "application", "letter", "visit", "visit_desk", "envelope", "contact_claim", "wish", "lock_change",
	"bank_registration", "member",
}

var (
	eraseVouching = both(`UPDATE vouching SET account = 0 WHERE account = $1`)
	eraseAccount  = both(`DELETE FROM account WHERE id = $1`)
)

// EraseAccount removes an account and everything kept of it; fault.NotFound (confirm.VisitTx).
func (s *Stores) EraseAccount(ctx context.Context, id account.ID) error {
	return s.atomically(ctx, func(s *Stores) error {
		for _, table := range erased {
			if _, err := s.exec(ctx, both(`DELETE FROM `+table+` WHERE account = $1`), int64(id)); err != nil {
				return said("erase account "+id.String(), err)
			}
		}
		if _, err := s.exec(ctx, eraseVouching, int64(id)); err != nil {
			return said("erase account "+id.String(), err)
		}
		res, err := s.exec(ctx, eraseAccount, int64(id))
		return affected(res, err, "erase account "+id.String(), fault.NotFound)
	})
}
