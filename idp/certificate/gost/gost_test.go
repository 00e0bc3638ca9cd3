package gost_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/certificate/gost"
	"github.com/propusk/propusk/idp/civil"
	"github.com/propusk/propusk/idp/confirm"
	"github.com/propusk/propusk/idp/notice"
	"github.com/propusk/propusk/storage/sqlstore"
	"github.com/propusk/propusk/storage/storagetest"
)

// engine is the installed OpenSSL with GOST, or the test is skipped.
func engine(t *testing.T) *gost.OpenSSL {
	t.Helper()
	o := &gost.OpenSSL{Dir: t.TempDir(), Wall: time.Now}
	if !o.Available(t.Context()) {
		t.Skip("openssl with its GOST engine is not installed (Debian: libengine-gost-openssl)")
	}
	return o
}

// GOST R 34.11-2012, examples of appendix A, as RFC 6986 section 10 gives them.
func TestDigestsAreThoseOfTheStandard(t *testing.T) {
	o := engine(t)
	message := []byte("012345678901234567890123456789012345678901234567890123456789012")
	for bits, want := range map[int]string{
		256: "9d151eefd8590b89daa6ba6cb74af9275dd051026bb149a452fd84e5e57b5500",
		512: "1b54d01a4af5b9d5cc3d86d68d285462b19abc2475222f35c085122be4ba1ffa00ad30f8767b3a82384c6574f024c311e2a481332b08ef7f41797891c1646f48",
	} {
		if got, err := o.Digest(t.Context(), bits, message); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("Digest of %d bits: %x, %v; want %s", bits, got, err, want)
		}
	}
	if _, err := o.Digest(t.Context(), 384, message); err == nil {
		t.Error("a digest of 384 bits")
	}
}

func TestWithoutTheEngineItSaysSo(t *testing.T) {
	for name, program := range map[string]string{"no program": "/nonexistent/openssl", "another program": "/bin/true"} {
		o := &gost.OpenSSL{Program: program, Wall: time.Now}
		if _, err := o.Digest(t.Context(), 256, nil); !errors.Is(err, certificate.ErrNoGost) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A tool is the openssl of somebody who signs.
type tool struct {
	t   *testing.T
	dir string
}

func (o tool) run(args ...string) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "openssl", args...)
	cmd.Dir = o.dir
	if said, err := cmd.CombinedOutput(); err != nil {
		o.t.Fatalf("openssl %v: %v\n%s", args, err, said)
	}
}

func (o tool) file(name string) []byte {
	o.t.Helper()
	b, err := os.ReadFile(filepath.Join(o.dir, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return b
}

func (o tool) der(name string) []byte {
	block, _ := pem.Decode(o.file(name))
	return block.Bytes
}

func (o tool) write(name, text string) {
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

const settings = `
[req]
prompt = no
utf8 = yes
string_mask = utf8only
distinguished_name = root
[root]
CN = Головной удостоверяющий центр
O = Минцифры
[authority]
CN = УЦ ГОСТ
O = Казначейство
C = RU
[citizen]
CN = Иванова Мария Петровна
SN = Иванова
GN = Мария Петровна
SNILS = 11223344595
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[person]
keyUsage = critical,digitalSignature,nonRepudiation
extendedKeyUsage = clientAuth,emailProtection
certificatePolicies = 1.2.643.100.113.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[stranger]
keyUsage = critical,digitalSignature,nonRepudiation
[list]
database = index.txt
crlnumber = crlnumber
default_md = md_gost12_256
default_crl_days = 1

`

// chain makes a GOST root, an authority below it and a citizen's certificate.
func chain(t *testing.T, bits int) tool {
	o := tool{t, t.TempDir()}
	o.write("openssl.cnf", settings)
	o.write("index.txt", "")
	o.write("crlnumber", "01\n")
	digest, alg, set := fmt.Sprintf("-md_gost12_%d", bits), fmt.Sprintf("gost2012_%d", bits), "paramset:A"
	for _, who := range []string{"root", "authority", "citizen"} {
		o.run("genpkey", "-engine", "gost", "-algorithm", alg, "-pkeyopt", set, "-out", who+".key")
	}
	o.run("req", "-engine", "gost", "-x509", "-new", "-key", "root.key", "-config", "openssl.cnf", "-extensions", "ca", "-days", "30", digest, "-out", "root.pem")
	below := func(who, section, issuer, extensions string) {
		name := who + ".csr"
		o.write("one.cnf", replace(settings, "distinguished_name = root", "distinguished_name = "+section))
		o.run("req", "-engine", "gost", "-new", "-key", who+".key", "-config", "one.cnf", digest, "-out", name)
		o.run("x509", "-engine", "gost", "-req", "-in", name, "-CA", issuer+".pem", "-CAkey", issuer+".key", "-CAcreateserial",
			"-extfile", "openssl.cnf", "-extensions", extensions, "-days", "10", digest, "-out", who+".pem")
	}
	below("authority", "authority", "root", "ca")
	below("citizen", "citizen", "authority", "person")
	return o
}

func replace(s, old, new string) string {
	return string(bytes.Replace([]byte(s), []byte(old), []byte(new), 1))
}

func (o tool) lists(bits int) {
	for _, who := range []string{"root", "authority"} {
		o.run("ca", "-engine", "gost", "-config", "openssl.cnf", "-name", "list", "-md", fmt.Sprintf("md_gost12_%d", bits), "-gencrl", "-cert", who+".pem", "-keyfile", who+".key", "-out", who+".crl.pem")
		o.run("crl", "-in", who+".crl.pem", "-outform", "DER", "-out", who+".crl")
	}
}

func TestAStatementUnderARealGOSTCertificateConfirms(t *testing.T) {
	o := engine(t)
	for _, bits := range []int{256, 512} {
		t.Run(fmt.Sprint(bits), func(t *testing.T) {
			ca := chain(t, bits)
			ca.lists(bits)
			var served atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				_, _ = w.Write(ca.file(filepath.Base(r.URL.Path)))
			}))
			t.Cleanup(server.Close)
			anchor, err := certificate.NewAnchor(certificate.Anchor{DER: ca.der("root.pem"), From: time.Now().Add(-time.Hour),
				CRLs: []string{server.URL + "/authority.crl", server.URL + "/root.crl"}})
			if err != nil {
				t.Fatal(err)
			}
			d, s := desk(t, o)
			if err := s.SaveAnchor(t.Context(), anchor); err != nil {
				t.Fatal(err)
			}
			a := citizen(t, s)

			paper, err := d.Statement(t.Context(), a.ID)
			if err != nil {
				t.Fatal(err)
			}
			ca.write("statement.txt", string(paper.Content))
			sign := func(out string, more ...string) []byte {
				ca.run(append([]string{"cms", "-sign", "-engine", "gost", "-md", fmt.Sprintf("md_gost12_%d", bits), "-in", "statement.txt",
					"-signer", "citizen.pem", "-inkey", "citizen.key", "-certfile", "authority.pem", "-outform", "DER", "-out", out}, more...)...)
				return ca.file(out)
			}
			submit := func(file []byte) (*account.Confirmation, error) {
				return d.Submit(t.Context(), certificate.Submission{Account: a.ID, Statement: paper.ID, File: file})
			}
			broken := sign("broken.p7s")
			broken[len(broken)-1] ^= 1
			refuses(t, "a broken signature", submit, broken, certificate.BadSignature)
			ca.write("statement.txt", string(paper.Content)+"И ещё.\r\n")
			refuses(t, "another text", submit, sign("other.p7s"), certificate.AlteredContent)
			ca.write("statement.txt", string(paper.Content))
			c, err := submit(sign("good.p7s", "-nodetach"))
			if err != nil {
				t.Fatal(err)
			}
			if c.Method != account.QualifiedSignature || c.Organization != "CN=УЦ ГОСТ, O=Казначейство, C=RU" || served.Load() == 0 {
				t.Errorf("confirmed by %+v, %d lists asked for", c, served.Load())
			}
		})
	}
}

