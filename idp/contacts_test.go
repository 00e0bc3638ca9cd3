package idp_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/idptest"
)

// TestContactOfAnotherMovesByItself has three people prove one number at the same moment, and then the queue
// meet the holder's objection: on every pair of stores one claim stands, and one side wins.
func TestContactOfAnotherMovesByItself(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		holder := w.NewCitizen(account.Standard)
		number := idptest.Phone(holder)
		var pages []*idptest.Page
		var codes []string
		for i := range 3 {
			w.Advance(2 * time.Minute) // messages to one contact are rationed
			b := w.Browser()
			b.SignIn(w.NewCitizen(account.Simplified))
			pages = append(pages, b.Get("/account/contacts").Submit("tel", number, "current-password", idptest.Password).At("/account/contacts/code", http.StatusOK))
			codes = append(codes, w.Message(number, i).Code)
		}
		var all sync.WaitGroup
		for i, p := range pages {
			all.Go(func() { p.Submit("code", codes[i]) })
		}
		all.Wait()
		var live *contact.Claim
		claims, err := w.Records.ClaimsOn(t.Context(), holder.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			if c.Open() && live != nil {
				t.Fatalf("two claims stand: %s and %s", live.ID, c.ID)
			} else if c.Open() {
				live = c
			}
		}
		if live == nil {
			t.Fatalf("no claim stands: %v", claims)
		}

		b := w.Browser()
		b.SignIn(holder)
		w.Advance(contact.ClaimWait)
		kept := b.Post("/account/contacts/claim", url.Values{"keep": {live.ID}})
		if kept.URL.Path == "/login" { // the session is long over
			b.SignIn(holder)
			kept = b.Post("/account/contacts/claim", url.Values{"keep": {live.ID}})
		}
		owner := holder.ID
		if !strings.Contains(kept.URL.RawQuery, "contact_kept") {
			owner = live.Claimant
		}
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			got, err := w.Records.Claim(t.Context(), live.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Open() {
				if (got.Outcome == contact.Kept) != (owner == holder.ID) {
					t.Errorf("the claim ended as %s, the page of the holder was %s with %d", got.Outcome, kept.URL, kept.Status)
				}
				break
			}
			if time.Now().After(end) {
				t.Fatal("the claim was not settled")
			}
		}
		got, err := w.Records.FindAccount(t.Context(), account.ByPhone, number)
		if err != nil || got.ID != owner {
			t.Errorf("the number is held by %v (%v), want %s", got, err, owner)
		}
	})
}

func TestContactThatNobodyMissesMovesByItself(t *testing.T) {
	w := idptest.New(t)
	holder, fresh := w.NewCitizen(account.Verified), w.NewCitizen(account.Simplified)
	number := idptest.Phone(holder)
	b := w.Browser()
	b.SignIn(fresh)
	p := b.Get("/account/contacts").Submit("tel", number, "current-password", idptest.Password).At("/account/contacts/code", http.StatusOK)
	p.Submit("code", w.Message(number, 0).Code).At("/account", http.StatusOK)
	if m := w.Message(idptest.Email(holder), 0); !strings.Contains(m.Text, "другой человек") {
		t.Errorf("the holder was told %q", m.Text)
	}
	w.Advance(contact.ClaimWait)
	if m := w.Message(idptest.Email(holder), 1); !strings.Contains(m.Text, "новому владельцу") {
		t.Errorf("the old owner was told %q", m.Text)
	}
	got, err := w.Records.FindAccount(t.Context(), account.ByPhone, number)
	if err != nil || got.ID != fresh.ID {
		t.Errorf("the number is held by %v (%v), want %s", got, err, fresh.ID)
	}
}
