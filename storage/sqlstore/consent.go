package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/consent"
	"github.com/propusk/propusk/idp/rp"
)

var (
	consentOne  = both(`SELECT account, client, scopes, given, until FROM consent WHERE account = $1 AND client = $2`)
	consentAll  = both(`SELECT account, client, scopes, given, until FROM consent WHERE account = $1 ORDER BY given DESC, client`)
	consentSave = both(`
		INSERT INTO consent (account, client, scopes, given, until) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (account, client) DO UPDATE SET scopes = excluded.scopes, given = excluded.given, until = excluded.until`)
	consentDrop   = both(`DELETE FROM consent WHERE account = $1 AND client = $2`)
	consentGrants = both(`UPDATE grants SET revoked = $3 WHERE account = $1 AND client = $2 AND revoked = 0`)
)

func scanConsent(row scanner) (*consent.Consent, error) {
	var c consent.Consent
	var id, given, until int64
	var client, scopes string
	if err := row.Scan(&id, &client, &scopes, &given, &until); err != nil {
		return nil, err
	}
	c.Account, c.Client, c.Scopes, c.Given, c.Until = account.ID(id), rp.ID(client), strings.Fields(scopes), moment(given), moment(until)
	return &c, nil
}

// Consent returns what is remembered (consent.Store).
func (s *Stores) Consent(ctx context.Context, a account.ID, client rp.ID) (*consent.Consent, error) {
	c, err := scanConsent(s.row(ctx, consentOne, int64(a), string(client)))
	return c, said("consent", err)
}

// Consents lists an account's consents, newest first (consent.Store).
func (s *Stores) Consents(ctx context.Context, a account.ID) ([]*consent.Consent, error) {
	out, err := list(ctx, s, scanConsent, consentAll, int64(a))
	return out, said("consents", err)
}

// SaveConsent writes a consent in the place of any before it (consent.Store).
func (s *Stores) SaveConsent(ctx context.Context, c *consent.Consent) error {
	_, err := s.exec(ctx, consentSave, int64(c.Account), string(c.Client), strings.Join(c.Scopes, " "), micros(c.Given), micros(c.Until))
	return said("save consent", err)
}

// RevokeConsent forgets a consent and revokes the grants under it (consent.Store).
func (s *Stores) RevokeConsent(ctx context.Context, a account.ID, client rp.ID, at time.Time) error {
	return s.atomically(ctx, func(s *Stores) error {
		if _, err := s.exec(ctx, consentDrop, int64(a), string(client)); err != nil {
			return said("revoke consent", err)
		}
		_, err := s.exec(ctx, consentGrants, int64(a), string(client), micros(at))
		return said("revoke grants under a consent", err)
	})
}
