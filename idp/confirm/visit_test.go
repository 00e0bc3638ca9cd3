package confirm_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/print"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/limit"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// A window is a service centre in a test: an operator behind it and a citizen before it.
type window struct {
	*storagetest.Stores
	desk     *confirm.Visits
	mine     *account.Account
	op       confirm.Operator
	citizen  *account.Account
	document string
	mu       sync.Mutex
	told     []notice.Message
	registry *registry.Desk
	bureaus  bureaus
}

// outbox keeps what was posted beside the real one.
type outbox struct {
	*sqlstore.Stores
	posted *[]notice.Message
}

func (o outbox) PostMessage(ctx context.Context, m notice.Message) error {
	*o.posted = append(*o.posted, m)
	return o.Stores.PostMessage(ctx, m)
}

func open(t *testing.T, s *storagetest.Stores) *window {
	t.Helper()
	w := &window{Stores: s}
	n, err := notice.New(notice.Config{Issuer: "http://localhost:8080", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	w.registry = registry.New(registry.Config{
		Store: s.Records, Pension: &w.bureaus, Interior: &w.bureaus, Tax: &w.bureaus, Notices: n,
		Atomically: func(ctx context.Context, f func(registry.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
		Now: s.Clock.Now, Wall: s.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	w.desk = confirm.NewVisits(confirm.VisitConfig{
		Registry: w.registry, Processing: "2026-11",
		Read: s.Records, Notices: n, Print: print.Press{Issuer: "http://localhost:8080"}, Now: s.Clock.Now, Wall: s.Clock.Now,
		Codes: confirm.NewVisitCodes(s.Transients, s.Keyring.Ring, s.Clock.Now), Ring: s.Keyring.Ring,
		Limits: &limit.Keeper{Store: s.Transients, Digest: s.Keyring.Ring, Now: s.Clock.Now},
		Atomically: func(ctx context.Context, f func(confirm.VisitTx) error) error {
			var posted []notice.Message
			err := s.Atomically(ctx, func(tx *sqlstore.Stores) error {
				posted = nil
				return f(outbox{tx, &posted})
			})
			if err == nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.told = append(w.told, posted...)
			}
			return err
		},
	})
	c := &centre.Centre{ID: "77-014", Name: map[string]string{"ru": "Центр обслуживания № 14"}, Address: map[string]string{"ru": "ул. Садовая, 14"}, Town: map[string]string{"ru": "Заречный"}}
	if err := s.SaveCentre(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	w.mine = s.Standard(t)
	w.mine.Profile.Contacts = append(w.mine.Profile.Contacts, account.Contact{Kind: account.Email, Value: "Olga+work@example.org", Proved: s.Clock.Now()})
	w.op = confirm.Operator{Account: s.Create(t, w.mine).ID, Session: "s1", Request: "TEST-0001"}
	w.employ(t, centre.Operator, true)
	w.citizen = s.Standard(t)
	w.citizen.Profile.Contacts = append(w.citizen.Profile.Contacts, account.Contact{Kind: account.Email, Value: "anna@example.org", Proved: s.Clock.Now()})
	s.Create(t, w.citizen)
	w.document = w.citizen.Profile.Person.Document.Number
	return w
}

func (w *window) employ(t *testing.T, role centre.Role, active bool) {
	t.Helper()
	err := w.SaveMember(t.Context(), &centre.Member{Account: w.op.Account, Centre: "77-014", Role: role, Window: "3", Active: active})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *window) visit(t *testing.T) *confirm.Visit {
	t.Helper()
	v, err := w.desk.Open(t.Context(), w.op, w.citizen.ID, confirm.ToConfirm)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return v
}

func (w *window) now(t *testing.T) *account.Account {
	t.Helper()
	a, err := w.Account(t.Context(), w.citizen.ID)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (w *window) change(t *testing.T, f func(*account.Account)) {
	t.Helper()
	if _, err := w.ChangeAccount(t.Context(), w.citizen.ID, func(a *account.Account) error { f(a); return nil }); err != nil {
		t.Fatal(err)
	}
}

func (w *window) events(t *testing.T, kind audit.Kind) []audit.Event {
	t.Helper()
	all, err := w.EventsBy(t.Context(), w.op.Account, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(e audit.Event) bool { return e.Kind != kind })
}

// agreed is a comparison in which everything agrees.
func (w *window) agreed() confirm.Comparison {
	c := confirm.Comparison{Same: map[string]bool{}, Face: true, Genuine: true}
	for _, f := range confirm.Compared(w.citizen.Profile.Person) {
		c.Same[f] = true
	}
	return c
}

func TestSearchWantsBothNumbersAndIsAlwaysRecorded(t *testing.T) {
	w := open(t, storagetest.New(t))
	p := w.citizen.Profile.Person
	found, err := w.desk.Find(t.Context(), w.op, p.SNILS, p.Document.Format(), confirm.ToConfirm)
	if err != nil || found.Account != w.citizen.ID {
		t.Fatalf("Find by both = %v, %v", found, err)
	}
	if _, err := w.desk.Find(t.Context(), w.op, p.SNILS, "4599999999", confirm.ToRestore); !errors.Is(err, confirm.ErrOtherDocument) || !errors.Is(err, fault.NotFound) {
		t.Errorf("Find with another document: %v", err)
	}
	if _, err := w.desk.Find(t.Context(), w.op, storagetest.SNILS(t), w.document, confirm.ToCorrect); !errors.Is(err, confirm.ErrNobody) || !errors.Is(err, fault.NotFound) {
		t.Errorf("Find with another SNILS: %v", err)
	}
	var got []string
	for _, e := range w.events(t, audit.OperatorSearched) {
		got = append(got, e.Reason+" "+e.Detail["result"]+" "+e.Detail["centre"]+" "+e.Request)
	}
	want := []string{"correct nobody 77-014 TEST-0001", "restore other_document 77-014 TEST-0001", "confirm found 77-014 TEST-0001"}
	if !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestSearchWithoutAReasonIsRefused(t *testing.T) {
	w := open(t, storagetest.New(t))
	_, err := w.desk.Find(t.Context(), w.op, civil.SNILS{}, "", "because")
	var wrong fault.Fields
	if !errors.As(err, &wrong) || wrong.Code("reason") != "reason.required" || wrong.Code("document-number") != "document.required" || wrong.Code("snils") == "" {
		t.Errorf("Find: %v", err)
	}
}

func TestUncheckedDataIsFoundByBothNumbersAndNotConfirmed(t *testing.T) {
	w := open(t, storagetest.New(t))
	w.change(t, func(a *account.Account) {
		if err := a.Lower(account.Simplified, w.Clock.Now()); err != nil {
			t.Error(err)
		}
	})
	found, err := w.desk.Find(t.Context(), w.op, w.citizen.Profile.Person.SNILS, w.document, confirm.ToConfirm)
	if err != nil || found.Account != w.citizen.ID {
		t.Errorf("Find = %v, %v", found, err)
	}
	w.refusedBy(t, w.visit(t), confirm.Lowered)
}

func TestConfirmationRaisesTellsAllContactsAndIsRecorded(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	if !strings.HasPrefix(v.Number, "Ц-014-") || len(v.Number) != len("Ц-014-0000-0000") {
		t.Errorf("number %q", v.Number)
	}
	if opened := w.events(t, audit.OperatorOpened); len(opened) != 1 || opened[0].Account != w.citizen.ID || opened[0].Reason != "confirm" {
		t.Errorf("opening recorded as %+v", opened)
	}
	done, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed())
	if err != nil || done.Outcome != confirm.VisitConfirmed {
		t.Fatalf("Confirm = %+v, %v", done, err)
	}
	a := w.now(t)
	if a.Level != account.Verified || len(a.Confirmations) != 1 || a.Epoch != w.citizen.Epoch {
		t.Fatalf("account stands at %s with %v, epoch %d", a.Level, a.Confirmations, a.Epoch)
	}
	if c := a.Confirmations[0]; c.Method != account.ServiceCenter || c.Centre != "77-014" || c.Operator != w.op.Account {
		t.Errorf("confirmation %+v", c)
	}
	if got := w.events(t, audit.Confirmed); len(got) != 1 || got[0].Actor != w.op.Account || got[0].Detail["number"] != v.Number || got[0].Detail["method"] != "service_center" {
		t.Errorf("recorded %+v", got)
	}
	var to []string
	for _, m := range w.told {
		to = append(to, m.To)
	}
	if want := []string{w.citizen.Profile.Contacts[0].Value, "anna@example.org"}; !slices.Equal(to, want) {
		t.Errorf("told %q, want all contacts %q", to, want)
	}
}

func TestParallelSubmissionsConfirmOnceAndTellOnce(t *testing.T) {
	storagetest.Each(t, func(t *testing.T, s *storagetest.Stores) {
		w := open(t, s)
		v := w.visit(t)
		const n = 8
		errs := make(chan error, n)
		for range n {
			go func() {
				done, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed())
				if err == nil && done.Outcome != confirm.VisitConfirmed {
					err = fmt.Errorf("outcome %q", done.Outcome)
				}
				errs <- err
			}()
		}
		for range n {
			if err := <-errs; err != nil {
				t.Errorf("Confirm: %v; everyone must see that it is done", err)
			}
		}
		if a := w.now(t); len(a.Confirmations) != 1 {
			t.Errorf("%d confirmations", len(a.Confirmations))
		}
		if got := w.events(t, audit.Confirmed); len(got) != 1 {
			t.Errorf("%d events", len(got))
		}
		if len(w.told) != 2 {
			t.Errorf("%d messages, want one to each of two contacts", len(w.told))
		}
	})
}

func TestAccountThatChangedMustBeOpenedAgain(t *testing.T) {
	changes := map[string]func(*account.Account){
		"a fall": func(a *account.Account) { a.Renew() },
		"a document": func(a *account.Account) {
			d := *a.Profile.Person.Document
			d.Number = "4500000001"
			a.Profile.Person.Document = &d
		},
	}
	w := open(t, storagetest.New(t))
	for name, f := range changes {
		t.Run(name, func(t *testing.T) {
			v := w.visit(t)
			w.change(t, f)
			if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.Is(err, confirm.ErrChanged) || !errors.Is(err, fault.Conflict) {
				t.Errorf("Confirm: %v, want ErrChanged", err)
			}
			if _, err := w.desk.Case(t.Context(), w.op, v.ID); !errors.Is(err, confirm.ErrChanged) {
				t.Errorf("Case: %v, want ErrChanged", err)
			}
		})
	}
	if a := w.now(t); a.Level != account.Standard || len(w.told) != 0 {
		t.Errorf("level %s, %d messages", a.Level, len(w.told))
	}
	if _, err := w.desk.Settle(t.Context(), w.op, w.visit(t).ID, w.agreed()); err != nil {
		t.Errorf("opened again: %v", err)
	}
}

func TestWhatNobodyComparesMayChangeMeanwhile(t *testing.T) {
	w := open(t, storagetest.New(t))
	for name, f := range map[string]func(*account.Account){
		"the language": func(a *account.Account) { a.Lang = "en" },
		"a code of the app": func(a *account.Account) {
			a.Credential.TOTP = &account.TOTP{Secret: "JBSWY3DPEHPK3PXP", Since: w.Clock.Now(), LastStep: 58_000_000}
		},
		"a contact": func(a *account.Account) { a.Profile.Contacts = a.Profile.Contacts[:1] },
		"the number of the tax registry": func(a *account.Account) {
			a.Profile.Person.INN, _ = civil.ParseINN("500100732259")
		},
	} {
		v := w.visit(t)
		w.change(t, f)
		if c, err := w.desk.Case(t.Context(), w.op, v.ID); err != nil || c.Account == nil {
			t.Errorf("%s: Case: %+v, %v", name, c, err)
		}
		if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
			t.Errorf("%s: Confirm: %v", name, err)
		}
	}
	// What an earlier visit confirmed is something that the later one did not show.
	v := w.visit(t)
	w.change(t, func(a *account.Account) {
		_ = a.Confirm(account.Confirmation{ID: "letter", Method: account.MailCode, At: w.Clock.Now()})
	})
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.Is(err, confirm.ErrChanged) {
		t.Errorf("a confirmation meanwhile: %v, want ErrChanged", err)
	}
}

func TestEverythingMustAgree(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	tests := map[string]struct {
		spoil       func(*confirm.Comparison)
		field, code string
	}{
		"a line unanswered":   {func(c *confirm.Comparison) { delete(c.Same, "birth_date") }, "birth_date", "compare.answer"},
		"a line that differs": {func(c *confirm.Comparison) { c.Same["department_code"] = false }, "department_code", "compare.differs"},
		"the face":            {func(c *confirm.Comparison) { c.Face = false }, "face", "compare.person"},
		"the document":        {func(c *confirm.Comparison) { c.Genuine = false }, "genuine", "compare.person"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := w.agreed()
			test.spoil(&c)
			_, err := w.desk.Settle(t.Context(), w.op, v.ID, c)
			var wrong fault.Fields
			if !errors.As(err, &wrong) || len(wrong) != 1 || wrong.Code(test.field) != test.code {
				t.Errorf("Confirm: %v, want %s %s", err, test.field, test.code)
			}
		})
	}
	if a := w.now(t); a.Level != account.Standard {
		t.Errorf("level %s", a.Level)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
		t.Errorf("Confirm after corrections: %v", err)
	}
}

func TestAVisitCanBeDecidedForAnHour(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	w.Clock.Advance(confirm.VisitLife)
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.Is(err, confirm.ErrVisitOver) || !errors.Is(err, fault.Expired) {
		t.Errorf("Confirm: %v", err)
	}
	if _, err := w.desk.Case(t.Context(), w.op, v.ID); !errors.Is(err, confirm.ErrVisitOver) {
		t.Errorf("Case: %v", err)
	}
}

func TestRefusalKeepsWhatDiffersAndClosesTheVisit(t *testing.T) {
	w := open(t, storagetest.New(t))
	v := w.visit(t)
	for range 2 { // the second changes nothing
		got, err := w.desk.Refuse(t.Context(), w.op, v.ID, []string{"face", "birth_date", "made up"})
		if err != nil || got.Outcome != confirm.VisitRefused || !slices.Equal(got.Mismatch, []string{"birth_date", "face"}) {
			t.Fatalf("Refuse = %+v, %v", got, err)
		}
	}
	if e := w.events(t, audit.OperatorRefused); len(e) != 1 || e[0].Detail["mismatch"] != "birth_date,face" || e[0].Reason != "confirm" {
		t.Errorf("recorded %+v", e)
	}
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); !errors.Is(err, confirm.ErrVisitClosed) {
		t.Errorf("Confirm after it: %v", err)
	}
	if a := w.now(t); a.Level != account.Standard {
		t.Errorf("level %s", a.Level)
	}
}

func TestJournalShowsOnesOwnActsWithMaskedNames(t *testing.T) {
	w := open(t, storagetest.New(t))
	p := w.citizen.Profile.Person
	if _, err := w.desk.Find(t.Context(), w.op, p.SNILS, w.document, confirm.ToConfirm); err != nil {
		t.Fatal(err)
	}
	v := w.visit(t)
	if _, err := w.desk.Settle(t.Context(), w.op, v.ID, w.agreed()); err != nil {
		t.Fatal(err)
	}
	acts, err := w.desk.Journal(t.Context(), w.op)
	if err != nil || len(acts) != 3 {
		t.Fatalf("Journal = %v, %v", acts, err)
	}
	for i, want := range []audit.Kind{audit.Confirmed, audit.OperatorOpened, audit.OperatorSearched} {
		if acts[i].Kind != want || acts[i].Name != "Ё••• А••• С•••" {
			t.Errorf("act %d is %+v, want %s", i, acts[i], want)
		}
	}
	if acts[0].Number != v.Number {
		t.Errorf("number %q, want %q", acts[0].Number, v.Number)
	}
	if n, err := w.desk.Today(t.Context(), w.op); n != 1 || err != nil {
		t.Errorf("Today = %d, %v", n, err)
	}
	w.Clock.Advance(24 * time.Hour)
	if n, err := w.desk.Today(t.Context(), w.op); n != 0 || err != nil {
		t.Errorf("Today, a day later = %d, %v", n, err)
	}
}
