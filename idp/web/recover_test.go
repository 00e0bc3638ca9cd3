package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/storage/storagetest"
)

func recoverBy(b *browser, username string) *page {
	b.w.t.Helper()
	return b.get("/recover").send("username", username)
}

const fresh = "Kolibri-2026"

// identify answers what only the owner knows, and sets a new password.
func identify(p *page, a *account.Account) *page {
	p.b.w.t.Helper()
	p = p.at("/recover/identity", http.StatusOK).send("snils", a.Profile.Person.SNILS.Format(), "document-number", a.Profile.Person.Document.Format())
	return p.at("/recover/password", http.StatusOK).send("password", fresh, "password-again", fresh)
}

func TestRecoveryByPhoneOfASimplifiedAccount(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	before := w.browser()
	before.signIn(phone(a), secret).at("/account", http.StatusOK)
	b := w.browser()
	p := recoverBy(b, phone(a)).at("/recover/code", http.StatusOK).send("code", w.code(phone(a))).at("/recover/password", http.StatusOK)
	p.send("password", fresh, "password-again", fresh).at("/recover/done", http.StatusOK)
	before.get("/account").at("/login", http.StatusOK) // every session ended
	w.browser().signIn(phone(a), secret).at("/login", http.StatusUnprocessableEntity)
	b.signIn(phone(a), fresh).at("/account", http.StatusOK)
	for _, to := range []string{phone(a), email(a)} {
		told := false
		for _, m := range w.messages(to) {
			told = told || strings.Contains(m.Text, "восстановлен")
		}
		if !told {
			t.Errorf("nobody told %s of the recovery", to)
		}
	}
}

func TestRecoveryByMailGoesOnWhereTheLinkIsOpened(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	recoverBy(w.browser(), email(a)).at("/recover/sent", http.StatusOK)
	link := w.link(email(a))
	b := w.browser()
	b.get(link).at(link, http.StatusOK).send().at("/recover/password", http.StatusOK).
		send("password", fresh, "password-again", fresh).at("/recover/done", http.StatusOK)
	b.signIn(email(a), fresh).at("/account", http.StatusOK)
	w.browser().get(link).at(link, http.StatusGone)
}

func TestRecoveryAnswersAlikeForEverybody(t *testing.T) {
	w := newWorld(t)
	staff := w.verified(account.ServiceCenter)
	if err := w.SaveMember(t.Context(), &centre.Member{Account: staff.ID, Centre: "77-014", Role: centre.Operator, Active: true}); err != nil {
		t.Fatal(err)
	}
	known, nobody := phone(w.simplified()), storagetest.Phone()
	var pages []string
	for _, tel := range []string{known, nobody, phone(staff)} {
		p := recoverBy(w.browser(), tel).at("/recover/code", http.StatusOK)
		p.Find(".Number").Remove()
		pages = append(pages, p.text())
	}
	if pages[0] != pages[1] || pages[0] != pages[2] {
		t.Errorf("the pages differ:\n%s", strings.Join(pages, "\n"))
	}
	if m := w.last(nobody); !strings.Contains(m.Text, "учётной записи с этим номером нет") {
		t.Errorf("message to an unknown number: %q", m.Text)
	}
	if m := w.last(phone(staff)); !strings.Contains(m.Text, "только лично") || sixDigits.MatchString(m.Text) {
		t.Errorf("message to an operator: %q", m.Text)
	}
	one, two := recoverBy(w.browser(), storagetest.SNILS(t).Format()), recoverBy(w.browser(), w.standard().Profile.Person.SNILS.Format())
	if one.status != two.status || one.url.Path != two.url.Path || one.text() != two.text() {
		t.Errorf("SNILS: %s %d and %s %d differ:\n%s\n%s", one.url.Path, one.status, two.url.Path, two.status, one.text(), two.text())
	}
}

