package passkey_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/audit"
	"github.com/propusk/propusk/idp/authn"
	"github.com/propusk/propusk/idp/authn/passkey"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/idp/session"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// An authenticator keeps one ES256 key in software and answers as a browser would pass it on.
type authenticator struct {
	key    *ecdsa.PrivateKey
	id     []byte
	count  uint32
	flags  byte // beside user present
	origin string
	party  string
}

const (
	present, verified, eligible, backed, attested = 0x01, 0x04, 0x08, 0x10, 0x40
)

func newAuthenticator(t *testing.T) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &authenticator{key: key, id: id, flags: verified, origin: "https://id.test", party: "id.test"}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func challenge(t *testing.T, question []byte) string {
	t.Helper()
	var q struct {
		PublicKey struct {
			Challenge        string `json:"challenge"`
			UserVerification string `json:"userVerification"`
			Selection        struct {
				UserVerification string `json:"userVerification"`
			} `json:"authenticatorSelection"`
			Attestation string `json:"attestation"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal(question, &q); err != nil {
		t.Fatal(err)
	}
	if q.PublicKey.UserVerification != "required" && q.PublicKey.Selection.UserVerification != "required" {
		t.Errorf("nobody is verified: %s", question)
	}
	return q.PublicKey.Challenge
}

func (a *authenticator) client(kind, challenge string) []byte {
	b, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.origin, "crossOrigin": false})
	return b
}

func (a *authenticator) data(flags byte) []byte {
	sum := sha256.Sum256([]byte(a.party))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), a.count)
}

// create answers the question for a new key.
func (a *authenticator) create(t *testing.T, question []byte) []byte {
	t.Helper()
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	data := append(a.data(present|attested|a.flags), make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), cose...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": map[string]any{
		"clientDataJSON": b64(a.client("webauthn.create", challenge(t, question))), "attestationObject": b64(object), "transports": []string{"usb"},
	}})
	return out
}

// answer answers the question of a sign-in.
func (a *authenticator) answer(t *testing.T, question []byte) []byte {
	t.Helper()
	client, data := a.client("webauthn.get", challenge(t, question)), a.data(present|a.flags)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	sig, err := ecdsa.SignASN1(rand.Reader, a.key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	out, _ := json.Marshal(map[string]any{"id": b64(a.id), "rawId": b64(a.id), "type": "public-key", "response": map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(sig),
	}})
	return out
}

// factors judge with fixed values.
type factors struct{ accounts passkey.Accounts }

func (factors) Again(_ context.Context, _ *account.Account, pw string) error {
	if pw != "right" {
		return authn.ErrPassword
	}
	return nil
}

func (f factors) TOTP(ctx context.Context, id account.ID, code string) (*account.Account, error) {
	if code != "123456" {
		return nil, authn.ErrCode
	}
	return f.accounts.Account(ctx, id)
}

type world struct {
	*storagetest.Stores
	t    *testing.T
	desk *passkey.Desk
	who  *account.Account
}

const here = session.ID("here")

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Stores: storagetest.New(t), t: t}
	w.desk = w.open("https://id.test")
	w.who = w.Standard(t)
	w.who.Credential.TOTP = &account.TOTP{Secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
	w.Create(t, w.who)
	return w
}

func (w *world) open(issuer string) *passkey.Desk {
	w.t.Helper()
	u, err := url.Parse(issuer)
	if err != nil {
		w.t.Fatal(err)
	}
	notices, err := notice.New(notice.Config{Issuer: issuer, Now: w.Clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	d, err := passkey.New(passkey.Config{
		Issuer: u, Site: "Пропуск", Accounts: w.Records, Transients: w.Transients, Ring: w.Keyring.Ring, Factors: factors{w.Records}, Notices: notices,
		Atomically: func(ctx context.Context, f func(passkey.Tx) error) error {
			return w.Records.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
		Now: w.Clock.Now, Wall: w.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func (w *world) asking() passkey.Asking {
	return passkey.Asking{Account: w.who.ID, Session: here, Password: "right", Code: "123456"}
}

// add gives the account the authenticator's key.
func (w *world) add(a *authenticator) error {
	w.t.Helper()
	if err := w.desk.Begin(w.t.Context(), w.asking(), "Ключ на связке"); err != nil {
		return err
	}
	q, name, err := w.desk.Question(w.t.Context(), w.who.ID, here)
	if err != nil || name != "Ключ на связке" {
		w.t.Fatalf("question of %q: %v", name, err)
	}
	return w.desk.Add(w.t.Context(), w.who.ID, here, a.create(w.t, q), "REQ1-0001")
}

func (w *world) ask() []byte {
	w.t.Helper()
	q, err := w.desk.Ask(w.t.Context(), "sign-in", w.who.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return q
}

func (w *world) enter(answer []byte) (string, error) {
	w.t.Helper()
	_, factor, err := w.desk.Enter(w.t.Context(), "sign-in", w.who.ID, answer, passkey.From{})
	return factor, err
}

func (w *world) keys() []account.Passkey {
	w.t.Helper()
	a, err := w.Account(w.t.Context(), w.who.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Credential.Passkeys
}

func (w *world) events(kind audit.Kind) (n int) {
	w.t.Helper()
	list, err := w.Events(w.t.Context(), w.who.ID, 0, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestAKeyIsAddedAndOpens(t *testing.T) {
	for _, c := range []struct {
		flags  byte
		factor string
	}{{verified, "hwk"}, {verified | eligible, "swk"}, {verified | eligible | backed, "swk"}} {
		w := newWorld(t)
		a := newAuthenticator(t)
		a.flags = c.flags
		if q := w.ask(); q != nil {
			t.Fatalf("asked without a key: %s", q)
		}
		if err := w.add(a); err != nil {
			t.Fatal(err)
		}
		k := w.keys()
		if len(k) != 1 || k[0].Name != "Ключ на связке" || !slices.Equal(k[0].Transports, []string{"usb"}) || w.events(audit.FactorAdded) != 1 {
			t.Errorf("kept %+v", k)
		}
		for n := range uint32(3) {
			a.count = n + 1
			if f, err := w.enter(a.answer(t, w.ask())); f != c.factor || err != nil {
				t.Fatalf("entered by %q: %v", f, err)
			}
		}
		if k = w.keys(); k[0].Count != 3 || k[0].Used.IsZero() {
			t.Errorf("counted %+v", k[0])
		}
	}
}

func TestAKeyThatNeverCountsStaysWelcome(t *testing.T) {
	w, a := newWorld(t), newAuthenticator(t)
	if err := w.add(a); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := w.enter(a.answer(t, w.ask())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACounterThatGoesBackClosesTheKey(t *testing.T) {
	w, a := newWorld(t), newAuthenticator(t)
	if err := w.add(a); err != nil {
		t.Fatal(err)
	}
	a.count = 7
	if _, err := w.enter(a.answer(t, w.ask())); err != nil {
		t.Fatal(err)
	}
	a.count = 7 // the copy has counted no further
	if _, err := w.enter(a.answer(t, w.ask())); !errors.Is(err, passkey.ErrCopied) {
		t.Fatalf("a copy: %v", err)
	}
	if k := w.keys(); k[0].Doubted.IsZero() || k[0].Count != 7 || w.events(audit.SignInFailed) != 1 {
		t.Errorf("kept %+v", k[0])
	}
	if q := w.ask(); q != nil {
		t.Error("a doubted key is asked for")
	}
}

func TestAnAnswerCountsOnce(t *testing.T) {
	w, a := newWorld(t), newAuthenticator(t)
	if err := w.add(a); err != nil {
		t.Fatal(err)
	}
	answer := a.answer(t, w.ask())
	if _, err := w.enter(answer); err != nil {
		t.Fatal(err)
	}
	if _, err := w.enter(answer); !errors.Is(err, passkey.ErrOver) {
		t.Errorf("replayed at once: %v", err)
	}
	w.ask()
	if _, err := w.enter(answer); !errors.Is(err, passkey.ErrAnswer) {
		t.Errorf("replayed to another question: %v", err)
	}
	late := a.answer(t, w.ask())
	w.Clock.Advance(5 * time.Minute)
	if _, err := w.enter(late); !errors.Is(err, passkey.ErrOver) {
		t.Errorf("late: %v", err)
	}
}

func TestWhatDoesNotHoldOpensNothing(t *testing.T) {
	w, a := newWorld(t), newAuthenticator(t)
	if err := w.add(a); err != nil {
		t.Fatal(err)
	}
	stranger := newAuthenticator(t)
	for name, answer := range map[string]func(q []byte) []byte{
		"another key":        func(q []byte) []byte { return stranger.answer(t, q) },
		"a key of that name": func(q []byte) []byte { s := *stranger; s.id = a.id; return s.answer(t, q) },
		"another origin":     func(q []byte) []byte { s := *a; s.origin = "https://id.test.evil.example"; return s.answer(t, q) },
		"another party":      func(q []byte) []byte { s := *a; s.party = "evil.example"; return s.answer(t, q) },
		"nobody verified":    func(q []byte) []byte { s := *a; s.flags = 0; return s.answer(t, q) },
		"eligible now":       func(q []byte) []byte { s := *a; s.flags |= eligible; return s.answer(t, q) },
		"nothing":            func([]byte) []byte { return nil },
		"a creation":         func(q []byte) []byte { return a.create(t, q) },
		"not JSON":           func([]byte) []byte { return []byte(`{"id":`) },
		"a list":             func([]byte) []byte { return []byte(`[[[[]]]]`) },
		"empty bytes": func([]byte) []byte {
			return []byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"","authenticatorData":"","signature":""}}`)
		},
	} {
		if f, err := w.enter(answer(w.ask())); !errors.Is(err, passkey.ErrAnswer) {
			t.Errorf("%s: %q %v", name, f, err)
		}
		w.Clock.Advance(time.Hour)
	}
	if f, err := w.enter(a.answer(t, w.ask())); f != "hwk" || err != nil {
		t.Errorf("the key itself afterwards: %q %v", f, err)
	}
}

