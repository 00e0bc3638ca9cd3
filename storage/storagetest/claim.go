package storagetest

import (
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
)

func claimsTest(t *testing.T, s *Stores) {
	ctx := t.Context()
	holder, other := s.Create(t, s.Simplified(t)), s.Create(t, s.Simplified(t))
	claim := func() *contact.Claim {
		now := s.Clock.Now()
		c := &contact.Claim{
			ID: rand.Text(), Holder: holder.ID, Claimant: other.ID, Kind: account.Phone, Value: holder.Profile.Contacts[0].Value,
			Proved: now, Opened: now, Due: now.Add(contact.ClaimWait),
		}
		ok(t, "SaveClaim", s.SaveClaim(ctx, c))
		return c
	}

	t.Run("come back as they were saved", func(t *testing.T) {
		none, err := s.ClaimsOn(ctx, holder.ID)
		if err != nil || len(none) != 0 {
			t.Errorf("ClaimsOn before any: %v, %v", none, err)
		}
		c := claim()
		got, err := s.Claim(ctx, c.ID)
		ok(t, "Claim", err)
		same(t, "claim", got, c)
		_, err = s.Claim(ctx, "unknown")
		absent(t, "Claim", err)
		_, err = s.ChangeClaim(ctx, "unknown", func(*contact.Claim) error { return nil })
		absent(t, "ChangeClaim", err)
	})

	t.Run("stand at their holder, the newest first", func(t *testing.T) {
		s.Clock.Advance(time.Minute)
		newest := claim()
		_, err := s.ChangeClaim(ctx, newest.ID, func(c *contact.Claim) error {
			c.Closed, c.Outcome = s.Clock.Now(), contact.Kept
			return nil
		})
		ok(t, "ChangeClaim", err)
		got, err := s.ClaimsOn(ctx, holder.ID)
		if err != nil || len(got) != 2 || got[0].ID != newest.ID || got[0].Open() || !got[1].Open() {
			t.Errorf("ClaimsOn the holder: %v, %v", got, err)
		}
		if none, err := s.ClaimsOn(ctx, other.ID); err != nil || len(none) != 0 {
			t.Errorf("ClaimsOn the claimant: %v, %v", none, err)
		}
	})

	t.Run("are settled once, however many try", func(t *testing.T) {
		c := claim()
		over := errors.New("over")
		won := 0
		for _, err := range parallel(6, func(int) error {
			_, err := s.ChangeClaim(ctx, c.ID, func(c *contact.Claim) error {
				if !c.Open() {
					return over
				}
				c.Closed, c.Outcome = s.Clock.Now(), contact.Moved
				return nil
			})
			return err
		}) {
			if err == nil {
				won++
			} else if !errors.Is(err, over) {
				t.Errorf("ChangeClaim: %v", err)
			}
		}
		if won != 1 {
			t.Errorf("settled %d times, want once", won)
		}
	})
}
