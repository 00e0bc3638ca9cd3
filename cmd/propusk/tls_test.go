package main

import (
	"context"
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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/cmd/internal/devca"
	"github.com/propusk/propusk/cmd/internal/flow"
	"github.com/propusk/propusk/idp/seal"
)

// trusting is a browser's connection that trusts one authority, and finds a public host on this machine
// as a name server of the outside would.
func trusting(t *testing.T, ca, publicHost string, publicPort, base int) *http.Transport {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", ca)
	}
	return &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			if host == publicHost {
				number, err := strconv.Atoi(port)
				if err != nil {
					return nil, err
				}
				address = net.JoinHostPort("127.0.0.1", strconv.Itoa(number-publicPort+base))
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
}

// A watch remembers what sites answered.
type watch struct {
	http.RoundTripper
	mu      sync.Mutex
	answers []*http.Response
}

func (w *watch) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(r)
	if err == nil {
		w.mu.Lock()
		w.answers = append(w.answers, resp)
		w.mu.Unlock()
	}
	return resp, err
}

// run walks a journey and fails the test with the line it stops at.
func run(t *testing.T, r *flow.Runner, name, script string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := r.Run(ctx, name, strings.NewReader(script)); err != nil {
		t.Error(err)
	}
}

func TestTheMainJourneyOverTLS(t *testing.T) {
	dir, base := t.TempDir(), freeBase(t)
	cmd := start(t, dir, base, "--tls")
	seen := &watch{RoundTripper: trusting(t, filepath.Join(dir, "ca.pem"), "", 0, 0)}
	script, err := os.ReadFile("../../testdata/flows/from-phone-to-tax.txt")
	if err != nil {
		t.Fatal(err)
	}
	sites := flow.SitesAt("https://localhost", base)
	run(t, &flow.Runner{Sites: sites, New: flow.PlainOver(seen), Client: &http.Client{Transport: seen.RoundTripper}},
		"from-phone-to-tax.txt", string(script))
	interrupt(t, cmd)

	names := map[string]bool{}
	for _, resp := range seen.answers {
		from := resp.Request.URL
		if h := resp.Header.Get("Strict-Transport-Security"); h != "" {
			t.Errorf("%s holds all of localhost to https: %q", from, h)
		}
		for i, c := range resp.Cookies() {
			line := resp.Header.Values("Set-Cookie")[i]
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode && c.SameSite != http.SameSiteStrictMode || c.Domain != "" {
				t.Errorf("%s sets %s", from, line)
			}
			if "https://"+from.Host != sites["provider"] {
				continue
			}
			names[c.Name] = true
			opens := strings.Contains(c.Name, "session") || strings.Contains(c.Name, "browser")
			if opens && !strings.HasPrefix(c.Name, "__Host-propusk-") || c.Path != "/" || strings.Contains(strings.ToLower(line), "domain=") {
				t.Errorf("the provider sets %s", line)
			}
		}
	}
	for _, name := range []string{"__Host-propusk-session", "__Host-propusk-browser", "__Host-propusk-operator-session"} {
		if !names[name] {
			t.Errorf("no cookie %s; the provider set %v", name, names)
		}
	}
}

// The two sites share a jar and a host, and differ in nothing but the port.
const twoSites = `
open portal /login
fill username +79000000003
fill password Propusk-2026
submit
click consent-allow
at portal /
me portal signed_in=true claims.confirmation_method=service_center
open tax /login
click consent-allow
at tax /
me tax signed_in=true allowed=true
me portal signed_in=true
`

// A demo whose sites are known by a public name, which leads nowhere from the demo itself, as in a
// container: the sites still redeem codes, and the provider still tells them that a session ended.
const publicly = twoSites + `
open provider /oauth2/logout
submit
see "вышли"
`

