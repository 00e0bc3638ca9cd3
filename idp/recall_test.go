package idp_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/rp"
)

// administrator signs one in to the console.
func administrator(t *testing.T, w *idptest.World) (*idptest.Browser, *account.Account) {
	t.Helper()
	a, b := w.NewAdministrator(), w.Browser()
	b.Get("/operator").Submit("username", idptest.Phone(a), "password", idptest.Password).Submit("code", idptest.TOTP(t)).At("/operator/recalls", http.StatusOK)
	return b, a
}

// reload opens a page again until it says something; it has no script that would.
func reload(t *testing.T, b *idptest.Browser, path, words string) *idptest.Page {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		p := b.Get(path).At(path, http.StatusOK)
		if strings.Contains(strings.ReplaceAll(p.Text(), "\u00a0", " "), words) {
			return p
		}
		if time.Now().After(end) {
			t.Fatalf("%s never says %q: %s", path, words, p.Text())
		}
	}
}

// TestTwoAdministratorsRecallAndUndo goes the whole way through the pages: a citizen confirmed by an operator
// is in the tax service, the recall takes that away at once and the undo gives it back.
func TestTwoAdministratorsRecallAndUndo(t *testing.T) {
	w := idptest.New(t)
	tax := w.RegisterParty(&rp.Party{ID: "tax", Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}})
	citizen := idptest.Citizen(t, w.Clock.Now(), account.Standard)
	suspect := w.NewOperator()
	visit := account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: time.Now().Add(-2 * time.Hour).UTC(), Centre: "77-001", Operator: suspect.ID}
	if err := citizen.Confirm(visit); err != nil {
		t.Fatal(err)
	}
	if err := w.Records.CreateAccount(t.Context(), citizen); err != nil {
		t.Fatal(err)
	}
	tokens := w.First().Redeem(tax, w.Browser().Code(tax, citizen))
	if !w.First().Live(tax, tokens.Access) {
		t.Fatal("the citizen is not in")
	}

	first, _ := administrator(t, w)
	second, _ := administrator(t, w)
	local := func(d time.Duration) string {
		return time.Now().Add(d).UTC().Add(3 * time.Hour).Format("2006-01-02T15:04")
	}
	first.Get("/operator/recalls").At("/operator/recalls", http.StatusOK)
	p := first.Get("/operator/recalls/new").Submit("source", "operator:"+suspect.ID.String(), "from", local(-24*time.Hour), "until", local(time.Hour), "recall-reason", "")
	if p.Status != http.StatusUnprocessableEntity || p.Find("#until-wrong").Length() != 1 || p.Find("#recall-reason-wrong").Length() != 1 || p.Find("#source-wrong").Length() != 0 {
		t.Fatalf("a wrong draft: %d %s", p.Status, p.Text())
	}
	p = p.Submit("until", local(-time.Hour), "recall-reason", "Проверка центра")
	path := p.URL.Path
	p = reload(t, first, path, "Что произойдёт")
	if strings.Contains(p.Text(), "Ваше решение") || !strings.Contains(p.Text(), "Нужно решение второго администратора") {
		t.Fatalf("for who drafted it: %s", p.Text())
	}
	first.Post(path, map[string][]string{"act": {"approve"}, "version": {"2"}}).At(path, http.StatusForbidden)

	p = second.Get(path).At(path, http.StatusOK)
	var row []string
	for _, cell := range p.Find("tbody tr").First().Find("th, td").EachIter() {
		row = append(row, strings.TrimSpace(cell.Text()))
	}
	// Who would be let in no more, who of them is in now, and who is told to leave.
	if want := []string{tax.NameIn("ru"), "1", "1", "1"}; !slices.Equal(row, want) {
		t.Errorf("the services: %q, want %q", row, want)
	}
	p.Submit("act", "approve").At(path, http.StatusOK)
	reload(t, second, path, "Отзыв завершён")
	if w.First().Live(tax, tokens.Access) {
		t.Error("introspection shows the token alive after the recall")
	}
	if m := w.Outside.Message(idptest.Phone(citizen), 0); !strings.Contains(m.Text, "не действует") || !strings.Contains(m.Text, "/account/confirm") {
		t.Errorf("the citizen was told: %s", m.Text)
	}
	if again := w.Browser().Get("/oauth2/authorize?"+tax.Ask().Encode()).Submit("username", idptest.Phone(citizen), "password", idptest.Password); again.URL.Path != "/login/refusal" {
		t.Errorf("tax lets them in: %d at %s", again.Status, again.URL.Path)
	}

	p = second.Get(path).Submit("act", "undo", "undo-reason", "")
	if p.Status != http.StatusUnprocessableEntity || p.Find("#undo-reason-wrong").Length() != 1 {
		t.Fatalf("an undo without a reason: %d %s", p.Status, p.Text())
	}
	p = p.Submit("act", "undo", "undo-reason", "Ошиблись").At(path, http.StatusOK)
	if !strings.Contains(p.Text(), "Решает другой администратор") {
		t.Errorf("for who asked: %s", p.Text())
	}
	first.Get(path).Submit("act", "undo-approve").At(path, http.StatusOK)
	reload(t, first, path, "Отзыв отменён")
	if tokens := w.First().Redeem(tax, w.Browser().Code(tax, citizen)); !w.First().Live(tax, tokens.Access) {
		t.Error("the citizen is not let in after the undo")
	}
	if text := first.Get("/operator/recalls").Text(); !strings.Contains(text, "отменён") {
		t.Errorf("the list: %s", text)
	}
	outsider := w.Browser()
	outsider.Get("/operator").Submit("username", idptest.Phone(suspect), "password", idptest.Password).Submit("code", idptest.TOTP(t)).At("/operator", http.StatusOK)
	outsider.Get("/operator/recalls").At("/operator/recalls", http.StatusForbidden)
	outsider.Get(path).At(path, http.StatusForbidden)
}

