package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/outside"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/wish"
)

// asking tells whether a registry is still to be asked at now.
func (a *Application) asking(b Bureau, now time.Time) bool {
	if a.Checks[b].Verdict != Waiting || !now.Before(a.Deadline) {
		return false
	}
	if b == Tax {
		return a.State == Agreed
	}
	return a.State == Running
}

// check asks one registry and writes down what came of it. The question goes out before the transaction
// and under a stable id, so that a crash between the two only repeats it; what follows from the answer is
// one transaction, and stands once.
func (d *Desk) check(ctx context.Context, ref string, b Bureau) error {
	app, err := d.Store.Application(ctx, ref)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("registry: %s: %w", b, err)
	}
	if !app.asking(b, d.Now()) {
		return nil
	}
	answer, err := d.ask(ctx, app, b)
	if ctx.Err() != nil {
		return ctx.Err() // the program is stopping: nothing is known of the registry
	}
	trouble := ""
	if err != nil {
		trouble = outside.CodeOf(err)
		d.Log.WarnContext(ctx, "registry in trouble", "registry", string(b), "application", ref, "trouble", trouble)
	}
	return d.conclude(ctx, ref, b, answer, trouble)
}

// ask polls if the registry has the question already, and otherwise puts it.
func (d *Desk) ask(ctx context.Context, app *Application, b Bureau) (Answer, error) {
	checker, _ := d.checker(b)
	if c := app.Checks[b]; !c.Asked.IsZero() && c.Trouble == "" {
		answer, err := checker.Poll(ctx, app.ID)
		if !errors.Is(err, fault.NotFound) {
			return answer, err
		}
	}
	return checker.Ask(ctx, app.ID, app.Person)
}

// conclude writes an answer down and closes the application if that decides it. A SNILS that another
// account holds shows only here, by the store's refusal to claim it; the transaction that met it is gone,
// so the refusal is written in one of its own.
func (d *Desk) conclude(ctx context.Context, ref string, b Bureau, answer Answer, trouble string) error {
	err := d.Atomically(ctx, func(tx Tx) error { return d.write(ctx, tx, ref, b, answer, trouble, false) })
	if errors.Is(err, fault.Exists) {
		err = d.Atomically(ctx, func(tx Tx) error { return d.write(ctx, tx, ref, b, answer, trouble, true) })
	}
	if err != nil {
		return fmt.Errorf("registry: conclude %s: %w", b, err)
	}
	return nil
}

func (d *Desk) write(ctx context.Context, tx Tx, ref string, b Bureau, answer Answer, trouble string, taken bool) error {
	now := d.Now()
	var before State
	written, again := false, time.Duration(0)
	app, err := tx.ChangeApplication(ctx, ref, func(app *Application) error {
		written, again, before = false, 0, app.State
		if !app.asking(b, now) {
			return nil // a newer application, or another attempt, was quicker
		}
		written = true
		c := app.Checks[b]
		c.Attempts++
		c.Trouble = trouble
		if c.Asked.IsZero() {
			c.Asked = now
		}
		if trouble == "" && answer.Verdict != Waiting {
			c.Verdict, c.Fields, c.Answered = answer.Verdict, answer.Fields, now
		} else {
			again = d.pause(c.Attempts)
		}
		app.Checks[b] = c
		if b != Tax {
			app.decide(now, taken)
		}
		return nil
	})
	if err != nil || !written {
		return err
	}
	_, kind := d.checker(b)
	if again > 0 {
		if err := tx.EnqueueAt(ctx, now.Add(again), job.Job{Kind: kind, Ref: ref}); err != nil {
			return err
		}
	}
	switch {
	case b == Tax:
		return d.addINN(ctx, tx, app, answer)
	case before == Running && app.State != Running:
		return d.close(ctx, tx, app)
	case app.refused():
		return tx.EnqueueAt(ctx, now.Add(d.Gather), job.Job{Kind: JobSettle, Ref: ref})
	}
	return nil
}

// refused tells whether some registry has refused.
func (a *Application) refused() bool {
	return a.Checks[Pension].Verdict == RefusedBy || a.Checks[Interior].Verdict == RefusedBy
}

// decide closes an application that both have answered. taken says that another account holds the SNILS.
func (a *Application) decide(now time.Time, taken bool) {
	pension, interior := a.Checks[Pension].Verdict, a.Checks[Interior].Verdict
	if pension == Waiting || interior == Waiting {
		return
	}
	a.Closed = now
	if a.refused() || taken {
		a.State, a.SNILSTaken = Refused, taken && !a.refused()
		return
	}
	a.State = Agreed
}

// Refusals names the fields that the registries refused, in the order of the form.
func (a *Application) Refusals() []string {
	var out []string
	for _, f := range fields {
		if slices.Contains(a.Checks[Pension].Fields, f) || slices.Contains(a.Checks[Interior].Fields, f) {
			out = append(out, f)
		}
	}
	return out
}

