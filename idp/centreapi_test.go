package idp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/centre"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
)

// A window is an operator's shift in the software of their centre.
type window struct {
	*idptest.World
	t        *testing.T
	program  *idptest.Partner
	token    string
	operator *account.Account
	browser  *idptest.Browser
	shift    string
	contract contract
	n        int
}

// atCentre is a program of centre 77-001 with an operator's shift open in it.
func atCentre(t *testing.T) *window {
	t.Helper()
	w := &window{World: idptest.New(t), t: t}
	w.operator = w.NewOperator()
	w.program = w.RegisterPartner(&partner.Partner{ID: "desk", Kind: partner.Centre, Number: "77-001"})
	w.contract, w.token = served(t, w.World), w.program.Token()
	w.browser, w.shift = w.begin(w.operator)
	return w
}

// begin signs an operator in at the console and opens a shift there.
func (w *window) begin(op *account.Account) (*idptest.Browser, string) {
	w.t.Helper()
	b := w.Browser()
	b.Get("/operator").Submit("username", idptest.Phone(op), "password", idptest.Password).Submit("code", idptest.TOTP(w.t)).At("/operator", http.StatusOK)
	p := b.Post("/operator/shift", url.Values{"partner": {"desk"}}).At("/operator/shift", http.StatusOK)
	token := p.Find("#token").Text()
	if len(token) != 43 || b.Get("/operator/shift").Find("#token").Length() != 0 {
		w.t.Fatalf("token %q: shown once is the rule\n%s", token, p.Text())
	}
	return b, token
}

// request is a call of the operator's; body nil: a GET.
func (w *window) request(path string, body any) *http.Request {
	w.t.Helper()
	w.n++
	r := w.program.Request(w.token, "/centre"+path, fmt.Sprintf("centre-%05d", w.n), body)
	r.Header.Set("Propusk-Operator", w.shift)
	return r
}

// call sends it, and holds the answer against the description of template.
func (w *window) call(template, path string, body any, want int) map[string]any {
	w.t.Helper()
	r := w.request(path, body)
	return w.told(template, r, w.program.Send(r), want)
}