// TestRegistriesTellOverTheirFeeds goes from the registry's books to the citizen's message, twice over.
func TestRegistriesTellOverTheirFeeds(t *testing.T) {
	w := idptest.New(t)
	tax := w.RegisterParty(&rp.Party{ID: "tax"})
	enter := func() *account.Account {
		a := w.NewCitizen(account.Verified, account.ServiceCenter)
		w.Outside.Enter(idptest.Registered(a.Profile.Person, idptest.Phone(a)))
		return a
	}
	renewed, gone := enter(), enter()
	tokens := w.First().Redeem(tax, w.Browser().Code(tax, renewed))
	now := func(a *account.Account) *account.Account {
		got, err := w.Records.Account(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for range 2 {
		w.Outside.Tell("interior", "document_annulled", "annulled-1", renewed.Profile.Person.SNILS.String())
		w.Outside.Tell("pension", "person_deceased", "died-1", gone.Profile.Person.SNILS.String())
	}
	await(t, "the level falls", func() bool { return now(renewed).Level == account.Simplified })
	await(t, "the account is closed", func() bool { return now(gone).Lock.Endless() })
	if w.First().Live(tax, tokens.Access) {
		t.Error("the token lives")
	}
	w.Outside.Message(idptest.Phone(renewed), 0)
	w.Outside.Tell("interior", "document_annulled", "annulled-1", renewed.Profile.Person.SNILS.String())
	await(t, "everything is read", func() bool {
		cursor, err := w.Records.FeedCursor(t.Context(), "interior")
		return err == nil && cursor == "5"
	})
	told := 0
	for _, m := range w.Outside.Messages(idptest.Phone(renewed)) {
		if strings.Contains(m.Text, "Ваш документ больше не действует") {
			told++
		}
	}
	if got := now(renewed); told != 1 || got.Epoch != renewed.Epoch+1 {
		t.Errorf("told %d times, epoch %d after %d; want one fall", told, got.Epoch, renewed.Epoch)
	}
	if ms := w.Outside.Messages(idptest.Phone(gone)); len(ms) != 0 {
		t.Errorf("somebody was written to: %v", ms[0].Text)
	}
	p := w.Browser().Get("/login").Submit("username", idptest.Phone(gone), "password", idptest.Password)
	if p.URL.Path != "/login" || p.Status == http.StatusOK {
		t.Errorf("the closed account signs in: %d at %s", p.Status, p.URL.Path)
	}
}
