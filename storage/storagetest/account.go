package storagetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/fault"
)

// civilTypes compares civil values by what they print.
var civilTypes = cmp.Options{
	cmp.Comparer(func(a, b civil.Name) bool { return a == b }),
	cmp.Comparer(func(a, b civil.SNILS) bool { return a == b }),
	cmp.Comparer(func(a, b civil.INN) bool { return a == b }),
	cmp.Comparer(func(a, b civil.Date) bool { return a == b }),
}

func same[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if d := cmp.Diff(want, got, civilTypes); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, d)
	}
}

func accounts(t *testing.T, s *Stores) {
	ctx := t.Context()

	t.Run("come back as they were written", func(t *testing.T) {
		a := s.Standard(t)
		a.Lang = "en"
		a.Restrict(account.Phone, s.Clock.Now(), s.Clock.Now(), s.Clock.Now().Add(72*time.Hour))
		a.Lock = account.Lock{Since: s.Clock.Now()}
		a.Credential.TOTP = &account.TOTP{Secret: "JBSWY3DPEHPK3PXP", Since: s.Clock.Now(), LastStep: 58_000_000}
		a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: fmt.Sprintf("Анна.%s@example.ru", a.ID), Proved: s.Clock.Now()})
		a.Profile.Address = &civil.Address{PostalCode: "302001", Region: "Орловская область", Locality: "Орёл", Street: "ул. Ленина", House: "1а"}
		if err := a.Confirm(account.Confirmation{ID: "c1", Method: account.MailCode, At: s.Clock.Now(), Letter: "l1", Track: "80080080080080"}); err != nil {
			t.Fatal(err)
		}
		s.Create(t, a)
		got, err := s.Account(ctx, a.ID)
		ok(t, "Account", err)
		same(t, "account", got, a)
		if got.Version != 1 {
			t.Errorf("version of a new account: got %d, want 1", got.Version)
		}
	})

	t.Run("are found by an address in any case, which nobody else may hold in another", func(t *testing.T) {
		a, b := s.Simplified(t), s.Simplified(t)
		mixed := fmt.Sprintf("Anna.%s@example.ru", a.ID)
		a.Profile.Contacts = append(a.Profile.Contacts, account.Contact{Kind: account.Email, Value: mixed, Proved: s.Clock.Now()})
		s.Create(t, a)
		for _, spelt := range []string{mixed, strings.ToUpper(mixed), strings.ToLower(mixed)} {
			got, err := s.FindAccount(ctx, account.ByEmail, spelt)
			ok(t, "FindAccount", err)
			if c, _ := got.Profile.Contact(account.Email); got.ID != a.ID || c.Value != mixed {
				t.Errorf("%s finds %s with %s", spelt, got.ID, c.Value)
			}
		}
		b.Profile.Contacts = append(b.Profile.Contacts, account.Contact{Kind: account.Email, Value: strings.ToLower(mixed), Proved: s.Clock.Now()})
		if err := s.CreateAccount(ctx, b); !errors.Is(err, fault.Exists) {
			t.Errorf("a second account in another case: %v, want Exists", err)
		}
	})

	t.Run("have times in UTC, to the microsecond", func(t *testing.T) {
		a := s.Simplified(t)
		moscow := time.FixedZone("MSK", 3*3600)
		a.Created = time.Date(2026, 1, 1, 0, 0, 0, 123_456_789, moscow)
		s.Create(t, a)
		got, err := s.Account(ctx, a.ID)
		ok(t, "Account", err)
		if want := time.Date(2025, 12, 31, 21, 0, 0, 123_456_000, time.UTC); got.Created != want {
			t.Errorf("created: got %v, want %v", got.Created, want)
		}
		if !got.StandardAt.IsZero() || !got.VerifiedAt.IsZero() {
			t.Errorf("times never set came back as %v and %v", got.StandardAt, got.VerifiedAt)
		}
	})

	t.Run("that are unknown are not found", func(t *testing.T) {
		_, err := s.Account(ctx, ID(t))
		absent(t, "Account", err)
		_, err = s.FindAccount(ctx, account.ByPhone, Phone())
		absent(t, "FindAccount", err)
		_, err = s.ChangeAccount(ctx, ID(t), func(*account.Account) error { return nil })
		absent(t, "ChangeAccount", err)
		ids, err := s.FindAccounts(ctx, account.ByDocument, "nothing", 10)
		if err != nil || len(ids) != 0 {
			t.Errorf("FindAccounts of nothing: got %v, %v", ids, err)
		}
	})

	t.Run("are found by contact, checked SNILS, document and person", func(t *testing.T) {
		a := s.Create(t, s.Standard(t))
		for by, value := range map[account.Key]string{account.ByPhone: a.Profile.Contacts[0].Value, account.BySNILS: a.Profile.Person.SNILS.String()} {
			got, err := s.FindAccount(ctx, by, value)
			ok(t, "FindAccount by "+string(by), err)
			if got.ID != a.ID {
				t.Errorf("FindAccount by %s: got %s, want %s", by, got.ID, a.ID)
			}
		}
		p := a.Profile.Person
		name := civil.FullName{Family: Name(t, "ЕЛКИНА КОВАЛЬЧУК"), Given: Name(t, "анна"), Patronymic: p.Patronymic}
		for by, value := range map[account.Key]string{account.ByDocument: p.Document.Key(), account.ByPerson: civil.PersonKey(name, p.BirthDate)} {
			ids, err := s.FindAccounts(ctx, by, value, 100)
			ok(t, "FindAccounts by "+string(by), err)
			found := false
			for _, id := range ids {
				found = found || id == a.ID
			}
			if !found {
				t.Errorf("FindAccounts by %s: %s is not among %v", by, a.ID, ids)
			}
		}
	})

	t.Run("never share a contact", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		b := s.Simplified(t)
		b.Profile.Contacts[0].Value = a.Profile.Contacts[0].Value
		is(t, "CreateAccount with a taken phone", s.CreateAccount(ctx, b), fault.Exists)
		_, err := s.Account(ctx, b.ID)
		absent(t, "the refused account", err)

		c := s.Create(t, s.Simplified(t))
		_, err = s.ChangeAccount(ctx, c.ID, func(c *account.Account) error {
			c.Profile.Contacts = append(c.Profile.Contacts, a.Profile.Contacts[0])
			return nil
		})
		is(t, "ChangeAccount to a taken phone", err, fault.Exists)
		is(t, "CreateAccount of a taken id", s.CreateAccount(ctx, func() *account.Account { d := s.Simplified(t); d.ID = a.ID; return d }()), fault.Exists)
	})

	t.Run("share an unchecked SNILS, and only one has it checked", func(t *testing.T) {
		first, second := s.Simplified(t), s.Simplified(t)
		person := Person(t)
		first.Profile.Person, second.Profile.Person = person, person
		s.Create(t, first)
		s.Create(t, second)
		_, err := s.FindAccount(ctx, account.BySNILS, person.SNILS.String())
		absent(t, "FindAccount by an unchecked SNILS", err)
		ids, err := s.FindAccounts(ctx, account.BySNILS, person.SNILS.String(), 10)
		if err != nil || len(ids) != 2 {
			t.Errorf("FindAccounts by an unchecked SNILS: got %v, %v; want both accounts", ids, err)
		}
		agree := func(id account.ID) error {
			_, err := s.ChangeAccount(ctx, id, func(a *account.Account) error { a.Agree(person, s.Clock.Now()); return nil })
			return err
		}
		ok(t, "the first claim", agree(first.ID))
		is(t, "the second claim", agree(second.ID), fault.Exists)
		got, err := s.FindAccount(ctx, account.BySNILS, person.SNILS.String())
		if err != nil || got.ID != first.ID {
			t.Errorf("holder of the SNILS: got %v, %v; want %s", got, err, first.ID)
		}
	})

	t.Run("tell of a taken SNILS inside a transaction that goes on", func(t *testing.T) {
		holder := s.Create(t, s.Standard(t))
		other := s.Create(t, s.Simplified(t))
		err := s.Atomically(ctx, func(tx *tx) error {
			_, err := tx.ChangeAccount(ctx, other.ID, func(a *account.Account) error {
				a.Agree(holder.Profile.Person, s.Clock.Now())
				return nil
			})
			if !errors.Is(err, fault.Exists) {
				return fmt.Errorf("claim: got %v, want fault.Exists", err)
			}
			_, err = tx.ChangeAccount(ctx, other.ID, func(a *account.Account) error { a.Lang = "en"; return nil })
			return err
		})
		ok(t, "transaction", err)
		got, err := s.Account(ctx, other.ID)
		ok(t, "Account", err)
		if got.Level != account.Simplified || got.Lang != "en" {
			t.Errorf("after the refused claim: level %s, language %s; want simplified, en", got.Level, got.Lang)
		}
	})

	t.Run("give a SNILS to exactly one of parallel claims", func(t *testing.T) {
		person := Person(t)
		const n = 6
		var ids [n]account.ID
		for i := range ids {
			ids[i] = s.Create(t, s.Simplified(t)).ID
		}
		errs := parallel(n, func(i int) error {
			_, err := s.ChangeAccount(ctx, ids[i], func(a *account.Account) error { a.Agree(person, s.Clock.Now()); return nil })
			return err
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else {
				is(t, "a lost claim", err, fault.Exists)
			}
		}
		if won != 1 {
			t.Errorf("claims that won: got %d, want 1", won)
		}
	})

	t.Run("free a contact that is given up", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		old := a.Profile.Contacts[0].Value
		_, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Profile.Contacts[0].Value = Phone(); return nil })
		ok(t, "ChangeAccount", err)
		_, err = s.FindAccount(ctx, account.ByPhone, old)
		absent(t, "the old phone", err)
		b := s.Simplified(t)
		b.Profile.Contacts[0].Value = old
		ok(t, "the old phone for another", s.CreateAccount(ctx, b))
	})

	t.Run("lose no change of many at once", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		const n = 12
		for _, err := range parallel(n, func(int) error {
			_, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Epoch++; return nil })
			return err
		}) {
			ok(t, "ChangeAccount", err)
		}
		got, err := s.Account(ctx, a.ID)
		ok(t, "Account", err)
		if got.Epoch != 1+n || got.Version != 1+n {
			t.Errorf("after %d changes: epoch %d, version %d; want %d", n, got.Epoch, got.Version, 1+n)
		}
	})

	t.Run("stay as they were when the change fails", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		mine := errors.New("mine")
		_, err := s.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Epoch = 99; return mine })
		is(t, "ChangeAccount", err, mine)
		err = s.Atomically(ctx, func(tx *tx) error {
			if _, err := tx.ChangeAccount(ctx, a.ID, func(a *account.Account) error { a.Epoch = 77; return nil }); err != nil {
				return err
			}
			return mine
		})
		is(t, "Atomically", err, mine)
		got, err := s.Account(ctx, a.ID)
		ok(t, "Account", err)
		same(t, "account", got, a)
	})

	t.Run("are found under a new index key and an old one", func(t *testing.T) {
		a := s.Create(t, s.Simplified(t))
		if _, err := s.Keyring.Rotate(ctx, "index"); err != nil {
			t.Fatal(err)
		}
		b := s.Create(t, s.Simplified(t))
		for _, x := range []*account.Account{a, b} {
			got, err := s.FindAccount(ctx, account.ByPhone, x.Profile.Contacts[0].Value)
			ok(t, "FindAccount", err)
			if got.ID != x.ID {
				t.Errorf("FindAccount: got %s, want %s", got.ID, x.ID)
			}
		}
		c := s.Simplified(t)
		c.Profile.Contacts[0].Value = a.Profile.Contacts[0].Value
		is(t, "a phone taken under the old key only", s.CreateAccount(ctx, c), fault.Exists)
	})
}

// parallel runs f n times at once and returns its errors.
func parallel(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var begin, end sync.WaitGroup
	begin.Add(1)
	for i := range n {
		end.Go(func() {
			begin.Wait()
			errs[i] = f(i)
		})
	}
	begin.Done()
	end.Wait()
	return errs
}
