package idp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/bank"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/partner"
)

func aBank(w *idptest.World) *idptest.Partner {
	return w.RegisterPartner(&partner.Partner{ID: "zarechny", Kind: partner.Bank, Home: "https://bank.test/confirm"})
}

// judged sends a word and reads the outcome; the answer must have the status.
func judged(t *testing.T, r *idptest.Reply, status int) bank.Outcome {
	t.Helper()
	var out bank.Outcome
	if r.Status != status || r.Into(&out) != nil {
		t.Fatalf("got %d %s, want %d", r.Status, r.Body, status)
	}
	return out
}

// refusal is the code of a problem, which must have the status.
func refusal(t *testing.T, r *idptest.Reply, status int) string {
	t.Helper()
	var p struct {
		Code, Type string
		Request    string `json:"request_id"`
	}
	if err := r.Into(&p); err != nil || r.Status != status || !idForm.MatchString(p.Request) || p.Type != "urn:propusk:problem:"+p.Code ||
		r.Header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %d %s %s, want a problem of status %d", r.Status, r.Header.Get("Content-Type"), r.Body, status)
	}
	return p.Code
}

func level(t *testing.T, w *idptest.World, a *account.Account) account.Level {
	t.Helper()
	now, err := w.Records.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return now.Assurance(w.Clock.Now()).Level
}

func TestABankConfirmsItsClientAndGivesAReceiptThatVerifies(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	out := judged(t, b.Call("/confirmations", "key-00001", idptest.Vouch(a, "ZR-1001")), http.StatusCreated)
	if out.Status != bank.Confirmed || out.Confirmation == "" || out.ConfirmedAt == nil {
		t.Fatalf("got %+v", out)
	}
	now, err := w.Records.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := now.Assurance(w.Clock.Now()).Strongest()
	if now.Level != account.Verified || c.Method != account.Bank || c.ID != out.Confirmation || c.Organization != b.Organization() || c.Serial != "ZR-1001" {
		t.Errorf("the account is %s by %+v", now.Level, c)
	}
	for _, to := range []string{idptest.Phone(a), idptest.Email(a)} {
		if m := w.Message(to, 0); !strings.Contains(m.Text, "банк") {
			t.Errorf("%s was told %q, not of the bank", to, m.Text)
		}
	}
	resp, err := http.Get(w.Issuer.String() + "/oauth2/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(out.Receipt, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(keys)
	var r bank.Receipt
	if err != nil || json.Unmarshal(payload, &r) != nil {
		t.Fatalf("the receipt does not verify: %v", err)
	}
	if typ := jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType]; typ != "propusk-receipt+jwt" {
		t.Errorf("typ %v", typ)
	}
	if r.Issuer != w.Issuer.String() || r.Audience != "zarechny" || r.Reference != "ZR-1001" || r.Status != bank.Confirmed || r.Confirmation != out.Confirmation || r.Method != "bank" {
		t.Errorf("the receipt says %+v", r)
	}
	shown := judged(t, b.Call("/confirmations/ZR-1001", "", nil), http.StatusOK)
	if shown.Receipt != out.Receipt || shown.Status != bank.Confirmed {
		t.Errorf("GET shows %+v", shown)
	}
	if code := refusal(t, b.Call("/confirmations/ZR-9999", "", nil), http.StatusNotFound); code != "not_found" {
		t.Errorf("an unknown reference is %s", code)
	}
}

