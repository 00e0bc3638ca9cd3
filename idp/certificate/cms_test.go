package certificate

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
)

var letter = []byte("ЗАЯВЛЕНИЕ\r\nЯ, Иванова Мария Петровна\r\n")

func TestASignedFileIsRefusedForTheRightReason(t *testing.T) {
	w := NewWorld(t, ECKey())
	attached, detached := Sign(t, w.Citizen, letter, false, w.Issuing.Cert), Sign(t, w.Citizen, letter, true)
	other := []byte("ЗАЯВЛЕНИЕ\r\nЯ, Петров Пётр Петрович\r\n")
	broken := bytes.Clone(detached)
	broken[len(broken)-5] ^= 1
	two := func() []byte {
		m := must(pkcs7.NewSignedData(letter))
		for range 2 {
			if err := m.AddSigner(w.Citizen.Cert, w.Citizen.Key, pkcs7.SignerInfoConfig{}); err != nil {
				t.Fatal(err)
			}
		}
		return must(m.Finish())
	}
	sha1 := func() []byte {
		m := must(pkcs7.NewSignedData(letter))
		m.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA1)
		if err := m.AddSigner(w.Citizen.Cert, w.Citizen.Key, pkcs7.SignerInfoConfig{}); err != nil {
			t.Fatal(err)
		}
		return must(m.Finish())
	}
	bare := func() []byte { // without signed attributes
		m := must(pkcs7.NewSignedData(letter))
		if err := m.SignWithoutAttr(w.Citizen.Cert, w.Citizen.Key, pkcs7.SignerInfoConfig{}); err != nil {
			t.Fatal(err)
		}
		return must(m.Finish())
	}
	for name, row := range map[string]struct {
		file []byte
		want Reason
	}{
		"attached":                  {attached, ""},
		"detached":                  {detached, ""},
		"in PEM":                    {pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: detached}), ""},
		"in base64":                 {[]byte("\ufeff" + base64.StdEncoding.EncodeToString(detached) + "\r\n"), ""},
		"with open lengths":         {opened(t, attached), ""},
		"by RSA":                    {Sign(t, Issue(t, w.Issuing, RSAKey(), Named), letter, true), ""},
		"by a weak key":             {Sign(t, Issue(t, w.Issuing, weakKey(), Named), letter, true), WeakAlgorithm},
		"over SHA-1":                {sha1(), WeakAlgorithm},
		"of another text":           {Sign(t, w.Citizen, other, false), AlteredContent},
		"of another text, detached": {Sign(t, w.Citizen, other, true), AlteredContent},
		"of the text and a space":   {Sign(t, w.Citizen, append(bytes.Clone(letter), ' '), true), AlteredContent},
		"with a broken signature":   {broken, BadSignature},
		"by two":                    {two(), SeveralSigners},
		"without attributes":        {bare(), Malformed},
		"without the certificate":   {anonymous(t, detached), NoCertificate},
		"the statement itself":      {letter, Malformed},
		"empty":                     {nil, Malformed},
		"cut short":                 {attached[:len(attached)-1], Malformed},
		"with a tail":               {append(bytes.Clone(attached), 0), Malformed},
		"a certificate":             {w.Citizen.Cert.Raw, Malformed},
		"a tower":                   {bytes.Repeat([]byte{0x30, 0x80}, MaxFile/2), Malformed},
		"too big":                   {make([]byte, MaxFile+1), TooBig},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := readMessage(row.file)
			if err == nil {
				err = m.verify(t.Context(), NoGost{}, letter)
			}
			if reason(err) != row.want {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

// anonymous takes the certificates out of a signed message.
func anonymous(t testing.TB, der []byte) []byte {
	t.Helper()
	_, info, _, _, err := header(der)
	if err != nil {
		t.Fatal(err)
	}
	_, _, outer, _, _ := header(info) // past the type
	_, inner, _, _, _ := header(outer)
	_, data, _, _, _ := header(inner)
	var kept []byte
	for len(data) > 0 {
		tag, content, rest, _, err := header(data)
		if err != nil {
			t.Fatal(err)
		}
		if tag != 0xa0 {
			kept = append(kept, appendElement(tag, content)...)
		}
		data = rest
	}
	kind := info[:len(info)-len(outer)]
	return appendElement(0x30, append(bytes.Clone(kind), appendElement(0xa0, appendElement(0x30, kept))...))
}

// opened gives every constructed element an open length, and cuts strings of octets in two, as programs do
// that sign a stream.
func opened(t testing.TB, der []byte) []byte {
	t.Helper()
	var walk func(in []byte, depth int) []byte
	walk = func(in []byte, depth int) []byte {
		var out []byte
		for len(in) > 0 {
			tag, content, rest, _, err := header(in)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tag&0x20 != 0 && depth < 3: // certificates are left as they were signed
				out = append(append(append(out, tag, 0x80), walk(content, depth+1)...), 0, 0)
			case tag == 4 && len(content) > 8:
				out = append(append(append(append(out, 0x24, 0x80), appendElement(4, content[:5])...), appendElement(4, content[5:])...), 0, 0)
			default:
				out = append(out, appendElement(tag, content)...)
			}
			in = rest
		}
		return out
	}
	return walk(der, 0)
}

