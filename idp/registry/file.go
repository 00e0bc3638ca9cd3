package registry

import (
	"context"
	"crypto/rand"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/job"
)

// A Filing is an application that somebody files for a citizen who is not there.
type Filing struct {
	Account account.ID
	Person  account.Person
	// Follow is the kind of a job that is enqueued, with the application's id, in the transaction that closes
	// it with a verdict or for want of one.
	Follow string
	For    string // what that job is about; kept in the application
}

// File files an application in the transaction tx, without a word to the account's contacts. Whole must
// have been asked before.
func (d *Desk) File(ctx context.Context, tx Tx, f Filing) (*Application, error) {
	now := d.Now()
	f.Person.INN = civil.INN{} // never anybody's to say but the tax registry's
	app := &Application{
		ID: rand.Text(), Number: number(), Account: f.Account, Person: f.Person, State: Running, Filed: now, Deadline: now.Add(d.Term),
		Checks: map[Bureau]Check{Pension: {}, Interior: {}, Tax: {}}, Follow: f.Follow, For: f.For,
	}
	if err := tx.FileApplication(ctx, app); err != nil {
		return nil, err
	}
	if err := tx.Enqueue(ctx, job.Job{Kind: JobPension, Ref: app.ID}, job.Job{Kind: JobInterior, Ref: app.ID}); err != nil {
		return nil, err
	}
	if err := tx.EnqueueAt(ctx, app.Deadline, job.Job{Kind: JobOverdue, Ref: app.ID}); err != nil {
		return nil, err
	}
	return app, d.record(ctx, tx, app, audit.ApplicationFiled, "")
}

// follow enqueues what is to be done once the application is closed.
func (a *Application) follow(ctx context.Context, tx Tx) error {
	if a.Follow == "" || a.State == Running {
		return nil
	}
	return tx.Enqueue(ctx, job.Job{Kind: a.Follow, Ref: a.ID})
}