func TestABankLearnsOnlyWhichOfItsOwnFieldsDiffer(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	shut := w.NewCitizen(account.Standard)
	w.Fall(shut.ID, func(a *account.Account) error { a.Locks.Never = []account.Method{account.Bank}; return nil })
	simplified := w.NewCitizen(account.Simplified)
	simplified.Profile.Person = w.NewCitizen(account.Standard).Profile.Person // somebody else's papers: not this account's
	token := b.Token()
	for i, c := range []struct {
		name   string
		who    *account.Account
		change map[string]any
		status bank.Status
		fields []string
	}{
		{"another family name", a, map[string]any{"family_name": "Другая"}, bank.NotMatched, []string{"family_name"}},
		{"ё, hyphens and case play no part", a, map[string]any{"given_name": strings.ToUpper(a.Profile.Person.GivenName.String())}, bank.Confirmed, nil},
		{"no patronymic", a, map[string]any{"patronymic": "Пётровна"}, bank.NotMatched, []string{"patronymic"}},
		{"another passport", a, map[string]any{"document": map[string]any{"type": "ru_passport", "number": "4500 000001"}}, bank.NotMatched, []string{"document"}},
		{"another kind of document", a, map[string]any{"document": map[string]any{"type": "residence_permit", "number": "820000001"}}, bank.NotMatched, []string{"document"}},
		{"another phone", a, map[string]any{"phone": "+79001112233"}, bank.NotMatched, []string{"phone"}},
		{"name and phone", a, map[string]any{"given_name": "Зоя", "phone": "+79001112233"}, bank.NotMatched, []string{"given_name", "phone"}},
		{"another birth date", a, map[string]any{"birth_date": "1901-01-01"}, bank.NotMatched, nil},
		{"an unknown SNILS", a, map[string]any{"snils": "112-233-445 95"}, bank.NotMatched, nil},
		{"all is another's", a, map[string]any{"birth_date": "1901-01-01", "given_name": "Зоя", "phone": "+79001112233"}, bank.NotMatched, nil},
		{"shut by the citizen", shut, nil, bank.Refused, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := idptest.Vouch(c.who, fmt.Sprintf("ZR-T%03d", i))
			for k, v := range c.change {
				body["identity"].(map[string]any)[k] = v
			}
			got := judged(t, b.Send(b.Request(token, "/confirmations", fmt.Sprintf("key-%05d", i), body)), http.StatusCreated)
			if got.Status != c.status || !slices.Equal(got.Fields, c.fields) {
				t.Errorf("got %s %v, want %s %v", got.Status, got.Fields, c.status, c.fields)
			}
			if c.status != bank.Confirmed && (got.Confirmation != "" || got.ConfirmedAt != nil) {
				t.Errorf("what was not confirmed says %+v", got)
			}
		})
	}
	if got := level(t, w, shut); got != account.Standard {
		t.Errorf("the account that shut banks off is %s", got)
	}
}

func TestQuestionsAboutOneSNILSAreFew(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	token := b.Token()
	for _, snils := range []string{a.Profile.Person.SNILS.String(), "11223344595"} { // one has an account, the other has none
		for i := range 11 {
			body := idptest.Vouch(a, fmt.Sprintf("ZR-%s-%d", snils, i))
			body["identity"].(map[string]any)["snils"] = snils
			body["identity"].(map[string]any)["birth_date"] = "1901-01-01"
			r := b.Send(b.Request(token, "/confirmations", fmt.Sprintf("key-%s-%d", snils, i), body))
			if i < 10 {
				judged(t, r, http.StatusCreated)
			} else if code := refusal(t, r, http.StatusTooManyRequests); code != "limited" || r.Header.Get("Retry-After") == "" {
				t.Errorf("the eleventh: %s, Retry-After %q", code, r.Header.Get("Retry-After"))
			}
		}
	}
}

func TestARepeatedCallHasItsEffectOnce(t *testing.T) {
	idptest.Each(t, func(t *testing.T, w *idptest.World) {
		b, a := aBank(w), w.NewCitizen(account.Standard)
		other := w.Node()
		token := b.Token()
		requests := make([]*http.Request, 8)
		for i := range requests {
			requests[i] = b.Request(token, "/confirmations", "the-same-key", idptest.Vouch(a, "ZR-2001"))
		}
		nodes := []*idptest.Partner{b.At(w.First()), b.At(other)}
		replies := make([]*idptest.Reply, len(requests))
		var wait sync.WaitGroup
		for i, r := range requests {
			one := *nodes[i%2]
			wait.Go(func() { replies[i] = one.Send(r) })
		}
		wait.Wait()
		for _, r := range replies {
			if r.Status != http.StatusCreated || !bytes.Equal(r.Body, replies[0].Body) {
				t.Errorf("answers differ: %d %s, and %d %s", replies[0].Status, replies[0].Body, r.Status, r.Body)
			}
		}
		out := judged(t, replies[0], http.StatusCreated)
		if out.Status != bank.Confirmed {
			t.Fatalf("got %+v", out)
		}
		time.Sleep(500 * time.Millisecond)
		if got := w.Messages(idptest.Phone(a)); len(got) != 1 {
			t.Errorf("the citizen was told %d times", len(got))
		}
		// A day and more later the answer is the same still, at a node that was not asked before.
		w.Advance(6 * 24 * time.Hour)
		late := b.At(w.Node())
		again := late.Call("/confirmations", "the-same-key", idptest.Vouch(a, "ZR-2001"))
		if !bytes.Equal(again.Body, replies[0].Body) || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("a late repeat: %d %s", again.Status, again.Body)
		}
		if code := refusal(t, b.Call("/confirmations", "the-same-key", idptest.Vouch(a, "ZR-2002")), http.StatusUnprocessableEntity); code != "idempotency_key_reused" {
			t.Errorf("another request under the key: %s", code)
		}
		if code := refusal(t, b.Call("/confirmations", "another-key", idptest.Vouch(a, "ZR-2001")), http.StatusConflict); code != "reference_used" {
			t.Errorf("the reference under another key: %s", code)
		}
	})
}

