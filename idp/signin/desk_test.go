package signin_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/idp/signin"
	"github.com/propusk/propusk/idp/transient"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// A hall is a desk over real stores, a party, and a browser.
type hall struct {
	*testing.T
	*storagetest.Stores
	desk    *signin.Desk
	mu      sync.Mutex
	answers []signin.Step
	browser string
	sid     session.ID
}

func (h *hall) Answer(_ context.Context, r *signin.Request, s signin.Step, _ *session.Session) (signin.Reply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers = append(h.answers, s)
	return signin.Reply{Redirect: r.Redirect}, nil
}

func newHall(t *testing.T) *hall {
	s := storagetest.New(t)
	h := &hall{T: t, Stores: s, browser: session.NewBrowser("")}
	h.desk = signin.New(signin.Config{
		Ring: s.Keyring.Ring, Box: transient.NewBox[signin.Progress](s.Transients, s.Keyring.Ring, "signin", s.Clock.Now),
		Records: s.Records, Parties: s.Records, Now: s.Clock.Now, Wall: s.Clock.Now,
		Sessions: session.New(session.Config{Now: s.Clock.Now, Wall: s.Clock.Now}),
		Atomically: func(ctx context.Context, f func(signin.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
		Answerers: map[string]signin.Answerer{"oidc": h},
	})
	p := &rp.Party{ID: "tax", Name: map[string]string{"ru": "Налоговая"}, AuthMethod: rp.AuthNone, Redirects: []string{"https://tax.test/cb"}}
	p.Default()
	h.save(p)
	return h
}

func (h *hall) save(p *rp.Party) {
	h.Helper()
	if err := h.SaveParty(h.Context(), p); err != nil {
		h.Fatal(err)
	}
}

func (h *hall) open(change func(*signin.Request)) string {
	h.Helper()
	r := &signin.Request{Door: "oidc", Client: "tax", Redirect: "https://tax.test/cb", Scopes: []string{"openid", "snils"}}
	if change != nil {
		change(r)
	}
	h.desk.Start(r, h.browser)
	tx, err := h.desk.Open(h.Context(), r)
	if err != nil {
		h.Fatal(err)
	}
	return tx
}

func (h *hall) load(tx string) *signin.Facts {
	h.Helper()
	f, err := h.desk.Load(h.Context(), tx, h.browser, h.sid)
	if err != nil {
		h.Fatal(err)
	}
	return f
}

func (h *hall) sign(tx string, a *account.Account) *signin.Facts {
	h.Helper()
	in, err := h.desk.Passed(h.Context(), h.load(tx), signin.Proof{Account: a, Factor: "pwd", Browser: h.browser})
	if err != nil || in == nil {
		h.Fatalf("%v %v", in, err)
	}
	h.browser, h.sid = in.Browser, in.Session.ID
	return h.load(tx)
}

func (h *hall) want(what string, err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestConsentIsRememberedAndAddsUp(t *testing.T) {
	h := newHall(t)
	a := h.Create(t, h.Standard(t))
	tx := h.open(nil)
	_, err := h.desk.Answer(t.Context(), h.load(tx))
	h.want("an answer before anybody signed in", err, signin.ErrOutOfTurn)
	f := h.sign(tx, a)
	if got := signin.Next(f).Kind; got != signin.Consent {
		t.Fatalf("at %s", got)
	}
	if err := h.desk.Allow(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	h.want("allowing twice", h.desk.Allow(t.Context(), h.load(tx)), signin.ErrOutOfTurn)
	if _, err := h.desk.Answer(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	_, err = h.desk.Load(t.Context(), tx, h.browser, h.sid)
	h.want("after the answer", err, signin.ErrStale)

	if got := signin.Next(h.load(h.open(nil))).Kind; got != signin.Answer {
		t.Errorf("the second time: %s", got)
	}
	tx = h.open(func(r *signin.Request) { r.Scopes = []string{"openid", "email"} })
	if err := h.desk.Allow(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	kept, err := h.Consent(t.Context(), a.ID, "tax")
	if err != nil || !kept.Covers([]string{"snils", "email"}, h.Clock.Now()) {
		t.Errorf("kept %+v %v", kept, err)
	}
	h.Clock.Advance(366 * 24 * time.Hour)
	if kept.Covers([]string{"snils"}, h.Clock.Now()) {
		t.Error("remembered for more than a year")
	}
}

func TestWhoRefusesConsentIsBelieved(t *testing.T) {
	h := newHall(t)
	tx := h.open(nil)
	h.sign(tx, h.Create(t, h.Standard(t)))
	if err := h.desk.Deny(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	h.want("allowing after refusing", h.desk.Allow(t.Context(), h.load(tx)), signin.ErrOutOfTurn)
	if _, err := h.desk.Answer(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	if got := h.answers[0]; got.Kind != signin.Fail || got.Error != "access_denied" {
		t.Errorf("the party hears %+v", got)
	}
}

func TestTurningBackFromTheRefusalTellsTheParty(t *testing.T) {
	h := newHall(t)
	p, _ := h.Party(t.Context(), "tax")
	p.Policy = policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}
	h.save(p)
	a := h.Create(t, h.Standard(t))
	tx := h.open(nil)
	h.sign(tx, a)
	if got := signin.Next(h.load(tx)); got.Kind != signin.Refusal || len(got.Decision.Ways) == 0 {
		t.Fatalf("%+v", got)
	}
	h.want("waiving what is not offered", h.desk.Waive(t.Context(), h.load(tx)), signin.ErrOutOfTurn)
	// The account rises in another tab, and the waiting request offers to use it.
	_, err := h.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "v", Method: account.ServiceCenter, At: h.Clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := signin.Next(h.load(tx)).Kind; got != signin.UseNow {
		t.Fatalf("after the rise: %s", got)
	}
	if err := h.desk.Waive(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	if err := h.desk.Decline(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	if _, err := h.desk.Answer(t.Context(), h.load(tx)); err != nil {
		t.Fatal(err)
	}
	if got := h.answers[0]; got.Error != "unmet_authentication_requirements" || len(got.Decision.Reasons) != 1 {
		t.Errorf("the party hears %+v", got)
	}
}

func TestUsingTheRisenLevelKeepsTheSession(t *testing.T) {
	h := newHall(t)
	a := h.Create(t, h.Standard(t))
	h.sign(h.open(nil), a)
	before := h.sid
	p, _ := h.Party(t.Context(), "tax")
	p.Policy = policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}
	h.save(p)
	a, err := h.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "v", Method: account.Bank, At: h.Clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	tx := h.open(func(r *signin.Request) { r.Scopes = []string{"openid"} })
	if got := signin.Next(h.load(tx)).Kind; got != signin.UseNow {
		t.Fatalf("at %s", got)
	}
	if err := h.desk.Allow(t.Context(), h.sign(tx, a)); err != nil {
		t.Fatal(err)
	}
	if got := signin.Next(h.load(tx)); got.Kind != signin.Answer || got.Subject.Level != account.Verified || h.sid != before {
		t.Errorf("%+v in session %s, before %s", got, h.sid, before)
	}
}

func TestAnotherPersonInOneBrowserEndsTheFirstOnesSession(t *testing.T) {
	h := newHall(t)
	h.sign(h.open(nil), h.Create(t, h.Standard(t)))
	first := h.sid
	tx := h.open(func(r *signin.Request) { r.Prompt = []string{"select_account"} })
	h.sign(tx, h.Create(t, h.Standard(t)))
	s, err := h.Session(t.Context(), first)
	if err != nil || s.Ended.IsZero() || h.sid == first {
		t.Errorf("%+v %v", s, err)
	}
}

func TestAPasswordChangedWhileThePageStoodOpenDoesNotSignIn(t *testing.T) {
	h := newHall(t)
	a := h.Standard(t)
	a.Credential.TOTP = &account.TOTP{Secret: "JBSWY3DPEHPK3PXP"}
	h.Create(t, a)
	tx := h.open(nil)
	if in, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "pwd"}); in != nil || err != nil {
		t.Fatalf("%v %v", in, err)
	}
	changed, err := h.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Renew(); return nil })
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: changed, Factor: "otp"})
	h.want("the new epoch's code after the old one's password", err, signin.ErrOutOfTurn)
	_, err = h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "otp"})
	h.want("a stale reading of the account", err, signin.ErrStale)
}

