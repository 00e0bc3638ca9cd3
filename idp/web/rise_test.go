package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/idp/rp"
	"github.com/propusk/propusk/storage/storagetest"
)

// bureau is a registry that always says the same.
type bureau struct {
	answer registry.Answer
	err    error
}

func (b *bureau) Ask(context.Context, string, account.Person) (registry.Answer, error) {
	return b.answer, b.err
}
func (b *bureau) Poll(context.Context, string) (registry.Answer, error) { return b.answer, b.err }

// mailbag is a post that reads the codes it is given.
type mailbag struct {
	code   civil.LetterCode
	status confirm.LetterStatus
}

func (m *mailbag) Send(context.Context, confirm.Parcel) (string, error) {
	return "80081200000017", nil
}
func (m *mailbag) Follow(context.Context, string) (confirm.LetterStatus, []confirm.LetterEvent, error) {
	return m.status, nil, nil
}

// stairs is the world with registries and a post behind the door.
type stairs struct {
	*world
	pension, interior, tax *bureau
	post                   *mailbag
}

func newStairs(t *testing.T) *stairs {
	t.Helper()
	agrees := func() *bureau { return &bureau{answer: registry.Answer{Verdict: registry.AgreedWith}} }
	s := &stairs{newWorld(t), agrees(), agrees(), &bureau{answer: registry.Answer{Verdict: registry.RefusedBy}}, &mailbag{}}
	now, log := s.Clock.Now, slog.New(slog.DiscardHandler)
	notices, err := notice.New(notice.Config{Issuer: s.server.URL, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	s.door.Registry = registry.New(registry.Config{
		Store: s.Records, Atomically: within(s.world, func(x tap) registry.Tx { return x }), Counter: s.Transients,
		Pension: s.pension, Interior: s.interior, Tax: s.tax, Notices: notices, Now: now, Wall: now, Log: log,
	})
	s.door.Letters = confirm.NewMail(confirm.MailConfig{
		Store: s.Records, Atomically: within(s.world, func(x tap) confirm.Tx { return x }), Post: s.post, Ring: s.Keyring.Ring,
		Print:   func(l confirm.Sheet) ([]byte, error) { s.post.code = l.Code; return []byte("%PDF-"), nil },
		Notices: notices, Now: now, Wall: now, Log: log,
	})
	for _, p := range []*rp.Party{
		{ID: "tax", Name: map[string]string{"ru": "Налоговая служба"}, Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified, Refuse: []account.Method{account.MailCode}}}}},
		{ID: "pension", Name: map[string]string{"ru": "Пенсионный фонд"}, Policy: policy.Policy{Accept: []policy.Combination{{Level: account.Verified}}}},
	} {
		if err := s.SaveParty(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SaveCentre(t.Context(), &centre.Centre{ID: "77-014", Name: map[string]string{"ru": "Центр на Полянке"}, Address: map[string]string{"ru": "Большая Полянка, 30"}, Hours: map[string]string{"ru": "9–20"}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// in signs a citizen in.
func (s *stairs) in(a *account.Account) *browser {
	s.t.Helper()
	b := s.browser()
	b.signIn(phone(a), secret).at("/account", http.StatusOK)
	return b
}

// fields are a form's fields as the page names them.
func fields(f registry.Form) []string {
	return []string{
		"family-name", f.FamilyName, "given-name", f.GivenName, "patronymic", f.Patronymic, "sex", f.Sex,
		"birth-day", f.BirthDay, "birth-month", f.BirthMonth, "birth-year", f.BirthYear, "birth-place", f.BirthPlace,
		"citizenship", f.Citizenship, "snils", f.SNILS, "document-type", f.DocumentType, "document-number", f.DocumentNumber,
		"issued-day", f.IssuedDay, "issued-month", f.IssuedMonth, "issued-year", f.IssuedYear, "issuer", f.Issuer, "department-code", f.DepartmentCode,
	}
}

// checks runs the registries' jobs of the last application.
func (s *stairs) checks(a *account.Account) *registry.Application {
	s.t.Helper()
	app, err := s.LastApplication(s.t.Context(), a.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, k := range []string{registry.JobPension, registry.JobInterior, registry.JobTax} {
		if err := s.door.Registry.Handlers()[k](s.t.Context(), app.ID); err != nil {
			s.t.Fatal(err)
		}
	}
	if app, err = s.Application(s.t.Context(), app.ID); err != nil {
		s.t.Fatal(err)
	}
	return app
}

// carries hands the last letter to the post and brings it to a status.
func (s *stairs) carries(a *account.Account, to confirm.LetterStatus) {
	s.t.Helper()
	l, err := s.LastLetter(s.t.Context(), a.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	s.post.status = to
	for _, k := range []string{confirm.JobPost, confirm.JobTrack} {
		if err := s.door.Letters.Handlers()[k](s.t.Context(), l.ID); err != nil {
			s.t.Fatal(err)
		}
	}
}

var polyanka = []string{"postal-code", "119180", "region", "г. Москва", "locality", "Москва", "street", "ул. Большая Полянка", "house", "30", "flat", "4"}

func TestFromSimplifiedToVerifiedByLetter(t *testing.T) {
	s := newStairs(t)
	a := s.simplified()
	b := s.in(a)
	b.get("/account/confirm").at("/account/confirm", http.StatusOK).says("Сначала — стандартная учётная запись")
	person := storagetest.Person(t)
	p := b.get("/account/profile").send(fields(registry.FormOf(person))...)
	p.at("/account/profile/check", http.StatusOK).says(person.SNILS.Format())
	if strings.Contains(p.Find("form#main-form").Text(), person.SNILS.Format()) || p.Find("form#main-form input").Length() > 0 {
		t.Error("the page of answers carries the data in its form")
	}
	p.send().at("/account/checks", http.StatusOK)
	app := s.checks(a)
	b.get("/account/checks").says(app.Number)
	if app.State != registry.Agreed {
		t.Fatalf("application %s", app.State)
	}
	p = b.get("/account/confirm").says("Налоговая служба")
	if p.Find("a[href='/account/confirm/visit']").Length() != 1 {
		t.Error("no way to a visit")
	}
	b.get("/account/confirm/visit").says("Большая Полянка, 30")
	p = b.get("/account/confirm/letter").at("/account/confirm/letter", http.StatusOK).says("Налоговая служба")
	p = p.send(polyanka...).at("/account/confirm/letter/check", http.StatusOK).says("119180")
	p.send().at("/account/confirm/letter", http.StatusOK)
	s.carries(a, confirm.Arrived)
	p = b.get("/account/confirm/letter").says("80081200000017")
	p = p.send("act", "enter", "letter-code", "AAAA-AAAA-AAA")
	if p.status != http.StatusUnprocessableEntity {
		t.Fatalf("a code that is none: %d", p.status)
	}
	p = p.send("act", "enter", "letter-code", s.post.code.Format()).at("/account/confirm/done", http.StatusOK)
	p.says("Пенсионный фонд").says("Налоговая служба")
	if m := s.last(email(a)); !strings.Contains(m.Text, "личность подтверждена") || !strings.Contains(m.Text, "код из письма") {
		t.Errorf("message %q", m.Text)
	}
	b.get("/account/confirm/letter").at("/account/confirm", http.StatusOK) // another one in 30 days
}

func TestWhatWasTypedIsKeptAndMistakesStandAtTheirFields(t *testing.T) {
	s := newStairs(t)
	b := s.in(s.simplified())
	f := registry.FormOf(storagetest.Person(t))
	f.SNILS, f.BirthPlace = "112-233-445 96", "<b>Орёл</b>"
	p := b.get("/account/profile").send(fields(f)...)
	if p.status != http.StatusUnprocessableEntity || p.Find("#snils-wrong").Length() != 1 || p.Find("#snils").AttrOr("value", "") != f.SNILS {
		t.Errorf("%d: %s", p.status, p.text())
	}
	if p.Find("main b").Length() != 0 {
		t.Error("markup came back")
	}
	if !strings.HasPrefix(p.Find("title").Text(), "Ошибка") {
		t.Errorf("title %q", p.Find("title").Text())
	}
}

func TestButtonPressedTwiceFilesOneApplication(t *testing.T) {
	s := newStairs(t)
	a := s.simplified()
	b := s.in(a)
	p := b.get("/account/profile").send(fields(registry.FormOf(storagetest.Person(t)))...)
	p.send().at("/account/checks", http.StatusOK)
	first, _ := s.LastApplication(t.Context(), a.ID)
	p.send().at("/account/checks", http.StatusOK)
	second, _ := s.LastApplication(t.Context(), a.ID)
	if first.ID != second.ID {
		t.Error("two applications")
	}
}

func TestRefusedFieldsAreNamedAndTheFormIsFilled(t *testing.T) {
	s := newStairs(t)
	s.pension.answer = registry.Answer{Verdict: registry.RefusedBy, Fields: []string{"birth_date"}}
	a := s.simplified()
	b := s.in(a)
	person := storagetest.Person(t)
	b.get("/account/profile").send(fields(registry.FormOf(person))...).send()
	s.checks(a)
	b.get("/account/checks").says("дата рождения")
	p := b.get("/account/profile")
	if p.Find("#snils").AttrOr("value", "") != person.SNILS.Format() {
		t.Error("the form is not filled in again")
	}
	if m := s.last(phone(a)); !strings.Contains(m.Text, "дата рождения") {
		t.Errorf("message %q", m.Text)
	}
}

func TestSlowRegistryIsExplainedOnThePage(t *testing.T) {
	s := newStairs(t)
	s.interior.err = fault.Unavailable
	a := s.simplified()
	b := s.in(a)
	b.get("/account/profile").send(fields(registry.FormOf(storagetest.Person(t)))...).send()
	if app := s.checks(a); app.State != registry.Running {
		t.Fatal(app.State)
	}
	p := b.get("/account/checks")
	if p.status != http.StatusOK || p.Find("[aria-current=step]").Length() == 0 {
		t.Errorf("%d: %s", p.status, p.text())
	}
}

func TestLetterCanBeCancelledAndIsNotOfferedTooSoon(t *testing.T) {
	s := newStairs(t)
	a := s.standard()
	b := s.in(a)
	b.get("/account/confirm/letter").send(polyanka...).send().at("/account/confirm/letter", http.StatusOK)
	s.carries(a, confirm.InTransit)
	p := b.post(s.server.URL+"/account/confirm/letter", "act=cancel")
	p.at("/account/confirm/letter", http.StatusOK)
	if p.Find("#letter-code").Length() != 0 {
		t.Error("a cancelled letter still asks for its code")
	}
	b.get("/account/confirm/letter?new=1").at("/account/confirm", http.StatusOK)
	b.get("/account/confirm/letter/check").at("/account/confirm", http.StatusOK)
	s.Clock.Advance(31 * 24 * time.Hour)
	again := s.in(a)
	again.get("/account/confirm/letter?new=1").at("/account/confirm/letter", http.StatusOK)
}

func TestWrongLetterCodesAreCountedOnThePage(t *testing.T) {
	s := newStairs(t)
	a := s.standard()
	b := s.in(a)
	b.get("/account/confirm/letter").send(polyanka...).send()
	s.carries(a, confirm.HandedOver)
	other, err := civil.NewLetterCode(strings.NewReader("abcdefghij"))
	if err != nil {
		t.Fatal(err)
	}
	p := b.get("/account/confirm/letter")
	for _, left := range []string{"4", "3", "2", "1"} {
		p = p.send("act", "enter", "letter-code", other.Format())
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.Find("#letter-code-wrong").Text(), left) {
			t.Fatalf("%d: %s", p.status, p.text())
		}
	}
	p = p.send("act", "enter", "letter-code", other.Format()).at("/account/confirm/letter", http.StatusOK)
	if p.Find("#letter-code").Length() != 0 {
		t.Error("a spent letter still asks for its code")
	}
}

func TestMistakenAddressIsKept(t *testing.T) {
	s := newStairs(t)
	b := s.in(s.standard())
	p := b.get("/account/confirm/letter").send("postal-code", "12", "region", "г. Москва", "locality", "", "house", "30")
	if p.status != http.StatusUnprocessableEntity || p.Find("#postal-code-wrong").Length() != 1 || p.Find("#house").AttrOr("value", "") != "30" {
		t.Errorf("%d: %s", p.status, p.text())
	}
}

func TestNobodyRisesWithoutSigningIn(t *testing.T) {
	s := newStairs(t)
	for _, path := range []string{"/profile", "/profile/check", "/checks", "/confirm", "/confirm/letter", "/confirm/letter/check", "/confirm/visit", "/confirm/done"} {
		s.browser().get("/account"+path).at("/login", http.StatusOK)
	}
}
