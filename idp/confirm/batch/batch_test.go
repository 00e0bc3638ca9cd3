package batch

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/fault"
	"github.com/propusk/propusk/idp/seal"
)

// bundle is a batch of three letters that no address can be read off.
var bundle = confirm.Bundle{ID: "2026-11-22-K7Q4MX2P", Made: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Letters: []confirm.Parcel{
	{ID: "AAAAAAAAAAAAAAAAAAAAAAAAA2", Number: "4417-0926", Address: civil.Address{PostalCode: "119180"}, PDF: bytes.Repeat([]byte("%PDF-1"), 9000)},
	{ID: "BBBBBBBBBBBBBBBBBBBBBBBBB3", Number: "0001-0002", Address: civil.Address{PostalCode: "170100"}, PDF: []byte("%PDF-2")},
	{ID: "CCCCCCCCCCCCCCCCCCCCCCCCC4", Number: "0003-0004", Address: civil.Address{PostalCode: "620014"}, PDF: []byte("%PDF-3")},
}}

// ours is the key of letters, from a keyring whose secret is known to the helper process too.
func ours(t testing.TB) (sign func() (seal.SigningKey, error), keys []Key) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ring := seal.NewRing(time.Now, seal.Key{ID: 9, Use: seal.UseSignLetters, Secret: der, CreatedAt: at, UsableFrom: at})
	for _, k := range ring.LetterKeys() {
		key, err := NewKey(k.Private.Public())
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return ring.LetterSigner, keys
}

func directory(t testing.TB, path string) (*Directory, []Key) {
	sign, keys := ours(t)
	return &Directory{Path: path, Issuer: "https://id.example.ru", Sign: sign}, keys
}

// look is what a printer sees: every directory whose name does not begin with a dot, whole.
func look(t *testing.T, path string, keys []Key) (batches []*Manifest) {
	t.Helper()
	files, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".") {
			continue
		}
		m, err := Open(filepath.Join(path, f.Name()), keys)
		if err != nil {
			t.Errorf("the printer could take what is not whole: %v", err)
			continue
		}
		batches = append(batches, m)
	}
	return batches
}

// steps counts what a Put goes through.
func steps(t *testing.T) (names []string) {
	t.Helper()
	d, _ := directory(t, t.TempDir())
	d.step = func(name string) error { names = append(names, name); return nil }
	if _, err := d.Put(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	return names
}

// again puts the batch once more, unbroken, and looks that it is there, once, whole, with nothing beside it.
func again(t *testing.T, path string) {
	t.Helper()
	d, keys := directory(t, path)
	ids, err := d.Put(t.Context(), bundle)
	if err != nil || len(ids) != 3 || ids[0] != bundle.Letters[0].ID {
		t.Fatalf("the next try: %v, %v", ids, err)
	}
	if all := look(t, path, keys); len(all) != 1 || len(all[0].Letters) != 3 || all[0].Letters[1].PostalCode != "170100" {
		t.Errorf("after the next try there are %d batches", len(all))
	}
	if files, _ := os.ReadDir(path); len(files) != 1 {
		t.Errorf("left over: %v", files)
	}
}

func TestPrinterNeverSeesHalfABatch(t *testing.T) {
	names := steps(t)
	if len(names) < 10 {
		t.Fatalf("only %d steps", len(names))
	}
	for i, name := range names {
		t.Run(fmt.Sprintf("an error at step %d, %s", i, name), func(t *testing.T) {
			path := t.TempDir()
			d, keys := directory(t, path)
			n, broken := 0, errors.New("no space left")
			d.step = func(string) error {
				if n++; n == i+1 {
					return broken
				}
				return nil
			}
			if _, err := d.Put(t.Context(), bundle); !errors.Is(err, broken) {
				t.Fatalf("broken off: %v", err)
			}
			look(t, path, keys)
			again(t, path)
		})
	}
}

// TestHelperPut is the process that is killed.
func TestHelperPut(t *testing.T) {
	kill, err := strconv.Atoi(os.Getenv("BATCH_KILL_AT"))
	if err != nil {
		return // only for TestKilledProcessLeavesNoHalfBatch
	}
	d, _ := directory(t, os.Getenv("BATCH_DIR"))
	n := 0
	d.step = func(string) error {
		if n++; n == kill+1 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
	_, _ = d.Put(t.Context(), bundle)
}

func TestKilledProcessLeavesNoHalfBatch(t *testing.T) {
	for i, name := range steps(t) {
		t.Run(fmt.Sprintf("at step %d, %s", i, name), func(t *testing.T) {
			path := t.TempDir()
			c := exec.Command(os.Args[0], "-test.run=^TestHelperPut$")
			c.Env = append(os.Environ(), "BATCH_KILL_AT="+strconv.Itoa(i), "BATCH_DIR="+path)
			err := c.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the helper was not killed: %v", err)
			}
			_, keys := directory(t, path)
			look(t, path, keys)
			again(t, path)
		})
	}
}

func TestBatchThatLiesThereIsNotWrittenAgain(t *testing.T) {
	path := t.TempDir()
	d, _ := directory(t, path)
	if _, err := d.Put(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	less := bundle
	less.Letters = bundle.Letters[:1] // two were cancelled since
	ids, err := d.Put(t.Context(), less)
	if err != nil || len(ids) != 3 {
		t.Errorf("what lies there: %v, %v; want the three of the first time", ids, err)
	}
}

func TestWhatIsNotWhatWasSignedIsNoBatch(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"another letter": func(p string) error {
			return os.WriteFile(filepath.Join(p, bundle.Letters[1].ID+".pdf"), []byte("%PDF-9"), 0o600)
		},
		"a letter less":   func(p string) error { return os.Remove(filepath.Join(p, bundle.Letters[2].ID+".pdf")) },
		"a letter more":   func(p string) error { return os.WriteFile(filepath.Join(p, "D.pdf"), []byte("%PDF-2"), 0o600) },
		"another name":    func(p string) error { return os.Rename(p, p+"X") },
		"signed by no us": func(p string) error { return forge(filepath.Join(p, ManifestName)) },
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			d, keys := directory(t, path)
			if _, err := d.Put(t.Context(), bundle); err != nil {
				t.Fatal(err)
			}
			if err := spoil(filepath.Join(path, bundle.ID)); err != nil {
				t.Fatal(err)
			}
			all, _ := filepath.Glob(filepath.Join(path, "2026*"))
			if m, err := Open(all[0], keys); err == nil {
				t.Errorf("opened: %+v", m)
			}
		})
	}
}

