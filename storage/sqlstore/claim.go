package sqlstore

import (
	"context"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
)

var claims = newDossier("contact_claim", func(c *contact.Claim) card {
	return card{c.ID, c.Holder, c.Opened, c.Open(), &c.Version}
})

// claimsOf looks back further than ClaimRest reaches at the pace that limits of sending leave.
var claimsOf = both(`SELECT id FROM contact_claim WHERE account = $1 ORDER BY at DESC, id DESC LIMIT 50`)

// SaveClaim writes a new claim (contact.ClaimStore).
func (s *Stores) SaveClaim(ctx context.Context, c *contact.Claim) error { return claims.add(ctx, s, c) }

// Claim returns a claim; fault.NotFound (contact.ClaimStore).
func (s *Stores) Claim(ctx context.Context, id string) (*contact.Claim, error) {
	return claims.get(ctx, s, claims.one, id)
}

// ChangeClaim changes a claim under a lock (contact.ClaimStore).
func (s *Stores) ChangeClaim(ctx context.Context, id string, f func(*contact.Claim) error) (*contact.Claim, error) {
	return claims.change(ctx, s, id, f)
}

// ClaimsOn returns the newest claims on an account's contacts (contact.ClaimStore). Most accounts have none.
func (s *Stores) ClaimsOn(ctx context.Context, holder account.ID) ([]*contact.Claim, error) {
	ids, err := list(ctx, s, func(row scanner) (string, error) {
		var id string
		err := row.Scan(&id)
		return id, err
	}, claimsOf, int64(holder))
	if err != nil {
		return nil, said("claims", err)
	}
	var out []*contact.Claim
	for _, id := range ids {
		c, err := s.Claim(ctx, id)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