func TestLockedAccountsAndStaffWithoutAFactorStayOut(t *testing.T) {
	h := newHall(t)
	a := h.Create(t, h.Standard(t))
	tx, err := h.desk.NewOwn(t.Context(), "operator", "/operator", "ru", h.browser)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "pwd"})
	h.want("staff without a second factor", err, signin.ErrNoFactor)
	a.Lock.Since = h.Clock.Now()
	_, err = h.desk.Passed(t.Context(), h.load(h.open(nil)), signin.Proof{Account: a, Factor: "pwd"})
	h.want("a locked account", err, signin.ErrLocked)
}

func TestOurOwnPagesAreGoneOnTo(t *testing.T) {
	h := newHall(t)
	_, err := h.desk.NewOwn(t.Context(), "web", "//evil.test/", "ru", h.browser)
	h.want("another site", err, fault.Invalid)
	tx, err := h.desk.NewOwn(t.Context(), "web", "/account/profile?x=1", "ru", h.browser)
	if err != nil {
		t.Fatal(err)
	}
	f := h.sign(tx, h.Create(t, h.Simplified(t)))
	reply, err := h.desk.Answer(t.Context(), f)
	if err != nil || reply.Redirect != "/account/profile?x=1" || reply.Origin != "" {
		t.Errorf("%+v %v", reply, err)
	}
}

func TestRequestsAreOverInTime(t *testing.T) {
	h := newHall(t)
	tx := h.open(nil)
	h.Clock.Advance(time.Hour)
	_, err := h.desk.Load(t.Context(), tx, h.browser, "")
	h.want("after an hour", err, signin.ErrStale)
	_, err = h.desk.Load(t.Context(), tx[:len(tx)-1]+"x", h.browser, "")
	h.want("a changed request", err, fault.Invalid)
	_, err = h.desk.Load(t.Context(), h.open(nil), "", "")
	h.want("no browser", err, signin.ErrOtherBrowser)
}
