package signin_test

import (
	"slices"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/signin"
)

// staff is a member who signs in at the console, and the console's request.
func (h *hall) staff(c account.Credential) (*account.Account, string) {
	h.Helper()
	a := h.Standard(h.T)
	a.Credential = c
	h.Create(h.T, a)
	tx, err := h.desk.NewOwn(h.Context(), "operator", "/operator", "ru", h.browser)
	if err != nil {
		h.Fatal(err)
	}
	return a, tx
}

func TestAPasskeyIsASecondFactorOfStaff(t *testing.T) {
	key := account.Passkey{ID: []byte{1}, PublicKey: []byte{2}}
	for name, c := range map[string]account.Credential{
		"beside an app": {TOTP: &account.TOTP{Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}, Passkeys: []account.Passkey{key}},
		"alone":         {Passkeys: []account.Passkey{key}},
	} {
		h := newHall(t)
		a, tx := h.staff(c)
		if in, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "pwd", Browser: h.browser}); err != nil || in != nil {
			t.Fatalf("%s: in by the password: %+v %v", name, in, err)
		}
		if got := signin.Next(h.load(tx)).Kind; got != signin.SecondFactor {
			t.Fatalf("%s: at %s", name, got)
		}
		in, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "hwk", Passkey: true, Browser: h.browser})
		if err != nil || in == nil || !slices.Equal(in.Session.AMR, []string{"pwd", "hwk", "user", "mfa"}) {
			t.Fatalf("%s: %+v %v", name, in, err)
		}
		if demand, _ := policy.OfACR("phrh"); !policy.Satisfies(demand, account.Assurance{Level: account.Standard}, in.Session.AMR) {
			t.Errorf("%s: not resistant to phishing", name)
		}
	}
}

func TestAPasskeyBeginsNothing(t *testing.T) {
	h := newHall(t)
	a, tx := h.staff(account.Credential{Passkeys: []account.Passkey{{ID: []byte{1}}}})
	_, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "hwk", Passkey: true, Browser: h.browser})
	h.want("a key before the password", err, signin.ErrOutOfTurn)
}

func TestADoubtedPasskeyIsNoSecondFactor(t *testing.T) {
	h := newHall(t)
	a, tx := h.staff(account.Credential{Passkeys: []account.Passkey{{ID: []byte{1}, Doubted: h.Clock.Now()}}})
	_, err := h.desk.Passed(t.Context(), h.load(tx), signin.Proof{Account: a, Factor: "pwd", Browser: h.browser})
	h.want("nothing else", err, signin.ErrNoFactor)
}
