package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/cmd/internal/devca"
	"github.com/propusk/propusk/idp/seal"
)

// issued writes a certificate and its key as files, and returns what trusts them.
func issued(t *testing.T, files config.TLS) *x509.CertPool {
	t.Helper()
	authority, err := devca.Open(t.TempDir(), "", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Certificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.Certificate, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})))
	write(t, files.Key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	return authority.Roots()
}

// handshakes shakes hands with every connection until the test ends.
func handshakes(t *testing.T, c *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := overTLS([]net.Listener{l}, c)[0].Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).Handshake()
				conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func TestTLSIsSpokenWithAuthenticatedEncryptionOnly(t *testing.T) {
	dir := t.TempDir()
	files := config.TLS{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	roots := issued(t, files)
	pair, err := openCertificate(files, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	at := handshakes(t, serverTLS(pair.get))
	for _, test := range []struct {
		name   string
		client *tls.Config
		ok     bool
	}{
		{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"TLS 1.2, AES-GCM", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}, true},
		{"TLS 1.2, ChaCha20", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}, true},
		{"TLS 1.2, CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}}, false},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
	} {
		test.client.RootCAs, test.client.ServerName = roots, "localhost"
		conn, err := tls.Dial("tcp", at, test.client)
		if (err == nil) != test.ok {
			t.Errorf("%s: %v, want success %v", test.name, err, test.ok)
		}
		if err == nil {
			conn.Close()
		}
	}
}

func TestServeSpeaksTLS(t *testing.T) {
	dir, listen := t.TempDir(), freeAddress(t)
	files := config.TLS{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	roots := issued(t, files)
	if _, err := seal.CreateMaster(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		t.Fatal(err)
	}
	issuer := "https://localhost:" + port
	settings := write(t, filepath.Join(dir, "propusk.yaml"), fmt.Sprintf(`
issuer: %[1]s
listen: [%[2]s]
tls: {certificate: %[3]s/cert.pem, key: %[3]s/key.pem}
stores: {records: "sqlite:%[3]s/records.db", transients: "sqlite:%[3]s/transients.db"}
keys: {master: %[3]s/master.key}
registries: {pension: "http://127.0.0.1:1", interior: "http://127.0.0.1:1", tax: "http://127.0.0.1:1", token_file: %[4]s}
post: {url: "http://127.0.0.1:1", token_file: %[4]s}
sms: {url: "http://127.0.0.1:1", token_file: %[4]s}
mail: {server: "127.0.0.1:1", tls: none, from: noreply@propusk.test}
help: 8 800 000-00-00
`, issuer, listen, dir, write(t, filepath.Join(dir, "token"), "token")))
	var out strings.Builder
	cmd := exec.CommandContext(t.Context(), built.path, "serve", "--config", settings)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	var resp *http.Response
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if resp, err = client.Get(issuer + "/.well-known/openid-configuration"); err == nil {
			break
		}
		if time.Now().After(deadline) || len(ended) > 0 {
			_ = cmd.Process.Kill()
			<-ended
			t.Fatalf("%v\n%s", err, out.String())
		}
	}
	var found struct{ Issuer string }
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil || found.Issuer != issuer || resp.ProtoMajor != 2 {
		t.Errorf("discovery: %+v, %v, HTTP/%d", found, err, resp.ProtoMajor)
	}
	resp.Body.Close()
	if resp, err := http.Get("http://" + listen); err == nil {
		resp.Body.Close()
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("plain http on the same port is answered with %d", resp.StatusCode)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	if err := <-ended; err != nil {
		t.Errorf("serve ends with %v\n%s", err, out.String())
	}
}

func TestARenewedCertificateIsShownWithoutARestart(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	files := config.TLS{Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	issued(t, files)
	c, err := openCertificate(files, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() string {
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.String()
	}
	touch := func(path string) {
		if err := os.Chtimes(path, now, now); err != nil {
			t.Fatal(err)
		}
	}
	first := serial()

	// The middle of a renewal: a new certificate beside the old key.
	key, err := os.ReadFile(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	issued(t, files)
	next, err := os.ReadFile(files.Key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, files.Key, string(key))
	now = now.Add(lookAgain)
	touch(files.Certificate)
	if serial() != first {
		t.Error("half a renewal is in use")
	}
	write(t, files.Key, string(next))
	if now = now.Add(lookAgain / 2); serial() != first {
		t.Error("the files are read before the minute is over")
	}
	if now = now.Add(lookAgain / 2); serial() == first {
		t.Error("the renewed certificate is not in use after a minute")
	}

	if err := os.Remove(files.Key); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if now = now.Add(lookAgain); serial() != second {
		t.Error("without its files the certificate is forgotten")
	}
	if _, err := openCertificate(files, time.Now, slog.New(slog.DiscardHandler)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a start without the key: %v", err)
	}
}
