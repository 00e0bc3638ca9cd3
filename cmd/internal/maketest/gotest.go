package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// An event is a line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Output     string
}

// A tally is what the tests came to.
type tally struct {
	passed, failed int
	skipped        []string
	broken         []string
	closing        []string // go test's own last line about each package
	output         map[string][]string
}

// test runs go test and prints its output as go test itself would: the packages as they end, and of
// tests only the failed ones.
func (m *maker) test(ctx context.Context, args []string) error {
	flags := []string{"test", "-json", "-timeout=45m"}
	if m.race {
		flags = append(flags, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(flags, args...)...)
	cmd.Env = append(os.Environ(), m.env...)
	cmd.Stderr = os.Stderr
	// Ctrl-C ends go test in order, so that tests can end what they started.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 20 * time.Second
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	t := read(pipe, os.Stdout)
	return m.report(t, cmd.Wait())
}

// read takes the stream of events apart.
func read(r io.Reader, w io.Writer) *tally {
	t := &tally{output: map[string][]string{}}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(w, line) // not of the stream: a tool's own words
			} else {
				t.take(e, w)
			}
		}
		if err != nil {
			return t
		}
	}
}

func (t *tally) take(e event, w io.Writer) {
	name := e.Package
	if e.Test != "" {
		name += " " + e.Test
	}
	switch e.Action {
	case "build-output":
		fmt.Fprint(w, e.Output)
	case "output":
		t.print(e, name, w)
	case "pass":
		if e.Test != "" {
			t.passed++
		}
		delete(t.output, name)
	case "skip":
		// A package without tests is "skipped" in go test's words; nothing was left out there.
		if e.Test != "" {
			t.skipped = append(t.skipped, name+why(t.output[name]))
		}
		delete(t.output, name)
	case "fail":
		if e.Test == "" {
			if !slices.ContainsFunc(t.broken, func(b string) bool { return strings.HasPrefix(b, e.Package+" ") }) {
				t.failed++
				t.broken = append(t.broken, e.Package)
			}
			return
		}
		t.failed++
		t.broken = append(t.broken, name)
		for _, l := range t.output[name] {
			fmt.Fprint(w, l)
		}
		delete(t.output, name)
	}
}

// print shows the lines of a package at once and keeps those of a test until it is known to have failed.
func (t *tally) print(e event, name string, w io.Writer) {
	switch {
	case e.Test != "":
		t.output[name] = append(t.output[name], e.Output)
	case e.Output == "PASS\n" || strings.HasPrefix(e.Output, "coverage:"):
	case strings.HasPrefix(e.Output, "?   \t"):
	default:
		fmt.Fprint(w, e.Output)
		if strings.HasPrefix(e.Output, "ok  \t") || strings.HasPrefix(e.Output, "FAIL\t") {
			t.closing = append(t.closing, strings.TrimSuffix(e.Output, "\n"))
		}
	}
}

// why finds the reason that a test gave for skipping itself.
func why(output []string) string {
	for _, l := range output {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "===") || strings.HasPrefix(l, "---") {
			continue
		}
		if _, reason, ok := strings.Cut(l, ".go:"); ok {
			_, reason, _ = strings.Cut(reason, ": ")
			return ": " + reason
		}
		return ": " + l
	}
	return ""
}

// report prints the end of a run: names first, go test's closing lines and the count last.
func (m *maker) report(t *tally, err error) error {
	skipped := append(m.skipped, t.skipped...)
	failed := append(m.failed, t.broken...)
	list("skipped", skipped)
	list("failed", failed)
	fmt.Println()
	for _, l := range t.closing {
		fmt.Println(l)
	}
	fmt.Printf("%d passed, %d failed, %d skipped in %s\n", t.passed, t.failed+len(m.failed), len(skipped),
		time.Since(m.started).Round(time.Second))
	switch {
	case len(failed) > 0:
		return errors.New("FAIL")
	case err != nil:
		return fmt.Errorf("go test: %w", err)
	case m.require && len(skipped) > 0:
		return errors.New("FAIL: REQUIRE=1, and something was skipped")
	}
	return nil
}

func list(title string, names []string) {
	if len(names) == 0 {
		return
	}
	fmt.Printf("\n%s:\n", title)
	for _, n := range names {
		fmt.Println("  " + n)
	}
}
