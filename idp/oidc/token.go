package oidc

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/claims"
	"github.com/propusk/propusk/idp/edge"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// A server is what the protocol library calls.
type server struct {
	op.UnimplementedServer
	door *Door
}

func isNotFound(err error) bool { return errors.Is(err, fault.NotFound) }

// answered turns the outcome of a grant into what the library writes, and keeps the reason of a refusal.
func (d *Door) answered(ctx context.Context, p *rp.Party, a *tokenAnswer, err error) (*op.Response, error) {
	if err != nil {
		var r *refusal
		if errors.As(err, &r) {
			d.record(ctx, edge.RequestID(ctx), p.ID, r)
		}
		return nil, library(ctx, err)
	}
	return op.NewResponse(a), nil
}

// CodeExchange redeems a code (RFC 6749 section 4.1.3).
func (s *server) CodeExchange(ctx context.Context, r *op.ClientRequest[oidc.AccessTokenRequest]) (*op.Response, error) {
	p := r.Client.(client).Party
	a, err := s.door.redeem(ctx, p, r.Data.Code, r.Data.RedirectURI, r.Data.CodeVerifier)
	return s.door.answered(ctx, p, a, err)
}

// redeem gives tokens for a code.
//
// The party has proved itself. Its id, the address and PKCE are compared before the grant is written, so
// that whoever stole a code, and lacks one of them, neither gets tokens nor spoils the code for its owner.
// Then one statement writes the grant, if the account and session still stand; a second time it finds the
// grant and revokes it.
func (d *Door) redeem(ctx context.Context, p *rp.Party, given, redirect, verifier string) (*tokenAnswer, error) {
	var c code
	err := opened(d.Ring, codePurpose, given, &c)
	now := d.Now()
	switch {
	case err != nil:
		return nil, refuse(invalidGrant, "the code is not one of ours")
	case c.Client != p.ID:
		return nil, refuse(invalidGrant, "the code was given to another client")
	case now.UnixMilli() >= c.Expires:
		return nil, refuse(invalidGrant, "the code has expired")
	case c.Until != 0 && now.UnixMilli() >= c.Until:
		return nil, refuse(invalidGrant, "the citizen's consent has ended")
	case c.Redirect != redirect:
		return nil, refuse(invalidGrant, "redirect_uri differs from the one of the authorization request")
	case c.Challenge == "" && verifier != "":
		// Somebody took the challenge out of the request (RFC 9700 section 2.1.1).
		return nil, refuse(invalidGrant, "code_verifier is given, and code_challenge was not")
	case c.Challenge != "" && !verifies(verifier, c.Challenge):
		return nil, refuse(invalidGrant, "code_verifier does not match code_challenge")
	}
	g := &grant.Grant{
		ID: c.Grant, Account: c.Account, Client: c.Client, Session: c.Session, Epoch: c.Epoch,
		Scopes: c.Scopes, Data: c.Data, Demanded: c.Demanded, Claims: c.Claims, AuthTime: time.Unix(c.AuthTime, 0).UTC(), AMR: c.AMR, ACR: c.ACR,
		Snapshot: c.Subject, Created: now,
	}
	if err := d.judge(p, g, c.Subject); err != nil {
		return nil, err
	}
	if c.Until != 0 {
		g.Expires = time.UnixMilli(c.Until).UTC()
	}
	i := &issue{party: p, grant: g, subject: c.Subject, scopes: c.Scopes, nonce: c.Nonce}
	if slices.Contains(c.Scopes, claims.Offline) && p.May(rp.GrantRefresh) {
		g.Offline = true
		if end := now.Add(d.Lives.Refresh); g.Expires.IsZero() || end.Before(g.Expires) {
			g.Expires = end
		}
		i.refresh, g.RefreshHash = d.newRefresh(g, 0, len(g.Claims)+len(g.Demanded) == 0)
	}
	outcome, err := d.Records.RedeemGrant(ctx, g)
	if err != nil {
		return nil, fmt.Errorf("oidc: redeem: %w", err)
	}
	switch outcome {
	case grant.Replayed:
		d.tell(ctx, audit.CodeReplayed, g)
		return nil, refuse(invalidGrant, "the code was used before; all that was given for it is revoked")
	case grant.Fallen:
		return nil, refuse(invalidGrant, "the session has ended, or the account has changed")
	}
	if i.user, err = d.named(ctx, p, g); err != nil {
		return nil, err
	}
	return d.mint(i)
}

func verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 || !made(verifier, "-._~") { // RFC 7636 section 4.1
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// judge holds what a grant may say against the party's policy and what the request demanded. The
// reason stays in the look-up: before the citizen's consent nobody is told what they lack.
func (d *Door) judge(p *rp.Party, g *grant.Grant, subject account.Assurance) error {
	asked, err := claims.ParseRequest(g.Claims)
	if err != nil {
		return fmt.Errorf("oidc: claims of the grant: %w", err)
	}
	var values policy.Policy
	for _, v := range g.Demanded {
		if c, ok := policy.OfACR(v); ok {
			values.Accept = append(values.Accept, c)
		}
	}
	decision := policy.Decide(policy.Subject{Assurance: subject, AMR: g.AMR}, d.Wall(), p.Policy, values, asked.Demand())
	if decision.Met {
		return nil
	}
	return &refusal{code: invalidGrant, reason: "the policy is not met", quiet: true, reasons: decision.Reasons}
}

// named reads the claims that the party asked into the ID token by name; most ask for none, and then
// nothing is read.
func (d *Door) named(ctx context.Context, p *rp.Party, g *grant.Grant) (claims.User, error) {
	if len(g.Claims) == 0 {
		return claims.User{}, nil
	}
	asked, err := claims.ParseRequest(g.Claims)
	if err != nil {
		return claims.User{}, fmt.Errorf("oidc: claims of the grant: %w", err)
	}
	allowed := g.Allowed()
	set := claims.IDToken(asked, claims.Both(p.Scopes, allowed))
	if set == 0 && len(asked.VerifiedIDToken) == 0 {
		return claims.User{}, nil
	}
	use, a, err := d.Records.GrantAccount(ctx, g.ID)
	if err != nil {
		return claims.User{}, fmt.Errorf("oidc: account of the grant: %w", err)
	}
	user := claims.OfUser(a, set)
	subject := account.Min(g.Snapshot, use.Standing.Assurance(d.Now()))
	user.Verified, err = claims.OfVerified(asked.VerifiedIDToken.Bound(allowed), a, subject, p.Scopes, d.Wall())
	if err != nil {
		return claims.User{}, fmt.Errorf("oidc: verified claims: %w", err)
	}
	return user, nil
}

// tell writes an event of a stolen or doubled token. It must not change the answer.
func (d *Door) tell(ctx context.Context, kind audit.Kind, g *grant.Grant) {
	err := d.Records.RecordEvent(ctx, audit.Event{
		At: d.Wall(), Kind: kind, Account: g.Account, Client: string(g.Client), Session: string(g.Session), Request: edge.RequestID(ctx),
	})
	if err != nil {
		d.Logger.WarnContext(ctx, "event not recorded", "kind", string(kind), "error", err)
	}
}

// ClientCredentialsExchange gives a party a token for itself (RFC 6749 section 4.4).
func (s *server) ClientCredentialsExchange(ctx context.Context, r *op.ClientRequest[oidc.ClientCredentialsRequest]) (*op.Response, error) {
	p := r.Client.(client).Party
	bound, err := s.door.possession(ctx, p, r.Header)
	if err != nil {
		return s.door.answered(ctx, p, nil, err)
	}
	a, err := s.door.credentials(p, r.Data.Scope, bound)
	return s.door.answered(ctx, p, a, err)
}

func (d *Door) credentials(p *rp.Party, asked []string, bound *binding) (*tokenAnswer, error) {
	var given []string
	for _, x := range asked {
		switch {
		case x == "":
		case x == claims.OpenID || x == claims.Offline:
			return nil, refuse(invalidScope, "a scope speaks of a citizen, and there is none").about("scope", x)
		case !slices.Contains(p.Scopes, x):
			return nil, refuse(invalidScope, "a scope is unknown, or the party is not registered for it").about("scope", "")
		case !slices.Contains(given, x):
			given = append(given, x)
		}
	}
	return d.mintOwn(p, given, bound)
}
