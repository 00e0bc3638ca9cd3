package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/propusk/propusk/cmd/internal/seed"
	"github.com/propusk/propusk/examples/bank"
)

// mortal is a demo that is killed and started again on the same data.
type mortal struct {
	t    *testing.T
	base int
	data string

	cmd *exec.Cmd
}

func (m *mortal) start() {
	m.t.Helper()
	m.cmd = exec.Command(built.path, "demo", "--data", m.data, "--base-port", strconv.Itoa(m.base), "--checks", "1s")
	if err := m.cmd.Start(); err != nil {
		m.t.Error(err)
		return
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		resp, err := http.Get(fmt.Sprintf("http://localhost:%d/readyz", m.base+9))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	m.t.Error("the demo is not ready after a minute")
}

func (m *mortal) kill() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait()
}

// A severed transport kills the provider over a confirmation: when the answer has been read and before the
// bank has it, or at some moment on the way. Then the provider comes back and everything passes.
type severed struct {
	m      *mortal
	within time.Duration // 0: after the commit; else within this time of sending

	mu    sync.Mutex
	armed bool
	first string // the receipt of the answer that the bank never got
}

func (s *severed) arm(within time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.within, s.first = true, within, ""
}

var errSevered = errors.New("the line is dead")

func (s *severed) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed || r.Method != http.MethodPost || r.URL.Path != "/partner/v1/confirmations" {
		return http.DefaultTransport.RoundTrip(r)
	}
	if s.within == 0 {
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusCreated || err != nil { // a nonce is wanted first
			resp.Body = io.NopCloser(bytes.NewReader(body))
			return resp, err
		}
		var out bank.Outcome
		if err := json.Unmarshal(body, &out); err != nil {
			return nil, err
		}
		s.first = out.Receipt
	} else {
		go func() {
			if resp, err := http.DefaultTransport.RoundTrip(r); err == nil {
				resp.Body.Close()
			}
		}()
		time.Sleep(time.Duration(mathrand.Int64N(int64(s.within))))
	}
	s.armed = false
	s.m.kill()
	s.m.start()
	return nil, errSevered
}

// TestABankWhoseAnswerWasLostGetsTheFirstReceipt kills the provider between the commit and the answer, and at
// other moments of a confirmation. The bank asks again, as examples/bank does by itself: the account is
// confirmed once, the citizen is told once, and the bank has the receipt of the first time.
func TestABankWhoseAnswerWasLostGetsTheFirstReceipt(t *testing.T) {
	if built.err != nil {
		t.Fatal(built.err)
	}
	m := &mortal{t: t, base: freeBase(t), data: filepath.Join(t.TempDir(), "data")}
	m.start()
	t.Cleanup(m.kill)
	line := &severed{m: m}
	address := aBankOf(t, m, line)
	for _, c := range []struct {
		client string
		within time.Duration
	}{{"02", 0}, {"03", 30 * time.Millisecond}, {"04", 0}, {"06", 30 * time.Millisecond}, {"07", 60 * time.Millisecond}} {
		jar, err := cookiejar.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		browser := &http.Client{Jar: jar, Timeout: 2 * time.Minute}
		page := func(resp *http.Response, err error) string {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		page(browser.PostForm(address+"/sign-in", url.Values{"client": {c.client}}))
		page(browser.Get(address + "/confirm"))
		line.arm(c.within)
		result := page(browser.PostForm(address+"/confirm", nil))
		for range 5 { // the bank's own repeats may have ended before the provider was back: the client presses again
			if strings.Contains(result, "receipt") {
				break
			}
			page(browser.Get(address + "/confirm"))
			result = page(browser.PostForm(address+"/confirm", nil))
		}
		receipt := regexp.MustCompile(`<code id="receipt">([^<]+)</code>`).FindStringSubmatch(result)
		if !strings.Contains(result, "Личность подтверждена") || receipt == nil {
			t.Fatalf("client %s: the bank shows\n%s", c.client, result)
		}
		if c.within == 0 && receipt[1] != line.first {
			t.Errorf("client %s: another receipt than the first", c.client)
		}
		if got := confirmedTexts(t, m.base, "+790000000"+c.client); got != 1 {
			t.Errorf("client %s: told %d times", c.client, got)
		}
	}
}

// aBankOf runs the bank outside the demo that dies.
func aBankOf(t *testing.T, m *mortal, line http.RoundTripper) string {
	t.Helper()
	key, err := seed.LoadBankKey(filepath.Join(m.data, "world", "bank-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	people, err := seed.People()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- bank.Run(ctx, bank.Config{
			Listeners: []net.Listener{l}, PublicURL: address, Issuer: fmt.Sprintf("http://localhost:%d", m.base), PartnerID: string(seed.BankID),
			Key: key, Clients: seed.BankClients(people), HTTPClient: &http.Client{Timeout: 90 * time.Second, Transport: line},
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return address
}

// confirmedTexts counts what a citizen was told of a confirmation by a bank, a while after it came.
func confirmedTexts(t *testing.T, base int, phone string) int {
	t.Helper()
	count := func() (n int) {
		resp, err := http.Get(fmt.Sprintf("http://localhost:%d/api/messages?to=%s", base+10, url.QueryEscape(phone)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var all []struct {
			Text string `json:"text"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&all); err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			if strings.Contains(m.Text, "личность подтверждена: банк") {
				n++
			}
		}
		return n
	}
	// What was being sent when the provider died is rescued within 45 seconds.
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end) && count() == 0; {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Second)
	return count()
}
