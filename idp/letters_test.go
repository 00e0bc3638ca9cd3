package idp_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/examples/simulators/post"
	"github.com/propusk/propusk/idp"
	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/confirm/batch"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/partner"
	"github.com/propusk/propusk/idp/rp"
)

// await waits until something holds.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// orderLetter goes through the pages of an order, to the page of the letter.
func orderLetter(b *idptest.Browser) *idptest.Page {
	return b.Get("/account/confirm/letter?new=1").At("/account/confirm/letter", http.StatusOK).Submit(
		"postal-code", "170100", "region", "Тверская область", "locality", "Тверь", "street", "Советская ул.", "house", "11").
		At("/account/confirm/letter/check", http.StatusOK).Submit().At("/account/confirm/letter", http.StatusOK)
}

func says(t *testing.T, p *idptest.Page, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(p.Text(), w) {
			t.Errorf("%s does not say %q: %s", p.URL.Path, w, p.Text())
		}
	}
}

// printer is a printing partner: what it is told and what it tells.
type printer struct {
	t          *testing.T
	out, inbox string
	private    ed25519.PrivateKey
	files      int
}

func newPrinter(t *testing.T) (*printer, idptest.Option) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	p := &printer{t: t, out: t.TempDir(), inbox: t.TempDir(), private: private}
	return p, idptest.Configure(func(c *idp.Config) {
		c.Letters = idp.Letters{Mode: idp.LettersByBatch, Directory: p.out, Reports: p.inbox,
			Keys: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
	})
}

// takes waits for a batch and reads it as docs/post.md says.
func (p *printer) takes(w *idptest.World) (*batch.Manifest, string) {
	p.t.Helper()
	var path string
	await(p.t, "a batch", func() bool {
		all, _ := filepath.Glob(filepath.Join(p.out, "[^.]*"))
		if len(all) > 0 {
			path = all[0]
		}
		return len(all) > 0
	})
	var keys []batch.Key
	for _, k := range w.Keyring.LetterKeys() {
		key, err := batch.NewKey(k.Private.Public())
		if err != nil {
			p.t.Fatal(err)
		}
		keys = append(keys, key)
	}
	m, err := batch.Open(path, keys)
	if err != nil {
		p.t.Fatal(err)
	}
	return m, path
}

// reports leaves a signed file.
func (p *printer) reports(r ...batch.Report) {
	p.t.Helper()
	payload, err := json.Marshal(batch.Reports{Type: batch.ReportsType, Reports: r})
	if err != nil {
		p.t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: p.private}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	p.files++
	name := fmt.Sprintf("%04d.jws", p.files)
	if err := os.WriteFile(filepath.Join(p.inbox, "."+name), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(p.inbox, "."+name), filepath.Join(p.inbox, name)); err != nil {
		p.t.Fatal(err)
	}
}