func TestATokenIsWorthNothingWithoutItsKey(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	thief := w.RegisterPartner(&partner.Partner{ID: "thief", Kind: partner.Bank})
	printer := w.RegisterPartner(&partner.Partner{ID: "printer", Kind: partner.Printer})
	token := b.Token()
	path := "/partner/v1/confirmations"
	spent := b.Proof(http.MethodPost, path, token)
	thief.Nonce = b.Nonce
	for _, c := range []struct {
		name   string
		change func(h http.Header)
		code   string
	}{
		{"no token", func(h http.Header) { h.Del("Authorization") }, "no_token"},
		{"as a bearer", func(h http.Header) { h.Set("Authorization", "Bearer "+token) }, "invalid_token"},
		{"no proof", func(h http.Header) { h.Del("DPoP") }, "invalid_dpop_proof"},
		{"two proofs", func(h http.Header) { h.Add("DPoP", b.Proof(http.MethodPost, path, token)) }, "invalid_dpop_proof"},
		{"the thief's proof", func(h http.Header) { h.Set("DPoP", thief.Proof(http.MethodPost, path, token)) }, "invalid_dpop_proof"},
		{"another method", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodGet, path, token)) }, "invalid_dpop_proof"},
		{"another address", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodPost, path+"/x", token)) }, "invalid_dpop_proof"},
		{"another token", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodPost, path, token+"x")) }, "invalid_dpop_proof"},
		{"no ath", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodPost, path, "")) }, "invalid_dpop_proof"},
		{"old", func(h http.Header) {
			h.Set("DPoP", b.Proof(http.MethodPost, path, token, "iat", time.Now().Add(-2*time.Minute).Unix()))
		}, "invalid_dpop_proof"},
		{"of tomorrow", func(h http.Header) {
			h.Set("DPoP", b.Proof(http.MethodPost, path, token, "iat", time.Now().Add(24*time.Hour).Unix()))
		}, "invalid_dpop_proof"},
		{"no jti", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodPost, path, token, "jti", nil)) }, "invalid_dpop_proof"},
		{"no nonce", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodPost, path, token, "nonce", nil)) }, "use_dpop_nonce"},
		{"a nonce of nobody", func(h http.Header) { h.Set("DPoP", b.Proof(http.MethodPost, path, token, "nonce", "AAAA")) }, "use_dpop_nonce"},
		{"a token of nobody", func(h http.Header) {
			h.Set("Authorization", "DPoP "+token[:len(token)-4]+"AAAA")
		}, "invalid_token"},
		{"used before", func(h http.Header) { h.Set("DPoP", spent) }, ""},
		{"used before, again", func(h http.Header) { h.Set("DPoP", spent) }, "invalid_dpop_proof"},
	} {
		r := b.Request(token, "/confirmations", "key-possess", idptest.Vouch(a, "ZR-3001"))
		c.change(r.Header)
		got := b.Send(r)
		if c.code == "" {
			judged(t, got, http.StatusCreated)
			continue
		}
		if code := refusal(t, got, http.StatusUnauthorized); code != c.code {
			t.Errorf("%s: got %s, want %s", c.name, code, c.code)
		}
		if !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "DPoP") || got.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: WWW-Authenticate %q, nonce %q", c.name, got.Header.Get("WWW-Authenticate"), got.Header.Get("DPoP-Nonce"))
		}
	}
	if code := refusal(t, printer.Call("/confirmations", "key-printer", idptest.Vouch(a, "ZR-3002")), http.StatusForbidden); code != "insufficient_scope" {
		t.Errorf("a printer vouches: %s", code)
	}
	// Switched off: within two seconds, tokens that stand included.
	off := *b.Partner
	off.Disabled = true
	if err := w.Records.SavePartner(t.Context(), &off); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	if code := refusal(t, b.Send(b.Request(token, "/confirmations", "key-off", idptest.Vouch(a, "ZR-3003"))), http.StatusUnauthorized); code != "invalid_token" {
		t.Errorf("a partner that is switched off: %s", code)
	}
	form := b.TokenForm()
	r, _ := http.NewRequest(http.MethodPost, w.Issuer.String()+"/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("DPoP", b.Proof(http.MethodPost, "/oauth2/token", ""))
	if got := b.Send(r); got.Status != http.StatusUnauthorized {
		t.Errorf("a token for a partner that is switched off: %d %s", got.Status, got.Body)
	}
}