func FuzzSignedFiles(f *testing.F) {
	root := Issue(f, nil, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), authority("Корень"))
	citizen := Issue(f, root, ECKey(), Named)
	for _, seed := range [][]byte{
		Sign(f, citizen, letter, false, root.Cert), Sign(f, citizen, letter, true), opened(f, Sign(f, citizen, letter, false)),
		{0x30, 0x80, 0, 0}, []byte("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := readMessage(file)
		if err == nil {
			err = m.verify(context.Background(), NoGost{}, letter)
		}
		var r *Refusal
		switch {
		case err == nil && (m.signer == nil || !m.detached && !bytes.Equal(m.content, letter)):
			t.Fatal("a signature over something else fits")
		case err != nil && !errors.As(err, &r):
			t.Fatalf("not a refusal: %v", err)
		}
	})
}

func FuzzDER(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0x24, 0x80, 4, 1, 'a', 4, 1, 'b', 0, 0, 0, 0})
	f.Add([]byte{0x30, 3, 2, 1, 5})
	f.Fuzz(func(t *testing.T, ber []byte) {
		der, err := toDER(ber)
		if err != nil {
			return
		}
		if again, err := toDER(der); err != nil || !bytes.Equal(again, der) {
			t.Fatalf("DER of %x changes: %x, %x, %v", ber, der, again, err)
		}
		if len(der) > len(ber) {
			t.Fatalf("%d bytes grew to %d", len(ber), len(der))
		}
	})
}

// A citizen signs with the tool that they have; this is the one that everybody has.
func TestOpenSSLSignsStatements(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed")
	}
	w := NewWorld(t, RSAKey())
	dir := t.TempDir()
	path := func(name string, content []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	text := path("statement.txt", letter)
	for kind, who := range map[string]*Pair{"rsa": w.Citizen, "ecdsa": Issue(t, w.Issuing, ECKey(), Named)} {
		cert := path(kind+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: who.Cert.Raw}))
		key := path(kind+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(who.Key))}))
		for name, options := range map[string][]string{
			"detached": {"-outform", "DER"}, "attached": {"-nodetach", "-outform", "DER"}, "binary": {"-binary", "-outform", "PEM"},
			"streamed": {"-nodetach", "-stream", "-outform", "DER"}, "by key": {"-keyid", "-outform", "DER"}, "cades": {"-cades", "-binary", "-outform", "DER"},
			"sha512": {"-md", "sha512", "-outform", "PEM"},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				out := filepath.Join(dir, "signed")
				args := append([]string{"cms", "-sign", "-in", text, "-signer", cert, "-inkey", key, "-out", out}, options...)
				if said, err := exec.CommandContext(ctx, tool, args...).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, said)
				}
				m, err := readMessage(must(os.ReadFile(out)))
				if err == nil {
					err = m.verify(ctx, NoGost{}, letter)
				}
				if err != nil {
					t.Errorf("signed by OpenSSL: %v", err)
				}
			})
		}
	}
}
