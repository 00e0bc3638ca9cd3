package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/contact"
	"github.com/propusk/propusk/idp/job"
	"github.com/propusk/propusk/storage/storagetest"
)

// holds fails the test unless the account with this contact is the one that is wanted; nil wants nobody.
func (w *world) holds(value string, want *account.Account) {
	w.t.Helper()
	by := account.ByPhone
	if strings.Contains(value, "@") {
		by = account.ByEmail
	}
	got, err := w.FindAccount(w.t.Context(), by, value)
	switch {
	case want == nil && got != nil:
		w.t.Errorf("the contact is held by %s, want nobody", got.ID)
	case want != nil && (err != nil || got.ID != want.ID):
		w.t.Errorf("the contact is held by %v (%v), want %s", got, err, want.ID)
	}
}

// prove has a signed-in browser add a phone that somebody may hold, up to the end.
func (w *world) prove(b *browser, tel string) *page {
	w.t.Helper()
	return b.get("/account/contacts").send("tel", tel, "current-password", secret).at("/account/contacts/code", http.StatusOK).
		send("code", w.code(tel))
}

// settle does the job of every claim on an account, as the queue would.
func (w *world) settle(holder account.ID) {
	w.t.Helper()
	claims, err := w.ClaimsOn(w.t.Context(), holder)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range claims {
		if err := w.contacts.Settle(w.t.Context(), c.ID); err != nil {
			w.t.Fatalf("Settle: %v", err)
		}
	}
}

// kinds are the events of an account, the newest first.
func (w *world) kinds(a *account.Account) []audit.Kind {
	w.t.Helper()
	events, err := w.Events(w.t.Context(), a.ID, 0, 50)
	if err != nil {
		w.t.Fatal(err)
	}
	var out []audit.Kind
	for _, e := range events {
		out = append(out, e.Kind)
	}
	return out
}

func (w *world) in(a *account.Account) *browser {
	w.t.Helper()
	b := w.browser()
	b.signIn(phone(a), secret).at("/account", http.StatusOK)
	return b
}

func TestProvedContactOfAnotherMovesAfterSevenDaysAndTakesNothingAlong(t *testing.T) {
	w := newWorld(t)
	old, fresh := w.verified(account.ServiceCenter), w.simplified()
	number, was := phone(old), phone(fresh)
	holder, claimant := w.in(old), w.in(fresh)

	// Until the proof everything looks as with a free number; after it the page says that word will come.
	free := claimant.get("/account/contacts").send("tel", storagetest.Phone(), "current-password", secret).at("/account/contacts/code", http.StatusOK)
	taken := claimant.get("/account/contacts").send("tel", number, "current-password", secret).at("/account/contacts/code", http.StatusOK)
	if a, b := strings.Fields(free.Find("h1, h2, label, button, p.Lead").Text()), strings.Fields(taken.Find("h1, h2, label, button, p.Lead").Text()); !slices.Equal(a, b) {
		t.Errorf("the page of a taken number differs:\n%v\n%v", a, b)
	}
	if m := w.last(number); !strings.Contains(m.Text, "7 дней") {
		t.Errorf("the number was told %q", m.Text)
	}
	taken.send("code", wrongCode(w.code(number))).at("/account/contacts/code", http.StatusUnprocessableEntity)
	taken.send("code", w.code(number)).at("/account", http.StatusOK).says("Мы сообщим")
	w.holds(number, old)
	for _, to := range []string{number, email(old)} {
		if m := w.last(to); !strings.Contains(m.Text, "/account/contacts") || !strings.Contains(m.Text, "другой человек") {
			t.Errorf("the holder was told %q", m.Text)
		}
	}
	holder.get("/account/contacts").at("/account/contacts", http.StatusOK).says("Этот номер ещё ваш?")

	w.Clock.Advance(contact.ClaimWait - time.Second)
	w.settle(old.ID)
	w.holds(number, old)
	w.Clock.Advance(time.Second)
	w.settle(old.ID)
	w.settle(old.ID) // a repeat does nothing
	w.holds(number, fresh)
	w.holds(was, nil)

	got, err := w.Account(t.Context(), old.ID)
	if err != nil || len(got.Profile.Contacts) != 1 || got.Level != account.Verified || got.Epoch != old.Epoch {
		t.Errorf("the old account: %+v, %v", got, err)
	}
	mine, err := w.Account(t.Context(), fresh.ID)
	if err != nil || mine.Level != account.Simplified || !mine.Profile.Person.SNILS.IsZero() || len(mine.Profile.Contacts) != 2 {
		t.Errorf("the new account: %+v, %v", mine, err)
	}
	if m := w.last(email(old)); !strings.Contains(m.Text, "новому владельцу") {
		t.Errorf("the old owner was told %q", m.Text)
	}
	if m := w.last(email(fresh)); !strings.Contains(m.Text, "добавлен контакт") {
		t.Errorf("the new owner was told %q", m.Text)
	}
	if k := w.kinds(old); k[0] != audit.ContactRemoved || !slices.Contains(k, audit.ContactClaimed) {
		t.Errorf("events of the old account: %v", k)
	}
	if k := w.kinds(fresh); !slices.Contains(k, audit.ContactProved) || !slices.Contains(k, audit.ContactAdded) {
		t.Errorf("events of the new account: %v", k)
	}
	w.browser().signIn(number, "Wrong-2026").at("/login", http.StatusUnprocessableEntity)
	w.browser().signIn(number, secret).at("/account", http.StatusOK)
}

