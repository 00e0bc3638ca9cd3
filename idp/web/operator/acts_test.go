package operator_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/registry"
	"github.com/propusk/propusk/storage/storagetest"
)

const (
	titlePhone   = "Подтвердите номер телефона"
	titleWaiting = "Нужен второй сотрудник"
	titleSecond  = "Посмотрите и вы"
	titleChecked = "Данные отправлены на проверку"
)

// bureau is a registry that agrees.
type bureau struct{}

func (bureau) Ask(context.Context, string, account.Person) (registry.Answer, error) {
	return registry.Answer{Verdict: registry.AgreedWith}, nil
}

func (b bureau) Poll(ctx context.Context, id string) (registry.Answer, error) {
	return b.Ask(ctx, id, account.Person{})
}

// openFor searches for the citizen for a reason.
func (b *browser) openFor(why string) page {
	b.t.Helper()
	person := b.citizen.Profile.Person
	return b.fill(b.get("/operator"), "snils", person.SNILS.Format(), "document-number", person.Document.Format(), "reason", why)
}

// caseOf is the case that a page is about.
func caseOf(p page) string {
	rest := strings.TrimPrefix(p.path, "/operator/visit/")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

// colleague is another operator, of the same centre or another, who has signed in.
func (w *world) colleague(where string) *browser {
	w.t.Helper()
	a := w.Standard(w.t)
	a.Credential = w.staff.Credential
	a.Credential.TOTP = &account.TOTP{Secret: app, Since: w.Clock.Now()}
	w.Create(w.t, a)
	if err := w.SaveCentre(w.t.Context(), &centre.Centre{ID: where, Name: map[string]string{"ru": "Центр " + where}}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.SaveMember(w.t.Context(), &centre.Member{Account: a.ID, Centre: where, Role: centre.Operator, Window: "4", Active: true}); err != nil {
		w.t.Fatal(err)
	}
	b := w.browser()
	b.signIn(a).want(w.t, 200, "/operator", titleSearch)
	return b
}

// agreed are the answers to a comparison of this data in which everything agrees.
func agreed(p account.Person, more ...string) []string {
	out := []string{"act", "confirm", "face", "1", "genuine", "1"}
	for _, f := range confirm.Compared(p) {
		out = append(out, "match-"+strings.ReplaceAll(f, "_", "-"), "yes")
	}
	return append(out, more...)
}

// prove proves a phone on the case's page.
func (b *browser) prove(p page, tel string) page {
	b.t.Helper()
	id := caseOf(p)
	p = b.fill(p, "act", "send", "tel", tel).want(b.t, 200, "/operator/visit/"+id+"/phone", titlePhone)
	v := ok(b.Visit(b.t.Context(), id))(b.t)
	if strings.Contains(p.body, v.Phone.Code) {
		b.t.Error("the page tells the code")
	}
	wrong := "000000"
	if v.Phone.Code == wrong {
		wrong = "000001"
	}
	if q := b.fill(p, "act", "enter", "code", wrong); q.status != http.StatusUnprocessableEntity || q.Find("#code-wrong").Length() == 0 {
		b.t.Errorf("a wrong code: %d at %s", q.status, q.path)
	}
	return b.fill(p, "act", "enter", "code", v.Phone.Code)
}

func (w *world) now() *account.Account {
	w.t.Helper()
	return ok(w.Account(w.t.Context(), w.citizen.ID))(w.t)
}

// answer lets the registries answer, and what follows happen.
func (w *world) answer(id account.ID) {
	w.t.Helper()
	app := ok(w.LastApplication(w.t.Context(), id))(w.t)
	for _, kind := range []string{registry.JobPension, registry.JobInterior} {
		if err := w.registry.Handlers()[kind](w.t.Context(), app.ID); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.desk.Handlers()[confirm.JobVisitChecked](w.t.Context(), app.ID); err != nil {
		w.t.Fatal(err)
	}
}

func TestAVisitCodeOpensTheCaseOnce(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	code := ok(w.desk.Codes.New(t.Context(), w.citizen.ID))(t)
	p := b.fill(b.get("/operator"), "visit-code", strings.ReplaceAll(code.Code, "-", ""), "reason", "confirm")
	if p.title() != titleCompare || strings.Contains(p.path, code.Code) {
		t.Fatalf("%d at %s %q", p.status, p.path, p.title())
	}
	p = b.fill(b.get("/operator"), "visit-code", code.Code, "reason", "confirm").want(t, 422, "/operator", titleSearch)
	if p.Find(`a[href="#visit-code"]`).Length() == 0 {
		t.Error("a spent code is not told")
	}
	b.fill(b.get("/operator"), "visit-code", "12", "reason", "confirm").want(t, 422, "/operator", titleSearch)
}

func TestAccessIsRestoredByTwoAndTheFirstCannotBeTheSecond(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.openFor("restore")
	p.want(t, 200, "/operator/visit/"+caseOf(p)+"/phone", titlePhone)
	here := "/operator/visit/" + caseOf(p)
	q := b.fill(b.get(here), agreed(w.citizen.Profile.Person)...).want(t, 422, here, titleCompare)
	if q.Find(`a[href="#phone"]`).Length() == 0 {
		t.Error("the page does not ask for a phone")
	}
	tel := storagetest.Phone()
	p = b.prove(p, tel).want(t, 200, here, titleCompare)
	p = b.fill(p, agreed(w.citizen.Profile.Person)...).want(t, 200, here, titleWaiting)
	b.post(here, url.Values{"act": {"confirm"}, "face": {"1"}, "genuine": {"1"}}).want(t, 200, here, titleWaiting)
	if c, _ := w.now().Profile.Contact(account.Phone); c.Value == tel {
		t.Error("restored by one alone")
	}

	far := w.colleague("77-099")
	far.get(here).want(t, 404, here, "Такой страницы нет")
	far.post(here, url.Values{"act": {"confirm"}, "face": {"1"}, "genuine": {"1"}}).want(t, 404, here, "Такой страницы нет")
	if strings.Contains(far.get("/operator").body, caseOf(p)) {
		t.Error("another centre's queue shows the case")
	}

	near := w.colleague("77-014")
	q = near.get("/operator")
	if q.Find(`#waiting`).Length() == 0 || q.Find(`a[href="`+here+`"]`).Length() != 1 || strings.Contains(q.Find("main").Text(), "Ёлкина") {
		t.Errorf("the colleague's queue: %s", q.Text())
	}
	q = near.get(here).want(t, 200, here, titleSecond)
	if !strings.Contains(q.Text(), "Ёлкина-Ковальчук") || q.Find("input[type=radio]").Length() != 0 || q.Find(`a[href$="/phone"]`).Length() != 0 {
		t.Errorf("the second's page: %s", q.Text())
	}
	near.get(here)
	looked := 0
	for _, e := range ok(w.Events(t.Context(), w.citizen.ID, 0, 50))(t) {
		if e.Kind == audit.OperatorOpened && e.Detail["second"] == "1" {
			looked++
		}
	}
	if looked != 1 {
		t.Errorf("the second's look is recorded %d times", looked)
	}
	near.fill(q, "act", "confirm", "face", "1").want(t, 422, here, titleSecond)
	near.fill(q, "act", "confirm", "face", "1", "genuine", "1").want(t, 200, here, "Доступ восстановлен")
	near.fill(q, "act", "confirm", "face", "1", "genuine", "1").want(t, 200, here, "Доступ восстановлен") // the second submission
	near.get(here+"/form.pdf").want(t, 404, here+"/form.pdf", "Такой страницы нет")
	b.get(here).want(t, 200, here, "Доступ восстановлен")
	if pdf := b.get(here + "/form.pdf"); !strings.HasPrefix(pdf.body, "%PDF-") {
		t.Errorf("form: %d", pdf.status)
	}
	if c, _ := w.now().Profile.Contact(account.Phone); c.Value != tel || w.now().Credential.TOTP != nil {
		t.Errorf("after restoring: phone %v", c)
	}
}

func TestTheSecondMayRefuse(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.prove(b.openFor("restore"), storagetest.Phone())
	here := p.path
	b.fill(p, agreed(w.citizen.Profile.Person)...).want(t, 200, here, titleWaiting)
	near := w.colleague("77-014")
	q := near.fill(near.get(here), "act", "refuse").want(t, 200, here, titleRefused)
	if !strings.Contains(q.Text(), "Второй сотрудник не согласился") {
		t.Error("the page does not say who disagreed")
	}
	b.get(here).want(t, 200, here, titleRefused)
}

func TestAnActivationCodeIsPrintedForAQuarterOfAnHour(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.openFor("code")
	here := p.path
	b.get(here+"/envelope.pdf").want(t, 404, here+"/envelope.pdf", "Такой страницы нет")
	p = b.fill(p, agreed(w.citizen.Profile.Person)...).want(t, 200, here, "Код активации выдан")
	code := ok(w.Visit(t.Context(), caseOf(p)))(t).Code
	shown := ok(civil.ParseLetterCode(code))(t).Format()
	if code == "" || strings.Contains(p.body, code) || strings.Contains(p.body, shown) {
		t.Error("the page shows the code")
	}
	pdf := b.get(here + "/envelope.pdf")
	if pdf.header.Get("Content-Type") != "application/pdf" || pdf.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(pdf.body, "%PDF-") {
		t.Errorf("envelope: %d %v", pdf.status, pdf.header)
	}
	w.colleague("77-014").get(here+"/envelope.pdf").want(t, 404, here+"/envelope.pdf", "Такой страницы нет")
	w.Clock.Advance(confirm.EnvelopePrint - 2*time.Minute)
	b.get("/operator") // keeps the session
	w.Clock.Advance(2 * time.Minute)
	b.get(here+"/envelope.pdf").want(t, 410, here+"/envelope.pdf", "Страница устарела")
	if p = b.get(here); p.Find(`a[href$="envelope.pdf"]`).Length() != 0 {
		t.Error("the page still offers the envelope")
	}
	if err := w.desk.Handlers()[confirm.JobVisitPrinted](t.Context(), caseOf(p)); err != nil {
		t.Fatal(err)
	}
	if v := ok(w.Visit(t.Context(), caseOf(p)))(t); v.Code != "" {
		t.Error("the visit still keeps the code")
	}
	if w.now().Level != account.Standard {
		t.Error("handing a code over confirmed")
	}
	if _, err := w.desk.Activate(t.Context(), w.citizen.ID, code); err != nil || w.now().Level != account.Verified {
		t.Errorf("the printed code: %v", err)
	}
}

// fields are what a form of data is posted with.
func fields(p account.Person) []string {
	f := registry.FormOf(p)
	return []string{
		"family-name", f.FamilyName, "given-name", f.GivenName, "patronymic", f.Patronymic, "sex", f.Sex,
		"birth-day", f.BirthDay, "birth-month", f.BirthMonth, "birth-year", f.BirthYear, "birth-place", f.BirthPlace, "citizenship", f.Citizenship, "snils", f.SNILS,
		"document-type", f.DocumentType, "document-number", f.DocumentNumber, "issued-day", f.IssuedDay, "issued-month", f.IssuedMonth, "issued-year", f.IssuedYear,
		"expires-day", f.ExpiresDay, "expires-month", f.ExpiresMonth, "expires-year", f.ExpiresYear, "department-code", f.DepartmentCode, "issuer", f.Issuer,
	}
}

func TestANewDocumentIsTypedComparedAndChecked(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.openFor("correct")
	here := "/operator/visit/" + caseOf(p)
	p.want(t, 200, here+"/data", "Данные нового документа")
	b.get(here).want(t, 200, here+"/data", "Данные нового документа") // nothing to compare yet
	fresh := w.citizen.Profile.Person
	doc := *fresh.Document
	doc.Number = "4526000112"
	fresh.Document = &doc
	typed := fields(fresh)
	bad := append(append([]string{}, typed...), "document-number", "12")
	if q := b.fill(p, bad...).want(t, 422, here+"/data", "Данные нового документа"); q.Find("#document-number-wrong").Length() == 0 {
		t.Error("no mistake at the number")
	}
	other := append(append([]string{}, typed...), "snils", "112-233-445 95")
	b.fill(p, other...).want(t, 422, here+"/data", "Данные нового документа")
	p = b.fill(p, typed...).want(t, 200, here, titleCompare)
	if !strings.Contains(strings.ReplaceAll(p.Text(), "\u00a0", " "), "45 26 000112") {
		t.Error("the new number is not compared")
	}
	b.fill(p, agreed(fresh)...).want(t, 200, here, titleChecked)
	w.answer(w.citizen.ID)
	b.get(here).want(t, 200, here, titleDone)
	if a := w.now(); a.Level != account.Verified || a.Profile.Person.Document.Number != "4526000112" {
		t.Errorf("after the verdict: %s, %v", a.Level, a.Profile.Person.Document)
	}
}

func TestSomebodyIsRegisteredAtTheWindowUpToVerified(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	newcomer := w.Standard(t).Profile.Person
	b.fill(b.get("/operator/register"), "family-name", "Калинина").want(t, 422, "/operator/register", "Новая учётная запись")
	p := b.fill(b.get("/operator/register"), fields(newcomer)...)
	here := "/operator/visit/" + caseOf(p)
	p.want(t, 200, here+"/phone", titlePhone)
	p = b.prove(p, storagetest.Phone()).want(t, 200, here, titleCompare)
	b.fill(p, agreed(newcomer)...).want(t, 200, here, titleChecked)
	v := ok(w.Visit(t.Context(), caseOf(p)))(t)
	w.answer(v.Account)
	b.get(here).want(t, 200, here, titleDone)
	if a := ok(w.Account(t.Context(), v.Account))(t); a.Level != account.Verified || a.Profile.Person.SNILS != newcomer.SNILS {
		t.Errorf("the new account: %+v", a.Standing)
	}
	b.fill(b.get("/operator/register"), fields(w.staff.Profile.Person)...).want(t, 422, "/operator/register", "Новая учётная запись")
}

func TestAccountsOfTheSamePersonAreShownMasked(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	twin := w.Standard(t)
	p := w.citizen.Profile.Person
	twin.Profile.Person.FamilyName, twin.Profile.Person.GivenName, twin.Profile.Person.Patronymic, twin.Profile.Person.BirthDate = p.FamilyName, p.GivenName, p.Patronymic, p.BirthDate
	w.Create(t, twin)
	q := b.openFor("confirm")
	box := q.Find(`section[aria-labelledby="others"]`).Text()
	if !strings.Contains(box, "Ё•••") || strings.Contains(box, "Ёлкина") || !strings.Contains(box, "те же имя и дата рождения") {
		t.Errorf("others: %q", box)
	}
	var noted string
	for _, e := range ok(w.Events(t.Context(), w.citizen.ID, 0, 10))(t) {
		if e.Kind == audit.OperatorOpened {
			noted = e.Detail["others"]
		}
	}
	if noted == "" || noted == "0" {
		t.Errorf("recorded %q", noted)
	}
}

func TestAnAccountIsDeletedByTwoWithASignedForm(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	b.signIn(w.staff)
	p := b.openFor("delete")
	here := p.path
	if pdf := b.get(here + "/form.pdf"); !strings.HasPrefix(pdf.body, "%PDF-") {
		t.Errorf("the form to sign: %d", pdf.status)
	}
	q := b.fill(p, agreed(w.citizen.Profile.Person)...).want(t, 422, here, titleCompare)
	if q.Find(`a[href="#sure"]`).Length() == 0 {
		t.Error("nobody asks for the signed form")
	}
	b.fill(p, agreed(w.citizen.Profile.Person, "sure", "1")...).want(t, 200, here, titleWaiting)
	near := w.colleague("77-014")
	q = near.get(here).want(t, 200, here, titleSecond)
	p = near.fill(q, "act", "confirm", "face", "1", "genuine", "1", "what", "delete").want(t, 200, "/operator", titleSearch)
	if !strings.Contains(p.Find(".Note--good").Text(), "Учётная запись удалена") {
		t.Errorf("after: %s", p.Text())
	}
	p = near.fill(q, "act", "confirm", "face", "1", "genuine", "1", "what", "delete").want(t, 200, "/operator", titleSearch) // the second submission
	if !strings.Contains(p.Text(), "Такого обращения больше нет") {
		t.Error("the second submission is not explained")
	}
	if _, err := w.Account(t.Context(), w.citizen.ID); err == nil {
		t.Error("the account is still there")
	}
	b.get(here).want(t, 404, here, "Такой страницы нет")
	b.get("/operator/journal").want(t, 200, "/operator/journal", "Ваши действия")
}
