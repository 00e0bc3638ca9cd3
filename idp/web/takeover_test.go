package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/storage/storagetest"
)

// theft is a verified account whose telephone somebody stole, together with the knowledge of SNILS and
// document. The thief has recovered it, and added a mailbox of their own.
func theft(t *testing.T) (*world, *account.Account, *browser) {
	t.Helper()
	w := newWorld(t)
	a := w.Standard(t)
	if err := a.Confirm(account.Confirmation{ID: storagetest.Phone(), Method: account.ServiceCenter, At: w.Clock.Now()}); err != nil {
		t.Fatal(err)
	}
	a = w.citizen(a)
	w.Clock.Advance(time.Hour)
	thief := w.browser()
	identify(recoverBy(thief, phone(a)).send("code", w.code(phone(a))), a).at("/recover/done", http.StatusOK)
	thief.signIn(phone(a), fresh).at("/account", http.StatusOK)
	w.Clock.Advance(time.Minute)
	thief.get("/account/contacts").send("email", "thief@example.org", "current-password", fresh).at("/account/contacts/sent", http.StatusOK)
	thief.get(w.link("thief@example.org")).send().at("/account", http.StatusOK)
	return w, a, thief
}

func (w *world) stillRestricted(a *account.Account, since time.Time) {
	w.t.Helper()
	got, err := w.Account(w.t.Context(), a.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if now := w.Clock.Now(); got.Assurance(now).Level != account.Simplified || !got.Restriction.Since.Equal(since) {
		w.t.Errorf("the thief counts as %s, restricted since %v until %v; want the restriction of %v", got.Assurance(now).Level, got.Restriction.Since, got.RestrictedUntil, since)
	}
}

func TestRecoveringTwiceDoesNotLiftTheRestriction(t *testing.T) {
	w, a, thief := theft(t)
	began := w.Clock.Now().Add(-time.Minute)
	w.Clock.Advance(time.Hour)
	identify(recoverBy(thief, phone(a)).send("code", w.code(phone(a))), a).at("/recover/done", http.StatusOK)
	thief.signIn(phone(a), fresh).at("/account", http.StatusOK)
	w.Clock.Advance(time.Minute)
	// The mailbox stood before the second recovery, and not before the first.
	thief.get("/account/contacts").send("email", "thief@example.org", "current-password", fresh).at("/account/contacts/sent", http.StatusOK)
	thief.get(w.link("thief@example.org")).send().at("/account", http.StatusOK)
	w.stillRestricted(a, began)
	w.Clock.Advance(72*time.Hour - 2*time.Minute)
	w.stillRestricted(a, began) // the second recovery made it longer
}

func TestRecoveringThroughTheNewMailboxDoesNotMakeTheTelephoneASecondContact(t *testing.T) {
	w, a, thief := theft(t)
	began := w.Clock.Now().Add(-time.Minute)
	w.Clock.Advance(time.Hour)
	recoverBy(thief, "thief@example.org")
	identify(thief.get(w.link("thief@example.org")).send(), a).at("/recover/done", http.StatusOK)
	thief.signIn(phone(a), fresh).at("/account", http.StatusOK)
	p := thief.get("/account/contacts").send("tel", phone(a), "current-password", fresh).at("/account/contacts/code", http.StatusOK)
	p.send("code", w.code(phone(a))).at("/account", http.StatusOK)
	w.stillRestricted(a, began)
}

func TestRecoveryWithSuspendedConfirmationsIsRestrictedToo(t *testing.T) {
	w := newWorld(t)
	a := w.verified(account.ServiceCenter)
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { return a.Lower(account.Simplified, w.Clock.Now()) }); err != nil {
		t.Fatal(err)
	}
	b := w.browser()
	identify(recoverBy(b, phone(a)).send("code", w.code(phone(a))), a).at("/recover/done", http.StatusOK)
	got, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Agree(a.Profile.Person, w.Clock.Now()); return nil })
	if err != nil || got.Level != account.Verified || got.Assurance(w.Clock.Now()).Level != account.Simplified {
		t.Errorf("the agreement brought back %s, counting as %s, %v", got.Level, got.Assurance(w.Clock.Now()).Level, err)
	}
}

// choosing is a recovery of an account that waits for the new password.
func choosing(w *world, a *account.Account) *page {
	w.t.Helper()
	return recoverBy(w.browser(), phone(a)).send("code", w.code(phone(a))).at("/recover/password", http.StatusOK)
}

// overFor sets a password where the recovery has come to an end meanwhile.
func (p *page) overFor(a *account.Account) {
	p.b.w.t.Helper()
	p.send("password", fresh, "password-again", fresh).at("/recover/password", http.StatusGone)
	p.b.w.browser().signIn(phone(a), fresh).at("/login", http.StatusUnprocessableEntity)
}

func TestRecoveryEndsWhenItsContactLeavesTheAccount(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	p := choosing(w, a)
	owner := storagetest.Phone()
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		for i, c := range a.Profile.Contacts {
			if c.Kind == account.Phone {
				a.Profile.Contacts[i].Value = owner
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.send("password", fresh, "password-again", fresh).at("/recover/password", http.StatusGone)
	w.browser().signIn(owner, fresh).at("/login", http.StatusUnprocessableEntity)
}

func TestRecoveryEndsWhenTheOwnerJoinsTheStaff(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	p := choosing(w, a)
	if err := w.SaveMember(t.Context(), &centre.Member{Account: a.ID, Centre: "77-014", Role: centre.Operator, Active: true}); err != nil {
		t.Fatal(err)
	}
	p.overFor(a)
}

func TestRecoveryBegunWithoutSNILSDoesNotServeAnAccountThatHasOne(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	p := choosing(w, a)
	if _, err := w.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error {
		a.Agree(storagetest.Person(t), w.Clock.Now())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	p.overFor(a)
}

func TestProvedRecoveryLivesAnHour(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	p := choosing(w, a)
	w.Clock.Advance(59 * time.Minute)
	p.b.get(p.url.String()).at("/recover/password", http.StatusOK)
	w.Clock.Advance(time.Minute)
	p.overFor(a)
	recoverBy(p.b, email(a))
	link := w.link(email(a))
	w.Clock.Advance(71 * time.Hour) // before it is proved it waits as long as the link lives
	p = p.b.get(link).send().at("/recover/password", http.StatusOK)
	w.Clock.Advance(time.Hour - time.Second)
	p.b.get(link).send().at("/recover/password", http.StatusOK) // opening it again is no new beginning
	w.Clock.Advance(time.Second)
	p.overFor(a)
	p.b.get(link).at(link, http.StatusGone)
}
