package dpop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/dpop"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
	"github.com/propusk/propusk/idp/transient"
)

// marks is a store that knows Create alone.
type marks struct {
	transient.Store
	mu   sync.Mutex
	seen map[string]time.Time
}

func (m *marks) Create(_ context.Context, kind, id string, _ []byte, now, deadline time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until, ok := m.seen[kind+id]; ok && now.Before(until) {
		return fault.Exists
	}
	m.seen[kind+id] = deadline
	return nil
}

const address = "https://id.example/oauth2/token"

// bench is a verifier at a moved clock, and a key.
type bench struct {
	*dpop.Verifier
	t    *testing.T
	now  time.Time
	key  *ecdsa.PrivateKey
	seen *marks
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Now().Truncate(time.Second), seen: &marks{seen: map[string]time.Time{}}}
	wall := func() time.Time { return b.now }
	key, err := seal.NewKey(1, seal.UseSeal, b.now, b.now)
	if err != nil {
		t.Fatal(err)
	}
	b.Verifier = &dpop.Verifier{Store: b.seen, Ring: seal.NewRing(wall, key), Wall: wall}
	if b.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	return b
}

// proof signs claims; pairs replace those of a right proof, nil removes one.
func (b *bench) proof(pairs ...any) string {
	claims := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": address, "iat": b.now.Unix(), "nonce": b.Nonce()}
	for i := 0; i+1 < len(pairs); i += 2 {
		if claims[pairs[i].(string)] = pairs[i+1]; pairs[i+1] == nil {
			delete(claims, pairs[i].(string))
		}
	}
	return b.signed(jose.SigningKey{Algorithm: jose.ES256, Key: b.key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), claims)
}