func TestAPublicHostOverTLS(t *testing.T) {
	const host = "propusk.test"
	dir, base := t.TempDir(), freeBase(t)
	public := base + 1000
	cmd := start(t, dir, base, "--tls", "--listen", "0.0.0.0", "--open-world", "--public-url", fmt.Sprintf("https://%s:%d", host, public))
	seen := &watch{RoundTripper: trusting(t, filepath.Join(dir, "ca.pem"), host, public, base)}
	client := &http.Client{Transport: seen.RoundTripper}
	sites := flow.SitesAt("https://"+host, public)
	var b flow.Browser
	run(t, &flow.Runner{Sites: sites, Client: client, New: func(ctx context.Context, lang string) (_ flow.Browser, err error) {
		b, err = flow.PlainOver(seen)(ctx, lang)
		return b, err
	}}, "publicly", publicly)
	if b == nil {
		t.Fatal("no browser was opened")
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		me, err := b.Fetch(t.Context(), sites["tax"]+"/me")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(me), `"signed_in":false`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the tax service was not told that the session ended: %s", me)
		}
	}
	strict := 0
	for _, resp := range seen.answers {
		if "https://"+resp.Request.URL.Host != sites["provider"] {
			continue
		}
		strict++
		if h := resp.Header.Get("Strict-Transport-Security"); h != "max-age=31536000" {
			t.Errorf("%s: Strict-Transport-Security = %q", resp.Request.URL.Path, h)
		}
	}
	if strict == 0 {
		t.Error("the provider was never asked")
	}
	// A name that was rebound to this machine reads nobody's messages.
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("https://localhost:%d/api/messages", base+int(portWorld)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("the outside world answers another host with %d", resp.StatusCode)
	}
	interrupt(t, cmd)
}

func TestTheSameDataWithAndWithoutTLS(t *testing.T) {
	dir, base := t.TempDir(), freeBase(t)
	plain := func() {
		t.Helper()
		cmd := start(t, dir, base)
		run(t, &flow.Runner{Sites: flow.Sites(base), New: flow.NewPlain}, "plain", strings.ReplaceAll(twoSites, "click consent-allow\n", ""))
		interrupt(t, cmd)
	}
	secure := func(script string) {
		t.Helper()
		cmd := start(t, dir, base, "--tls")
		over := trusting(t, filepath.Join(dir, "ca.pem"), "", 0, 0)
		run(t, &flow.Runner{Sites: flow.SitesAt("https://localhost", base), New: flow.PlainOver(over), Client: &http.Client{Transport: over}}, "secure", script)
		interrupt(t, cmd)
	}
	secure(twoSites)
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	plain() // what she allowed stays allowed
	secure(strings.ReplaceAll(twoSites, "click consent-allow\n", ""))
	if again, _ := os.ReadFile(filepath.Join(dir, "ca.pem")); string(again) != string(ca) {
		t.Error("the authority was made again")
	}
}

func TestWhatIsOpenedToOtherMachines(t *testing.T) {
	local := func(ls []net.Listener) bool {
		for _, l := range ls {
			if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
				return false
			}
		}
		return len(ls) > 0
	}
	for _, test := range []struct {
		command     demoCommand
		site, world bool // are on this machine alone
	}{
		{demoCommand{}, true, true},
		{demoCommand{Listen: "0.0.0.0"}, false, true},
		{demoCommand{Listen: "0.0.0.0", OpenWorld: true}, false, false},
	} {
		test.command.BasePort = freeBase(t)
		ports, err := test.command.ports()
		if err != nil {
			t.Fatal(err)
		}
		for p, want := range map[port]bool{
			portProvider: test.site, portTax: test.site, portWorld: test.world, portAdmin: true, portSMTP: true, portAPI: true,
		} {
			if got := local(ports[p]); got != want {
				t.Errorf("--listen %q --open-world=%v: port +%d on this machine alone: %v, want %v", test.command.Listen, test.command.OpenWorld, p, got, want)
			}
		}
		ports.close()
	}
	for _, wrong := range []demoCommand{{OpenWorld: true, BasePort: 1}, {Listen: "localhost", BasePort: 1}} {
		if _, err := wrong.ports(); err == nil || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%+v: %v, want a word on --listen", wrong, err)
		}
	}
}

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
