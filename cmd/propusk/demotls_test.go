package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/flow"
)

// trust is for a client that knows one authority and no other.
func trust(t *testing.T, ca string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", ca)
	}
	return &tls.Config{RootCAs: roots}
}

// trusting are a browser's connections to the demo of a directory, under TLS.
func trusting(t *testing.T, dir string) *http.Transport {
	t.Helper()
	return &http.Transport{TLSClientConfig: trust(t, filepath.Join(dir, "ca.pem")), ForceAttemptHTTP2: true}
}

// finding are a browser's connections that find a public host on this machine, as the name servers outside
// would have it.
func finding(publicHost string, publicPort, base int) *http.Transport {
	return &http.Transport{
		ForceAttemptHTTP2: true,
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
	seen := &watch{RoundTripper: trusting(t, dir)}
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

// Browsers hold cookies to their prefixes and pages to their policies; the plain client holds neither.
func TestTwoSitesOverTLSInChromium(t *testing.T) {
	if _, err := flow.FindChrome(); err != nil && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	dir, base := t.TempDir(), freeBase(t)
	cmd := start(t, dir, base, "--tls")
	over := trusting(t, dir)
	conn, err := tls.Dial("tcp", fmt.Sprintf("localhost:%d", base), over.TLSClientConfig)
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	conn.Close()
	chrome, err := flow.StartChrome(t.Context(), t.TempDir(), flow.Trusting(base64.StdEncoding.EncodeToString(key[:])))
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	chrome.Client = &http.Client{Transport: over}
	run(t, &flow.Runner{Sites: flow.SitesAt("https://localhost", base), New: chrome.New, Client: chrome.Client}, "chromium", twoSites)
	interrupt(t, cmd)
}

// A demo whose sites are known by a public name, which leads nowhere from the demo itself, as in a
// container: the sites still redeem codes, and the provider still tells them that a session ended.
const publicly = twoSites + `
open provider /oauth2/logout
submit
see "вышли"
`

func TestAPublicHost(t *testing.T) {
	const host = "propusk.test"
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			dir, base := t.TempDir(), freeBase(t)
			public := base + 1000
			args := []string{"--listen", "0.0.0.0", "--open-world", "--public-url", fmt.Sprintf("%s://%s:%d", scheme, host, public)}
			if scheme == "https" {
				args = append(args, "--tls")
			}
			cmd := start(t, dir, base, args...)
			over := finding(host, public, base)
			promise := ""
			if scheme == "https" {
				over.TLSClientConfig = trust(t, filepath.Join(dir, "ca.pem"))
				promise = "max-age=31536000"
			}
			seen := &watch{RoundTripper: over}
			signOutEverywhere(t, seen, flow.SitesAt(scheme+"://"+host, public))
			asked := 0
			for _, resp := range seen.answers {
				if resp.Request.URL.Port() != strconv.Itoa(public) {
					continue
				}
				asked++
				if h := resp.Header.Get("Strict-Transport-Security"); h != promise {
					t.Errorf("%s: Strict-Transport-Security = %q, want %q", resp.Request.URL.Path, h, promise)
				}
			}
			if asked == 0 {
				t.Error("the provider was never asked")
			}
			// A name that was rebound to this machine reads nobody's messages.
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
				fmt.Sprintf("%s://localhost:%d/api/messages", scheme, base+int(portWorld)), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "evil.example"
			resp, err := over.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusMisdirectedRequest {
				t.Errorf("the outside world answers another host with %d", resp.StatusCode)
			}
			interrupt(t, cmd)
		})
	}
}

// signOutEverywhere signs somebody in at two sites and out at the provider, and waits until a site has
// heard of it.
func signOutEverywhere(t *testing.T, over http.RoundTripper, sites map[string]string) {
	t.Helper()
	var b flow.Browser
	run(t, &flow.Runner{Sites: sites, Client: &http.Client{Transport: over}, New: func(ctx context.Context, lang string) (_ flow.Browser, err error) {
		b, err = flow.PlainOver(over)(ctx, lang)
		return b, err
	}}, "publicly", publicly)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		me, err := b.Fetch(t.Context(), sites["tax"]+"/me")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(me), `"signed_in":false`) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the tax service was not told that the session ended: %s", me)
		}
	}
}

func TestTheSameDataWithAndWithoutTLS(t *testing.T) {
	dir, base := t.TempDir(), freeBase(t)
	plain := func() {
		t.Helper()
		cmd := start(t, dir, base)
		over := &http.Transport{}
		run(t, &flow.Runner{Sites: flow.Sites(base), New: flow.PlainOver(over)}, "plain", strings.ReplaceAll(twoSites, "click consent-allow\n", ""))
		over.CloseIdleConnections() // else the sites wait for them
		interrupt(t, cmd)
	}
	secure := func(script string) {
		t.Helper()
		cmd := start(t, dir, base, "--tls")
		over := trusting(t, dir)
		run(t, &flow.Runner{Sites: flow.SitesAt("https://localhost", base), New: flow.PlainOver(over), Client: &http.Client{Transport: over}}, "secure", script)
		over.CloseIdleConnections()
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
