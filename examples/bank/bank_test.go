package bank

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// A desk of Propusk that checks what a bank sends, and fails as it is told.
type desk struct {
	t   *testing.T
	url string
	key *ecdsa.PublicKey

	mu     sync.Mutex
	nonce  int
	fail   []int    // statuses of the next answers
	keys   []string // idempotency keys as they came
	bodies []map[string]any
	jtis   map[string]bool
	answer map[string]any
}

// proved checks the proof of a request, and wants the present nonce in it.
func (d *desk) proved(w http.ResponseWriter, r *http.Request, token string) bool {
	jws, err := jose.ParseSignedCompact(r.Header.Get("DPoP"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		d.t.Errorf("proof: %v", err)
		return false
	}
	payload, err := jws.Verify(d.key)
	if err != nil {
		d.t.Errorf("proof: %v", err)
		return false
	}
	var p struct{ JTI, HTM, HTU, ATH, Nonce string }
	if err := json.Unmarshal(payload, &p); err != nil {
		d.t.Errorf("proof: %v", err)
	}
	sum := sha256.Sum256([]byte(token))
	if p.HTM != r.Method || p.HTU != d.url+r.URL.Path || d.jtis[p.JTI] || token != "" && p.ATH != base64.RawURLEncoding.EncodeToString(sum[:]) {
		d.t.Errorf("%s %s: the proof says %+v", r.Method, r.URL.Path, p)
	}
	d.jtis[p.JTI] = true
	want := fmt.Sprint("nonce-", d.nonce)
	if p.Nonce == want {
		return true
	}
	w.Header().Set("DPoP-Nonce", want)
	return false
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.URL.Path == "/oauth2/token" {
		if !d.proved(w, r, "") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":"use_dpop_nonce"}`)
			return
		}
		jws, err := jose.ParseSignedCompact(r.FormValue("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			d.t.Errorf("assertion: %v", err)
			return
		}
		if _, err := jws.Verify(d.key); err != nil || r.FormValue("scope") != "partner.bank" {
			d.t.Errorf("assertion: %v, scope %q", err, r.FormValue("scope"))
		}
		_, _ = io.WriteString(w, `{"access_token":"token","token_type":"DPoP","expires_in":300}`)
		return
	}
	if !d.proved(w, r, "token") || r.Header.Get("Authorization") != "DPoP token" {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"status":401,"code":"use_dpop_nonce"}`)
		return
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		d.t.Error(err)
	}
	d.keys, d.bodies = append(d.keys, r.Header.Get("Idempotency-Key")), append(d.bodies, body)
	if len(d.fail) > 0 {
		status := d.fail[0]
		d.fail = d.fail[1:]
		d.nonce++ // each answer may bring another nonce
		w.Header().Set("DPoP-Nonce", fmt.Sprint("nonce-", d.nonce))
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d,"code":"server","request_id":"AAAA-BBBB"}`, status)
		return
	}
	d.answer["reference"] = body["reference"]
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(d.answer)
}

// open starts a desk and the bank before it, and a browser that is signed in to the bank.
func open(t *testing.T) (*desk, func(path string, form url.Values) string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, key: &key.PublicKey, jtis: map[string]bool{}, answer: map[string]any{"status": "confirmed", "receipt": "a.b.c"}}
	provider := httptest.NewServer(d)
	t.Cleanup(provider.Close)
	d.url = provider.URL
	s, err := newService(Config{PublicURL: "http://localhost", Issuer: provider.URL, PartnerID: "zarechny", Key: key, Clients: []Client{{
		ID: "02", FamilyName: "Дубравин", GivenName: "Илья", Patronymic: "Сергеевич", BirthDate: "1992-09-30", SNILS: "90000010286", Phone: "+79000000002",
		Document: Document{Type: "ru_passport", Number: "6199000102", IssuedOn: "2012-10-15"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewServer(s.site.Handler(s.routes()))
	t.Cleanup(site.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	do := func(path string, form url.Values) string {
		t.Helper()
		var resp *http.Response
		var err error
		if form == nil {
			resp, err = browser.Get(site.URL + path)
		} else {
			resp, err = browser.PostForm(site.URL+path, form)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode >= 400 {
			t.Fatalf("%s: %d %s %v", path, resp.StatusCode, text, err)
		}
		return string(text)
	}
	do("/sign-in", url.Values{"client": {"02"}})
	return d, do
}

func TestTheBankAsksAgainUnderTheSameKey(t *testing.T) {
	d, do := open(t)
	d.fail = []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	do("/confirm?ticket=ABCDEFGHIJKLMNOPQRSTUVWXYZ", nil)
	page := do("/confirm", url.Values{"x": {"1"}})
	if !strings.Contains(page, "Личность подтверждена") || !strings.Contains(page, "a.b.c") {
		t.Errorf("the bank shows\n%s", page)
	}
	if len(d.keys) != 3 || d.keys[0] == "" || d.keys[1] != d.keys[0] || d.keys[2] != d.keys[0] {
		t.Errorf("keys %q, want one three times", d.keys)
	}
	who := d.bodies[2]["identity"].(map[string]any)
	if d.bodies[2]["ticket"] != "ABCDEFGHIJKLMNOPQRSTUVWXYZ" || who["snils"] != "90000010286" || who["phone"] != "+79000000002" || d.bodies[0]["reference"] != d.bodies[2]["reference"] {
		t.Errorf("sent %v", d.bodies[2])
	}
}

func TestAfterManyFailuresTheClientMayPressAgainForTheSameMatter(t *testing.T) {
	d, do := open(t)
	do("/confirm", nil)
	for range attempts {
		d.fail = append(d.fail, http.StatusServiceUnavailable)
	}
	if page := do("/confirm", url.Values{"x": {"1"}}); strings.Contains(page, "Личность подтверждена") {
		t.Errorf("confirmed by nobody:\n%s", page)
	}
	do("/confirm", nil)
	if page := do("/confirm", url.Values{"x": {"1"}}); !strings.Contains(page, "Личность подтверждена") {
		t.Errorf("the bank shows\n%s", page)
	}
	for _, k := range d.keys {
		if k != d.keys[0] {
			t.Errorf("keys %q, want one", d.keys)
		}
	}
}

func TestEveryAnswerIsShownInBothLanguages(t *testing.T) {
	for _, status := range []string{"confirmed", "waiting", "not_matched", "refused", "accepted"} {
		for _, lang := range []string{"ru", "en"} {
			d, do := open(t)
			d.answer["status"], d.answer["fields"], d.answer["return_to"] = status, []string{"document", "phone", "family_name", "given_name", "patronymic"}, "https://id.example/back"
			do("/confirm?lang="+lang, nil)
			page := do("/confirm", url.Values{"x": {"1"}})
			if strings.Contains(page, "result.") || strings.Contains(page, ">field.") || !strings.Contains(page, "https://id.example/back") {
				t.Errorf("%s in %s:\n%s", status, lang, page)
			}
		}
	}
}