func (w *window) told(template string, r *http.Request, a *idptest.Reply, want int) map[string]any {
	w.t.Helper()
	if a.Status != want {
		w.t.Fatalf("%s %s: %d %s, want %d", r.Method, r.URL.Path, a.Status, a.Body, want)
	}
	w.contract.answers(w.t, r.Method, "/centre"+template, a)
	var out map[string]any
	if err := a.Into(&out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func numbers(a *account.Account, why string) map[string]any {
	p := a.Profile.Person
	return map[string]any{"snils": p.SNILS.String(), "document_number": p.Document.Number, "reason": why}
}

// agreed answers that every line of a case is the same.
func agreed(k map[string]any) map[string]any {
	same := map[string]any{}
	for _, f := range k["compare"].([]any) {
		same[f.(string)] = true
	}
	return map[string]any{"same": same, "face": true, "genuine": true}
}

func (w *window) acts() (out []string) {
	w.t.Helper()
	events, err := w.Records.EventsBy(w.t.Context(), w.operator.ID, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range events {
		if strings.HasPrefix(e.Session, "shift ") {
			out = append([]string{string(e.Kind)}, out...)
		}
	}
	return out
}

func TestACentresProgramConfirmsAsTheConsoleDoes(t *testing.T) {
	w := atCentre(t)
	citizen := w.NewCitizen(account.Standard)
	v := w.call("/searches", "/searches", numbers(citizen, "confirm"), http.StatusCreated)
	id := v["id"].(string)
	k := w.call("/visits/{id}", "/visits/"+id, nil, http.StatusOK)
	person := k["person"].(map[string]any)
	if person["snils"] != citizen.Profile.Person.SNILS.String() || k["level"] != "standard" || k["obstacle"] != nil {
		t.Errorf("case %v", k)
	}
	half := agreed(k)
	delete(half["same"].(map[string]any), "birth_date")
	wrong := w.call("/visits/{id}/settlement", "/visits/"+id+"/settlement", half, http.StatusUnprocessableEntity)
	if !strings.Contains(fmt.Sprint(wrong["errors"]), "birth_date") {
		t.Errorf("told %v", wrong)
	}
	if q := w.call("/visits", "/visits", nil, http.StatusOK); len(q["open"].([]any)) != 1 || strings.Contains(fmt.Sprint(q), citizen.Profile.Person.FamilyName.String()) {
		t.Errorf("queue %v", q)
	}

	// The same request twice: one effect, one answer.
	settle := w.request("/visits/"+id+"/settlement", agreed(k))
	first := w.told("/visits/{id}/settlement", settle, w.program.Send(settle), http.StatusOK)
	again := w.program.Request(w.token, "/centre/visits/"+id+"/settlement", settle.Header.Get("Idempotency-Key"), agreed(k))
	again.Header.Set("Propusk-Operator", w.shift)
	a := w.program.Send(again)
	second := w.told("/visits/{id}/settlement", again, a, http.StatusOK)
	if first["status"] != "confirmed" || fmt.Sprint(first) != fmt.Sprint(second) || a.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %v, second %v %v", first, second, a.Header)
	}
	got, err := w.Records.Account(t.Context(), citizen.ID)
	if err != nil || got.Level != account.Verified || len(got.Confirmations) != 1 || got.Confirmations[0].Operator != w.operator.ID {
		t.Fatalf("account %+v %v", got, err)
	}
	if k = w.call("/visits/{id}", "/visits/"+id, nil, http.StatusOK); k["person"] != nil || k["compare"] != nil {
		t.Errorf("data after the decision: %v", k)
	}
	form := w.call("/visits/{id}/form", "/visits/"+id+"/form", nil, http.StatusOK)
	if pdf, err := base64.StdEncoding.DecodeString(form["pdf"].(string)); err != nil || !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Errorf("form: %v", err)
	}
	want := []string{string(audit.OperatorSearched), string(audit.OperatorOpened), string(audit.Confirmed), string(audit.OperatorPrinted)}
	if got := w.acts(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestACentresProgramDoesNothingThatTheConsoleDoesNot(t *testing.T) {
	w := atCentre(t)
	own := w.call("/searches", "/searches", numbers(w.operator, "confirm"), http.StatusCreated)["id"].(string)
	if k := w.call("/visits/{id}", "/visits/"+own, nil, http.StatusOK); k["obstacle"] != "own" || k["person"] != nil {
		t.Errorf("the operator's own account: %v", k)
	}
	if p := w.call("/visits/{id}/settlement", "/visits/"+own+"/settlement", map[string]any{"same": map[string]any{}, "face": true, "genuine": true}, http.StatusForbidden); p["code"] != "obstacle_own" {
		t.Errorf("told %v", p)
	}
	citizen := w.NewCitizen(account.Standard)
	v := w.call("/searches", "/searches", numbers(citizen, "confirm"), http.StatusCreated)["id"].(string)

	colleague := w.NewOperator()
	mine := w.shift
	_, w.shift = w.begin(colleague)
	if p := w.call("/visits/{id}", "/visits/"+v, nil, http.StatusNotFound); p["code"] != "no_visit" {
		t.Errorf("a colleague's visit: %v", p)
	}
	w.call("/visits/{id}/refusal", "/visits/"+v+"/refusal", map[string]any{"mismatches": []string{"face"}}, http.StatusNotFound)
	w.shift = mine
	if got := w.call("/visits/{id}/refusal", "/visits/"+v+"/refusal", map[string]any{"mismatches": []string{"face", "colour"}}, http.StatusOK); got["status"] != "refused" || fmt.Sprint(got["mismatches"]) != "[face]" {
		t.Errorf("refused %v", got)
	}
	nobody := numbers(citizen, "confirm")
	nobody["document_number"] = "4500000001"
	if p := w.call("/searches", "/searches", nobody, http.StatusNotFound); p["code"] != "other_document" {
		t.Errorf("another document: %v", p)
	}
}

func TestAShiftCountsOnlyWhereItWasOpened(t *testing.T) {
	w := atCentre(t)
	refused := func(name, code string) {
		t.Helper()
		r := w.request("/visits", nil)
		a := w.program.Send(r)
		if p := w.told("/visits", r, a, http.StatusUnauthorized); p["code"] != code {
			t.Errorf("%s: %v", name, p)
		}
	}
	right := w.shift
	for name, bad := range map[string]string{"nothing": "", "a number": "42", "markup": markup, "another": strings.Repeat("A", 43), "long": strings.Repeat("A", 3000)} {
		w.shift = bad
		refused(name, "shift_over")
	}
	w.shift = right
	w.call("/visits", "/visits", nil, http.StatusOK) // binds it to the key

	r := w.request("/visits", nil)
	if a := w.program.Send(r); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if p := w.told("/visits", r, w.program.Send(r), http.StatusUnauthorized); p["code"] != "invalid_dpop_proof" {
		t.Errorf("a replayed proof: %v", p)
	}
	none := w.request("/visits", nil)
	none.Header.Del("Propusk-Operator")
	if p := w.told("/visits", none, w.program.Send(none), http.StatusUnauthorized); p["code"] != "no_operator" {
		t.Errorf("no operator: %v", p)
	}

	// Other programs: of another centre, of the same, a bank.
	desk, token := w.program, w.token
	for name, p := range map[string]*partner.Partner{
		"another centre's": {ID: "far", Kind: partner.Centre, Number: "78-001"}, "the centre's other": {ID: "queue", Kind: partner.Centre, Number: "77-001"},
	} {
		w.program = w.RegisterPartner(p)
		w.token = w.program.Token()
		refused(name, "shift_over")
	}
	w.program = w.RegisterPartner(&partner.Partner{ID: "bank", Kind: partner.Bank})
	w.token = w.program.Token()
	if a := w.program.Send(w.request("/visits", nil)); a.Status != http.StatusForbidden {
		t.Errorf("a bank: %d", a.Status)
	}
	// The program itself with another key of its own.
	fresh := *desk
	var err error
	if fresh.Bound, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.program = &fresh
	w.token = w.program.Token()
	refused("another key", "shift_over")
	w.program, w.token = desk, token
	w.call("/visits", "/visits", nil, http.StatusOK)
}

func TestAShiftEndsWithWhatItStandsOn(t *testing.T) {
	for name, end := range map[string]func(w *window) error{
		"the operator ends it": func(w *window) error {
			w.browser.Post("/operator/shift", url.Values{"close": {"1"}})
			return nil
		},
		"another is opened": func(w *window) error {
			w.browser.Post("/operator/shift", url.Values{"partner": {"desk"}})
			return nil
		},
		"twelve hours pass": func(w *window) error { w.Clock.Advance(12 * time.Hour); return nil },
		"the membership ends": func(w *window) error {
			return w.Records.SaveMember(w.t.Context(), &centre.Member{Account: w.operator.ID, Centre: "77-001", Role: centre.Operator, Window: "1"})
		},
		"another centre": func(w *window) error {
			c := &centre.Centre{ID: "78-001", Name: map[string]string{"ru": "Центр"}, Address: map[string]string{"ru": "Невская, 1"}}
			if err := w.Records.SaveCentre(w.t.Context(), c); err != nil {
				return err
			}
			return w.Records.SaveMember(w.t.Context(), &centre.Member{Account: w.operator.ID, Centre: "78-001", Role: centre.Operator, Window: "1", Active: true})
		},
		"the account falls": func(w *window) error {
			_, err := w.Records.ChangeAccount(w.t.Context(), w.operator.ID, func(a *account.Account) error { a.Renew(); return nil })
			return err
		},
		"the account is locked": func(w *window) error {
			_, err := w.Records.ChangeAccount(w.t.Context(), w.operator.ID, func(a *account.Account) error { a.Lock.Since = w.Clock.Now(); return nil })
			return err
		},
		"the account is frozen": func(w *window) error {
			_, err := w.Records.ChangeAccount(w.t.Context(), w.operator.ID, func(a *account.Account) error { a.Locks.Frozen = w.Clock.Now(); return nil })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := atCentre(t)
			w.call("/visits", "/visits", nil, http.StatusOK)
			if err := end(w); err != nil {
				t.Fatal(err)
			}
			if p := w.call("/visits", "/visits", nil, http.StatusUnauthorized); p["code"] != "shift_over" {
				t.Errorf("told %v", p)
			}
		})
	}
}

func TestACentresProgramSendsNonsense(t *testing.T) {
	w := atCentre(t)
	v := w.call("/searches", "/searches", numbers(w.NewCitizen(account.Standard), "confirm"), http.StatusCreated)["id"].(string)
	for _, x := range []struct {
		template, path string
		body           any
		want           int
	}{
		{"/searches", "/searches", []byte(`{`), 400}, {"/searches", "/searches", []byte(`[]`), 400}, {"/searches", "/searches", map[string]any{"colour": 1}, 400},
		{"/searches", "/searches", map[string]any{"reason": markup, "snils": markup, "document_number": markup}, 422},
		{"/searches", "/searches", map[string]any{"reason": "confirm", "visit_code": "1234-5678"}, 404},
		{"/searches", "/searches", map[string]any{"reason": "confirm", "visit_code": markup}, 422},
		{"/searches", "/searches", map[string]any{"reason": "confirm", "visit_code": "1234-5678", "snils": "1"}, 422},
		{"/registrations", "/registrations", map[string]any{"person": map[string]any{"family_name": markup}}, 422},
		{"/registrations", "/registrations", map[string]any{"language": "fr", "person": map[string]any{}}, 422},
		{"/visits/{id}/settlement", "/visits/" + v + "/settlement", map[string]any{"same": map[string]any{markup: true}, "face": true}, 422},
		{"/visits/{id}/settlement", "/visits/" + v + "/settlement", map[string]any{"same": "yes"}, 400},
		{"/visits/{id}/settlement", "/visits/nobody/settlement", map[string]any{"same": map[string]any{}}, 404},
		{"/visits/{id}/second", "/visits/" + v + "/second", map[string]any{}, 422},
		{"/visits/{id}/second", "/visits/" + v + "/second", map[string]any{"agree": true, "face": true, "genuine": true}, 422},
		{"/visits/{id}/second", "/visits/" + v + "/second", map[string]any{"agree": true, "face": true, "genuine": true, "code": markup}, 422},
		{"/visits/{id}/second", "/visits/" + v + "/second", map[string]any{"agree": false}, 404},
		{"/visits/{id}/phone", "/visits/" + v + "/phone", map[string]any{"phone": markup}, 422},
		{"/visits/{id}/phone/code", "/visits/" + v + "/phone/code", map[string]any{"code": markup}, 422},
		{"/visits/{id}/data", "/visits/" + v + "/data", map[string]any{"person": map[string]any{"birth_date": "yesterday"}}, 422},
		{"/visits/{id}", "/visits/AAAAAAAAAAAAAAAAAAAAAAAAAA", nil, 404},
	} {
		r := w.request(x.path, x.body)
		a := w.program.Send(r)
		w.told(x.template, r, a, x.want)
		if strings.Contains(string(a.Body), "<script>") {
			t.Errorf("markup came back: %s", a.Body)
		}
	}
	if k := w.call("/visits/{id}", "/visits/"+v, nil, http.StatusOK); k["status"] != "open" {
		t.Errorf("nonsense moved the visit: %v", k)
	}
}

// prove has the person at the window read out the code that came to a phone.
func (w *window) prove(visit, phone string) {
	w.t.Helper()
	if v := w.call("/visits/{id}/phone", "/visits/"+visit+"/phone", map[string]any{"phone": phone}, http.StatusOK); v["phone"] != "waiting" {
		w.t.Fatalf("sent: %v", v)
	}
	code := w.Message(phone, 0).Code
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	if v := w.call("/visits/{id}/phone/code", "/visits/"+visit+"/phone/code", map[string]any{"code": wrong}, http.StatusOK); v["phone"] != "waiting" || v["tries_left"] == nil {
		w.t.Errorf("a wrong code: %v", v)
	}
	if v := w.call("/visits/{id}/phone/code", "/visits/"+visit+"/phone/code", map[string]any{"code": code}, http.StatusOK); v["phone"] != "proved" {
		w.t.Fatalf("the code: %v", v)
	}
}

func TestACentresProgramRegistersSomebodyOnTheSpot(t *testing.T) {
	w := atCentre(t)
	a := idptest.Citizen(t, w.Clock.Now(), account.Standard) // whom the registries know, and who has no account
	w.Enter(idptest.Registered(a.Profile.Person, idptest.Phone(a)))
	p := a.Profile.Person
	body := map[string]any{"language": "en", "person": map[string]any{
		"family_name": p.FamilyName.String(), "given_name": p.GivenName.String(), "patronymic": p.Patronymic.String(), "sex": p.Sex.String(),
		"birth_date": p.BirthDate.String(), "birth_place": p.BirthPlace, "citizenship": p.Citizenship.String(), "snils": p.SNILS.String(),
		"document": map[string]any{
			"type": p.Document.Type.String(), "number": p.Document.Number, "issued_on": p.Document.IssuedOn.String(), "issuer": p.Document.Issuer,
			"department_code": p.Document.DepartmentCode,
		},
	}}
	r := w.request("/registrations", body)
	v := w.told("/registrations", r, w.program.Send(r), http.StatusCreated)
	again := w.program.Request(w.token, "/centre/registrations", r.Header.Get("Idempotency-Key"), body)
	again.Header.Set("Propusk-Operator", w.shift)
	if twice := w.told("/registrations", again, w.program.Send(again), http.StatusCreated); twice["id"] != v["id"] {
		t.Fatalf("one request, two people: %v %v", v, twice)
	}
	id := v["id"].(string)
	k := w.call("/visits/{id}", "/visits/"+id, nil, http.StatusOK)
	if wrong := w.call("/visits/{id}/settlement", "/visits/"+id+"/settlement", agreed(k), http.StatusUnprocessableEntity); !strings.Contains(fmt.Sprint(wrong["errors"]), "tel.unproved") {
		t.Errorf("without a phone: %v", wrong)
	}
	w.prove(id, idptest.Phone(a))
	k = w.call("/visits/{id}", "/visits/"+id, nil, http.StatusOK)
	if got := w.call("/visits/{id}/settlement", "/visits/"+id+"/settlement", agreed(k), http.StatusOK); got["status"] != "checking" {
		t.Errorf("settled: %v", got)
	}
}

func TestTwoOperatorsOfACentresProgramGiveAccessBack(t *testing.T) {
	w := atCentre(t)
	citizen := w.NewCitizen(account.Standard)
	id := w.call("/searches", "/searches", numbers(citizen, "restore"), http.StatusCreated)["id"].(string)
	w.prove(id, "+79005550142")
	k := w.call("/visits/{id}", "/visits/"+id, nil, http.StatusOK)
	waits := w.call("/visits/{id}/settlement", "/visits/"+id+"/settlement", agreed(k), http.StatusOK)
	if waits["status"] != "waiting" || len(waits["risks"].([]any)) == 0 {
		t.Fatalf("one was enough: %v", waits)
	}
	yes := map[string]any{"agree": true, "face": true, "genuine": true}
	yes["code"] = idptest.TOTPIn(t, 30*time.Second)
	if p := w.call("/visits/{id}/second", "/visits/"+id+"/second", yes, http.StatusNotFound); p["code"] != "no_visit" {
		t.Errorf("the same operator twice: %v", p)
	}
	_, w.shift = w.begin(w.NewOperator())
	delete(yes, "code")
	if wrong := w.call("/visits/{id}/second", "/visits/"+id+"/second", yes, http.StatusUnprocessableEntity); !strings.Contains(fmt.Sprint(wrong["errors"]), "code.required") {
		t.Errorf("both operators' shifts without the second one's hand: %v", wrong)
	}
	yes["code"] = idptest.TOTPIn(t, 30*time.Second)
	if q := w.call("/visits", "/visits", nil, http.StatusOK); len(q["waiting"].([]any)) != 1 {
		t.Errorf("queue %v", q)
	}
	if k := w.call("/visits/{id}/second", "/visits/"+id+"/second", nil, http.StatusOK); k["person"] == nil {
		t.Errorf("the colleague sees %v", k)
	}
	if got := w.call("/visits/{id}/second", "/visits/"+id+"/second", yes, http.StatusOK); got["status"] != "restored" {
		t.Errorf("decided: %v", got)
	}
	got, err := w.Records.Account(t.Context(), citizen.ID)
	if err != nil || idptest.Phone(got) != "+79005550142" {
		t.Errorf("phone %s %v", idptest.Phone(got), err)
	}
}

func TestParallelRepeatsOfACentresProgramHaveOneEffect(t *testing.T) {
	w := atCentre(t)
	citizen := w.NewCitizen(account.Standard)
	replies := make([]*idptest.Reply, 5)
	var all sync.WaitGroup
	for i := range replies {
		r := w.program.Request(w.token, "/centre/searches", "one-search", numbers(citizen, "confirm"))
		r.Header.Set("Propusk-Operator", w.shift)
		program := *w.program
		all.Go(func() { replies[i] = program.Send(r) })
	}
	all.Wait()
	ids := map[string]bool{}
	for _, a := range replies {
		var out struct{ ID, Code string }
		if err := a.Into(&out); err != nil {
			t.Fatal(err)
		}
		switch {
		case a.Status == http.StatusCreated:
			ids[out.ID] = true
		case a.Status != http.StatusConflict || out.Code != "under_way":
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if len(ids) != 1 {
		t.Errorf("one search opened %d visits", len(ids))
	}
	if got, want := w.acts(), []string{string(audit.OperatorSearched), string(audit.OperatorOpened)}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("recorded %v, want %v", got, want)
	}
}

func TestAShiftEndsWithTheConsoleThatOpenedIt(t *testing.T) {
	w := atCentre(t)
	w.call("/visits", "/visits", nil, http.StatusOK)
	w.browser.Post("/operator/logout", nil)
	if p := w.call("/visits", "/visits", nil, http.StatusUnauthorized); p["code"] != "shift_over" {
		t.Errorf("signed out at the console: %v", p)
	}
	_, w.shift = w.begin(w.NewOperator())
	w.call("/visits", "/visits", nil, http.StatusOK)
}

func TestAShiftEndsWhenItsSessionIsEndedFromElsewhere(t *testing.T) {
	w := atCentre(t)
	w.call("/visits", "/visits", nil, http.StatusOK)
	err := w.Records.Atomically(t.Context(), func(tx *sqlstore.Stores) error {
		return session.End(t.Context(), tx, session.Scope{Account: w.operator.ID}, false, session.Why{Now: w.Clock.Now(), Wall: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	if p := w.call("/visits", "/visits", nil, http.StatusUnauthorized); p["code"] != "shift_over" {
		t.Errorf("ended from elsewhere: %v", p)
	}
}
