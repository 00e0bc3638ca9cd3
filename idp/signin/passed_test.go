package signin_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
)

// known allows the party everything and forgets the session, as its end would.
func (h *hall) known() *account.Account {
	h.Helper()
	a := h.Create(h.T, h.Standard(h.T))
	if err := h.desk.Allow(h.Context(), h.sign(h.open(nil), a)); err != nil {
		h.Fatal(err)
	}
	h.sid = ""
	return a
}

func TestWhenNothingIsLeftToAskTheProofEndsTheRequest(t *testing.T) {
	h := newHall(t)
	a := h.known()
	tx := h.open(nil)
	settle := transient.Change{Do: transient.Put, Kind: "k", ID: "settled", Deadline: h.Clock.Now().Add(time.Hour)}
	in, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{
		Account: a, Factor: "pwd", Browser: h.browser, Answer: true, Settle: []transient.Change{settle},
	})
	if err != nil || in == nil || in.Reply == nil || in.Reply.Redirect != "https://tax.test/cb" {
		t.Fatalf("got %+v, %v; want the party's answer", in, err)
	}
	if len(h.answers) != 1 || h.answers[0].Kind != signin.Answer || h.answers[0].Subject.Level != account.Standard {
		t.Errorf("the door answered %+v", h.answers)
	}
	if _, _, err := h.Transients.Get(t.Context(), "k", "settled", h.Clock.Now()); err != nil {
		t.Errorf("what the proof settles was not written: %v", err)
	}
	_, err = h.desk.Load(t.Context(), tx, in.Browser, in.Session.ID)
	h.want("after the answer", err, signin.ErrStale)
}

func TestWhoMustStillBeAskedIsNotAnswered(t *testing.T) {
	h := newHall(t)
	a := h.Create(t, h.Standard(t)) // allowed nothing yet
	tx := h.open(nil)
	in, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "pwd", Browser: h.browser, Answer: true})
	if err != nil || in == nil || in.Reply != nil || len(h.answers) != 0 {
		t.Fatalf("got %+v, %v, answers %+v", in, err, h.answers)
	}
	h.browser, h.sid = in.Browser, in.Session.ID
	if got := signin.Next(h.load(tx)).Kind; got != signin.Consent {
		t.Errorf("at %s, want consent", got)
	}
}

func TestOfProofsAtOnceOneIsAnsweredAndNoSessionIsLeftOver(t *testing.T) {
	h := newHall(t)
	a := h.known()
	before, err := h.Sessions(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	tx := h.open(nil)
	tabs := make([]*signin.Facts, 6)
	for i := range tabs {
		tabs[i] = h.load(tx)
	}
	var answered atomic.Int32
	var mine atomic.Pointer[session.Session]
	var wg sync.WaitGroup
	for _, f := range tabs {
		wg.Go(func() {
			in, err := h.desk.Passed(t.Context(), f, signin.Proof{Account: a, Factor: "pwd", Browser: h.browser, Answer: true})
			switch {
			case err == nil && in.Reply != nil:
				answered.Add(1)
				mine.Store(in.Session)
			case !errors.Is(err, signin.ErrStale):
				t.Errorf("got %+v, %v", in, err)
			}
		})
	}
	wg.Wait()
	if answered.Load() != 1 {
		t.Fatalf("%d of 6 were answered, want 1", answered.Load())
	}
	after, err := h.Sessions(t.Context(), a.ID)
	kept := slices.ContainsFunc(after, func(s *session.Session) bool { return s.ID == mine.Load().ID })
	if err != nil || len(after) != len(before)+1 || !kept {
		t.Errorf("sessions: got %d after %d, %v; want one more, that of the answer", len(after), len(before), err)
	}
}
