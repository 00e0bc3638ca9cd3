package oidc

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

// An introspection is what a token is worth (RFC 7662 section 2.2). Of one that is worth nothing only
// that is said.
type introspection struct {
	Active   bool     `json:"active"`
	Scope    string   `json:"scope,omitempty"`
	Client   string   `json:"client_id,omitempty"`
	Type     string   `json:"token_type,omitempty"`
	Expires  int64    `json:"exp,omitempty"`
	Issued   int64    `json:"iat,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Audience string   `json:"aud,omitempty"`
	Issuer   string   `json:"iss,omitempty"`
	Session  string   `json:"sid,omitempty"`
	Bound    *binding `json:"cnf,omitempty"`
	*claims.Authentication
	*claims.Assurance
}

// Introspect tells a party about its own tokens, and a resource server about any access token.
func (s *server) Introspect(ctx context.Context, r *op.Request[op.IntrospectionRequest]) (*op.Response, error) {
	c, err := s.VerifyClient(ctx, &op.Request[op.ClientCredentials]{
		Method: r.Method, URL: r.URL, Header: r.Header, Form: r.Form, Data: r.Data.ClientCredentials,
	})
	if err != nil {
		return nil, err
	}
	party := c.(client).Party
	if !party.Confidential() {
		return nil, library(ctx, refuse(invalidClient, "introspection is for clients that prove themselves"))
	}
	out, err := s.door.introspect(ctx, party, r.Data.Token)
	if err != nil {
		return nil, library(ctx, err)
	}
	return op.NewResponse(out), nil
}

func (d *Door) introspect(ctx context.Context, asker *rp.Party, token string) (*introspection, error) {
	nothing := &introspection{}
	b, err := d.open(token)
	if err != nil {
		return d.introspectRefresh(ctx, asker, token)
	}
	if b.Client != asker.ID && !asker.Introspection {
		return nothing, nil
	}
	owner, err := d.Parties.Party(ctx, b.Client)
	if isNotFound(err) || err == nil && owner.Disabled {
		return nothing, nil
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: party: %w", err)
	}
	out := &introspection{
		Active: true, Scope: strings.Join(b.Scopes, " "), Client: string(b.Client), Type: b.Bound.kind(), Bound: b.Bound,
		Expires: b.Expires, Issued: b.Issued, Issuer: d.Issuer, Audience: owner.Audience,
	}
	if b.Grant == "" {
		if live, err := d.live(ctx, b); err != nil || !live {
			return nothing, err
		}
		out.Subject = string(b.Client)
		return out, nil
	}
	use, err := d.standing(ctx, b.Grant)
	if err != nil || use == nil {
		return nothing, err
	}
	return d.describe(out, owner, use), nil
}

// introspectRefresh tells a party about its own refresh token; nobody else hears of one.
func (d *Door) introspectRefresh(ctx context.Context, asker *rp.Party, token string) (*introspection, error) {
	nothing := &introspection{}
	var t refresh
	if opened(d.Ring, refreshPurpose, token, &t) != nil || t.Client != asker.ID {
		return nothing, nil
	}
	use, err := d.standing(ctx, t.Grant)
	if err != nil || use == nil {
		return nothing, err
	}
	g := &use.Grant
	if subtle.ConstantTimeCompare(g.RefreshHash, seal.Hash([]byte(token))) != 1 {
		return nothing, nil
	}
	// The end is told in the time that strangers share.
	ends := d.Wall().Add(g.Expires.Sub(d.Now())).Truncate(time.Second)
	return d.describe(&introspection{
		Active: true, Scope: strings.Join(t.Scopes, " "), Client: string(t.Client), Expires: ends.Unix(), Issuer: d.Issuer,
	}, asker, use), nil
}

// standing reads a grant that still stands, or nil.
func (d *Door) standing(ctx context.Context, id grant.ID) (*grant.Use, error) {
	use, err := d.Records.GrantUse(ctx, id)
	if isNotFound(err) || err == nil && !use.Stands(d.Now()) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("oidc: grant: %w", err)
	}
	return use, nil
}

// describe adds what is known of the citizen; a token whose party's policy is no longer met is worth nothing.
func (d *Door) describe(out *introspection, owner *rp.Party, use *grant.Use) *introspection {
	g := &use.Grant
	subject := account.Min(g.Snapshot, use.Standing.Assurance(d.Now()))
	if d.judge(owner, g, subject) != nil {
		return &introspection{}
	}
	sure := claims.OfAssurance(subject)
	out.Subject, out.Session = g.Account.String(), string(g.Session)
	out.Authentication = &claims.Authentication{AuthTime: g.AuthTime.Unix(), AMR: g.AMR, ACR: g.ACR}
	out.Assurance = &sure
	return out
}

// Revocation takes a token back (RFC 7009). Of a citizen's tokens the grant is revoked, all of them with
// it. A token that is none, or another party's, is answered as if it were revoked: the answer tells nothing.
func (s *server) Revocation(ctx context.Context, r *op.ClientRequest[oidc.RevocationRequest]) (*op.Response, error) {
	if err := s.door.revoke(ctx, r.Client.(client).Party, r.Data.Token); err != nil {
		return nil, library(ctx, err)
	}
	return op.NewResponse(nil), nil
}

func (d *Door) revoke(ctx context.Context, p *rp.Party, token string) error {
	var t refresh
	if opened(d.Ring, refreshPurpose, token, &t) == nil {
		if t.Client != p.ID {
			return nil
		}
		return d.revokeGrant(ctx, t.Grant)
	}
	b, err := d.open(token)
	switch {
	case err != nil || b.Client != p.ID:
		return nil
	case b.Grant != "":
		return d.revokeGrant(ctx, b.Grant)
	}
	if err := d.Transients.Put(ctx, revokedKind, b.ID, []byte{1}, d.Wall(), time.Unix(b.Expires+1, 0)); err != nil {
		return fmt.Errorf("oidc: revoke: %w", err)
	}
	return nil
}

func (d *Door) revokeGrant(ctx context.Context, id grant.ID) error {
	if err := d.Records.RevokeGrant(ctx, id, d.Now()); err != nil && !isNotFound(err) {
		return fmt.Errorf("oidc: revoke: %w", err)
	}
	return nil
}
