package apart_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/authn/password/apart"
	"github.com/propusk/propusk/idp/authn/password/argon"
)

var (
	cheap = argon.Params{Memory: 64, Time: 1, Threads: 1}
	slow  = argon.Params{Memory: 32 << 10, Time: 4, Threads: 1} // long enough to be killed at
	salt  = []byte("0123456789abcdef")
)

// The test program is its own worker, and whatever else the tests need beside them. Arguments choose, since a
// worker has no environment.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != "beside" {
		os.Exit(m.Run())
	}
	note := func() { // who was started, for the tests
		f, err := os.OpenFile(os.Args[3], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintf(f, "%d %s\n", os.Getpid(), strings.Join(os.Environ(), " "))
			f.Close()
		}
	}
	switch os.Args[2] {
	case "worker":
		note()
		if err := apart.Main(); err != nil {
			os.Exit(1)
		}
	case "garbage":
		note()
		os.Stdout.WriteString("propusk hash 1\n\xff\xff\xff\xffgarbage")
		io.Copy(io.Discard, os.Stdin)
	case "stranger":
		note()
		os.Stdout.WriteString("Who is there? I do not know.\n")
		io.Copy(io.Discard, os.Stdin)
	case "parent": // killed by a test, in the middle of a hash
		c := apart.Start(config("worker", os.Args[3], 1))
		fmt.Println("up")
		_, _ = c.Derive(context.Background(), []byte("Propusk-2026"), salt, slow, 32)
	}
	os.Exit(0)
}

func config(kind, notes string, workers int) apart.Config {
	self, _ := os.Executable()
	return apart.Config{
		Path: self, Args: []string{"beside", kind, notes}, Workers: workers, Threads: 1, Log: slog.New(slog.DiscardHandler),
	}
}

func crew(t *testing.T, kind string, workers int) (c *apart.Crew, notes string) {
	t.Helper()
	notes = filepath.Join(t.TempDir(), "notes")
	c = apart.Start(config(kind, notes, workers))
	t.Cleanup(c.Close)
	return c, notes
}

// started lists the processes that were started, in order.
func started(t *testing.T, notes string) (pids []int) {
	t.Helper()
	text, err := os.ReadFile(notes)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		first, _, _ := strings.Cut(line, " ")
		pid, err := strconv.Atoi(first)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// ends waits until a process is gone.
func ends(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if syscall.Kill(pid, 0) != nil {
			return
		}
		// Its parent may have been killed and nobody here reaps it.
		if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Fatalf("process %d still runs", pid)
}

// derives tells whether the crew computes what the hash is.
func derives(t *testing.T, c *apart.Crew, pw string, p argon.Params) {
	t.Helper()
	got, err := c.Derive(t.Context(), []byte(pw), salt, p, 32)
	if want := argon.Derive([]byte(pw), salt, p, 32); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Derive(%q, %+v) = %x, %v, want %x", pw, p, got, err, want)
	}
}

func TestWorkersComputeWhatTheHashIs(t *testing.T) {
	c, notes := crew(t, "worker", 1)
	for _, pw := range []string{"", "Propusk-2026", "Пароль-й-2026", strings.Repeat("ы", 1000)} {
		derives(t, c, pw, cheap)
	}
	derives(t, c, "Propusk-2026", argon.Params{Memory: 256, Time: 3, Threads: 4})
	if got := len(started(t, notes)); got != 1 {
		t.Errorf("%d workers were started for one place", got)
	}
}

func TestHashesOfAnotherCostStillVerify(t *testing.T) {
	c, _ := crew(t, "worker", 1)
	old, err := password.NewHasher(argon.Params{Memory: 128, Time: 2, Threads: 2}, password.Limit{}).Hash(t.Context(), "Propusk-2026")
	if err != nil {
		t.Fatal(err)
	}
	h := password.NewHasherBy(c.Derive, cheap, password.Limit{})
	for pw, want := range map[string]bool{"Propusk-2026": true, "Propusk-2025": false} {
		if ok, rehash, err := h.Verify(t.Context(), old, pw); ok != want || rehash != want || err != nil {
			t.Errorf("Verify(%q) = %v, %v, %v, want %v", pw, ok, rehash, err, want)
		}
	}
}

func TestManyAskAtOnceAndEachGetsTheirOwn(t *testing.T) {
	c, notes := crew(t, "worker", 3)
	var wait sync.WaitGroup
	for i := range 60 {
		wait.Go(func() { derives(t, c, fmt.Sprint("Propusk-", i), cheap) })
	}
	wait.Wait()
	if got := len(started(t, notes)); got != 3 {
		t.Errorf("%d workers were started for three places", got)
	}
}