// leave leads a citizen to the bank and returns the ticket.
func leave(t *testing.T, b *idptest.Browser) string {
	t.Helper()
	u := b.Get("/account/confirm/bank/go/zarechny").Answer
	if u == nil || u.Host != "bank.test" || u.Query().Get("ticket") == "" {
		t.Fatalf("led to %v", u)
	}
	return u.Query().Get("ticket")
}

func TestAnotherPhoneNeedsTheCitizensOwnWord(t *testing.T) {
	w := idptest.New(t)
	b, a := aBank(w), w.NewCitizen(account.Standard)
	citizen := w.Browser()
	citizen.SignIn(a)
	body := idptest.Vouch(a, "ZR-4001")
	body["identity"].(map[string]any)["phone"] = "+79001112233"
	body["ticket"] = leave(t, citizen)
	out := judged(t, b.Call("/confirmations", "key-ticket", body), http.StatusCreated)
	back, err := url.Parse(out.ReturnTo)
	if out.Status != bank.Waiting || err != nil || level(t, w, a) != account.Standard {
		t.Fatalf("got %+v", out)
	}
	// Whoever began the journey in another session gets nothing, and neither does one without the code.
	stranger := w.Browser()
	stranger.SignIn(w.NewCitizen(account.Standard))
	stranger.Get(back.RequestURI()).At(back.Path, http.StatusForbidden)
	stranger.Post(back.RequestURI(), nil).At(back.Path, http.StatusForbidden)
	forged := *back
	forged.RawQuery = url.Values{"ticket": {back.Query().Get("ticket")}, "code": {"A"}}.Encode()
	citizen.Get(forged.RequestURI()).At(back.Path, http.StatusForbidden)
	if level(t, w, a) != account.Standard {
		t.Fatal("a stranger confirmed the account")
	}
	citizen.Get(back.RequestURI()).At(back.Path, http.StatusOK)
	citizen.Post(back.RequestURI(), nil).At("/account/confirm/done", http.StatusOK)
	citizen.Post(back.RequestURI(), nil).At("/account/confirm/done", http.StatusOK) // twice is once
	now, err := w.Records.Account(t.Context(), a.ID)
	if err != nil || now.Level != account.Verified || len(now.Confirmations) != 1 {
		t.Fatalf("got %+v, %v", now, err)
	}
	if got := judged(t, b.Call("/confirmations/ZR-4001", "", nil), http.StatusOK); got.Status != bank.Confirmed || got.Confirmation != now.Confirmations[0].ID {
		t.Errorf("the bank sees %+v", got)
	}
	// The ticket is spent.
	again := idptest.Vouch(a, "ZR-4002")
	again["ticket"] = body["ticket"]
	if code := refusal(t, b.Call("/confirmations", "key-again", again), http.StatusConflict); code != "ticket_over" {
		t.Errorf("a spent ticket: %s", code)
	}
}

func TestATicketOfSomebodyElseMatchesNobody(t *testing.T) {
	w := idptest.New(t)
	b, victim := aBank(w), w.NewCitizen(account.Standard)
	attacker := w.Browser()
	attacker.SignIn(w.NewCitizen(account.Standard))
	body := idptest.Vouch(victim, "ZR-5001")
	body["ticket"] = leave(t, attacker)
	out := judged(t, b.Call("/confirmations", "key-phish", body), http.StatusCreated)
	if out.Status != bank.NotMatched || out.Fields != nil || level(t, w, victim) != account.Standard {
		t.Errorf("got %+v", out)
	}
	if code := refusal(t, w.RegisterPartner(&partner.Partner{ID: "other", Kind: partner.Bank}).Call("/confirmations", "key-other", body), http.StatusConflict); code != "ticket_over" {
		t.Errorf("another bank's ticket: %s", code)
	}
}
