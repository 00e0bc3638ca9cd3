package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"
	"golang.org/x/crypto/ocsp"

	"github.com/propusk/propusk/idp/account"
	"github.com/propusk/propusk/idp/civil"
)

// noon is where the clock of storagetest stands.
var noon = time.Date(2026, time.March, 14, 12, 30, 15, 123_456_000, time.UTC)

const CardPolicy = "2.25.171406250219434413519"

var rules = Rules{Qualified: Classes(), Card: []string{CardPolicy}}

// Ivanova is whom the certificates of these tests name.
var Ivanova = person("11223344595", "Иванова", "Мария", "Петровна")

func person(snils, family, given, patronymic string) account.Person {
	s, err := civil.ParseSNILS(snils)
	if err != nil {
		panic(err)
	}
	n, err := civil.ParseFullName(family, given, patronymic)
	if err != nil {
		panic(err)
	}
	return account.Person{SNILS: s, FamilyName: n.Family, GivenName: n.Given, Patronymic: n.Patronymic, BirthDate: civil.MustDate(1990, 4, 7)}
}

// A Pair is a certificate and its key.
type Pair struct {
	Cert *x509.Certificate
	Key  crypto.Signer
}

var ECKey = sync.OnceValue(func() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
var RSAKey = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) })
var weakKey = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 1024)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// issue makes a certificate by issuer, or by itself if that is nil.
func Issue(t testing.TB, issuer *Pair, key crypto.Signer, change ...func(*x509.Certificate)) *Pair {
	t.Helper()
	c := &x509.Certificate{SerialNumber: must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))), NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(365 * 24 * time.Hour)}
	c.SubjectKeyId = c.SerialNumber.Bytes()
	for _, f := range change {
		f(c)
	}
	parent, signer := c, key
	if issuer != nil {
		parent, signer = issuer.Cert, issuer.Key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return &Pair{must(x509.ParseCertificate(der)), key}
}

func authority(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: name, Organization: []string{"Минцифры"}, Country: []string{"RU"}}
		c.IsCA, c.BasicConstraintsValid = true, true
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		c.NotAfter = noon.Add(10 * 365 * 24 * time.Hour)
	}
}

func attribute(oid asn1.ObjectIdentifier, v any) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: oid, Value: v}
}

func Named(c *x509.Certificate) {
	c.Subject = pkix.Name{CommonName: "Иванова Мария Петровна", Country: []string{"RU"}, ExtraNames: []pkix.AttributeTypeAndValue{
		attribute(oidSurname, "Иванова"), attribute(oidGiven, "Мария Петровна"), attribute(oidSNILS, "11223344595"),
	}}
	c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}
	c.Policies = []x509.OID{must(x509.ParseOID("1.2.643.100.113.1"))}
}

// A World is a root, an authority below it and one citizen's certificate, with responders.
type World struct {
	Root, Issuing, Citizen *Pair
	delegate               map[*Pair]*Pair // who answers for an authority

	mu      sync.Mutex
	revoked map[string]time.Time
	late    time.Duration // after noon
	mode    string        // "", "down", "garbage", "stale", "other", "unknown", "delegated", "weak"
	asked   map[string]int
	server  *httptest.Server
}

func NewWorld(t testing.TB, key crypto.Signer) *World {
	w := &World{revoked: map[string]time.Time{}, asked: map[string]int{}}
	w.Root = Issue(t, nil, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), authority("Корень"))
	w.Issuing = Issue(t, w.Root, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), authority("УЦ Первый"))
	w.Citizen = Issue(t, w.Issuing, key, Named)
	w.delegate = map[*Pair]*Pair{}
	for _, by := range []*Pair{w.Root, w.Issuing} {
		w.delegate[by] = Issue(t, by, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), func(c *x509.Certificate) {
			c.Subject, c.ExtKeyUsage = pkix.Name{CommonName: "Ответчик"}, []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		})
	}
	w.server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.server.Close)
	return w
}

func (w *World) Set(mode string, late time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode, w.late = mode, late
}

func (w *World) Revoke(c *x509.Certificate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked[Serial(c)] = noon.Add(-time.Minute)
}

// anchor is the world's root on the trust list.
func (w *World) Anchor(change ...func(*Anchor)) *Anchor {
	a := Anchor{DER: w.Root.Cert.Raw, From: noon.Add(-24 * time.Hour), OCSP: []string{w.server.URL + "/ocsp"},
		CRLs: []string{w.server.URL + "/issuing.crl", w.server.URL + "/root.crl"}}
	for _, f := range change {
		f(&a)
	}
	return must(NewAnchor(a))
}

func (w *World) serve(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[r.URL.Path]++
	at, by := noon.Add(w.late), map[string]*Pair{"/root.crl": w.Root, "/issuing.crl": w.Issuing}[r.URL.Path]
	switch w.mode {
	case "down":
		http.Error(rw, "down", http.StatusServiceUnavailable)
		return
	case "garbage":
		_, _ = rw.Write([]byte("<html>welcome to the hotel</html>"))
		return
	case "stale":
		at = at.Add(-30 * 24 * time.Hour)
	}
	if by != nil {
		list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: at.Add(-time.Minute), NextUpdate: at.Add(time.Hour)}
		for serial, when := range w.revoked {
			n, _ := new(big.Int).SetString(serial, 16)
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: when})
		}
		if w.mode == "other" {
			by = w.Root
		}
		_, _ = rw.Write(must(x509.CreateRevocationList(rand.Reader, list, by.Cert, by.Key)))
		return
	}
	body, _ := io.ReadAll(r.Body)
	q, err := ocsp.ParseRequest(body)
	if err != nil {
		http.Error(rw, "no", http.StatusBadRequest)
		return
	}
	by = w.Issuing
	if q.SerialNumber.Cmp(w.Issuing.Cert.SerialNumber) == 0 {
		by = w.Root
	}
	answer := ocsp.Response{Status: ocsp.Good, SerialNumber: q.SerialNumber, ThisUpdate: at.Add(-time.Minute), NextUpdate: at.Add(10 * time.Minute)}
	if when, is := w.revoked[q.SerialNumber.Text(16)]; is {
		answer.Status, answer.RevokedAt = ocsp.Revoked, when
	}
	responder := by
	switch w.mode {
	case "unknown":
		answer.Status = ocsp.Unknown
	case "other": // the citizen answers for themselves
		responder, answer.Certificate = w.Citizen, w.Citizen.Cert
	case "delegated", "weak": // somebody whom the authority asked to
		responder = w.delegate[by]
		if answer.Certificate = responder.Cert; w.mode == "weak" {
			answer.SignatureAlgorithm = x509.ECDSAWithSHA1
		}
	}
	_, _ = rw.Write(must(ocsp.CreateResponse(by.Cert, responder.Cert, answer, responder.Key)))
}

// sign signs a content as a citizen's tool does.
func Sign(t testing.TB, by *Pair, content []byte, detached bool, others ...*x509.Certificate) []byte {
	t.Helper()
	m := must(pkcs7.NewSignedData(content))
	m.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := m.AddSignerChain(by.Cert, by.Key, others, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	if detached {
		m.Detach()
	}
	return must(m.Finish())
}