func TestSessionsOfWhoLostAContactStay(t *testing.T) {
	w := newWorld(t)
	old, fresh := w.standard(), w.simplified()
	holder := w.in(old)
	w.prove(w.in(fresh), phone(old)).at("/account", http.StatusOK)
	due := w.Clock.Now().Add(contact.ClaimWait)
	for w.Clock.Now().Before(due) { // a session lives as long as it is used
		w.Clock.Advance(10 * time.Minute)
		if p := holder.get("/account"); p.url.Path != "/account" {
			holder.signIn(email(old), secret).at("/account", http.StatusOK)
		}
	}
	w.settle(old.ID)
	w.holds(phone(old), fresh)
	holder.get("/account").at("/account", http.StatusOK)
}

func TestHolderWhoObjectsKeepsTheContactAndIsLeftInPeace(t *testing.T) {
	w := newWorld(t)
	old, fresh := w.simplified(), w.simplified()
	number := phone(old)
	holder, claimant := w.in(old), w.in(fresh)
	w.prove(claimant, number).at("/account", http.StatusOK)
	p := holder.get("/account/contacts")
	id := p.Find(`button[name=keep]`).AttrOr("value", "")
	keep := url.Values{"keep": {id}}.Encode()
	claimant.post(w.server.URL+"/account/contacts/claim", keep).at("/account/contacts/claim", http.StatusNotFound) // not theirs to object to
	holder.post(w.server.URL+"/account/contacts/claim", keep).at("/account/contacts", http.StatusOK).says("остался у вас")
	holder.post(w.server.URL+"/account/contacts/claim", keep).at("/account/contacts/claim", http.StatusNotFound)
	m := w.last(phone(fresh))
	if !strings.Contains(m.Text, "не удалось") || strings.Contains(m.Text, "возраз") {
		t.Errorf("the claimant was told %q", m.Text)
	}
	w.Clock.Advance(contact.ClaimWait)
	w.settle(old.ID)
	w.holds(number, old)

	// A new proof within the rest disturbs nobody; its page is the same.
	before := len(w.messages(email(old)))
	w.prove(w.in(fresh), number).at("/account", http.StatusOK).says("Мы сообщим")
	if n := len(w.messages(email(old))); n != before {
		t.Errorf("the holder was told of a claim %d more times", n-before)
	}
	w.Clock.Advance(contact.ClaimRest)
	w.prove(w.in(fresh), number).at("/account", http.StatusOK)
	if n := len(w.messages(email(old))); n != before+1 {
		t.Errorf("after the rest the holder was told %d times, want once", n-before)
	}
	if k := w.kinds(old); k[0] != audit.ContactClaimed || !slices.Contains(k, audit.ContactKept) {
		t.Errorf("events of the holder: %v", k)
	}
}

func TestNewestProofOfTwoClaimantsCounts(t *testing.T) {
	w := newWorld(t)
	old, one, two := w.simplified(), w.simplified(), w.simplified()
	number := phone(old)
	w.prove(w.in(one), number)
	w.Clock.Advance(6 * 24 * time.Hour)
	w.prove(w.in(two), number)
	if m := w.last(phone(one)); !strings.Contains(m.Text, "не удалось") {
		t.Errorf("the first was told %q", m.Text)
	}
	w.Clock.Advance(24 * time.Hour)
	w.settle(old.ID)
	w.holds(number, old) // seven days anew
	w.Clock.Advance(6 * 24 * time.Hour)
	w.settle(old.ID)
	w.holds(number, two)
	w.holds(phone(one), one)
}

