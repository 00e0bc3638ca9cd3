package idp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/idptest"
)

// certified is a client with a certificate of its own making: what is proved is the key, not the chain.
func certified(t *testing.T, server *httptest.Server) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "bank"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestATokenOfACertificateWorksWithThatCertificateAlone(t *testing.T) {
	w := idptest.New(t)
	b := aBank(w)
	server := httptest.NewUnstartedServer(w.CertificateHandler())
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	send := func(c *http.Client, r *http.Request) (int, map[string]any) {
		t.Helper()
		resp, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		var out map[string]any
		if err != nil || json.Unmarshal(body, &out) != nil {
			t.Fatalf("%d %s %v", resp.StatusCode, body, err)
		}
		return resp.StatusCode, out
	}
	token := func(c *http.Client) (int, map[string]any) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, server.URL+"/oauth2/token", strings.NewReader(b.TokenForm().Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return send(c, r)
	}
	bare := server.Client()
	if status, out := token(bare); status != http.StatusBadRequest || out["error"] != "invalid_dpop_proof" {
		t.Errorf("a token bound to nothing: %d %v", status, out)
	}
	ours := certified(t, server)
	status, out := token(ours)
	if status != http.StatusOK || out["token_type"] != "Bearer" {
		t.Fatalf("%d %v", status, out)
	}
	access := out["access_token"].(string)
	for _, c := range []struct {
		name   string
		client *http.Client
		scheme string
		want   int
	}{
		{"its certificate", ours, "Bearer ", http.StatusNotFound}, // there is nothing under the reference, and that it may hear
		{"another certificate", certified(t, server), "Bearer ", http.StatusUnauthorized},
		{"no certificate", bare, "Bearer ", http.StatusUnauthorized},
		{"as DPoP", ours, "DPoP ", http.StatusUnauthorized},
	} {
		r, err := http.NewRequest(http.MethodGet, server.URL+"/partner/v1/confirmations/ZR-0001", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", c.scheme+access)
		if status, out := send(c.client, r); status != c.want {
			t.Errorf("%s: %d %v, want %d", c.name, status, out, c.want)
		}
	}
	if code := refusal(t, b.Send(b.Request(access, "/confirmations/ZR-0001", "", nil)), http.StatusUnauthorized); code != "invalid_token" {
		t.Errorf("with a proof and no certificate: %s", code)
	}
}
