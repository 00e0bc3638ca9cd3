package oidc

import (
	"time"

	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/session"
)

// logoutToken is OpenID Connect Back-Channel Logout 1.0 section 2.4.
type logoutToken struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience string              `json:"aud"`
	Issued   int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	Session  string              `json:"sid"`
	Events   map[string]struct{} `json:"events"`
}

// LogoutToken signs the logout token of a delivery, for two minutes. Its jti is the same at every attempt.
func (d *Door) LogoutToken(x session.Delivery, p *rp.Party) (string, error) {
	wall := d.Wall()
	alg := p.IDTokenAlg
	if alg == "" {
		alg = seal.ES256
	}
	return d.sign(alg, typeLogout, &logoutToken{
		Issuer: d.Issuer, Subject: x.Account.String(), Audience: string(p.ID), Issued: wall.Unix(), Expires: wall.Add(2 * time.Minute).Unix(),
		ID: x.ID, Session: string(x.Session),
		Events: map[string]struct{}{"http://schemas.openid.net/event/backchannel-logout": {}},
	})
}
