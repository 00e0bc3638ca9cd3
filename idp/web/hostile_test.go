package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/policy"
	"github.com/propusk/propusk/storage/storagetest"
)

var requestID = regexp.MustCompile(`^[0-9A-Z]{4}-[0-9A-Z]{4}$`)

// TestHTMLInjection sends every form what no page of ours sends. Nothing becomes a fault of ours, nothing
// comes back as markup, and every answer has its request id.
func TestHTMLInjection(t *testing.T) {
	w := newWorld(t)
	a := w.standard()
	markup := `"><script>alert(1)</script><b x='`
	in := w.browser()
	in.signIn(phone(a), secret)
	tel := storagetest.Phone()
	recovering := recoverBy(w.browser(), phone(a))
	party := w.party(policy.Policy{})
	asked := w.browser()
	consent := w.ask(asked, party, "profile").send("username", phone(a), "password", secret).at("/login/consent", http.StatusOK)
	proved := begin(w.browser(), "email", "hostile@example.org")
	proved = proved.b.get(w.link("hostile@example.org"))
	newcomer := begin(w.browser(), "tel", tel)

	guarded := w.standard()
	own := w.in(guarded)
	key := w.app(own)
	w.Clock.Advance(time.Minute)
	asked2 := w.browser().signIn(phone(guarded), secret).at("/login/code", http.StatusOK)
	risen := w.standard()
	rising := w.in(risen)
	w.change(risen, func(a *account.Account) error {
		return a.Confirm(account.Confirmation{ID: "visit", Method: account.ServiceCenter, At: w.Clock.Now()})
	})
	waiting := w.standard()
	identity := recoverBy(w.browser(), phone(waiting)).send("code", w.code(phone(waiting))).at("/recover/identity", http.StatusOK)
	back := w.standard()
	choosing := recoverBy(w.browser(), phone(back)).send("code", w.code(phone(back))).at("/recover/identity", http.StatusOK).
		send("snils", back.Profile.Person.SNILS.Format(), "document-number", back.Profile.Person.Document.Format()).at("/recover/password", http.StatusOK)
	written := w.standard()
	if _, err := w.door.Letters.Order(t.Context(), written.ID, civil.Address{PostalCode: "302001", Region: "Орловская область", Locality: "Орёл", House: "1"}); err != nil {
		t.Fatal(err)
	}
	reading := w.in(written)

	forms := []struct {
		page   *page
		fields []string
		bare   int    // the answer to an empty form; 0: any below 500, since an empty button is an act
		always string // what goes with every form: the button
	}{
		{w.browser().get("/login"), []string{"username", "password", "foreign-computer"}, 422, ""},
		{w.browser().get("/register"), []string{"family-name", "given-name", "tel", "email", "consent"}, 422, ""},
		{newcomer, []string{"code", "again"}, 422, ""},
		{proved, []string{"token"}, 0, ""},
		{w.browser().get("/recover"), []string{"username"}, 422, ""},
		{recovering, []string{"code", "again"}, 422, ""},
		{consent, []string{"answer"}, 400, ""},
		{in.get("/account/contacts"), []string{"tel", "email", "current-password"}, 422, ""},
		{in.get("/account/security"), []string{"end"}, 400, ""},
		{in.get("/account/security/password"), []string{"current-password", "password", "password-again"}, 422, ""},
		{in.get("/account/security/totp"), []string{"code"}, 422, ""},
		{in.get("/account/profile"), []string{"family-name", "given-name", "patronymic", "sex", "birth-day", "birth-month", "birth-year", "birth-place",
			"citizenship", "snils", "document-type", "document-number", "issued-day", "issued-month", "issued-year", "expires-day", "expires-month",
			"expires-year", "department-code", "issuer"}, 422, ""},
		{in.get("/account/contacts/remove?contact=email"), []string{"current-password", "contact"}, 422, ""},
		{own.get("/account/security/totp/off"), []string{"current-password", "code"}, 422, ""},
		{own.get("/account/security/totp/off"), []string{"code"}, 422, "current-password=" + secret},
		{own.get("/account/security/totp/off"), []string{"current-password"}, 422, "code=" + w.otp(key)},
		{asked2, []string{"code"}, 422, ""},
		{rising.get("/account/use-now"), []string{"password"}, 422, ""},
		{identity, []string{"snils", "document-number"}, 422, ""},
		{choosing, []string{"password", "password-again", "suggest"}, 422, ""},
		{in.get("/account/confirm/letter"), []string{"postal-code", "region", "locality", "street", "house", "flat", "act"}, 422, ""},
		{reading.get("/account/confirm/letter"), []string{"letter-code"}, 422, "act=enter"},
	}
	for _, f := range forms {
		form := f.page.Find("form#main-form")
		if form.Length() != 1 {
			t.Fatalf("%s has no form: %d %s", f.page.url.Path, f.page.status, f.page.text())
		}
		target, err := f.page.url.Parse(form.AttrOr("action", ""))
		if err != nil {
			t.Fatal(err)
		}
		to := target.String()
		name := target.Path
		check := func(kind string, p *page, wants ...int) {
			t.Helper()
			ok := len(wants) == 0 && p.status < 500
			for _, s := range wants {
				ok = ok || p.status == s
			}
			if !ok {
				t.Errorf("%s, %s: status %d, want %v", name, kind, p.status, wants)
			}
			if strings.Contains(p.body, "<script>alert") || strings.Contains(p.body, "<b x=") {
				t.Errorf("%s, %s: markup came back", name, kind)
			}
			if id := p.header.Get("X-Request-Id"); !requestID.MatchString(id) {
				t.Errorf("%s, %s: request id %q", name, kind, id)
			} else if p.status >= 400 && p.Find("form#main-form").Length() == 0 { // not a form to correct: a page of its own
				if !strings.Contains(p.Find("#error-code").Text(), id) {
					t.Errorf("%s, %s: the page shows %q, not the request id %s", name, kind, p.Find("#error-code").Text(), id)
				}
			}
		}
		for _, field := range f.fields {
			check(field+" doubled", f.page.b.post(to, f.always+"&"+url.Values{field: {"a", "b"}}.Encode()), 400)
			check(field+" of 1 MB", f.page.b.post(to, f.always+"&"+field+"="+strings.Repeat("a", 1<<20)), 413)
			check(field+" not UTF-8", f.page.b.post(to, f.always+"&"+field+"=%ff%fe"), 400)
			check(field+" with a NUL", f.page.b.post(to, f.always+"&"+field+"=a%00b"), 400)
		}
		check("not a form", f.page.b.post(to, "%zz"), 400)
		if f.bare != 0 {
			check("empty", f.page.b.post(to, f.always), f.bare)
		}
		all, err := url.ParseQuery(f.always)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range f.fields {
			if field != "again" && field != "token" {
				all.Set(field, markup)
			}
		}
		if len(all) > 0 {
			check("markup", f.page.b.post(to, all.Encode()))
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	p := b.get("/login")
	r, err := http.NewRequest(http.MethodPost, p.url.String(), strings.NewReader("username=a&password=b"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://evil.example")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(r).at("/login", http.StatusForbidden)
}

func TestBrokenReferencesNeverFail(t *testing.T) {
	w := newWorld(t)
	a := w.simplified()
	b := w.browser()
	b.signIn(phone(a), secret)
	for _, path := range []string{
		"/login?tx=x", "/login/code?tx=x", "/login/code", "/login/consent", "/login/refusal?tx=" + strings.Repeat("A", 5000), "/login/use-now?tx=%ff",
		"/register?r=x", "/register/code", "/register/code?r=%22%3E", "/register/sent?r=AQ", "/register/password", "/register/link/x",
		"/recover/code?r=x", "/recover/identity", "/recover/password?r=AQAAAAE", "/recover/link/%3Cb%3E",
		"/account/contacts/code?r=x", "/account/contacts/link/x", "/legal/nothing", "/why/%3Cscript%3E", "/login?tx=a&tx=b",
		"/account/security?before=-5", "/account?notice=%3Cb%3E", "/recover/done?until=99999999999999999999",
	} {
		p := b.get(path)
		// /why speaks of another request than this one.
		if id := p.header.Get("X-Request-Id"); p.status >= 400 && !strings.HasPrefix(path, "/why") && !strings.Contains(p.Find("#error-code").Text(), id) {
			t.Errorf("GET %s: the page shows %q, not the request id %s", path, p.Find("#error-code").Text(), id)
		}
		if p.status >= 500 || strings.Contains(p.body, "<script>") || strings.Contains(p.body, "<b>") {
			t.Errorf("GET %s: %d", path, p.status)
		}
	}
	if p := b.do(mustRequest(t, http.MethodDelete, w.server.URL+"/login")); p.status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE /login: %d, want 405", p.status)
	}
}

func mustRequest(t *testing.T, method, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
