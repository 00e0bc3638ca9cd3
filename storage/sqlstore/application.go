package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/registry"
)

var applications = newDossier("application", func(a *registry.Application) card {
	return card{a.ID, a.Account, a.Filed, a.State == registry.Running, &a.Version}
})

var applicationRunning = both(`SELECT id FROM application WHERE account = $1 AND live = 1`)

// FileApplication writes a new application and ends the running one (registry.Store). Of two filed at
// once one is first, and the other then finds it running.
func (s *Stores) FileApplication(ctx context.Context, a *registry.Application) error {
	return s.atomically(ctx, func(s *Stores) error {
		var running string
		switch err := s.row(ctx, applicationRunning, int64(a.Account)).Scan(&running); {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return said("running application", err)
		default:
			ends := false
			old, err := applications.change(ctx, s, running, func(old *registry.Application) error {
				if ends = old.State == registry.Running; ends { // it may have been answered just now
					old.State, old.Closed = registry.Ended, a.Filed
				}
				return nil
			})
			if err == nil && ends && old.Follow != "" {
				err = s.Enqueue(ctx, job.Job{Kind: old.Follow, Ref: old.ID})
			}
			if err != nil {
				return err
			}
		}
		err := applications.add(ctx, s, a)
		if err != nil && s.r.db.dialect.taken(err) {
			return errors.Join(errAgain, err)
		}
		return err
	})
}

// Application returns an application (registry.Store).
func (s *Stores) Application(ctx context.Context, id string) (*registry.Application, error) {
	return applications.get(ctx, s, applications.one, id)
}

// LastApplication returns the newest application of an account (registry.Store).
func (s *Stores) LastApplication(ctx context.Context, id account.ID) (*registry.Application, error) {
	return applications.get(ctx, s, applications.last, int64(id))
}

// ChangeApplication changes an application under a lock (registry.Store).
func (s *Stores) ChangeApplication(ctx context.Context, id string, f func(*registry.Application) error) (*registry.Application, error) {
	return applications.change(ctx, s, id, f)
}
