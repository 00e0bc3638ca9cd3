package signal_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/signal"
)

var wall = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

type post struct {
	deliveries map[string]*signal.Delivery
	party      *rp.Party
}

func (p *post) SaveDelivery(context.Context, signal.Delivery) error { return nil }

func (p *post) Delivery(_ context.Context, id string) (*signal.Delivery, error) {
	if d, ok := p.deliveries[id]; ok {
		return d, nil
	}
	return nil, fault.NotFound
}

func (p *post) DeliveryDone(_ context.Context, id string, at time.Time) error {
	p.deliveries[id].Done = at
	return nil
}

func (p *post) Party(context.Context, rp.ID) (*rp.Party, error) { return p.party, nil }

func courier(t *testing.T, private bool, listener http.HandlerFunc) (*signal.Courier, *post) {
	t.Helper()
	server := httptest.NewServer(listener)
	t.Cleanup(server.Close)
	p := &post{
		deliveries: map[string]*signal.Delivery{"d1": {ID: "d1", Client: "tax", Account: 7, Session: "s1", Created: wall}},
		party:      &rp.Party{ID: "tax", Backchannel: server.URL + "/backchannel"},
	}
	return &signal.Courier{
		Store: p, Parties: p, Client: signal.NewClient(private), Wall: func() time.Time { return wall },
		Sign: func(d signal.Delivery, p *rp.Party) (string, error) {
			return "token-" + d.ID + "-" + string(p.ID), nil
		},
	}, p
}

func TestLogoutTokenIsPostedAsAForm(t *testing.T) {
	calls := 0
	c, p := courier(t, true, func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.Method != http.MethodPost || r.URL.Path != "/backchannel" || r.PostFormValue("logout_token") != "token-d1-tax" {
			t.Errorf("got %s %s with %q", r.Method, r.URL.Path, r.PostFormValue("logout_token"))
		}
	})
	for range 2 { // a job runs at least once; its effect stands once
		if err := c.Deliver(t.Context(), "d1"); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 1 || p.deliveries["d1"].Done.IsZero() {
		t.Errorf("posted %d times, done at %v", calls, p.deliveries["d1"].Done)
	}
}

func TestDownPartyIsTriedAgainForADay(t *testing.T) {
	c, p := courier(t, true, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	if err := c.Deliver(t.Context(), "d1"); err == nil || errors.Is(err, job.ErrGiveUp) {
		t.Errorf("a party that is down: got %v, want another attempt", err)
	}
	p.deliveries["d1"].Created = wall.Add(-25 * time.Hour)
	if err := c.Deliver(t.Context(), "d1"); !errors.Is(err, job.ErrGiveUp) {
		t.Errorf("after a day: got %v, want ErrGiveUp", err)
	}
}

func TestRefusedTokenIsNotBroughtAgain(t *testing.T) {
	c, p := courier(t, true, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadRequest) })
	if err := c.Deliver(t.Context(), "d1"); err != nil || p.deliveries["d1"].Done.IsZero() {
		t.Errorf("got %v, done at %v", err, p.deliveries["d1"].Done)
	}
}

func TestPrivateAddressesAreReachedBySettingOnly(t *testing.T) {
	calls := 0
	c, _ := courier(t, false, func(http.ResponseWriter, *http.Request) { calls++ })
	if err := c.Deliver(t.Context(), "d1"); !errors.Is(err, signal.ErrAddress) || calls != 0 {
		t.Errorf("got %v and %d calls, want ErrAddress and none", err, calls)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	calls := 0
	c, _ := courier(t, true, func(w http.ResponseWriter, r *http.Request) {
		calls++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	if err := c.Deliver(t.Context(), "d1"); err == nil || calls != 1 {
		t.Errorf("got %v after %d calls, want an error after one", err, calls)
	}
}

func TestDeliveryToNobodyIsDone(t *testing.T) {
	c, p := courier(t, true, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	p.party.Backchannel = ""
	if err := c.Deliver(t.Context(), "d1"); err != nil || p.deliveries["d1"].Done.IsZero() {
		t.Errorf("got %v", err)
	}
	if err := c.Deliver(t.Context(), "nothing"); !errors.Is(err, job.ErrGiveUp) {
		t.Errorf("a delivery that is gone: got %v, want ErrGiveUp", err)
	}
}
