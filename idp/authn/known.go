package authn

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

const markPurpose seal.Purpose = "known browser"

// marksKept is how many people of one household a browser remembers.
const marksKept = 5

// MarkLife is how long a browser stays known without a sign-in.
const MarkLife = 400 * 24 * time.Hour

// A mark says that somebody signed in here as this account. The nonce tells browsers apart, so that a
// mark that was copied has the tries of one browser and no more.
type mark struct {
	Account account.ID `json:"a"`
	Nonce   string     `json:"n"`
}

func marks(ring *seal.Ring, cookie string) []mark {
	if cookie == "" || len(cookie) > 4096 {
		return nil
	}
	ms, err := seal.OpenJSON[[]mark](ring, markPurpose, cookie)
	if err != nil {
		return nil // from another installation, or made up: an unknown browser
	}
	return ms
}

func (d *Desk) marked(cookie string, id account.ID) (nonce string, ok bool) {
	return Marked(d.Ring, cookie, id)
}

// Marked tells whether the cookie is of a browser in which the account has signed in, and the nonce that
// tells this browser from others.
func Marked(ring *seal.Ring, cookie string, id account.ID) (nonce string, ok bool) {
	for _, m := range marks(ring, cookie) {
		if m.Account == id {
			return m.Nonce, true
		}
	}
	return "", false
}

// Mark returns the cookie of a browser in which the account has just signed in, and whether the browser
// was not known before.
func (d *Desk) Mark(cookie string, id account.ID) (next string, fresh bool, err error) {
	if _, ok := d.marked(cookie, id); ok {
		return cookie, false, nil
	}
	ms := append([]mark{{id, rand.Text()}}, marks(d.Ring, cookie)...)
	next, err = seal.SealJSON(d.Ring, markPurpose, ms[:min(len(ms), marksKept)])
	return next, true, err
}

const kindNetwork = "authn_network"

// networkLife is how long a network is remembered as one that the account signed in from.
const networkLife = 90 * 24 * time.Hour

func (d *Desk) networkID(id account.ID, network string) (string, error) {
	h, err := d.Ring.KeyedHash("authn network", id.String()+" "+network, nil)
	if err != nil {
		return "", fmt.Errorf("authn: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(h.Digest), nil
}

// knownNetwork is the change by which the network is known for the account from now on.
func (d *Desk) knownNetwork(id account.ID, network string) (transient.Change, error) {
	key, err := d.networkID(id, network)
	if err != nil {
		return transient.Change{}, err
	}
	return transient.Change{Do: transient.Put, Kind: kindNetwork, ID: key, Value: []byte{1}, Deadline: d.Now().Add(networkLife)}, nil
}

// networkKnown is false when the store does not answer: the stricter counters apply then.
func (d *Desk) networkKnown(ctx context.Context, id account.ID, network string) bool {
	key, err := d.networkID(id, network)
	if err != nil {
		return false
	}
	_, _, err = d.Transients.Get(ctx, kindNetwork, key, d.Now())
	if err != nil && !errors.Is(err, fault.NotFound) {
		d.Log.WarnContext(ctx, "known networks not read", "error", err)
	}
	return err == nil
}