func (b *bench) signed(key jose.SigningKey, o *jose.SignerOptions, claims any) string {
	b.t.Helper()
	s, err := jose.NewSigner(key, o)
	if err != nil {
		b.t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		b.t.Fatal(err)
	}
	jws, err := s.Sign(text)
	if err != nil {
		b.t.Fatal(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bench) check(proofs ...string) error {
	_, err := b.Check(b.t.Context(), dpop.Call{Method: "POST", URL: address, Proofs: proofs})
	return err
}

func TestAProofCountsOnceForAMinute(t *testing.T) {
	b := newBench(t)
	p := b.proof()
	if err := b.check(p); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.check(p); !errors.Is(err, dpop.ErrProof) {
			t.Errorf("used again: %v", err)
		}
		b.now = b.now.Add(25 * time.Second)
	}
	b.now = b.now.Add(10 * time.Minute)
	if err := b.check(p); !errors.Is(err, dpop.ErrProof) {
		t.Errorf("when the mark is gone: %v", err)
	}
}

func TestOfManyAtOnceOneProofCounts(t *testing.T) {
	b := newBench(t)
	p := b.proof()
	var wait sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 20 {
		wait.Go(func() {
			if b.check(p) == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if won != 1 {
		t.Errorf("counted %d times", won)
	}
}

func TestWhatIsNoProof(t *testing.T) {
	b := newBench(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"jti": "x", "htm": "POST", "htu": address, "iat": b.now.Unix(), "nonce": b.Nonce()}
	embed := func() *jose.SignerOptions { return (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt") }
	es256 := jose.SigningKey{Algorithm: jose.ES256, Key: b.key}
	parts := strings.Split(b.proof(), ".")
	stranger := newBench(t)
	theirs := strings.Split(stranger.proof(), ".")
	for name, proofs := range map[string][]string{
		"none": {}, "two": {b.proof(), b.proof()}, "empty": {""}, "no JWS": {"a.b.c"}, "too long": {b.proof("jti", strings.Repeat("x", 9000))},
		"typ of a token":   {b.signed(es256, (&jose.SignerOptions{EmbedJWK: true}).WithType("JWT"), claims)},
		"no key":           {b.signed(es256, (&jose.SignerOptions{}).WithType("dpop+jwt"), claims)},
		"a weak key":       {b.signed(jose.SigningKey{Algorithm: jose.RS256, Key: weak}, embed(), claims)},
		"a shared secret":  {b.signed(jose.SigningKey{Algorithm: jose.HS256, Key: make([]byte, 32)}, (&jose.SignerOptions{}).WithType("dpop+jwt"), claims)},
		"no algorithm":     {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"dpop+jwt"}`)) + "." + parts[1] + "."},
		"another's claims": {parts[0] + "." + theirs[1] + "." + parts[2]}, "another's header": {theirs[0] + "." + parts[1] + "." + parts[2]},
		"claims that are a list": {b.signed(es256, embed(), []string{"x"})},
		"no jti":                 {b.proof("jti", nil)}, "a long jti": {b.proof("jti", strings.Repeat("x", 300))}, "jti a number": {b.proof("jti", 1)},
		"no htm": {b.proof("htm", nil)}, "another method": {b.proof("htm", "GET")}, "the method in small letters": {b.proof("htm", "post")},
		"no htu": {b.proof("htu", nil)}, "another path": {b.proof("htu", address+"/x")}, "another host": {b.proof("htu", "https://evil.example/oauth2/token")},
		"another scheme": {b.proof("htu", "http://id.example/oauth2/token")}, "a user in htu": {b.proof("htu", "https://a@id.example/oauth2/token")},
		"another port": {b.proof("htu", "https://id.example:8443/oauth2/token")}, "a path": {b.proof("htu", "/oauth2/token")},
		"no iat": {b.proof("iat", nil)}, "old": {b.proof("iat", b.now.Add(-61*time.Second).Unix())}, "early": {b.proof("iat", b.now.Add(61*time.Second).Unix())},
		"iat without end": {b.proof("iat", 1e300)}, "iat below nothing": {b.proof("iat", -1)},
	} {
		if err := b.check(proofs...); !errors.Is(err, dpop.ErrProof) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if len(b.seen.seen) != 0 {
		t.Errorf("what proved nothing left %d marks in the store", len(b.seen.seen))
	}
}

func TestTheAddressIsComparedAsBrowsersWriteIt(t *testing.T) {
	b := newBench(t)
	for _, u := range []string{address, "HTTPS://ID.example/oauth2/token", "https://id.example:443/oauth2/token", address + "?a=b", address + "#x"} {
		if err := b.check(b.proof("htu", u)); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestANonceOfOursIsNeededAndEnds(t *testing.T) {
	b := newBench(t)
	for name, nonce := range map[string]any{"none": nil, "nobody's": "AAAA", "long": strings.Repeat("A", 400), "another installation's": newBench(t).Nonce()} {
		if err := b.check(b.proof("nonce", nonce)); !errors.Is(err, dpop.ErrNonce) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	n := b.Nonce()
	b.now = b.now.Add(5 * time.Minute)
	if err := b.check(b.proof("nonce", n)); err != nil {
		t.Errorf("after five minutes: %v", err)
	}
	b.now = b.now.Add(2 * time.Minute)
	if err := b.check(b.proof("nonce", n)); !errors.Is(err, dpop.ErrNonce) {
		t.Errorf("after seven minutes: %v", err)
	}
}

func TestATokenIsBoundToItsKeyAndItsProof(t *testing.T) {
	b := newBench(t)
	jkt, err := b.Check(t.Context(), dpop.Call{Method: "POST", URL: address, Proofs: []string{b.proof()}})
	if err != nil || len(jkt) != 43 {
		t.Fatalf("thumbprint %q, %v", jkt, err)
	}
	hash := func(token string) string {
		sum := sha256.Sum256([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	for name, c := range map[string]struct {
		proof, key string
		ok         bool
	}{
		"right":          {b.proof("ath", hash("token")), jkt, true},
		"no ath":         {b.proof(), jkt, false},
		"another token":  {b.proof("ath", hash("other")), jkt, false},
		"another's key":  {newBenchKey(b).proof("ath", hash("token")), jkt, false},
		"another token'": {b.proof("ath", hash("token")), "AAAA", false},
	} {
		_, err := b.Check(t.Context(), dpop.Call{Method: "POST", URL: address, Proofs: []string{c.proof}, Token: "token", Key: c.key})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, dpop.ErrProof) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// newBenchKey is the same bench with another key.
func newBenchKey(b *bench) *bench {
	out := *b
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	out.key = key
	return &out
}

// Nothing that a stranger writes proves anything, and nothing breaks.
func FuzzCheck(f *testing.F) {
	f.Add("a.b.c", "POST", address)
	f.Add("eyJhbGciOiJFUzI1NiIsInR5cCI6ImRwb3Arand0In0.e30.AA", "", "https://[::1]:x/")
	wall := time.Now
	key, err := seal.NewKey(1, seal.UseSeal, wall(), wall())
	if err != nil {
		f.Fatal(err)
	}
	v := &dpop.Verifier{Store: &marks{seen: map[string]time.Time{}}, Ring: seal.NewRing(wall, key), Wall: wall}
	f.Fuzz(func(t *testing.T, proof, method, u string) {
		if _, err := v.Check(t.Context(), dpop.Call{Method: method, URL: u, Proofs: []string{proof}}); err == nil {
			t.Fatalf("%q proves something", proof)
		}
	})
}