func TestRecoveryOfAnAccountWithSNILSAsksForItAndTheDocument(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	p := recoverBy(w.browser(), a.Profile.Person.SNILS.Format()).at("/recover/code", http.StatusOK)
	p = p.send("code", w.code(phone(a))).at("/recover/identity", http.StatusOK)
	right, number := a.Profile.Person.SNILS.Format(), a.Profile.Person.Document.Number
	one := p.send("snils", storagetest.SNILS(t).Format(), "document-number", number).at("/recover/identity", http.StatusUnprocessableEntity)
	p = p.send("snils", right, "document-number", "4500000000").at("/recover/identity", http.StatusUnprocessableEntity)
	if o, k := strings.ReplaceAll(one.text(), "4 попытки", ""), strings.ReplaceAll(p.text(), "3 попытки", ""); o != k {
		t.Errorf("the answer tells which was wrong:\n%s\n%s", o, k)
	}
	for range 3 {
		p = p.send("snils", right, "document-number", "4500000000")
	}
	p.at("/recover/in-person", http.StatusOK)
}

func TestVerifiedAccountRecoveredThroughOneContactCountsAsSimplified(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.ServiceCenter)
	w.Clock.Advance(time.Hour)
	b := w.browser()
	p := recoverBy(b, phone(a)).send("code", w.code(phone(a)))
	identify(p, a).at("/recover/done", http.StatusOK)
	got, err := w.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	now := w.Clock.Now()
	if got.Level != account.Verified || got.Assurance(now).Level != account.Simplified || !got.RestrictedUntil.Equal(now.Add(72*time.Hour)) {
		t.Fatalf("level %s counts as %s until %s", got.Level, got.Assurance(now).Level, got.RestrictedUntil)
	}
	b.signIn(phone(a), fresh).at("/account", http.StatusOK).says("Упрощённая")

	// A mailbox opened since the theft of a telephone proves nothing, and nothing can be exchanged.
	contacts := b.get("/account/contacts")
	contacts.send("email", "thief@example.org", "current-password", fresh).at("/account/contacts", http.StatusForbidden).says("нельзя менять")
	// The mailbox that stood before does.
	contacts.send("email", email(a), "current-password", fresh).at("/account/contacts/sent", http.StatusOK)
	link := w.link(email(a))
	b.get(link).at(link, http.StatusOK).send().at("/account", http.StatusOK)
	if got, err = w.Account(t.Context(), a.ID); err != nil || !got.RestrictedUntil.IsZero() {
		t.Fatalf("the second contact left the restriction: %v, %v", got.RestrictedUntil, err)
	}
	// The session's snapshot is of the restricted time; it rises when a factor is shown again.
	p = b.get("/account").at("/account", http.StatusOK)
	use := p.Find(`a[href="/account/use-now"]`)
	if use.Length() == 0 {
		t.Fatal("the risen level is not offered")
	}
	b.get("/account/use-now").send("password", fresh).at("/account", http.StatusOK)
	if b.get("/account").Find(`a[href="/account/use-now"]`).Length() != 0 {
		t.Error("the level is offered again after it was used")
	}
}

func TestRestrictionPassesByItself(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.MailCode)
	b := w.browser()
	recoverBy(b, email(a))
	identify(b.get(w.link(email(a))).send(), a).at("/recover/done", http.StatusOK)
	w.Clock.Advance(72 * time.Hour)
	got, err := w.Account(t.Context(), a.ID)
	if err != nil || got.Assurance(w.Clock.Now()).Level != account.Verified {
		t.Fatalf("after 72 hours the account counts as %s, %v", got.Assurance(w.Clock.Now()).Level, err)
	}
}

func TestRecoveryNeverRaisesALevel(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	b := w.browser()
	identify(recoverBy(b, phone(a)).send("code", w.code(phone(a))), a).at("/recover/done", http.StatusOK)
	got, err := w.Account(t.Context(), a.ID)
	if err != nil || got.Level != account.Standard || !got.RestrictedUntil.IsZero() {
		t.Fatalf("after recovery %s, restricted until %s, %v", got.Level, got.RestrictedUntil, err)
	}
}

func TestRecoveryLeavesTheSecondFactor(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	own := w.browser()
	own.signIn(phone(a), secret)
	w.app(own)
	b := w.browser()
	recoverBy(b, phone(a)).send("code", w.code(phone(a))).send("password", fresh, "password-again", fresh).at("/recover/done", http.StatusOK)
	b.signIn(phone(a), fresh).at("/login/code", http.StatusOK)
}

