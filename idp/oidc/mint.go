package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

const accessPurpose seal.Purpose = "access"

// idToken is the ID token (OpenID Connect Core 1.0 section 2), with the claims of design.md 2.
type idToken struct {
	Issuer     string `json:"iss"`
	Subject    string `json:"sub"`
	Audience   string `json:"aud"`
	Party      string `json:"azp"`
	Expires    int64  `json:"exp"`
	Issued     int64  `json:"iat"`
	Nonce      string `json:"nonce,omitempty"`
	AccessHash string `json:"at_hash,omitempty"`
	Session    string `json:"sid,omitempty"`
	claims.Authentication
	claims.Assurance
	claims.User
}

// accessToken is a JWT access token (RFC 9068). Its jti begins with the grant's id, so that what can be
// revoked is found again.
type accessToken struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	Client   string   `json:"client_id"`
	Scope    string   `json:"scope,omitempty"`
	Expires  int64    `json:"exp"`
	Issued   int64    `json:"iat"`
	ID       string   `json:"jti"`
	Session  string   `json:"sid,omitempty"`
	Bound    *binding `json:"cnf,omitempty"`
	*claims.Authentication
	*claims.Assurance
}

// A bearer is what an access token of ours says, however it is written. Packed it is the content of an
// opaque one.
type bearer struct {
	Grant   grant.ID // empty: a party's own token
	Client  rp.ID
	Scopes  []string
	Issued  int64 // Wall, seconds
	Expires int64
	ID      string
	Bound   *binding
}

// tokenAnswer is the answer of the token endpoint.
type tokenAnswer struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int64  `json:"expires_in"`
	Refresh string `json:"refresh_token,omitempty"`
	ID      string `json:"id_token,omitempty"`
	Scope   string `json:"scope,omitempty"`
}

// an issue is what tokens are made of.
type issue struct {
	party   *rp.Party
	grant   *grant.Grant
	subject account.Assurance // what the tokens say
	scopes  []string
	nonce   string
	user    claims.User // of the ID token, if asked for by name
	refresh string
}

func (i *issue) authentication() claims.Authentication {
	return claims.Authentication{AuthTime: i.grant.AuthTime.Unix(), AMR: i.grant.AMR, ACR: i.grant.ACR}
}

// mint makes the tokens of a grant: one signature, two for a party with JWT access tokens.
func (d *Door) mint(i *issue) (*tokenAnswer, error) {
	wall := d.Wall()
	access, life, err := d.mintAccess(i, wall)
	if err != nil {
		return nil, err
	}
	alg := i.party.IDTokenAlg
	if alg == "" {
		alg = seal.ES256
	}
	hash := sha256.Sum256([]byte(access))
	id, err := d.sign(alg, typeID, &idToken{
		Issuer: d.Issuer, Subject: i.grant.Account.String(), Audience: string(i.party.ID), Party: string(i.party.ID),
		Expires: wall.Add(d.Lives.IDToken).Unix(), Issued: wall.Unix(), Nonce: i.nonce,
		AccessHash: base64.RawURLEncoding.EncodeToString(hash[:len(hash)/2]), Session: string(i.grant.Session),
		Authentication: i.authentication(), Assurance: claims.OfAssurance(i.subject), User: i.user,
	})
	if err != nil {
		return nil, err
	}
	return &tokenAnswer{
		Access: access, Type: "Bearer", Expires: int64(life / time.Second), Refresh: i.refresh, ID: id,
		Scope: strings.Join(i.scopes, " "),
	}, nil
}

func (d *Door) mintAccess(i *issue, wall time.Time) (string, time.Duration, error) {
	if !i.party.AccessJWT {
		life := d.Lives.Access
		b := bearer{Grant: i.grant.ID, Client: i.party.ID, Scopes: i.scopes, Issued: wall.Unix(), Expires: wall.Add(life).Unix()}
		return sealed(d.Ring, accessPurpose, &b), life, nil
	}
	life := d.Lives.JWT
	authentication, sure := i.authentication(), claims.OfAssurance(i.subject)
	token, err := d.sign(seal.ES256, typeAccess, &accessToken{
		Issuer: d.Issuer, Subject: i.grant.Account.String(), Audience: i.party.Audience, Client: string(i.party.ID),
		Scope: strings.Join(i.scopes, " "), Expires: wall.Add(life).Unix(), Issued: wall.Unix(),
		ID: string(i.grant.ID) + "." + random(8), Session: string(i.grant.Session),
		Authentication: &authentication, Assurance: &sure,
	})
	return token, life, err
}

// mintOwn makes the access token of a party for itself (client_credentials).
func (d *Door) mintOwn(p *rp.Party, scopes []string, bound *binding) (*tokenAnswer, error) {
	wall, life := d.Wall(), d.Lives.JWT
	out := &tokenAnswer{Type: bound.kind(), Expires: int64(life / time.Second), Scope: strings.Join(scopes, " ")}
	var err error
	if p.AccessJWT {
		out.Access, err = d.sign(seal.ES256, typeAccess, &accessToken{
			Issuer: d.Issuer, Subject: string(p.ID), Audience: p.Audience, Client: string(p.ID), Scope: out.Scope,
			Expires: wall.Add(life).Unix(), Issued: wall.Unix(), ID: "." + random(16), Bound: bound,
		})
	} else {
		out.Access = sealed(d.Ring, accessPurpose, &bearer{
			Client: p.ID, Scopes: scopes, Issued: wall.Unix(), Expires: wall.Add(life).Unix(), ID: random(16), Bound: bound,
		})
	}
	return out, err
}

var errBearer = fmt.Errorf("oidc: the access token is not valid: %w", fault.Denied)

// open reads an access token of ours, opaque or JWT, that has not expired.
func (d *Door) open(token string) (*bearer, error) {
	if len(token) > maxJWT || token == "" {
		return nil, errBearer
	}
	var b bearer
	if strings.Count(token, ".") == 2 {
		var t accessToken
		if err := d.verify(token, typeAccess, &t); err != nil || t.Issuer != d.Issuer {
			return nil, errBearer
		}
		id, rest, _ := strings.Cut(t.ID, ".")
		b = bearer{Grant: grant.ID(id), Client: rp.ID(t.Client), Scopes: strings.Fields(t.Scope), Issued: t.Issued, Expires: t.Expires, ID: rest, Bound: t.Bound}
	} else if opened(d.Ring, accessPurpose, token, &b) != nil {
		return nil, errBearer
	}
	if d.Wall().Unix() >= b.Expires {
		return nil, errBearer
	}
	return &b, nil
}

// revokedKind marks parties' own tokens that were given back; those of citizens are revoked by grant.
const revokedKind = "own_token_revoked"

// live tells whether the token of a party for itself was not given back.
func (d *Door) live(ctx context.Context, b *bearer) (bool, error) {
	_, _, err := d.Transients.Get(ctx, revokedKind, b.ID, d.Wall())
	switch {
	case err == nil:
		return false, nil
	case isNotFound(err):
		return true, nil
	}
	return false, fmt.Errorf("oidc: look for a revoked token: %w", err)
}