func TestGOSTIsRefusedClearlyWhereNobodyCanCheckIt(t *testing.T) {
	engine(t) // to make the certificate
	ca := chain(t, 256)
	d, s := desk(t, &gost.OpenSSL{Program: "/nonexistent/openssl", Wall: time.Now})
	anchor, err := certificate.NewAnchor(certificate.Anchor{DER: ca.der("root.pem")})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveAnchor(t.Context(), anchor); err != nil {
		t.Fatal(err)
	}
	a := citizen(t, s)
	paper, err := d.Statement(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	ca.write("statement.txt", string(paper.Content))
	ca.run("cms", "-sign", "-engine", "gost", "-md", "md_gost12_256", "-in", "statement.txt", "-signer", "citizen.pem", "-inkey", "citizen.key",
		"-outform", "DER", "-out", "signed")
	refuses(t, "GOST without an engine", func(file []byte) (*account.Confirmation, error) {
		return d.Submit(t.Context(), certificate.Submission{Account: a.ID, Statement: paper.ID, File: file})
	}, ca.file("signed"), certificate.GostUnavailable)
}

func TestFilesOfAProcessAreGoneAfterIt(t *testing.T) {
	o := engine(t)
	if ok, err := o.Verify(t.Context(), 256, []byte("no key"), []byte("data"), []byte("no signature")); ok || err != nil {
		t.Errorf("junk fits: %v, %v", ok, err)
	}
	left, err := os.ReadDir(o.Dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func refuses(t *testing.T, what string, submit func([]byte) (*account.Confirmation, error), file []byte, want certificate.Reason) {
	t.Helper()
	_, err := submit(file)
	var r *certificate.Refusal
	if !errors.As(err, &r) || r.Reason != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func desk(t *testing.T, o *gost.OpenSSL) (*certificate.Desk, *storagetest.Stores) {
	s := storagetest.New(t)
	notices, err := notice.New(notice.Config{Issuer: "https://propusk.example", Now: s.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	return certificate.New(certificate.Config{
		Read: s.Records, Transients: s.Transients, Ring: s.Keyring.Ring, Notices: notices, Issuer: "https://propusk.example",
		Now: s.Clock.Now, Wall: time.Now, Gost: o,
		Atomically: func(ctx context.Context, f func(confirm.Tx) error) error {
			return s.Atomically(ctx, func(tx *sqlstore.Stores) error { return f(tx) })
		},
	}), s
}

func citizen(t *testing.T, s *storagetest.Stores) *account.Account {
	n, err := civil.ParseFullName("Иванова", "Мария", "Петровна")
	if err != nil {
		t.Fatal(err)
	}
	snils, err := civil.ParseSNILS("11223344595")
	if err != nil {
		t.Fatal(err)
	}
	a := s.Simplified(t)
	a.Agree(account.Person{FamilyName: n.Family, GivenName: n.Given, Patronymic: n.Patronymic, SNILS: snils, BirthDate: civil.MustDate(1990, 4, 7)}, s.Clock.Now())
	return s.Create(t, a)
}
