package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/cmd/internal/stores"
	"github.com/propusk/propusk/examples/simulators/post"
	"github.com/propusk/propusk/idp/idptest"
	"github.com/propusk/propusk/idp/seal"
)

// A victim is a provider in a process of its own, which a test may kill at any time, and the outside world
// that sees what it does.
type victim struct {
	Outside *idptest.Outside
	stores  *stores.Opened
	issuer  *url.URL

	config, admin, dsn string
	ctx                context.Context // of the test: no process outlives it
	process            *exec.Cmd
	output             string
	// slowly has the outside answer late, after the deed is done.
	slowly atomic.Bool

	mu    sync.Mutex
	calls map[string][]string // what was posted under an id: a digest for every time
}

// varying is what differs in the messages to two people who are told the same.
var varying = regexp.MustCompile(`[0-9]+|https?://\S+`)

func newVictim(t *testing.T, dsn func(*testing.T) (string, string)) *victim {
	t.Helper()
	if built.err != nil {
		t.Fatal(built.err)
	}
	records, transients := dsn(t)
	dir := t.TempDir()
	v := &victim{ctx: t.Context(), Outside: idptest.StartOutside(t), calls: map[string][]string{}, dsn: records, output: filepath.Join(dir, "log")}
	api := v.front(t)
	master := filepath.Join(dir, "master.key")
	if _, err := seal.CreateMaster(master); err != nil {
		t.Fatal(err)
	}
	token := write(t, filepath.Join(dir, "token"), idptest.OutsideToken)
	listen, admin := freeAddress(t), freeAddress(t)
	v.issuer, v.admin = &url.URL{Scheme: "http", Host: listen}, admin
	v.config = write(t, filepath.Join(dir, "propusk.yaml"), fmt.Sprintf(`
issuer: http://%[1]s
listen: [%[1]s]
trusted_proxies: [127.0.0.0/8]
admin: {listen: %[2]s}
stores: {records: %[3]q, transients: %[4]q}
keys: {master: %[5]s}
registries: {pension: %[6]s, interior: %[6]s, tax: %[6]s, token_file: %[7]s, timeout: 3s}
post: {url: %[6]s, token_file: %[7]s, timeout: 3s}
sms: {url: %[6]s, token_file: %[7]s, timeout: 3s}
mail: {server: %[8]s, tls: none, from: noreply@propusk.test}
help: 8 800 000-00-00
`, listen, admin, records, transients, master, api, token, v.Outside.SMTPAddress))
	if err := v.launch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.kill)
	cfg, err := config.Load(v.config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if v.stores, err = stores.Open(t.Context(), stores.Configured(cfg), discard()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.stores.Close() })
	return v
}

// front stands before the APIs of the outside world and writes down what is posted under which id.
func (v *victim) front(t *testing.T) string {
	t.Helper()
	behind, err := url.Parse(v.Outside.APIURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	proxy.ErrorLog = nil
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // killed in the middle of the call
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			v.note(r.URL.Path, body)
		}
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		if v.slowly.Load() {
			time.Sleep(250 * time.Millisecond)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(front.Close)
	return front.URL
}

func (v *victim) note(path string, body []byte) {
	var called map[string]any
	if json.Unmarshal(body, &called) != nil {
		return
	}
	if printed, ok := called["pdf"].(string); ok { // printed anew for a repeat: what counts is the code on it
		pdf, _ := base64.StdEncoding.DecodeString(printed)
		called["pdf"] = post.ReadCode(pdf)
	}
	plain, _ := json.Marshal(called)
	v.mu.Lock()
	defer v.mu.Unlock()
	key := fmt.Sprint(path, " ", called["id"])
	v.calls[key] = append(v.calls[key], fmt.Sprintf("%x", sha256.Sum256(plain)))
}

// repeats counts the calls that were made again under their id.
func (v *victim) repeats() (n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, times := range v.calls {
		n += len(times) - 1
	}
	return n
}

// repeatsWereTheSame: an id stands for one thing, however often it is said.
func (v *victim) repeatsWereTheSame(t *testing.T) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, times := range v.calls {
		for _, digest := range times {
			if digest != times[0] {
				t.Errorf("%s was posted with two contents", key)
			}
		}
	}
}

func (v *victim) browser(t *testing.T) *idptest.Browser {
	b := idptest.NewBrowser(t, v.issuer, v.issuer.Host)
	b.Again = func(error) bool { time.Sleep(50 * time.Millisecond); return true }
	return b
}

// launch starts the provider and waits until it is ready.
func (v *victim) launch() error {
	out, err := os.OpenFile(v.output, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.CommandContext(v.ctx, built.path, "serve", "--config", v.config)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		return err
	}
	v.process = cmd
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		resp, err := http.Get("http://" + v.admin + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("the provider is not ready after 30 s\n" + v.log())
}

// kill gives it no time to say anything.
func (v *victim) kill() {
	if v.process == nil {
		return
	}
	_ = v.process.Process.Kill()
	_ = v.process.Wait() // it says that it was killed
	v.process = nil
}

// log is the end of what the provider wrote.
func (v *victim) log() string {
	text, _ := os.ReadFile(v.output)
	return string(text[max(0, len(text)-4000):])
}

// messages are the ids of the provider's outbox, and whether each is done with.
func (v *victim) messages(t *testing.T) map[string]bool {
	t.Helper()
	driver, dsn := "pgx", v.dsn
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT id, sent FROM message`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var id string
		var sent int64
		if err := rows.Scan(&id, &sent); err != nil {
			t.Fatal(err)
		}
		out[id] = sent != 0
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// arrived are the ids of all messages that came, each as often as it was delivered.
func (v *victim) arrived(t *testing.T) (out []string) {
	t.Helper()
	for _, m := range v.Outside.Messages("") {
		id, _, _ := strings.Cut(m.ID, "@")
		out = append(out, id)
	}
	return out
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