func TestALetterGoesByAPrintersBatchToAConfirmation(t *testing.T) {
	p, option := newPrinter(t)
	w := idptest.New(t, option)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	says(t, orderLetter(b), "Письмо заказано", "Осталось 5 попыток", "45 дней с передачи почте")

	time.Sleep(500 * time.Millisecond)
	if all, _ := filepath.Glob(filepath.Join(p.out, "[^.]*")); len(all) > 0 {
		t.Fatalf("a batch before its time: %v", all)
	}
	var l *confirm.Letter
	await(t, "the letter to wait for a batch", func() bool {
		ids, err := w.Records.BatchLetters(t.Context(), "", 10)
		return err == nil && len(ids) == 1
	})
	w.Advance(24 * time.Hour)
	m, path := p.takes(w)
	if len(m.Letters) != 1 || m.Issuer != w.Issuer.String() || m.Letters[0].PostalCode != "170100" {
		t.Fatalf("manifest %+v", m)
	}
	pdf, err := os.ReadFile(filepath.Join(path, m.Letters[0].File))
	if err != nil {
		t.Fatal(err)
	}
	code := post.ReadCode(pdf)
	await(t, "the code to be forgotten", func() bool {
		l, err = w.Records.Letter(t.Context(), m.Letters[0].ID)
		return err == nil && l.Code == "" && l.Taken()
	})
	b = w.Browser() // a day later
	b.SignIn(a)
	says(t, b.Get("/account/confirm/letter"), "Принято к отправке")

	p.reports(batch.Report{ID: l.ID, Status: "printed"}, batch.Report{ID: l.ID, Status: "handed_over", Track: "80081234567890", Place: "Подольск"})
	w.Advance(2 * time.Minute)
	await(t, "the reports to be taken", func() bool {
		l, err = w.Records.Letter(t.Context(), l.ID)
		return err == nil && l.Status == confirm.HandedOver
	})
	says(t, b.Get("/account/confirm/letter"), "Передано почте", "Подольск", "80081234567890", "Напечатано")

	// The rest it tells through the partners' door.
	there := w.RegisterPartner(&partner.Partner{ID: "press", Kind: partner.Printer})
	if r := there.Call("/letters/"+l.ID+"/status", "key-00001", map[string]string{"status": "arrived", "place": "Отделение 170100"}); r.Status != http.StatusOK {
		t.Fatalf("arrived: %d %s", r.Status, r.Body)
	}
	if r := there.Call("/letters/"+l.ID+"/status", "key-00001", map[string]string{"status": "arrived", "place": "Отделение 170100"}); r.Header.Get("Idempotency-Replayed") == "" {
		t.Errorf("a repeat: %d %s", r.Status, r.Body)
	}
	for body, status := range map[string]int{`{"status":"eaten"}`: 422, `{"status":"arrived","whom":"x"}`: 400} {
		if r := there.Call("/letters/"+l.ID+"/status", "key-"+fmt.Sprint(status)+"-00", []byte(body)); r.Status != status {
			t.Errorf("%s: %d %s", body, r.Status, r.Body)
		}
	}
	if r := there.Call("/letters/AAAAAAAAAAAAAAAAAAAAAAAAAA/status", "key-00004", map[string]string{"status": "printed"}); r.Status != http.StatusNotFound {
		t.Errorf("no such letter: %d", r.Status)
	}
	alien := w.RegisterPartner(&partner.Partner{ID: "bank", Kind: partner.Bank})
	if r := alien.Call("/letters/"+l.ID+"/status", "key-00005", map[string]string{"status": "returned"}); r.Status != http.StatusForbidden {
		t.Errorf("a bank returns a letter: %d", r.Status)
	}

	b.Get("/account/confirm/letter").Submit("act", "enter", "letter-code", code).At("/account/confirm/done", http.StatusOK)
	now, err := w.Records.Account(t.Context(), a.ID)
	if c, _ := now.Assurance(w.Clock.Now()).Strongest(); err != nil || c.Method != account.MailCode || c.Batch != m.Batch {
		t.Errorf("confirmed by %+v, %v", c, err)
	}
}

var notMe = regexp.MustCompile(`https?://\S+(/not-me/\S+)`)