func TestAddingAContactAsksForThePasswordAndTellsTheOldOne(t *testing.T) {
	w := newWorld(t)
	a, other := w.simplified(), w.simplified()
	b := w.browser()
	b.signIn(phone(a), secret)
	p := b.get("/account/contacts")
	tel := storagetest.Phone()
	p.send("tel", tel, "current-password", "Wrong-2026").at("/account/contacts", http.StatusUnprocessableEntity).says("Пароль не подошёл")
	p.send("tel", tel, "email", "x@example.org", "current-password", secret).at("/account/contacts", http.StatusUnprocessableEntity)
	q := p.send("tel", tel, "current-password", secret).at("/account/contacts/code", http.StatusOK)
	q.send("code", wrongCode(w.code(tel))).at("/account/contacts/code", http.StatusUnprocessableEntity)
	q.send("code", w.code(tel)).at("/account", http.StatusOK).says("Контакт подтверждён")
	if m := w.last(phone(a)); !strings.Contains(m.Text, "удалён") {
		t.Errorf("the old number was told %q", m.Text)
	}
	if got, err := w.FindAccount(t.Context(), account.ByPhone, tel); err != nil || got.ID != a.ID {
		t.Errorf("the new number finds %v, %v", got, err)
	}
	// A link opens for the account that asked for it only.
	p.send("email", "maria@example.org", "current-password", secret).at("/account/contacts/sent", http.StatusOK)
	link := w.link("maria@example.org")
	stranger := w.browser()
	stranger.signIn(phone(other), secret)
	stranger.get(link).at(link, http.StatusGone)
	b.get(link).send().at("/account", http.StatusOK)
}

func TestRecoveryBegunBeforeAFallIsOver(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	one, two := w.browser(), w.browser()
	p := recoverBy(one, phone(a)).send("code", w.code(phone(a))).at("/recover/identity", http.StatusOK)
	p = p.send("snils", a.Profile.Person.SNILS.Format(), "document-number", a.Profile.Person.Document.Format()).at("/recover/password", http.StatusOK)
	identify(recoverBy(two, phone(a)).send("code", w.code(phone(a))), a).at("/recover/done", http.StatusOK)
	p.send("password", "Sneaky-2026", "password-again", "Sneaky-2026").at("/recover/password", http.StatusGone)
	w.browser().signIn(phone(a), "Sneaky-2026").at("/login", http.StatusUnprocessableEntity)
}

func TestAccountLockedWithoutEndRecoversOnlyInPerson(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		a.Lock = account.Lock{Since: w.Clock.Now()}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	recoverBy(w.browser(), phone(a)).at("/recover/code", http.StatusOK)
	if m := w.last(phone(a)); !strings.Contains(m.Text, "только лично") {
		t.Errorf("the message says %q", m.Text)
	}
}

func TestLinkLivesThreeDays(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	recoverBy(w.browser(), email(a))
	link := w.link(email(a))
	w.Clock.Advance(71 * time.Hour)
	w.browser().get(link).at(link, http.StatusOK)
	w.Clock.Advance(time.Hour)
	w.browser().get(link).at(link, http.StatusGone)
	b := w.browser()
	begin(b, "email", "maria@example.org")
	link = w.link("maria@example.org")
	w.Clock.Advance(72 * time.Hour)
	b.get(link).at(link, http.StatusGone)
}

func TestIdentityTriesAreBoundedOverAllFlows(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	right := a.Profile.Person.SNILS.Format()
	for range 2 {
		p := recoverBy(w.browser(), email(a)).b.get(w.link(email(a))).send().at("/recover/identity", http.StatusOK)
		for range 5 {
			p = p.send("snils", right, "document-number", "4500000000")
		}
		p.at("/recover/in-person", http.StatusOK)
	}
	p := recoverBy(w.browser(), email(a)).b.get(w.link(email(a))).send().at("/recover/identity", http.StatusOK)
	p.send("snils", right, "document-number", a.Profile.Person.Document.Number).at("/recover/in-person", http.StatusOK)
}