// close does all that follows from a verdict, in the verdict's transaction.
func (d *Desk) close(ctx context.Context, tx Tx, app *Application) error {
	for _, kind := range []string{JobOverdue, JobDelayed, JobSettle, JobPension, JobInterior} {
		if err := tx.EnqueueAt(ctx, time.Time{}, job.Job{Kind: kind, Ref: app.ID}); err != nil {
			return err
		}
	}
	if err := app.follow(ctx, tx); err != nil {
		return err
	}
	if app.State == Agreed {
		return d.agree(ctx, tx, app)
	}
	a, err := tx.Account(ctx, app.Account)
	if err != nil {
		return err
	}
	why, tell, with := "fields", notice.ApplicationRefused, notice.With{Number: app.Number, Fields: app.Refusals()}
	if app.SNILSTaken {
		why, tell, with = "snils_taken", notice.ApplicationTaken, notice.With{Number: app.Number}
	}
	if err := d.record(ctx, tx, app, audit.ApplicationRefused, why); err != nil {
		return err
	}
	return d.Notices.Tell(ctx, tx, a, tell, with)
}

// agree takes the data over: the first time it raises the level; later it may bring back the confirmations of
// this person that a lowering suspended, or suspend somebody else's, and then everything issued falls with them.
func (d *Desk) agree(ctx context.Context, tx Tx, app *Application) error {
	wall, fell := d.Wall(), false
	why := session.Why{Kind: audit.ApplicationAgreed, Detail: map[string]string{"application": app.ID}, Now: d.Now(), Wall: wall}
	a, err := session.Fall(ctx, tx, app.Account, func(a *account.Account) error {
		p := app.Person
		if a.Profile.Person.SamePerson(p) {
			p.INN = a.Profile.Person.INN
		}
		fell = a.Agree(p, wall)
		return nil
	}, why)
	if err != nil {
		return err
	}
	if fell {
		if err := d.record(ctx, tx, app, audit.Lowered, notice.WhyData); err != nil {
			return err
		}
		if err := d.Notices.Tell(ctx, tx, a, notice.Lowered, notice.With{Level: a.Level, Reason: notice.WhyData}); err != nil {
			return err
		}
	}
	if err := d.Notices.Tell(ctx, tx, a, notice.ApplicationAgreed, notice.With{Number: app.Number}); err != nil {
		return err
	}
	if err := wish.Rose(ctx, tx, app.Account, time.Time{}); err != nil {
		return err
	}
	return tx.Enqueue(ctx, job.Job{Kind: JobTax, Ref: app.ID}, job.Job{Kind: JobLapse, Ref: a.ID.String()})
}

// addINN keeps a found INN, unless the data is another person's by now.
func (d *Desk) addINN(ctx context.Context, tx Tx, app *Application, answer Answer) error {
	if answer.INN.IsZero() {
		return nil
	}
	_, err := tx.ChangeAccount(ctx, app.Account, func(a *account.Account) error {
		if a.Profile.Person.SamePerson(app.Person) {
			a.Profile.Person.INN = answer.INN
		}
		return nil
	})
	return err
}

// settleRefusal closes an application that one registry refused and the other has not answered in time.
func (d *Desk) settleRefusal(ctx context.Context, ref string) error {
	return d.shut(ctx, ref, "settle", func(app *Application) bool {
		if !app.refused() {
			return false
		}
		app.State = Refused
		return true
	}, d.close)
}

// overdue closes an application that nobody answered. The data stays in it, for the form to be filled from.
func (d *Desk) overdue(ctx context.Context, ref string) error {
	return d.shut(ctx, ref, "overdue", func(app *Application) bool {
		if d.Now().Before(app.Deadline) {
			return false
		}
		app.State = Overdue
		return true
	}, func(ctx context.Context, tx Tx, app *Application) error {
		a, err := tx.Account(ctx, app.Account)
		if err != nil {
			return err
		}
		if err := d.record(ctx, tx, app, audit.ApplicationOverdue, ""); err != nil {
			return err
		}
		if err := app.follow(ctx, tx); err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.ApplicationOverdue, notice.With{Number: app.Number})
	})
}

// explain tells the citizen, once, that a registry is silent.
func (d *Desk) explain(ctx context.Context, ref string) error {
	return d.shut(ctx, ref, "explain", func(app *Application) bool {
		told := false
		for _, b := range []Bureau{Pension, Interior} {
			c := app.Checks[b]
			if c.Verdict == Waiting && c.Told.IsZero() {
				c.Told, told = d.Now(), true
				app.Checks[b] = c
			}
		}
		return told
	}, func(ctx context.Context, tx Tx, app *Application) error {
		a, err := tx.Account(ctx, app.Account)
		if err != nil {
			return err
		}
		return d.Notices.Tell(ctx, tx, a, notice.ApplicationDelayed, notice.With{Number: app.Number, Until: app.Deadline})
	})
}

// shut changes a running application and, if that did anything, does what follows, in one transaction.
func (d *Desk) shut(ctx context.Context, ref, what string, change func(*Application) bool, then func(context.Context, Tx, *Application) error) error {
	err := d.Atomically(ctx, func(tx Tx) error {
		done := false
		app, err := tx.ChangeApplication(ctx, ref, func(app *Application) error {
			if done = app.State == Running && change(app); done && app.State != Running {
				app.Closed = d.Now()
			}
			return nil
		})
		if errors.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil || !done {
			return err
		}
		return then(ctx, tx, app)
	})
	if err != nil {
		return fmt.Errorf("registry: %s: %w", what, err)
	}
	return nil
}