func TestProvingAgainDoesNotMoveTheDeadline(t *testing.T) {
	w := newWorld(t)
	old, fresh := w.simplified(), w.simplified()
	w.prove(w.in(fresh), phone(old))
	w.Clock.Advance(5 * 24 * time.Hour)
	told := len(w.messages(email(old)))
	w.prove(w.in(fresh), phone(old)).at("/account", http.StatusOK).says("Мы сообщим")
	if n := len(w.messages(email(old))); n != told {
		t.Errorf("the holder was told again")
	}
	w.Clock.Advance(2 * 24 * time.Hour)
	w.settle(old.ID)
	w.holds(phone(old), fresh)
}

func TestContactThatItsHolderGivesUpMovesAtOnce(t *testing.T) {
	w := newWorld(t)
	for name, giveUp := range map[string]func(*browser, *account.Account){
		"removed": func(b *browser, a *account.Account) {
			b.get("/account/contacts/remove?contact=phone").send("current-password", secret).at("/account/contacts", http.StatusOK).says("Контакт удалён")
		},
		"changed": func(b *browser, a *account.Account) { w.prove(b, storagetest.Phone()) },
	} {
		t.Run(name, func(t *testing.T) {
			old, fresh := w.simplified(), w.simplified()
			w.prove(w.in(fresh), phone(old))
			giveUp(w.in(old), old)
			w.settle(old.ID)
			w.holds(phone(old), fresh)
		})
	}
}

func TestClaimLapsesWhenThereIsNothingToMove(t *testing.T) {
	w := newWorld(t)
	old := w.simplified()
	number := phone(old)

	// The claimant chose another number since.
	fickle := w.simplified()
	b := w.in(fickle)
	w.prove(b, number)
	w.Clock.Advance(time.Minute)
	chosen := storagetest.Phone()
	w.prove(b, chosen)
	w.Clock.Advance(contact.ClaimWait)
	w.settle(old.ID)
	w.holds(number, old)
	w.holds(chosen, fickle)
	if m := w.last(chosen); !strings.Contains(m.Text, "не удалось") {
		t.Errorf("the claimant was told %q", m.Text)
	}

	// A third registered with it once it was given up.
	w.prove(w.in(w.simplified()), number)
	w.in(old).get("/account/contacts/remove?contact=phone").send("current-password", secret).at("/account/contacts", http.StatusOK)
	third := begin(w.browser(), "tel", number).send("code", w.code(number)).send("password", fresh, "password-again", fresh)
	if third.status != http.StatusOK {
		t.Fatalf("registering: %d", third.status)
	}
	w.settle(old.ID)
	if got, err := w.FindAccount(t.Context(), account.ByPhone, number); err != nil || got.Level != account.Simplified || got.ID == old.ID {
		t.Errorf("after a third registered: %v, %v", got, err)
	}
}

func TestClaimWaitsWhileAnAccountIsRestricted(t *testing.T) {
	w := newWorld(t)
	old, fresh := w.simplified(), w.simplified()
	w.prove(w.in(fresh), phone(old))
	until := w.Clock.Now().Add(contact.ClaimWait + 72*time.Hour)
	if _, err := w.ChangeAccount(t.Context(), old.ID, func(a *account.Account) error { a.RestrictedUntil = until; return nil }); err != nil {
		t.Fatal(err)
	}
	w.Clock.Advance(contact.ClaimWait)
	w.settle(old.ID)
	w.holds(phone(old), old)
	w.Clock.Advance(72 * time.Hour)
	w.settle(old.ID)
	w.holds(phone(old), fresh)
}