// forge signs a manifest by a key of its own.
func forge(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	payload, err := payloadOf(string(b))
	if err != nil {
		return err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	jws, err := sign(seal.SigningKey{ID: "k", Alg: "EdDSA", Private: private}, "", payload)
	return errors.Join(err, os.WriteFile(path, []byte(jws), 0o600))
}

func TestOthersVerifyTheManifest(t *testing.T) {
	path := t.TempDir()
	d, _ := directory(t, path)
	if _, err := d.Put(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(path, bundle.ID, ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	key, err := d.Sign()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("go-jose", func(t *testing.T) {
		s, err := jose.ParseSignedCompact(string(b), []jose.SignatureAlgorithm{jose.EdDSA})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := s.Verify(key.Private.Public())
		var m Manifest
		if err != nil || json.Unmarshal(payload, &m) != nil || m.Issuer != "https://id.example.ru" || m.Letters[0].Number != "4417-0926" {
			t.Errorf("%v, %+v", err, m)
		}
		if bytes.Contains(payload, []byte("Полянка")) {
			t.Error("an address stands in the manifest")
		}
	})
	t.Run("openssl, as docs/post.md says", func(t *testing.T) {
		openssl, err := exec.LookPath("openssl")
		if err != nil {
			t.Skip("openssl is not installed")
		}
		der, err := x509.MarshalPKIXPublicKey(key.Private.Public())
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		parts := strings.Split(string(b), ".")
		sig, err := text.DecodeString(parts[2])
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string][]byte{
			"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "signed": []byte(parts[0] + "." + parts[1]), "signature": sig,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		c := exec.Command(openssl, "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "signed", "-sigfile", "signature")
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestKeysOfEachKindVerifyTheirOwnAlgorithmOnly(t *testing.T) {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	ec, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	var file []byte
	for _, public := range []any{ed.Public(), ec.Public(), rs.Public()} {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			t.Fatal(err)
		}
		file = append(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})...)
	}
	keys, err := ParseKeys(file)
	if err != nil || len(keys) != 3 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for alg, private := range map[jose.SignatureAlgorithm]any{jose.EdDSA: ed, jose.ES256: ec, jose.RS256: rs} {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: private}, nil)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		jws, _ := signed.CompactSerialize()
		if _, err := verify(jws, keys); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		parts := strings.Split(jws, ".")
		for _, other := range []string{"none", "HS256", "EdDSA", "ES256", "RS256"} {
			if other == string(alg) {
				continue
			}
			parts[0] = text.EncodeToString([]byte(`{"alg":"` + other + `"}`))
			if _, err := verify(strings.Join(parts, "."), keys); !errors.Is(err, ErrSignature) {
				t.Errorf("%s called %s: %v", alg, other, err)
			}
		}
		parts[0] = text.EncodeToString([]byte(`{"alg":"` + string(alg) + `","crit":["b64"],"b64":false}`))
		if _, err := verify(strings.Join(parts, "."), keys); !errors.Is(err, fault.Invalid) {
			t.Errorf("a header that must be understood: %v", err)
		}
	}
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	if _, err := NewKey(weak.Public()); err == nil {
		t.Error("a key of 1024 bits is taken")
	}
}
