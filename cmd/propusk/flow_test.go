package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
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

	"github.com/propusk/propusk/cmd/internal/flow"
)

var (
	atBase = flag.Int("base", 0, "run the journeys against a demo that already runs at this base port")
	update = flag.Bool("update", false, "rewrite the golden files")
	shots  = flag.String("shots", "", "write a picture of every page of the Chromium journeys into this directory")
)

// journeys are the scripts that run in every browser.
func journeys(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../testdata/flows/*.txt")
	if err != nil || len(all) == 0 {
		t.Fatalf("no journeys: %v", err)
	}
	return all
}

func TestJourneysWithoutJavaScript(t *testing.T) {
	for _, script := range journeys(t) {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txt"), func(t *testing.T) {
			// A world for each: the operator's code counts once, and both scripts need it.
			walk(t, worldOf(t, script), script, flow.NewPlain, nil)
		})
	}
}

func TestJourneysInChromium(t *testing.T) {
	chrome, err := flow.StartChrome(context.Background(), t.TempDir())
	if errors.Is(err, flow.ErrNoChrome) && os.Getenv("PROPUSK_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chrome.Close)
	for _, script := range journeys(t) {
		name := strings.TrimSuffix(filepath.Base(script), ".txt")
		t.Run(name, func(t *testing.T) {
			// The English journeys are walked with JavaScript switched off in the browser itself.
			chrome.Scripts = !strings.Contains(name, "english")
			walk(t, worldOf(t, script), script, chrome.New, func(line int, b flow.Browser) {
				if *shots == "" {
					return
				}
				png, err := flow.Screenshot(b)
				if err == nil {
					err = os.WriteFile(filepath.Join(*shots, fmt.Sprintf("%s-%03d.png", name, line)), png, 0o644)
				}
				if err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func walk(t *testing.T, base int, script string, open func(context.Context, string) (flow.Browser, error), each func(int, flow.Browser)) {
	t.Helper()
	f, err := os.Open(script)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := &flow.Runner{Sites: flow.Sites(base), New: open, Each: each}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if err := r.Run(ctx, filepath.Base(script), f); err != nil {
		t.Error(err)
	}
}

// built is the program, made once for all tests of the package.
var built struct {
	path string
	err  error
}

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "propusk")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	built.path = filepath.Join(dir, "propusk")
	if out, err := exec.Command("go", "build", "-o", built.path, ".").CombinedOutput(); err != nil {
		built.err = fmt.Errorf("build: %w\n%s", err, out)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// world starts a demo with data of its own, and returns its base port.
func world(t *testing.T) int { return worldIn(t, t.TempDir()) }

// worldOf is the world that a script is written for: a first line "# demo FLAGS" starts it with these flags.
func worldOf(t *testing.T, script string) int {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	flags, _ := strings.CutPrefix(first, "# demo ")
	if flags == first {
		flags = ""
	}
	return worldIn(t, t.TempDir(), strings.Fields(flags)...)
}

// worldIn is world with its data in a directory that the caller knows, and with further flags.
func worldIn(t *testing.T, data string, flags ...string) int {
	t.Helper()
	if *atBase != 0 {
		return *atBase
	}
	if built.err != nil {
		t.Fatal(built.err)
	}
	base := freeBase(t)
	var out bytes.Buffer
	cmd := exec.Command(built.path, "demo", "--data", data, "--base-port", strconv.Itoa(base), "--checks", "1s")
	cmd.Args = append(cmd.Args, flags...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGINT)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the demo ended badly: %v\n%s", err, out.String())
			}
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			t.Error("the demo did not end within 20 s of an interrupt")
		}
	})
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		resp, err := http.Get(fmt.Sprintf("http://localhost:%d/readyz", base+9))
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return base
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("the demo did not start: %v\n%s", err, out.String())
		default:
		}
	}
	t.Fatalf("the demo is not ready after a minute\n%s", out.String())
	return 0
}

// freeBase finds a base port with the demo's whole row of ports free.
func freeBase(t *testing.T) int {
	t.Helper()
	for base := 21000 + os.Getpid()%500*40; base < 60000; base += 20 {
		free := true
		for offset := range 13 {
			l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(base+offset)))
			if err != nil {
				free = false
				break
			}
			_ = l.Close()
		}
		if free {
			return base
		}
	}
	t.Fatal("no free row of ports")
	return 0
}
