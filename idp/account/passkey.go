package account

import (
	"bytes"
	"slices"
	"time"
)

// A Passkey is a key of the owner's that answers only to us (WebAuthn Level 3). It is kept with the account, and
// so is encrypted: nobody is looked up by it.
type Passkey struct {
	ID         []byte   `json:"id"`         // the credential's
	PublicKey  []byte   `json:"public_key"` // COSE
	Count      uint32   `json:"count,omitempty"`
	Transports []string `json:"transports,omitempty"`
	AAGUID     []byte   `json:"aaguid,omitempty"` // the model, as it says itself: nothing is attested
	// Synced tells that the key may be copied to other devices of the owner's (backup eligible); it never changes.
	Synced bool      `json:"synced,omitempty"`
	Name   string    `json:"name"` // that the owner gave it
	Since  time.Time `json:"since"`
	Used   time.Time `json:"used,omitzero"`
	// Doubted is when its counter went back: there may be a second copy, and neither opens anything any more.
	Doubted time.Time `json:"doubted,omitzero"`
}

// Factor is the way of signing in that the key stands for (RFC 8176): one that cannot leave its device counts as
// hardware. That is the device's own word (see package passkey).
func (p Passkey) Factor() string {
	if p.Synced {
		return "swk"
	}
	return "hwk"
}

// Passkey finds a key by its id, or is nil.
func (c *Credential) Passkey(id []byte) *Passkey {
	i := slices.IndexFunc(c.Passkeys, func(p Passkey) bool { return bytes.Equal(p.ID, id) })
	if i < 0 {
		return nil
	}
	return &c.Passkeys[i]
}

// HasSecond tells whether there is a second factor that staff may sign in with: an app, or a key that is not doubted.
func (c *Credential) HasSecond() bool {
	return c.TOTP != nil || slices.ContainsFunc(c.Passkeys, func(p Passkey) bool { return p.Doubted.IsZero() })
}
