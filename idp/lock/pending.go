package lock

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/notice"
)

// A Wait is how a change is announced.
type Wait struct {
	For       time.Duration // the account's Locks.Wait
	Request   string
	Now, Wall time.Time
}

// Announce has a change wait, in the transaction tx: it is kept, told to all contacts with the link that stops
// it, and made when its time comes. p says whose, what kind and what; the rest is filled in.
func Announce(ctx context.Context, tx Tx, n *notice.Notices, a *account.Account, p Pending, w Wait) (*Pending, error) {
	secret := rand.Text()[:20] // 100 bits
	hash := sha256.Sum256([]byte(secret))
	p.ID, p.Account, p.Opened, p.Due, p.Stop = rand.Text(), a.ID, w.Now, w.Now.Add(w.For), hash[:]
	if err := tx.SavePending(ctx, &p); err != nil {
		return nil, fmt.Errorf("lock: announce: %w", err)
	}
	if err := tx.EnqueueAt(ctx, p.Due, job.Job{Kind: JobDue, Ref: p.ID}); err != nil {
		return nil, fmt.Errorf("lock: announce: %w", err)
	}
	if err := tx.RecordEvent(ctx, p.event(audit.ChangeAnnounced, "", w.Request, w.Wall)); err != nil {
		return nil, fmt.Errorf("lock: announce: %w", err)
	}
	told := notice.With{What: string(p.Kind), Until: p.Due, Link: n.Issuer + "/stop/" + p.ID + "." + secret}
	if err := n.Tell(ctx, tx, a, notice.ChangeAnnounced, told); err != nil {
		return nil, fmt.Errorf("lock: announce: %w", err)
	}
	return &p, nil
}

func (p *Pending) event(kind audit.Kind, reason, request string, wall time.Time) audit.Event {
	detail := map[string]string{"change": string(p.Kind), "pending": p.ID}
	if p.Method != 0 {
		detail["method"] = p.Method.String()
	}
	return audit.Event{At: wall, Kind: kind, Account: p.Account, Reason: reason, Detail: detail, Request: request}
}

// Close ends a change in the transaction tx, once: of parallel calls the others get ErrOver. Who makes a
// change calls it first, and so settles who was quicker, the change or the one who stops it.
func Close(ctx context.Context, tx interface {
	ChangePending(ctx context.Context, id string, f func(*Pending) error) (*Pending, error)
}, id, outcome string, now time.Time) (*Pending, error) {
	p, err := tx.ChangePending(ctx, id, func(p *Pending) error {
		if !p.Open() {
			return ErrOver
		}
		p.Closed, p.Outcome = now, outcome
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("lock: close: %w", err)
	}
	return p, nil
}

// Replaced closes, in the transaction tx, what waited of an account by the same method: a newer confirmation has
// taken its place, and its announcement is all that is told.
func Replaced(ctx context.Context, tx Tx, a account.ID, m account.Method, w Wait) error {
	all, err := tx.Pendings(ctx, a)
	if err != nil {
		return fmt.Errorf("lock: replaced: %w", err)
	}
	for _, p := range all {
		if p.Kind != Confirmation || p.Method != m {
			continue
		}
		p, err := Close(ctx, tx, p.ID, Lapsed, w.Now)
		if errors.Is(err, ErrOver) {
			continue
		}
		if err != nil {
			return fmt.Errorf("lock: replaced: %w", err)
		}
		if err := tx.RecordEvent(ctx, p.event(audit.ChangeStopped, "replaced", w.Request, w.Wall)); err != nil {
			return fmt.Errorf("lock: replaced: %w", err)
		}
	}
	return nil
}

// Opened gives the change that a link from a message stops. Anybody who has the link may: it came to a contact
// of the account, and gives nothing away. ErrOver if there is none, or not any more.
func (d *Desk) Opened(ctx context.Context, token string) (*Pending, error) {
	id, secret, _ := strings.Cut(token, ".")
	p, err := d.Read.Pending(ctx, id)
	if errors.Is(err, fault.NotFound) {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("lock: link: %w", err)
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], p.Stop) != 1 || !p.Open() {
		return nil, ErrOver
	}
	return p, nil
}

// StopByLink stops the change of a link. A link used twice is ErrOver.
func (d *Desk) StopByLink(ctx context.Context, token, request string) (*Pending, error) {
	p, err := d.Opened(ctx, token)
	if err != nil {
		return nil, err
	}
	return p, d.stop(ctx, p.Account, p.ID, "link", request)
}

// Stop stops a change of an account that its citizen, signed in, does not want.
func (d *Desk) Stop(ctx context.Context, a account.ID, id, request string) error {
	return d.stop(ctx, a, id, "citizen", request)
}

func (d *Desk) stop(ctx context.Context, whose account.ID, id, by, request string) error {
	now, wall := d.Now(), d.Wall()
	err := d.Atomically(ctx, func(tx DeskTx) error {
		p, err := tx.Pending(ctx, id)
		if errors.Is(err, fault.NotFound) || err == nil && p.Account != whose {
			return ErrOver
		}
		if err != nil {
			return err
		}
		return d.end(ctx, tx, p.ID, Stopped, by, request, now, wall)
	})
	if err != nil {
		return fmt.Errorf("lock: stop: %w", err)
	}
	return nil
}

// end closes a change that will not be made, takes back what was kept for it, and tells all contacts.
func (d *Desk) end(ctx context.Context, tx DeskTx, id, outcome, reason, request string, now, wall time.Time) error {
	p, err := Close(ctx, tx, id, outcome, now)
	if err != nil {
		return err
	}
	a, err := tx.ChangeAccount(ctx, p.Account, func(a *account.Account) error {
		if p.Kind == Confirmation {
			a.Drop(p.Confirmation, HeldBy)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := tx.RecordEvent(ctx, p.event(audit.ChangeStopped, reason, request, wall)); err != nil {
		return err
	}
	return d.Notices.Tell(ctx, tx, a, notice.ChangeStopped, notice.With{What: string(p.Kind)})
}

// Changes are the changes of an account that wait, the newest first.
func (d *Desk) Changes(ctx context.Context, a account.ID) ([]*Pending, error) {
	all, err := d.Read.Pendings(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("lock: changes: %w", err)
	}
	return all, nil
}

// due makes a change whose time has come.
func (d *Desk) due(ctx context.Context, id string) error {
	p, err := d.Read.Pending(ctx, id)
	if errors.Is(err, fault.NotFound) || err == nil && !p.Open() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lock: due: %w", err)
	}
	now := d.Now()
	if now.Before(p.Due) {
		return d.Atomically(ctx, func(tx DeskTx) error { return tx.EnqueueAt(ctx, p.Due, job.Job{Kind: JobDue, Ref: id}) })
	}
	maker, known := d.makers[p.Kind]
	if p.Kind.Lifts() {
		maker, known = d.lift, true
	}
	if !known {
		return fmt.Errorf("lock: nobody makes a %s: %w", p.Kind, job.ErrGiveUp)
	}
	err = maker(ctx, p)
	switch {
	case errors.Is(err, ErrOver):
		return nil
	case errors.Is(err, ErrLapsed), errors.Is(err, ErrFrozen):
		err = d.Atomically(ctx, func(tx DeskTx) error { return d.end(ctx, tx, id, Lapsed, "lapsed", "", now, d.Wall()) })
		if errors.Is(err, ErrOver) {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("lock: due: %w", err)
	}
	return nil
}
