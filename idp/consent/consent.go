// Package consent keeps what a citizen allowed a relying party to receive, for how long, and takes it back.
package consent

import (
	"context"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/rp"
)

// A Consent is a remembered permission: this party may receive these scopes until then.
type Consent struct {
	Account account.ID
	Client  rp.ID
	Scopes  []string
	Given   time.Time // Now
	Until   time.Time // Now
}

// Covers tells whether the consent allows all the scopes at now.
func (c *Consent) Covers(scopes []string, now time.Time) bool {
	if c == nil || !now.Before(c.Until) {
		return false
	}
	have := make(map[string]bool, len(c.Scopes))
	for _, s := range c.Scopes {
		have[s] = true
	}
	for _, s := range scopes {
		if !have[s] {
			return false
		}
	}
	return true
}

// A Store keeps consents.
type Store interface {
	// Consent returns what is remembered; fault.NotFound.
	Consent(ctx context.Context, a account.ID, client rp.ID) (*Consent, error)
	Consents(ctx context.Context, a account.ID) ([]*Consent, error)
	SaveConsent(ctx context.Context, c *Consent) error
	// RevokeConsent forgets the consent and revokes the grants that the party got under it.
	RevokeConsent(ctx context.Context, a account.ID, client rp.ID, at time.Time) error
}