func TestAccountLeftWithoutContactIsToldAndRecoversInPerson(t *testing.T) {
	w := newWorld(t)
	lone := w.citizen(w.Standard(t))
	number := phone(lone)
	b := w.in(lone)
	w.prove(w.in(w.simplified()), number)
	if m := w.last(number); !strings.Contains(m.Text, "только лично") {
		t.Errorf("the holder was told %q", m.Text)
	}
	if b.get("/account/contacts").Find(`a[href*="remove"]`).Length() != 0 {
		t.Error("the last contact can be removed")
	}
	b.get("/account/contacts/remove?contact=phone").at("/account/contacts", http.StatusOK)
	b.post(w.server.URL+"/account/contacts/remove?contact=phone", url.Values{"current-password": {secret}}.Encode()).
		at("/account/contacts/remove", http.StatusForbidden).says("единственный контакт")
	w.Clock.Advance(contact.ClaimWait)
	w.settle(lone.ID)
	got, err := w.Account(t.Context(), lone.ID)
	if err != nil || len(got.Profile.Contacts) != 0 {
		t.Fatalf("the old account: %v, %v", got, err)
	}
	snils := lone.Profile.Person.SNILS.Format()
	again := w.browser()
	again.signIn(snils, secret).at("/account", http.StatusOK)
	for _, path := range []string{"/account/contacts", "/account/security", "/account/security/password", "/account/security/totp"} {
		again.get(path).at(path, http.StatusOK)
	}
	before := len(w.sent)
	recoverBy(w.browser(), snils)
	for _, m := range w.sent[before:] {
		if m.Account == lone.ID {
			t.Errorf("recovery sent a message to %s", m.To)
		}
	}
}

func TestRemovingAContactAsksForThePasswordAndTellsBoth(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.in(a)
	p := b.get("/account/contacts/remove?contact=email").at("/account/contacts/remove", http.StatusOK)
	p.send().at("/account/contacts/remove", http.StatusUnprocessableEntity)
	p.send("current-password", "Wrong-2026").at("/account/contacts/remove", http.StatusUnprocessableEntity).says("Пароль не подошёл")
	w.holds(email(a), a)
	p.send("current-password", secret).at("/account/contacts", http.StatusOK).says("Контакт удалён")
	w.holds(email(a), nil)
	for _, to := range []string{email(a), phone(a)} {
		if m := w.last(to); !strings.Contains(m.Text, "удалён") {
			t.Errorf("%s was told %q", to, m.Text)
		}
	}
	p.send("current-password", secret).at("/account/contacts", http.StatusOK) // a second tab
	if k := w.kinds(a); k[0] != audit.ContactRemoved {
		t.Errorf("events: %v", k)
	}
}

func TestNoContactIsRemovedWhileRestricted(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.in(a)
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		a.RestrictedUntil = w.Clock.Now().Add(time.Hour)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b.post(w.server.URL+"/account/contacts/remove?contact=email", url.Values{"current-password": {secret}}.Encode()).
		at("/account/contacts/remove", http.StatusForbidden).says("нельзя менять")
	w.holds(email(a), a)
}

// Two who prove at the same moment, and an objection that meets the deadline: one of each wins.
func TestRacesOfClaimsHaveOneWinner(t *testing.T) {
	w := newWorld(t)
	old := w.simplified()
	number := phone(old)
	claimants := []*account.Account{w.simplified(), w.simplified(), w.simplified()}
	var pages []*page
	var codes []string
	for _, a := range claimants {
		w.Clock.Advance(2 * time.Minute) // messages to one contact are rationed
		pages = append(pages, w.in(a).get("/account/contacts").send("tel", number, "current-password", secret).at("/account/contacts/code", http.StatusOK))
		codes = append(codes, w.code(number))
	}
	var all sync.WaitGroup
	for i, p := range pages {
		all.Go(func() { p.send("code", codes[i]) })
	}
	all.Wait()
	open := 0
	claims, err := w.ClaimsOn(t.Context(), old.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range claims {
		if c.Open() {
			open++
		}
	}
	if open != 1 {
		t.Fatalf("%d claims stand after %d proofs, want 1", open, len(claims))
	}

	w.Clock.Advance(contact.ClaimWait)
	live := claims[slices.IndexFunc(claims, func(c *contact.Claim) bool { return c.Open() })]
	var kept error
	all.Go(func() { kept = w.contacts.Keep(t.Context(), old.ID, live.ID, "") })
	for range 3 {
		all.Go(func() {
			if err := w.contacts.Settle(t.Context(), live.ID); err != nil {
				if _, again := err.(job.Again); !again {
					t.Errorf("Settle: %v", err)
				}
			}
		})
	}
	all.Wait()
	got, err := w.Claim(t.Context(), live.ID)
	if err != nil || got.Open() || (kept == nil) != (got.Outcome == contact.Kept) {
		t.Fatalf("claim %+v, %v; Keep: %v", got, err, kept)
	}
	if kept == nil {
		w.holds(number, old)
	} else {
		w.holds(number, &account.Account{Standing: account.Standing{ID: live.Claimant}})
	}
}
