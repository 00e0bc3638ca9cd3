package idptest_test

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/rp"
)

// The protocol library logs to the default logger, and tests have nothing to read there.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	m.Run()
}

func TestAWorldSignsInAndRedeems(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		a := w.NewCitizen(account.Verified, account.MailCode)
		p := w.RegisterParty(&rp.Party{ID: "tax"})
		b := w.Browser()
		got := w.Redeem(p, b.Code(p, a, "scope", "openid profile offline_access"))
		if got.Status != http.StatusOK || got.Refresh == "" {
			t.Fatalf("redeem: %+v", got)
		}
		status, claims := w.Userinfo(got.Access)
		if status != http.StatusOK || claims["account_level"] != "verified" || claims["confirmation_method"] != "mail_code" {
			t.Errorf("userinfo: %d %v", status, claims)
		}
		if again := w.Refresh(p, got.Refresh); again.Status != http.StatusOK || !w.Live(p, again.Access) {
			t.Errorf("refresh: %+v", again)
		}
		w.Browser().Get("/recover").Submit("username", idptest.Phone(a)).At("/recover/code", http.StatusOK)
		if m := w.Message(idptest.Phone(a), 0); m.Code == "" {
			t.Errorf("no code in the message %+v", m)
		}
	})
}
