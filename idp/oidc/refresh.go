package oidc

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/grant"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/seal"
)

const refreshPurpose seal.Purpose = "refresh"

// A refresh token names its grant and its place in the family. The row keeps its hash; the secret makes
// the token unknown even to whoever holds the sealing keys.
type refresh struct {
	Grant  grant.ID
	Gen    int
	Client rp.ID
	Scopes []string
	Secret string
	Plain  bool // the request demanded nothing: only the party's policy is to be judged
}

func (d *Door) newRefresh(g *grant.Grant, gen int, plain bool) (token string, hash []byte) {
	token = sealed(d.Ring, refreshPurpose, &refresh{g.ID, gen, g.Client, g.Scopes, random(32), plain})
	return token, seal.Hash([]byte(token))
}

// RefreshToken gives fresh tokens for a refresh token (RFC 6749 section 6, RFC 9700 section 4.14).
func (s *server) RefreshToken(ctx context.Context, r *op.ClientRequest[oidc.RefreshTokenRequest]) (*op.Response, error) {
	p := r.Client.(client).Party
	a, err := s.door.refresh(ctx, p, r.Data.RefreshToken, r.Data.Scopes)
	return s.door.answered(ctx, p, a, err)
}

// refresh rotates a refresh token, in one write: the party is compared before, so that a stranger's try
// spends nothing; standing, expiry and reuse are judged in the statement itself. Where there is a policy
// or a demand it is judged inside the rotation, and undoes it: a refusal spends no token.
//
// A token brought twice within the grace gets the same successor, which only its holder can unseal from
// the row: an answer was lost on the way. Brought later, or after its successor was used, it ends the
// family, since then two hold it.
func (d *Door) refresh(ctx context.Context, p *rp.Party, token string, asked []string) (*tokenAnswer, error) {
	var old refresh
	if opened(d.Ring, refreshPurpose, token, &old) != nil || old.Client != p.ID {
		return nil, refuse(invalidGrant, "the refresh token is not one of this client")
	}
	scopes := old.Scopes
	if asked = slices.DeleteFunc(asked, func(s string) bool { return s == "" }); len(asked) > 0 {
		for _, s := range asked {
			if !slices.Contains(old.Scopes, s) {
				return nil, refuse(invalidScope, "a scope was not granted").about("scope", "")
			}
		}
		scopes = asked
	}
	next, hash := d.newRefresh(&grant.Grant{ID: old.Grant, Client: old.Client, Scopes: old.Scopes}, old.Gen+1, old.Plain)
	successor, err := sealSuccessor(token, next)
	if err != nil {
		return nil, err
	}
	now := d.Now()
	judge := func(u *grant.Use) error {
		return d.judge(p, &u.Grant, account.Min(u.Grant.Snapshot, u.Standing.Assurance(now)))
	}
	rotation := grant.Rotation{
		Grant: old.Grant, Client: p.ID, OldHash: seal.Hash([]byte(token)), OldGen: old.Gen,
		NewHash: hash, Sealed: successor, Now: now, Grace: d.Lives.Grace,
	}
	if !old.Plain || len(p.Policy.Accept) > 0 {
		rotation.Judge = judge
	}
	outcome, use, err := d.Records.RotateGrant(ctx, rotation)
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case isNotFound(err):
		return nil, refuse(invalidGrant, "the refresh token is not known")
	case err != nil:
		return nil, fmt.Errorf("oidc: rotate: %w", err)
	case outcome == grant.Replayed:
		d.tell(ctx, audit.RefreshReplayed, &use.Grant)
		return nil, refuse(invalidGrant, "the refresh token was used before; its whole family is revoked")
	case outcome == grant.Fallen:
		return nil, refuse(invalidGrant, "the grant has ended, or the account has changed")
	case outcome == grant.Repeated:
		if err := judge(use); err != nil {
			return nil, err
		}
		if next, err = openSuccessor(token, use.Grant.PrevSealed); err != nil {
			return nil, err
		}
	}
	g := &use.Grant
	subject := account.Min(g.Snapshot, use.Standing.Assurance(now))
	i := &issue{party: p, grant: g, subject: subject, scopes: scopes, refresh: next}
	if i.user, err = d.named(ctx, p, g); err != nil {
		return nil, err
	}
	return d.mint(i)
}

func successorCipher(token string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(token), nil, "propusk refresh successor v1", 32)
	if err != nil {
		return nil, fmt.Errorf("oidc: key of a successor: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("oidc: key of a successor: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// sealSuccessor seals a refresh token under the one that it replaces.
func sealSuccessor(old, next string) ([]byte, error) {
	aead, err := successorCipher(old)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, []byte(next), nil), nil
}

func openSuccessor(old string, sealed []byte) (string, error) {
	aead, err := successorCipher(old)
	if err != nil {
		return "", err
	}
	next, err := aead.Open(nil, nil, sealed, nil)
	if err != nil {
		return "", fmt.Errorf("oidc: the successor does not open: %w", err)
	}
	return string(next), nil
}
