package limit

import (
	"context"
	"time"
)

// Messages cost money and patience, whoever they go to. These rules count every code and link that
// somebody makes us send: by the contact it goes to and by the network it was asked from. What a contact
// belongs to plays no part, so the answer tells nothing.
var (
	perContact = Rule{Name: "send contact", Free: 6, Window: 24 * time.Hour}
	// Whole towns share an address, so the network's limit only makes a flood dear.
	perSender = Rule{Name: "send network", Free: 300, Window: time.Hour, First: time.Second, Most: 30 * time.Second}
)

// Send counts a message to a contact, or says how long to wait.
func (k *Keeper) Send(ctx context.Context, contact, network string) error {
	h, err := k.Take(ctx, perSender, network)
	if err != nil {
		return err
	}
	if _, err := k.Take(ctx, perContact, contact); err != nil {
		if back := h.Back(ctx); back != nil {
			return back
		}
		return err
	}
	return nil
}
