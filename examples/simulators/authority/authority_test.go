package authority

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"golang.org/x/crypto/ocsp"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

func office(t *testing.T) (*Office, string) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	o, err := Open(t.Context(), t.TempDir(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	o.Mount(mux)
	return o, server.URL
}

var order = Order{SNILS: "11223344595", FamilyName: "Иванов", GivenName: "Иван", Patronymic: "Иванович"}

func parse(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificatesLeadToTheirRoot(t *testing.T) {
	o, _ := office(t)
	for _, algorithm := range []string{"rsa", "ecdsa"} {
		of := order
		of.Algorithm = algorithm
		c, err := o.Issue(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		roots, below := x509.NewCertPool(), x509.NewCertPool()
		root, err := x509.ParseCertificate(o.Roots()[0].DER)
		if err != nil {
			t.Fatal(err)
		}
		roots.AddCert(root)
		below.AddCert(parse(t, c.Chain))
		leaf := parse(t, c.Certificate)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: below, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
		if len(leaf.Policies) != 1 || leaf.Policies[0].String() != class {
			t.Errorf("policies %v", leaf.Policies)
		}
		token, err := o.Token(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, above, err := pkcs12.DecodeChain(token, Password); err != nil || !got.Equal(leaf) || len(above) != 1 {
			t.Errorf("PKCS#12: %v, %d above", err, len(above))
		}
	}
}

func TestTheHolderSigns(t *testing.T) {
	o, _ := office(t)
	c, err := o.Issue(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("заявление\r\n")
	for _, detached := range []bool{true, false} {
		der, err := o.Sign(t.Context(), c, text, detached)
		if err != nil {
			t.Fatal(err)
		}
		m, err := pkcs7.Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		if (len(m.Content) == 0) != detached {
			t.Errorf("detached %v, and a content of %d bytes", detached, len(m.Content))
		}
		m.Content = text
		if err := m.Verify(); err != nil {
			t.Errorf("detached %v: %v", detached, err)
		}
	}
}

func ask(t *testing.T, address string, c, issuer *x509.Certificate) *ocsp.Response {
	t.Helper()
	q, err := ocsp.CreateRequest(c, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(address, "application/ocsp-request", bytes.NewReader(q))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	answer, err := ocsp.ParseResponseForCert(body, c, issuer)
	if err != nil {
		t.Fatalf("status %d: %v", res.StatusCode, err)
	}
	return answer
}

func TestARevokedCertificateIsListedAndAnsweredFor(t *testing.T) {
	o, url := office(t)
	c, err := o.Issue(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	leaf, issuer := parse(t, c.Certificate), parse(t, c.Chain)
	if got := ask(t, url+"/ca/main/ocsp", leaf, issuer); got.Status != ocsp.Good {
		t.Errorf("before: status %d", got.Status)
	}
	if _, err := o.Revoke(t.Context(), c.Serial); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, url+"/ca/main/ocsp", leaf, issuer); got.Status != ocsp.Revoked {
		t.Errorf("after: status %d", got.Status)
	}
	res, err := http.Get(url + "/ca/main/issuing.crl")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	list, err := x509.ParseRevocationList(body)
	if err != nil || list.CheckSignatureFrom(issuer) != nil || len(list.RevokedCertificateEntries) != 1 ||
		list.RevokedCertificateEntries[0].SerialNumber.Cmp(leaf.SerialNumber) != 0 {
		t.Errorf("the list: %v", err)
	}
	if _, err := o.Revoke(t.Context(), "beef"); !errors.Is(err, ErrUnknown) {
		t.Errorf("revoking what was never issued: %v", err)
	}
	if err := o.SetMode(t.Context(), Down); err != nil {
		t.Fatal(err)
	}
	if res, err := http.Get(url + "/ca/main/issuing.crl"); err != nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("down: %v, %v", res.StatusCode, err)
	}
}

func TestAuthoritiesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	var roots [][]byte
	for range 2 {
		o, err := Open(t.Context(), dir, "http://127.0.0.1:1")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range o.Roots() {
			roots = append(roots, r.DER)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
	half := len(roots) / 2
	for i := range half {
		if !bytes.Equal(roots[i], roots[half+i]) {
			t.Errorf("root %d is another after a restart", i)
		}
	}
}

func TestOrdersAreChecked(t *testing.T) {
	o, _ := office(t)
	for name, change := range map[string]func(*Order){
		"no SNILS":      func(o *Order) { o.SNILS = "" },
		"another kind":  func(o *Order) { o.Kind = "seal" },
		"ends before":   func(o *Order) { o.From, o.Until = time.Now(), time.Now().Add(-time.Hour) },
		"another tree":  func(o *Order) { o.Tree = "nobody" },
		"GOST by EC":    func(o *Order) { o.Tree = GOST },
		"no such thing": func(o *Order) { o.Algorithm = "dsa" },
	} {
		bad := order
		change(&bad)
		if _, err := o.Issue(t.Context(), bad); !errors.Is(err, ErrOrder) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
