package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/policy"
)

func TestConsentEndsWhenItsPageSaid(t *testing.T) {
	for name, life := range map[string]time.Duration{"by default": 0, "as the party is registered": 30 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.simplified()
			party := w.party(policy.Policy{})
			party.Consent = life
			if err := w.SaveParty(t.Context(), party); err != nil {
				t.Fatal(err)
			}
			want := w.Clock.Now().AddDate(0, 0, 365)
			said := "14 марта 2027"
			if life > 0 {
				want, said = w.Clock.Now().Add(life), "13 апреля 2026"
			}
			p := w.ask(w.browser(), party, "profile").send("username", phone(a), "password", secret).at("/login/consent", http.StatusOK)
			if got := strings.ReplaceAll(p.text(), "\u00a0", " "); !strings.Contains(got, said) {
				t.Errorf("the page does not say %s:\n%s", said, got)
			}
			p.send("answer", "allow")
			k, err := w.Consent(t.Context(), a.ID, party.ID)
			if err != nil || !k.Until.Equal(want) {
				t.Errorf("consent %+v, %v; want it to end %s", k, err, want)
			}
		})
	}
}
