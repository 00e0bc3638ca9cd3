package idptest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/propusk/propusk/examples/simulators"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/storage/storagetest"
)

// Password opens every citizen of a world.
const Password = "Propusk-2026"

// hash is made once, with the cost that worlds use.
var hash = sync.OnceValues(func() (string, error) {
	return password.NewHasher(Cheap, password.Limit{}).Hash(context.Background(), Password)
})

var mailboxes atomic.Uint64

// NewCitizen stores an account of a level, with a phone and a mailbox; methods confirm a Verified one.
func (w *World) NewCitizen(level account.Level, methods ...account.Method) *account.Account {
	w.tb.Helper()
	a := Citizen(w.tb, w.Clock.Now(), level, methods...)
	if err := w.Records.CreateAccount(w.tb.Context(), a); err != nil {
		w.tb.Fatalf("idptest: create a citizen: %v", err)
	}
	return a
}

// Citizen makes such an account, not yet stored.
func Citizen(t testing.TB, now time.Time, level account.Level, methods ...account.Method) *account.Account {
	t.Helper()
	s := &storagetest.Stores{Clock: storagetest.NewClock(now)}
	a := s.Simplified(t)
	if level >= account.Standard {
		a = s.Standard(t)
	}
	h, err := hash()
	if err != nil {
		t.Fatal(err)
	}
	a.Credential.Password = h
	a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{
		Kind: account.Email, Value: fmt.Sprintf("citizen%d@example.org", mailboxes.Add(1)), Proved: now,
	})
	if level == account.Verified && len(methods) == 0 {
		methods = []account.Method{account.ServiceCenter}
	}
	for _, m := range methods {
		c := account.Confirmation{ID: fmt.Sprintf("%s-%s", a.ID, m), Method: m, At: time.Now().Add(-time.Hour).UTC().Truncate(time.Second)}
		if err := a.Confirm(c); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// totpSecret is the second factor of all staff.
const totpSecret = "KRUGK4TBOR5WKZDFNVXWQ2LO"

// NewOperator stores an operator of a service centre, who signs in with TOTP too.
func (w *World) NewOperator() *account.Account { return w.newStaff(centre.Operator) }

// NewAdministrator stores an administrator, who signs in to the console as operators do.
func (w *World) NewAdministrator() *account.Account { return w.newStaff(centre.Administrator) }

func (w *World) newStaff(role centre.Role) *account.Account {
	w.tb.Helper()
	a := Citizen(w.tb, w.Clock.Now(), account.Verified, account.ServiceCenter)
	a.Credential.TOTP = &account.TOTP{Secret: totpSecret, Since: w.Clock.Now()}
	ctx := w.tb.Context()
	if err := w.Records.CreateAccount(ctx, a); err != nil {
		w.tb.Fatal(err)
	}
	words := func(s string) map[string]string { return map[string]string{"ru": s, "en": s} }
	c := &centre.Centre{ID: "77-001", Name: words("Центр"), Address: words("Садовая, 1"), Hours: words("9–18"), Town: words("Заречный")}
	if err := w.Records.SaveCentre(ctx, c); err != nil {
		w.tb.Fatal(err)
	}
	if err := w.Records.SaveMember(ctx, &centre.Member{Account: a.ID, Centre: c.ID, Role: role, Window: "1", Active: true}); err != nil {
		w.tb.Fatal(err)
	}
	return a
}

// TOTP is the present code of staff.
func TOTP(t testing.TB) string { return TOTPIn(t, 0) }

// TOTPIn is the code of staff after a while: each counts once, and the next one is taken already.
func TOTPIn(t testing.TB, d time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(totpSecret, time.Now().Add(d))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Phone and Email are where a citizen is reached.
func Phone(a *account.Account) string { c, _ := a.Profile.Contact(account.Phone); return c.Value }

// Email is the citizen's mailbox.
func Email(a *account.Account) string { c, _ := a.Profile.Contact(account.Email); return c.Value }

// Registered is a person as the registries have them.
func Registered(p account.Person, phone string) simulators.Person {
	return simulators.Person{
		Phone: phone, FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(), Patronymic: p.Patronymic.String(),
		Sex: p.Sex.String(), BirthDate: p.BirthDate.String(), BirthPlace: p.BirthPlace, Citizenship: p.Citizenship.String(), SNILS: p.SNILS.String(),
		Document: simulators.Document{
			Type: p.Document.Type.String(), Number: p.Document.Number, IssuedOn: p.Document.IssuedOn.String(), Issuer: p.Document.Issuer,
			DepartmentCode: p.Document.DepartmentCode,
		},
	}
}
