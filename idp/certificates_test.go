package idp_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/examples/simulators/authority"
	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/idptest"
)

// A bureau is a world with certification authorities, and with a listener where certificates are presented.
type bureau struct {
	*idptest.World
	*authority.Office
	t        *testing.T
	listener *url.URL
}

func newBureau(t *testing.T, options ...idptest.Option) *bureau {
	t.Helper()
	mux := http.NewServeMux()
	ca := httptest.NewServer(mux)
	t.Cleanup(ca.Close)
	office, err := authority.Open(t.Context(), t.TempDir(), ca.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = office.Close() })
	office.Mount(mux)

	b := &bureau{Office: office, t: t}
	var handler http.Handler
	listener := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	listener.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
	listener.StartTLS()
	t.Cleanup(listener.Close)
	if b.listener, err = url.Parse(listener.URL); err != nil {
		t.Fatal(err)
	}
	options = append(options, idptest.Configure(func(c *idp.Config) {
		c.Certificates.PublicURL = b.listener
		c.Certificates.Rules.Card = []string{authority.CardPolicy}
	}))
	b.World = idptest.New(t, options...)
	handler = b.CertificateHandler()
	for _, r := range office.Roots() {
		a, err := certificate.NewAnchor(certificate.Anchor{DER: r.DER, CRLs: r.CRLs, OCSP: []string{r.OCSP}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.Records.SaveAnchor(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// token issues a certificate to an account's citizen.
func (b *bureau) token(a *account.Account, change ...func(*authority.Order)) authority.Certificate {
	b.t.Helper()
	p := a.Profile.Person
	o := authority.Order{SNILS: p.SNILS.String(), FamilyName: p.FamilyName.String(), GivenName: p.GivenName.String(), Patronymic: p.Patronymic.String()}
	for _, f := range change {
		f(&o)
	}
	c, err := b.Issue(b.t.Context(), o)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// present opens an address of the listener with a certificate, or without, and gives where it leads.
func (b *bureau) present(address string, with *authority.Certificate) string {
	b.t.Helper()
	t := &tls.Config{InsecureSkipVerify: true} // the listener's certificate is the test's own
	if with != nil {
		pair, err := tls.X509KeyPair([]byte(with.Certificate+with.Chain), []byte(with.Key))
		if err != nil {
			b.t.Fatal(err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: t}, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	res, err := client.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	to := res.Header.Get("Location")
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, b.Issuer.String()+"/") {
		body, _ := io.ReadAll(res.Body)
		b.t.Fatalf("the listener answered %d to %q: %s", res.StatusCode, to, body)
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
		if got := res.Header.Get(name); got != want {
			b.t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	return to
}

// statement opens the page of signatures, asks for a statement and reads it; form is where it goes signed.
func (b *bureau) statement(w *idptest.Browser) (content []byte, form string) {
	b.t.Helper()
	page := w.Get("/account/confirm/signature")
	page = w.Post(page.Find("#main-form").AttrOr("action", ""), nil)
	file := page.Find("#statement").AttrOr("href", "")
	if file == "" {
		b.t.Fatalf("no statement on %s: %d %s", page.URL, page.Status, page.Find("main").Text())
	}
	return []byte(w.Get(file).Body), page.Find("#main-form").AttrOr("action", "")
}

// upload sends a file as browsers do.
func (b *bureau) upload(w *idptest.Browser, to string, file []byte) *idptest.Page {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("signed", "statement.txt.p7s")
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = part.Write(file)
	_ = form.Close()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.Issuer.String()+to, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return w.Do(r)
}

func (b *bureau) level(a *account.Account) account.Level {
	b.t.Helper()
	got, err := b.Records.Account(b.t.Context(), a.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return got.Level
}

func TestACitizenConfirmsByASignedStatement(t *testing.T) {
	b := newBureau(t)
	algorithms := []string{"ecdsa", "rsa"}
	if b.HasGOST() {
		algorithms = append(algorithms, "gost")
	}
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) {
			a := b.NewCitizen(account.Standard)
			w := b.Browser()
			w.SignIn(a)
			content, form := b.statement(w)
			signed, err := b.Sign(t.Context(), b.token(a, func(o *authority.Order) { o.Algorithm = algorithm }), content, algorithm != "rsa")
			if err != nil {
				t.Fatal(err)
			}
			page := b.upload(w, form, signed)
			if page.URL.Path != "/account/confirm/done" || b.level(a) != account.Verified {
				t.Fatalf("at %s, %s: %s", page.URL.Path, b.level(a), page.Find("main").Text())
			}
		})
	}
}

func TestRefusedSignaturesSayWhyAndHowToGoOn(t *testing.T) {
	b := newBureau(t)
	a := b.NewCitizen(account.Standard)
	other := b.NewCitizen(account.Standard)
	w := b.Browser()
	w.SignIn(a)
	content, form := b.statement(w)
	good := b.token(a)
	sign := func(c authority.Certificate, content []byte) []byte {
		out, err := b.Sign(t.Context(), c, content, true)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	revoked := b.token(a)
	if _, err := b.Revoke(t.Context(), revoked.Serial); err != nil {
		t.Fatal(err)
	}
	past := func(o *authority.Order) {
		o.From, o.Until = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
	}
	for name, row := range map[string]struct {
		file []byte
		want string
	}{
		"expired":       {sign(b.token(a, past), content), "Срок сертификата истёк"},
		"revoked":       {sign(revoked, content), "Сертификат отозван"},
		"wrong person":  {sign(b.token(other), content), "на другое имя или другой СНИЛС"},
		"unknown root":  {sign(b.token(a, func(o *authority.Order) { o.Tree = authority.Stranger }), content), "Мы не знаем центра"},
		"not qualified": {sign(b.token(a, func(o *authority.Order) { o.Kind = "plain" }), content), "не квалифицированная"},
		"another text":  {sign(good, []byte("не то")), "Подписан другой текст"},
		"no signature":  {content, "Это не файл подписи"},
		"nothing":       {nil, "Выберите подписанный файл"},
		"too big":       {make([]byte, certificate.MaxFile+1), "больше 1 МБ"},
		"much too big":  {make([]byte, 4<<20), "больше 1 МБ"},
	} {
		t.Run(name, func(t *testing.T) {
			page := b.upload(w.Copy(), form, row.file)
			if text := page.Find("#signed-wrong").Text(); !strings.Contains(text, row.want) || page.Status < 400 || page.Status >= 500 {
				t.Errorf("%d: %q, want %q", page.Status, text, row.want)
			}
			if page.Find("#main-form input[type=file]").Length() == 0 || page.Find("#statement").Length() == 0 {
				t.Error("no way forward on the page")
			}
			b.Advance(11 * time.Minute) // the limit of tries rests
		})
	}
	if b.level(a) != account.Standard {
		t.Errorf("the account is %s", b.level(a))
	}
}

// begin opens the sign-in page and follows its link to the listener.
func (b *bureau) begin(w *idptest.Browser) (listener string) {
	b.t.Helper()
	page := w.Get("/account")
	link := page.Find("#login-certificate").AttrOr("href", "")
	if link == "" {
		b.t.Fatalf("no link on %s", page.URL)
	}
	away := w.Get(link)
	if away.Answer == nil || away.Answer.Host != b.listener.Host {
		b.t.Fatalf("the link leads to %v, %d", away.Answer, away.Status)
	}
	return away.Answer.String()
}

func TestACitizenSignsInWithACertificate(t *testing.T) {
	b := newBureau(t)
	for kind, factor := range map[string]string{"signature": "swk", "card": "hwk"} {
		t.Run(kind, func(t *testing.T) {
			a := b.NewCitizen(account.Standard)
			token := b.token(a, func(o *authority.Order) { o.Kind = kind })
			w := b.Browser()
			back := b.present(b.begin(w), &token)
			if page := w.Get(strings.TrimPrefix(back, b.Issuer.String())); page.URL.Path != "/account" || page.Status != http.StatusOK {
				t.Fatalf("at %s, %d: %s", page.URL, page.Status, page.Find("main").Text())
			}
			all, err := b.Records.Sessions(t.Context(), a.ID)
			if err != nil || len(all) != 1 || !slices.Equal(all[0].AMR, []string{factor}) {
				t.Errorf("sessions %+v, %v; want one by %s", all, err, factor)
			}
			if page := w.Get(strings.TrimPrefix(back, b.Issuer.String())); page.Status >= 500 || page.URL.Path == "/account/confirm/done" {
				t.Errorf("a reload: %d at %s", page.Status, page.URL)
			}
		})
	}
}

func TestTheEndOfASignInCountsInItsOwnBrowserAlone(t *testing.T) {
	b := newBureau(t)
	a := b.NewCitizen(account.Standard)
	token := b.token(a)
	attacker, victim := b.Browser(), b.Browser()
	victim.Get("/account")
	back := strings.TrimPrefix(b.present(b.begin(attacker), &token), b.Issuer.String())

	// The attacker sends the victim the end of the attacker's own sign-in.
	if page := victim.Get(back); page.Status != http.StatusForbidden {
		t.Errorf("in another browser: %d at %s", page.Status, page.URL)
	}
	if page := victim.Get("/account"); page.URL.Path != "/login" {
		t.Errorf("the victim is at %s", page.URL)
	}
	// The attacker has seen the outcome of somebody's and puts it into a sign-in of their own.
	u, err := url.Parse(back)
	if err != nil {
		t.Fatal(err)
	}
	begun := attacker.Get("/account")
	if begun.URL.Path == "/account" {
		t.Fatal("signed in already")
	}
	stolen := url.Values{"tx": {begun.URL.Query().Get("tx")}, "code": {u.Query().Get("code")}}
	if page := attacker.Get("/login/certificate/return?" + stolen.Encode()); page.URL.Path == "/account" || page.Status < 400 {
		t.Errorf("the outcome of another sign-in: %d at %s", page.Status, page.URL)
	}
	if all, err := b.Records.Sessions(t.Context(), a.ID); err != nil || len(all) != 0 {
		t.Errorf("sessions %v, %v; want none", all, err)
	}
}

func TestWithoutARightCertificateNobodySignsIn(t *testing.T) {
	b := newBureau(t)
	a := b.NewCitizen(account.Standard)
	nobody := idptest.Citizen(t, time.Now(), account.Standard) // has no account
	foreign, unknown := b.token(a, func(o *authority.Order) { o.Tree = authority.Stranger }), b.token(nobody)
	for name, row := range map[string]struct {
		with *authority.Certificate
		want string
	}{
		"none": {nil, "Сертификата нет"}, "of a stranger": {&foreign, "Мы не знаем центра"}, "of nobody here": {&unknown, "Учётной записи с этим СНИЛС нет"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.Browser()
			page := w.Get(strings.TrimPrefix(b.present(b.begin(w), row.with), b.Issuer.String()))
			if page.Status != http.StatusForbidden || !strings.Contains(page.Find("#certificate").Text(), row.want) {
				t.Errorf("%d at %s: %s", page.Status, page.URL, page.Find("main").Text())
			}
			if page.Find(`main a[href^="/login/certificate?"]`).Length() != 1 || page.Find(`main a[href^="/login?"]`).Length() != 1 {
				t.Error("no way forward on the page")
			}
		})
	}
	for name, address := range map[string]string{"no invitation": "/", "a made-up one": "/?invitation=AAAA", "another page": "/account?invitation=A"} {
		if to := b.present(b.listener.String()+address, &foreign); to != b.Issuer.String()+"/" {
			t.Errorf("%s: leads to %s", name, to)
		}
	}
}

func TestACitizenConfirmsByPresentingACertificate(t *testing.T) {
	b := newBureau(t)
	a, other := b.NewCitizen(account.Standard), b.NewCitizen(account.Standard)
	w := b.Browser()
	w.SignIn(a)
	away := w.Get("/account/confirm/signature/present")
	if away.Answer == nil {
		t.Fatalf("not sent away: %d", away.Status)
	}
	wrong := b.token(other)
	page := w.Get(strings.TrimPrefix(b.present(away.Answer.String(), &wrong), b.Issuer.String()))
	if !strings.Contains(page.Find("main").Text(), "на другое имя") || b.level(a) != account.Standard {
		t.Errorf("another's certificate: %s", page.Find("main").Text())
	}
	token := b.token(a)
	back := strings.TrimPrefix(b.present(w.Get("/account/confirm/signature/present").Answer.String(), &token), b.Issuer.String())
	theirs := b.Browser()
	theirs.SignIn(other)
	if page := theirs.Get(back); page.Status < 400 {
		t.Errorf("another citizen's outcome: %d", page.Status)
	}
	page = w.Get(back)
	if b.level(a) != account.Standard {
		t.Error("looking has confirmed")
	}
	page = w.Post(page.Find("#main-form").AttrOr("action", ""), nil)
	if page.URL.Path != "/account/confirm/done" || b.level(a) != account.Verified {
		t.Errorf("at %s, %s: %s", page.URL, b.level(a), page.Find("main").Text())
	}
}

func TestAShutOffCertificateSignsNobodyIn(t *testing.T) {
	b := newBureau(t)
	a := b.NewCitizen(account.Standard)
	token := b.token(a)
	for name, locks := range map[string]account.Locks{
		"shut off": {Never: []account.Method{account.QualifiedSignature}}, "frozen": {Frozen: b.Clock.Now()},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.Browser()
			listener := b.begin(w)
			if _, err := b.Records.ChangeAccount(t.Context(), a.ID, func(a *account.Account) error { a.Locks = locks; return nil }); err != nil {
				t.Fatal(err)
			}
			page := w.Get(strings.TrimPrefix(b.present(listener, &token), b.Issuer.String()))
			if page.Status != http.StatusForbidden || !strings.Contains(page.Find("#certificate").Text(), "Учётной записи с этим СНИЛС нет") {
				t.Errorf("%d at %s: %s", page.Status, page.URL, page.Find("main").Text())
			}
			if all, err := b.Records.Sessions(t.Context(), a.ID); err != nil || len(all) != 0 {
				t.Errorf("sessions %v, %v; want none", all, err)
			}
		})
	}
	b.Browser().SignIn(a).At("/account", http.StatusOK) // frozen still, and its owner has the password
}
