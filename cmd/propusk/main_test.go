package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/idp/seal"
)

func TestABusyPortIsNamedWithItsFlag(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	number := l.Addr().(*net.TCPAddr).Port
	err = opened{}.open(number-int(portTax), machine, portTax)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d is busy", number)) || !strings.Contains(err.Error(), "--base-port") {
		t.Errorf("open = %v, want the port and the flag", err)
	}
	_, err = listen("admin.listen", l.Addr().String())
	if err == nil || !strings.Contains(err.Error(), "admin.listen") {
		t.Errorf("listen = %v, want the setting", err)
	}
}

func TestAddressesFollowThePublicURL(t *testing.T) {
	at, err := (&demoCommand{BasePort: 8080, PublicURL: "http://propusk.localhost:9000/"}).addresses()
	if err != nil || at.Provider != "http://propusk.localhost:9000" || at.World != "http://propusk.localhost:9010" {
		t.Errorf("addresses = %+v, %v", at, err)
	}
	at, err = (&demoCommand{BasePort: 8080, TLS: true}).addresses()
	if err != nil || at.Provider != "https://localhost:8080" || at.Tax != "https://localhost:8082" || at.Admin != "http://localhost:8089" {
		t.Errorf("addresses under TLS = %+v, %v", at, err)
	}
	if _, err := (&demoCommand{TLS: true, PublicURL: "http://a:1"}).addresses(); err == nil {
		t.Error("under --tls an http address is accepted")
	}
	for _, bad := range []string{"https://a:1", "http://a", "http://a:1/path", "a:1", "http://A:1", "http://u@a:1", "http://:1", "http://a:1?q"} {
		if _, err := (&demoCommand{PublicURL: bad}).addresses(); err == nil {
			t.Errorf("--public-url %s is accepted", bad)
		}
	}
}

func TestTheExampleConfigurationBecomesAProvider(t *testing.T) {
	text, err := os.ReadFile("../../propusk.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := seal.CreateMaster(filepath.Join(dir, "master.key")); err != nil {
		t.Fatal(err)
	}
	environ := []string{"PROPUSK_KEYS_MASTER=" + filepath.Join(dir, "master.key")}
	for _, s := range []string{"REGISTRIES_TOKEN_FILE", "POST_TOKEN_FILE", "SMS_TOKEN_FILE", "MAIL_PASSWORD_FILE"} {
		path := filepath.Join(dir, s)
		if err := os.WriteFile(path, []byte(s+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, "PROPUSK_"+s+"="+path)
	}
	c, err := config.Parse(text, environ)
	if err != nil {
		t.Fatal(err)
	}
	made, err := configure(c, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	if made.Issuer.Host != "id.example.ru" || made.Registries.Token != "REGISTRIES_TOKEN_FILE" || made.Mail.Password != "MAIL_PASSWORD_FILE" ||
		len(made.Proxies) != 2 || made.Passwords.Params.Memory != 19456 || made.Tokens.JWT != 5*time.Minute {
		t.Errorf("the configuration is lost on its way: %+v", made)
	}
}

// start runs the demo as a program of its own and waits until the provider is ready.
func start(t *testing.T, dir string, base int, more ...string) *exec.Cmd {
	t.Helper()
	if built.err != nil {
		t.Fatal(built.err)
	}
	args := append([]string{"demo", "--data", dir, "--base-port", strconv.Itoa(base), "--checks", "1s"}, more...)
	cmd := exec.CommandContext(t.Context(), built.path, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := fmt.Sprintf("http://127.0.0.1:%d/readyz", base+int(portAdmin))
	for deadline := time.Now().Add(60 * time.Second); ; {
		resp, err := http.Get(ready)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd
			}
		}
		if time.Now().After(deadline) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("the demo is not ready:\n%s", out.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func seeds(t *testing.T, base int) string {
	t.Helper()
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/seeds", base+int(portWorld)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("/api/seeds = %d, %v", resp.StatusCode, err)
	}
	return string(body)
}

func interrupt(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-C the demo ends with %v", err)
	}
}

func TestTheDemoKeepsItsDataAndEndsCleanly(t *testing.T) {
	dir, base := t.TempDir(), freeBase(t)
	first := start(t, dir, base)
	before := seeds(t, base)
	var listing struct {
		People  []struct{ Number int }
		Clients []struct {
			ID string `json:"client_id"`
		}
	}
	if err := json.Unmarshal([]byte(before), &listing); err != nil {
		t.Fatal(err)
	}
	if len(listing.People) < 13 || len(listing.Clients) < 6 {
		t.Errorf("seeds: %d people, %d clients", len(listing.People), len(listing.Clients))
	}
	for _, name := range []string{"provider/master.key", "world/secrets.json", "world/token"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", name, info, err)
		}
	}
	interrupt(t, first)

	second := start(t, dir, base)
	if after := seeds(t, base); after != before {
		t.Error("the second start has other seeds")
	}
	interrupt(t, second)
}

func TestVersion(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), built.path, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "propusk ") {
		t.Errorf("version = %q, %v", out, err)
	}
}

func TestTheMemoryLimitFollowsTheHashes(t *testing.T) {
	p := config.Default().Passwords
	for _, p.Admitted = range []int{1, 4} {
		if got, want := memoryLimit(p, false), int64(ordinaryMemory+p.Admitted*19<<20); got != want {
			t.Errorf("limit with %d hashes admitted = %d, want %d", p.Admitted, got, want)
		}
		if got := memoryLimit(p, true); got != ordinaryMemory {
			t.Errorf("limit with %d hashes computed apart = %d", p.Admitted, got)
		}
	}
}
