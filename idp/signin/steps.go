package signin

import (
	"context"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/rp"
)

// remembered is how many days a consent is remembered, unless the party is registered with another time.
const remembered = 365

// ConsentUntil is when a consent given now ends, as the page says and the record holds.
func ConsentUntil(p *rp.Party, now time.Time) time.Time {
	if p.Consent > 0 {
		return now.Add(p.Consent)
	}
	return now.AddDate(0, 0, remembered)
}

// Allow records that the citizen allows the party what it asks, and remembers it.
func (d *Desk) Allow(ctx context.Context, f *Facts) error {
	if err := f.at(Consent); err != nil {
		return err
	}
	scopes := f.Request.Asked()
	now := d.Now()
	if err := d.change(ctx, f, func(g *Progress) {
		g.Allowed, g.AllowedBy, g.Denied = scopes, f.Session.Account, false
	}); err != nil {
		return err
	}
	given := &consent.Consent{Account: f.Session.Account, Client: f.Party.ID, Scopes: scopes, Given: now, Until: ConsentUntil(f.Party, now)}
	if f.Consent.Covers(nil, now) {
		given.Scopes = union(f.Consent.Scopes, scopes)
	}
	err := d.Atomically(ctx, func(tx Tx) error {
		if err := tx.SaveConsent(ctx, given); err != nil {
			return err
		}
		return tx.RecordEvent(ctx, d.event(f, audit.ConsentGiven))
	})
	if err != nil {
		return fmt.Errorf("signin: save the consent: %w", err)
	}
	f.Consent = given
	return nil
}

// Deny records that the citizen refuses consent; the party gets access_denied.
func (d *Desk) Deny(ctx context.Context, f *Facts) error {
	if err := f.at(Consent); err != nil {
		return err
	}
	if err := d.change(ctx, f, func(g *Progress) { g.Denied = true }); err != nil {
		return err
	}
	if f.Session == nil {
		return nil
	}
	err := d.Atomically(ctx, func(tx Tx) error { return tx.RecordEvent(ctx, d.event(f, audit.ConsentDenied)) })
	if err != nil {
		return fmt.Errorf("signin: record the refusal: %w", err)
	}
	return nil
}

// Decline records that the citizen turns back from the refusal page, or from signing in at all.
func (d *Desk) Decline(ctx context.Context, f *Facts) error {
	switch s := Next(f); s.Kind {
	case Refusal:
		return d.change(ctx, f, func(g *Progress) { g.Declined = true })
	case SignIn, SecondFactor, UseNow:
		return d.change(ctx, f, func(g *Progress) { g.Denied = true })
	}
	return ErrOutOfTurn
}

// Waive records that the citizen does not want to use the risen level now.
func (d *Desk) Waive(ctx context.Context, f *Facts) error {
	if err := f.at(UseNow); err != nil {
		return err
	}
	return d.change(ctx, f, func(g *Progress) { g.Waived = true })
}

// Answer ends a request whose next step is Answer or Fail. It marks it answered first, in one atomic
// change, so that of two tabs one gets a code and the other ErrStale.
func (d *Desk) Answer(ctx context.Context, f *Facts) (Reply, error) {
	s := Next(f)
	if s.Kind == Stale {
		return Reply{}, ErrStale
	}
	if s.Kind != Answer && s.Kind != Fail {
		return Reply{}, ErrOutOfTurn
	}
	if err := d.change(ctx, f, func(g *Progress) { g.Answered = true }); err != nil {
		return Reply{}, err
	}
	return d.reply(ctx, f, s)
}

// reply has the door answer a request that is marked answered.
func (d *Desk) reply(ctx context.Context, f *Facts, s Step) (Reply, error) {
	by, ok := d.answerers[f.Request.Door]
	if !ok {
		return Reply{}, fmt.Errorf("signin: no door %q: %w", f.Request.Door, fault.Invalid)
	}
	reply, err := by.Answer(ctx, f.Request, s, f.Session)
	if err != nil {
		return Reply{}, fmt.Errorf("signin: answer: %w", err)
	}
	reply.Origin = origin(reply.Redirect)
	return reply, nil
}

func (f *Facts) at(k StepKind) error {
	switch s := Next(f); s.Kind {
	case k:
		return nil
	case Stale:
		return ErrStale
	}
	return ErrOutOfTurn
}

func (d *Desk) change(ctx context.Context, f *Facts, set func(*Progress)) error {
	err := d.keep(ctx, f, func(g *Progress) error {
		if g.Answered {
			return ErrStale
		}
		set(g)
		return nil
	})
	if err != nil {
		return fmt.Errorf("signin: keep the progress: %w", err)
	}
	return nil
}

func (d *Desk) event(f *Facts, k audit.Kind) audit.Event {
	var who account.ID
	var sid string
	if f.Session != nil {
		who, sid = f.Session.Account, string(f.Session.ID)
	}
	return audit.Event{At: d.Wall(), Kind: k, Account: who, Client: string(f.Request.Client), Session: sid, Request: f.Request.LogID}
}

func union(a, b []string) []string {
	out := append([]string(nil), a...)
	for _, s := range b {
		if !contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
