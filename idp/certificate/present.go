package certificate

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
)

// The pages and the listener at which a browser presents its certificate are two hosts, so nothing but
// addresses goes between them:
//
//	page ──invitation──▶ listener: handshake, Meet ──outcome──▶ page: Outcome, Redeem
//
// An invitation and an outcome are each used once and soon over. Neither opens anything by itself: the page
// that takes an outcome holds it against the browser to which the invitation was given. So somebody who
// sends their own invitation or outcome to another, to have them signed in as themselves, has sent them to a
// browser where it does not count; and somebody who has seen one in an address cannot use it in theirs.

// ErrOver reports an invitation or an outcome that is used, past its time, or another browser's.
var ErrOver = fmt.Errorf("certificate: the presentation is over: %w", fault.Expired)

// An Invitation has a browser present its certificate.
type Invitation struct {
	// Tx is the sealed sign-in that waits, and Request its id; both empty for a confirmation.
	Tx, Request string
	// Account and Session are who is signed in and wants to be confirmed.
	Account account.ID
	Session string
	Lang    string
}

// An Outcome is what came of a presentation.
type Outcome struct {
	Invitation
	Holder  *Holder // nil: refused
	Refused Reason
	At      time.Time
	// Wait is how long to wait, if it was tried too often.
	Wait time.Duration
}

const (
	inviteFor  = 10 * time.Minute
	outcomeFor = 2 * time.Minute
)

// Invite keeps an invitation and gives its id.
func (d *Desk) Invite(ctx context.Context, in Invitation, network string) (string, error) {
	if _, err := d.limits.Take(ctx, inviteRule, network); err != nil {
		return "", fmt.Errorf("certificate: invite: %w", err)
	}
	id := rand.Text()
	if err := d.invitations.Create(ctx, id, in, d.Now().Add(inviteFor)); err != nil {
		return "", fmt.Errorf("certificate: invite: %w", err)
	}
	return id, nil
}

// Meet judges what an invited browser has presented, and keeps the outcome, refusals too: the page has the
// words for them. ErrOver if there is no such invitation.
func (d *Desk) Meet(ctx context.Context, invitation string, chain []*x509.Certificate, network, request string) (Invitation, string, error) {
	in, err := d.invitations.Take(ctx, invitation)
	if errors.Is(err, fault.NotFound) {
		return in, "", ErrOver
	}
	if err != nil {
		return in, "", fmt.Errorf("certificate: meet: %w", err)
	}
	out := Outcome{Invitation: in}
	out.Holder, err = d.Present(ctx, chain, network, request)
	var r *Refusal
	switch {
	case err == nil:
	case errors.Is(err, fault.NotFound):
		out.Refused = Nobody
	case errors.As(err, &r):
		out.Refused, out.At = r.Reason, r.At
	case errors.Is(err, fault.Limited):
		out.Refused = TooMany
		out.Wait, _ = fault.Wait(err)
	default:
		return in, "", err
	}
	id := rand.Text()
	if err := d.outcomes.Create(ctx, id, out, d.Now().Add(outcomeFor)); err != nil {
		return in, "", fmt.Errorf("certificate: meet: %w", err)
	}
	return in, id, nil
}

// Outcome looks at an outcome; ErrOver.
func (d *Desk) Outcome(ctx context.Context, id string) (*Outcome, error) {
	return over(d.outcomes.Load(ctx, id))
}

// Redeem uses an outcome up: of several that try one gets it, the others ErrOver.
func (d *Desk) Redeem(ctx context.Context, id string) (*Outcome, error) {
	return over(d.outcomes.Take(ctx, id))
}

func over(o Outcome, err error) (*Outcome, error) {
	if errors.Is(err, fault.NotFound) {
		return nil, ErrOver
	}
	if err != nil {
		return nil, fmt.Errorf("certificate: outcome: %w", err)
	}
	return &o, nil
}
