package register

import (
	"context"
	"errors"
	"fmt"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

const refPurpose seal.Purpose = "registration"

func (d *Desk) seal(id string) string { return d.Ring.Seal(refPurpose, []byte(id), nil) }

// load opens a reference for the browser that it was given to.
func (d *Desk) load(ctx context.Context, ref, browser string) (string, *Flow, error) {
	b, err := d.Ring.Open(refPurpose, ref, nil)
	if err != nil {
		return "", nil, fmt.Errorf("register: load: %w", err)
	}
	f, err := d.flows.Load(ctx, string(b))
	if errors.Is(err, fault.NotFound) {
		return "", nil, contact.ErrOver
	}
	if err != nil {
		return "", nil, fmt.Errorf("register: load: %w", err)
	}
	if !session.OnceBrowser(browser, f.Browser) {
		return "", nil, contact.ErrOtherBrowser
	}
	return string(b), &f, nil
}

// Flow returns the flow behind a reference.
func (d *Desk) Flow(ctx context.Context, ref, browser string) (*Flow, error) {
	_, f, err := d.load(ctx, ref, browser)
	return f, err
}

// Enter tries the code from the SMS. Its errors are those of contact.Proof.Enter; left says how many
// tries remain.
func (d *Desk) Enter(ctx context.Context, ref, browser, code string) (left int, err error) {
	id, _, err := d.load(ctx, ref, browser)
	if err != nil {
		return 0, err
	}
	var verdict error
	f, err := d.flows.Change(ctx, id, func(f *Flow) error {
		verdict = f.Proof.Enter(code, d.Now(), d.Wall())
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("register: enter the code: %w", err)
	}
	return f.Proof.Left(), verdict
}

// Resend sends a new code or link once the time of the old code is over; links may be asked for again at
// any time. Counters bound both.
func (d *Desk) Resend(ctx context.Context, ref, browser, network string) error {
	id, f, err := d.load(ctx, ref, browser)
	if err != nil {
		return err
	}
	if wait := f.Proof.Until.Sub(d.Now()); f.Proof.Kind == account.Phone && wait > 0 {
		return fault.RetryAfter{After: wait}
	}
	return d.again(ctx, id, f, network)
}

// again sends and keeps the proof that was sent, for as long as what was sent is said to last.
func (d *Desk) again(ctx context.Context, id string, f *Flow, network string) error {
	if f.Proved() {
		return nil
	}
	if err := d.send(ctx, id, f, network); err != nil {
		return err
	}
	_, err := d.flows.ChangeUntil(ctx, id, d.Now().Add(flowLife), func(g *Flow) error {
		if !g.Proved() {
			g.Proof = f.Proof
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("register: keep the proof: %w", err)
	}
	return nil
}

// Opened shows what a link from a mail is about, and changes nothing: mail programs open links by themselves.
func (d *Desk) Opened(ctx context.Context, token string) (*Flow, error) {
	_, f, err := d.byLink(ctx, token)
	return f, err
}

// hears tells whether the link is of the mailbox that is being proved.
func (f *Flow) hears(l Link) bool {
	return !f.Proof.Deaf && f.Proof.Kind == account.Email && f.Proof.Value == l.Value
}

func (d *Desk) byLink(ctx context.Context, token string) (Link, *Flow, error) {
	l, err := d.links.Load(ctx, contact.TokenID(token))
	if errors.Is(err, fault.NotFound) {
		return Link{}, nil, contact.ErrLink
	}
	if err != nil {
		return Link{}, nil, fmt.Errorf("register: link: %w", err)
	}
	f, err := d.flows.Load(ctx, l.Flow)
	if errors.Is(err, fault.NotFound) {
		return Link{}, nil, contact.ErrLink
	}
	if err != nil {
		return Link{}, nil, fmt.Errorf("register: link: %w", err)
	}
	if !f.hears(l) {
		return Link{}, nil, contact.ErrLink
	}
	return l, &f, nil
}

// Open proves the mailbox by its link. The browser that opens it goes on with the flow, whichever began
// it; a link that was used goes on in its own browser only.
func (d *Desk) Open(ctx context.Context, token, browser string) (ref string, err error) {
	l, _, err := d.byLink(ctx, token)
	if err != nil {
		return "", err
	}
	_, err = d.flows.Change(ctx, l.Flow, func(f *Flow) error {
		switch {
		case !f.hears(l):
			return contact.ErrLink
		case f.Proved() && !session.OnceBrowser(browser, f.Browser):
			return contact.ErrLink
		case !f.Proved():
			f.Proof.Proved, f.Browser = d.Wall(), session.HashBrowser(browser)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("register: open the link: %w", err)
	}
	return d.seal(l.Flow), nil
}