func TestWhoeverDidNotConfirmFreezesItFromEveryContactWithoutSigningIn(t *testing.T) {
	w := idptest.New(t)
	a := w.NewCitizen(account.Standard)
	b := w.Browser()
	b.SignIn(a)
	orderLetter(b)
	var code string
	await(t, "the letter", func() bool {
		for _, l := range w.Letters(idptest.Phone(a)) {
			code = l.Code
		}
		return code != ""
	})
	b.Get("/account/confirm/letter").Submit("act", "enter", "letter-code", code).At("/account/confirm/done", http.StatusOK)
	party := w.RegisterParty(&rp.Party{ID: "clinic", Name: map[string]string{"ru": "Поликлиника"}, Scopes: []string{"openid", "offline_access"}})
	thief := w.Browser()
	tokens := w.First().Redeem(party, thief.Code(party, a))

	var links []string
	for _, to := range []string{idptest.Phone(a), idptest.Email(a)} {
		await(t, "the news at every contact", func() bool {
			for _, m := range w.Messages(to) {
				if found := notMe.FindStringSubmatch(m.Text); found != nil {
					links = append(links, found[1])
					return true
				}
			}
			return false
		})
	}
	stranger := w.Browser()
	says(t, stranger.Get(links[0]).At(links[0], http.StatusOK), "письмом с кодом")
	if standing(t, w, a) != account.Verified {
		t.Fatal("opening the link changed something")
	}
	page := stranger.Get(links[1]).Submit()
	says(t, page.At(links[1], http.StatusOK), "Подтверждение заморожено", "Вход завершён", "центр обслуживания")
	if standing(t, w, a) != account.Standard {
		t.Errorf("the account is still %s", standing(t, w, a))
	}
	if w.First().Live(party, tokens.Access) {
		t.Error("the token lives on")
	}
	if r := w.First().Refresh(party, tokens.Refresh); r.Error == "" {
		t.Error("the refresh token lives on")
	}
	if at := thief.Get("/account").URL.Path; at != "/login" {
		t.Errorf("the session lives on at %s", at)
	}
	says(t, stranger.Get(links[0]), "Подтверждение заморожено")
	for _, to := range []string{idptest.Phone(a), idptest.Email(a)} {
		await(t, "word of it at every contact", func() bool {
			for _, m := range w.Messages(to) {
				if strings.Contains(m.Text, "заморо") && strings.Contains(m.Text, "пароль") {
					return true
				}
			}
			return false
		})
	}
	// What is no link tells nothing, and every such page is one.
	for _, path := range []string{"/not-me/x", links[0] + "A", links[0][:len(links[0])-4]} {
		says(t, stranger.Get(path).At(path, http.StatusGone), "Ссылка не действует")
		if p := stranger.Post(path, url.Values{}); p.Status != http.StatusGone {
			t.Errorf("POST %s: %d", path, p.Status)
		}
	}
}

func TestALetterThatComesBackOrIsRefusedIsReplacedAtOnce(t *testing.T) {
	t.Run("came back", func(t *testing.T) {
		w := idptest.New(t)
		a := w.NewCitizen(account.Standard)
		b := w.Browser()
		b.SignIn(a)
		orderLetter(b)
		var id, code string
		await(t, "the letter", func() bool {
			for _, l := range w.Letters(idptest.Phone(a)) {
				id, code = l.ID, l.Code
			}
			return id != ""
		})
		w.MoveLetter(id, "returned")
		w.Advance(time.Minute)
		await(t, "the page to say so", func() bool {
			return strings.Contains(b.Get("/account/confirm/letter").Text(), "Письмо вернулось")
		})
		says(t, b.Get("/account/confirm/letter"), "Код из него больше не подойдёт", "Передано почте", "можно заказать сейчас")
		if l, err := w.Records.Letter(t.Context(), id); err != nil || l.Live(w.Clock.Now()) || code == "" {
			t.Errorf("the code lives on: %v", err)
		}
		says(t, orderLetter(b), "Письмо заказано")
	})
	t.Run("refused", func(t *testing.T) {
		status := http.StatusUnprocessableEntity
		no := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		defer no.Close()
		w := idptest.New(t, idptest.Configure(func(c *idp.Config) { c.Post.URL = no.URL }))
		a := w.NewCitizen(account.Standard)
		b := w.Browser()
		b.SignIn(a)
		orderLetter(b)
		await(t, "the page to say so", func() bool {
			return strings.Contains(b.Get("/account/confirm/letter").Text(), "Почта не приняла письмо")
		})
		says(t, b.Get("/account/confirm/letter"), "можно заказать сейчас")
		says(t, orderLetter(b), "Письмо заказано")
	})
}

// standing is what an account counts as now.
func standing(t *testing.T, w *idptest.World, a *account.Account) account.Level {
	t.Helper()
	now, err := w.Records.Account(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	return now.Assurance(w.Clock.Now()).Level
}