func TestALockedAccountIsNotEntered(t *testing.T) {
	w, a := newWorld(t), newAuthenticator(t)
	if err := w.add(a); err != nil {
		t.Fatal(err)
	}
	q := w.ask()
	if _, err := w.ChangeAccount(t.Context(), w.who.ID, func(a *account.Account) error { a.Lock.Since = w.Clock.Now(); return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.enter(a.answer(t, q)); !errors.Is(err, passkey.ErrAnswer) {
		t.Errorf("entered: %v", err)
	}
}

func TestAddingAsksForPasswordAndCode(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*passkey.Asking)
		key    string
		want   error
	}{
		"a wrong password": {func(a *passkey.Asking) { a.Password = "wrong" }, "Ключ", authn.ErrPassword},
		"a wrong code":     {func(a *passkey.Asking) { a.Code = "000000" }, "Ключ", authn.ErrCode},
		"no name":          {func(*passkey.Asking) {}, "  ", fault.Invalid},
		"a long name":      {func(*passkey.Asking) {}, strings.Repeat("я", 61), fault.Invalid},
		"a control letter": {func(*passkey.Asking) {}, "a\u202eb", fault.Invalid},
	} {
		by := w.asking()
		c.change(&by)
		if err := w.desk.Begin(t.Context(), by, c.key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := w.desk.Question(t.Context(), w.who.ID, here); !errors.Is(err, passkey.ErrOver) {
		t.Errorf("a question: %v", err)
	}
	if err := w.desk.Add(t.Context(), w.who.ID, here, newAuthenticator(t).create(t, []byte(`{"publicKey":{"userVerification":"required"}}`)), ""); !errors.Is(err, passkey.ErrOver) {
		t.Errorf("added: %v", err)
	}
}

func TestANewKeyThatDoesNotHoldIsNotKept(t *testing.T) {
	w := newWorld(t)
	for name, change := range map[string]func(*authenticator){
		"another origin":  func(a *authenticator) { a.origin = "https://evil.example" },
		"nobody verified": func(a *authenticator) { a.flags = 0 },
		"another party":   func(a *authenticator) { a.party = "evil.example" },
	} {
		a := newAuthenticator(t)
		change(a)
		if err := w.add(a); !errors.Is(err, passkey.ErrAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.keys()) != 0 {
		t.Errorf("kept %+v", w.keys())
	}
	a := newAuthenticator(t)
	if err := w.add(a); err != nil {
		t.Fatal(err)
	}
	if err := w.add(a); !errors.Is(err, passkey.ErrHas) {
		t.Errorf("twice: %v", err)
	}
}

func TestTheLastSecondFactorStays(t *testing.T) {
	w, a, b := newWorld(t), newAuthenticator(t), newAuthenticator(t)
	for _, k := range []*authenticator{a, b} {
		if err := w.add(k); err != nil {
			t.Fatal(err)
		}
	}
	by := w.asking()
	if err := w.desk.Remove(t.Context(), by, []byte("x")); !errors.Is(err, passkey.ErrNoKey) {
		t.Errorf("no such key: %v", err)
	}
	by.Code = "000000"
	if err := w.desk.Remove(t.Context(), by, a.id); !errors.Is(err, authn.ErrCode) {
		t.Errorf("a wrong code: %v", err)
	}
	if err := w.desk.Remove(t.Context(), w.asking(), a.id); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ChangeAccount(t.Context(), w.who.ID, func(a *account.Account) error { a.Credential.TOTP = nil; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := w.desk.Remove(t.Context(), w.asking(), b.id); !errors.Is(err, passkey.ErrLast) {
		t.Errorf("the last one: %v", err)
	}
	if len(w.keys()) != 1 || w.events(audit.FactorRemoved) != 1 {
		t.Errorf("kept %+v", w.keys())
	}
}

func TestAnAddressWithoutTLSHasNoKeys(t *testing.T) {
	w := newWorld(t)
	for issuer, want := range map[string]bool{
		"https://id.test": true, "http://localhost:8080": true, "http://id.test": false, "https://127.0.0.1": false, "http://127.0.0.1:8080": false,
	} {
		d := w.open(issuer)
		if d.Possible() != want {
			t.Errorf("%s: %v", issuer, d.Possible())
		}
		if err := d.Begin(t.Context(), w.asking(), "Ключ"); !want && !errors.Is(err, passkey.ErrUnfit) {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}
