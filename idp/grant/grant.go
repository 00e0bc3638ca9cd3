// Package grant keeps what a redeemed code gave a relying party, until it is revoked: the row behind
// access and refresh tokens, logout fan-out and "who received what".
//
// A code carries the id of a grant not yet written. Redeeming inserts it, if the account's epoch and the
// session still stand; a second redemption finds the row and revokes it. So a code is used once, and its
// replay ends what it gave (RFC 9700 section 2.1.1, RFC 6749 section 4.1.2).
package grant

import (
	"context"
	"slices"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
)

// An ID names a grant: 128 random bits in base64url.
type ID string

// A Grant is what a relying party holds.
type Grant struct {
	ID       ID
	Account  account.ID
	Client   rp.ID
	Session  session.ID
	Epoch    int
	Scopes   []string
	Data     []string // what the citizen allowed besides, for the claims parameter: scopes, and words of its own
	Demanded []string // the acr values demanded
	Claims   []byte   // the claims parameter of the request, as asked; may be nil
	AuthTime time.Time
	AMR      []string
	ACR      string
	Snapshot account.Assurance
	Created  time.Time // Now
	Offline  bool      // survives the end of its session (offline_access)
	Expires  time.Time // Now; the end of refreshing and of the consent behind it, whichever comes first; zero: its session's
	Revoked  time.Time

	// Refresh rotation: the hash of the current token and, for a few seconds after a rotation, the
	// successor sealed under a key derived from the token it replaced.
	RefreshHash []byte
	RefreshGen  int
	PrevHash    []byte
	PrevSealed  []byte
	RotatedAt   time.Time
}

// An Outcome tells what redeeming or rotating found.
type Outcome int

// The outcomes.
const (
	Granted  Outcome = iota
	Replayed         // used before; the grant is revoked now
	Fallen           // the account's epoch has moved, or the session has ended
	Repeated         // rotation only: the previous token within its grace; nothing was changed
)

// A Rotation asks to replace a refresh token.
type Rotation struct {
	Grant   ID
	Client  rp.ID
	OldHash []byte
	OldGen  int
	NewHash []byte
	Sealed  []byte // the successor for a repeat
	Now     time.Time
	Grace   time.Duration
	// Judge, if set, is asked within the rotation: its error undoes it, and the old token stays good. It
	// costs a transaction in the place of one statement, so it is for grants that demand something.
	Judge func(*Use) error
}

// Use is a grant together with what decides whether it still stands, in one read.
type Use struct {
	Grant     Grant
	Standing  account.Standing
	SessionUp bool // the session has not ended (by logout or by hand)
}

// Stands tells whether tokens of the grant count at now.
func (u *Use) Stands(now time.Time) bool {
	g := &u.Grant
	return g.Revoked.IsZero() && g.Epoch == u.Standing.Epoch && (u.SessionUp || g.Offline) && (g.Expires.IsZero() || now.Before(g.Expires))
}

// Allowed is all that the citizen allowed.
func (g *Grant) Allowed() []string {
	if len(g.Data) == 0 {
		return g.Scopes
	}
	return slices.Concat(g.Scopes, g.Data)
}

// A Store keeps grants. Redeem and Rotate are one statement each on the common path.
type Store interface {
	// RedeemGrant inserts the grant if the account's epoch equals the grant's and the session has not
	// ended; on conflict it marks the grant revoked and returns Replayed.
	RedeemGrant(ctx context.Context, g *Grant) (Outcome, error)
	// RotateGrant replaces the refresh token. Granted: done, the use is returned. Repeated: the old token
	// is the previous one within the grace, the use carries PrevSealed. Replayed: an older token, or the
	// previous one after its successor was used; the grant is revoked. Fallen: it no longer stands.
	RotateGrant(ctx context.Context, r Rotation) (Outcome, *Use, error)
	// GrantUse reads a grant and its standing; fault.NotFound.
	GrantUse(ctx context.Context, id ID) (*Use, error)
	// GrantAccount reads a grant, its standing and the account in one trip; fault.NotFound. The account's
	// credential is left empty: who answers for a token has no business with it, and opening it costs.
	GrantAccount(ctx context.Context, id ID) (*Use, *account.Account, error)
	RevokeGrant(ctx context.Context, id ID, at time.Time) error
	// Grants lists an account's grants that are not revoked, newest first.
	Grants(ctx context.Context, a account.ID) ([]*Grant, error)
}
