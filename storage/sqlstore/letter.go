package sqlstore

import (
	"context"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
)

var letters = newDossier("letter", func(l *confirm.Letter) card {
	return card{l.ID, l.Account, l.Ordered, l.Used.IsZero() && l.Cancelled.IsZero(), &l.Version}
})

// SaveLetter writes a new letter (confirm.Store).
func (s *Stores) SaveLetter(ctx context.Context, l *confirm.Letter) error {
	return letters.add(ctx, s, l)
}

// Letter returns a letter; fault.NotFound (confirm.Store).
func (s *Stores) Letter(ctx context.Context, id string) (*confirm.Letter, error) {
	return letters.get(ctx, s, letters.one, id)
}

// LastLetter returns the newest letter of an account (confirm.Store).
func (s *Stores) LastLetter(ctx context.Context, id account.ID) (*confirm.Letter, error) {
	return letters.get(ctx, s, letters.last, int64(id))
}

// ChangeLetter changes a letter under a lock (confirm.Store).
func (s *Stores) ChangeLetter(ctx context.Context, id string, f func(*confirm.Letter) error) (*confirm.Letter, error) {
	return letters.change(ctx, s, id, f)
}

var visits = newDossier("visit", func(v *confirm.Visit) card {
	return card{v.ID, v.Account, v.Opened, v.Closed.IsZero(), &v.Version}
})

// SaveVisit writes a new visit (confirm.Store).
func (s *Stores) SaveVisit(ctx context.Context, v *confirm.Visit) error {
	return s.atomically(ctx, func(s *Stores) error {
		if err := visits.add(ctx, s, v); err != nil {
			return err
		}
		return s.putOnDesk(ctx, v)
	})
}

// Visit returns a visit; fault.NotFound (confirm.Store).
func (s *Stores) Visit(ctx context.Context, id string) (*confirm.Visit, error) {
	return visits.get(ctx, s, visits.one, id)
}

// ChangeVisit changes a visit under a lock (confirm.Store).
func (s *Stores) ChangeVisit(ctx context.Context, id string, f func(*confirm.Visit) error) (*confirm.Visit, error) {
	var out *confirm.Visit
	err := s.atomically(ctx, func(s *Stores) error {
		v, err := visits.change(ctx, s, id, f)
		if err != nil {
			return err
		}
		out = v
		return s.moveOnDesk(ctx, v)
	})
	return out, err
}