func TestAWorkerKilledInTheMiddleIsReplacedAndAskedAgain(t *testing.T) {
	c, notes := crew(t, "worker", 1)
	first := started(t, notes)[0]
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil { // it takes the question, and never answers
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		derives(t, c, "Propusk-2026", cheap)
	}()
	select {
	case <-done:
		t.Error("a worker that stands still has answered")
	case <-time.After(100 * time.Millisecond):
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-done
	if got := started(t, notes); len(got) != 2 {
		t.Errorf("workers %v were started, want a second", got)
	}
}

func TestAWorkerThatDiedIdleIsReplaced(t *testing.T) {
	c, notes := crew(t, "worker", 1)
	for n := 1; n <= 3; n++ {
		derives(t, c, "Propusk-2026", cheap)
		pids := started(t, notes)
		if len(pids) != n {
			t.Fatalf("workers %v were started, want %d", pids, n)
		}
		if err := syscall.Kill(pids[n-1], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		ends(t, pids[n-1])
	}
}

func TestWhoAnswersGarbageIsNotBelieved(t *testing.T) {
	for _, kind := range []string{"garbage", "stranger"} {
		c, notes := crew(t, kind, 1)
		for range 10 {
			derives(t, c, "Propusk-2026", cheap)
		}
		pids := started(t, notes)
		if len(pids) < 2 || len(pids) > 8 {
			t.Errorf("%s: %d processes were started for ten hashes, want a second try and then pauses", kind, len(pids))
		}
		for _, pid := range pids {
			ends(t, pid)
		}
	}
}

func TestWithoutTheProgramHashesAreComputedHere(t *testing.T) {
	c := apart.Start(apart.Config{Path: filepath.Join(t.TempDir(), "none"), Workers: 1, Log: slog.New(slog.DiscardHandler)})
	defer c.Close()
	derives(t, c, "Propusk-2026", cheap)
}

func TestNobodyIsLeftWhenTheProviderIsKilled(t *testing.T) {
	notes := filepath.Join(t.TempDir(), "notes")
	c := config("parent", notes, 1)
	parent := exec.CommandContext(t.Context(), c.Path, c.Args...)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("up\n"))); err != nil {
		t.Fatal(err)
	}
	worker := started(t, notes)[0]
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	ends(t, worker)
}

func TestSignalsThatEndTheProviderInOrderLeaveTheLastHashes(t *testing.T) {
	c, notes := crew(t, "worker", 1)
	pid := started(t, notes)[0]
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	derives(t, c, "Propusk-2026", cheap)
	if got := started(t, notes); len(got) != 1 {
		t.Errorf("workers %v: one did not live through SIGTERM, SIGINT and SIGHUP", got)
	}
	var running sync.WaitGroup
	running.Go(func() { derives(t, c, "Propusk-2027", cheap) })
	c.Close()
	running.Wait()
	ends(t, pid)
	derives(t, c, "Propusk-2028", cheap) // here
	if got := started(t, notes); len(got) != 1 {
		t.Errorf("workers %v were started after the end", got)
	}
}

func TestAWorkerSeesNothingOfTheEnvironmentAndStepsBack(t *testing.T) {
	t.Setenv("PROPUSK_SECRET", "Propusk-2026")
	_, notes := crew(t, "worker", 1)
	text, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	pid, environ, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if environ != "GOMAXPROCS=1" {
		t.Errorf("a worker's environment is %q", environ)
	}
	tasks, err := filepath.Glob("/proc/" + pid + "/task/*/stat")
	if err != nil || len(tasks) == 0 {
		t.Skip("no /proc here")
	}
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		stat, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		// The 19th field of proc(5); rest begins with the third. getpriority tells 20 less the niceness.
		if got, want := strings.Fields(rest)[16], strconv.Itoa(min(20-own+10, 19)); got != want {
			t.Errorf("%s: niceness %s, want %s", task, got, want)
		}
	}
}

// A reader that keeps the buffers it was given, to see what is left in them.
type keeping struct {
	io.Reader
	seen [][]byte
}

func (k *keeping) Read(b []byte) (int, error) {
	n, err := k.Reader.Read(b)
	k.seen = append(k.seen, b[:n])
	return n, err
}

func frame(pw string, p argon.Params) []byte {
	b := binary.BigEndian.AppendUint32(nil, p.Memory)
	b = binary.BigEndian.AppendUint32(b, p.Time)
	b = append(append(append(b, p.Threads, 32, byte(len(salt))), salt...), pw...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func TestPasswordsAreClearedAfterUse(t *testing.T) {
	in := &keeping{Reader: bytes.NewReader(frame("Propusk-2026", cheap))}
	var out bytes.Buffer
	if err := apart.Work(in, &out); err != nil {
		t.Fatal(err)
	}
	want := append([]byte("propusk hash 1\n\x00\x00\x00\x20"), argon.Derive([]byte("Propusk-2026"), salt, cheap, 32)...)
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("Work wrote %q, want %q", out.Bytes(), want)
	}
	for _, b := range in.seen {
		if bytes.Contains(b, []byte("Propusk-2026")) {
			t.Error("the password is left in the worker's memory")
		}
	}
	// What the hasher gives away it clears itself.
	var kept []byte
	h := password.NewHasherBy(func(_ context.Context, pw, salt []byte, p argon.Params, size uint32) ([]byte, error) {
		kept = pw
		return argon.Derive(pw, salt, p, size), nil
	}, cheap, password.Limit{})
	if _, err := h.Hash(t.Context(), "Propusk-2026"); err != nil || bytes.Contains(kept, []byte("Propusk")) || len(kept) != 12 {
		t.Errorf("the hasher left %q, %v", kept, err)
	}
}

func FuzzWorkersEndAtGarbage(f *testing.F) {
	f.Add(frame("Propusk-2026", cheap))
	f.Add(append(frame("Propusk-2026", cheap), frame("", cheap)...))
	f.Add(frame("Propusk-2026", cheap)[:9])
	f.Add(frame("", argon.Params{Memory: 1 << 31, Time: 1, Threads: 1}))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		for rest := in; len(rest) >= 13; { // a hash that is possible may be dear
			length := binary.BigEndian.Uint32(rest)
			if binary.BigEndian.Uint32(rest[4:]) > 1<<10 && binary.BigEndian.Uint32(rest[4:]) <= argon.MaxMemory {
				t.Skip("dear")
			}
			rest = rest[min(uint64(length)+4, uint64(len(rest))):]
		}
		var out bytes.Buffer
		err := apart.Work(bytes.NewReader(in), &out)
		answers := out.Len() - len("propusk hash 1\n")
		if err == nil && len(in) > 0 && answers == 0 {
			t.Errorf("%q was neither answered nor refused", in)
		}
		if bytes.Contains(out.Bytes(), []byte("Propusk-2026")) {
			t.Error("the password comes back")
		}
	})
}
