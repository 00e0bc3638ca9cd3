// Command maketest is what make test, make check and make bench run.
//
//	maketest check    format, vet, staticcheck, tidy module files, tests with the race detector: no servers
//	maketest test     the same, with PostgreSQL, Redis, Chromium and axe-core found, started and handed to the tests
//	maketest bench    the Go benchmarks, with the servers
//
// It runs with what is present. With INSTALL=1 it first installs the Debian packages that are missing;
// with REQUIRE=1 whatever was skipped makes it fail. The names of all that was skipped or failed come
// near the end, and the last lines are those of go test and the count.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/propusk/propusk/storage/storagetest/servers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: maketest check|test|bench [packages and flags of go test]")
		os.Exit(2)
	}
	m := &maker{require: os.Getenv("REQUIRE") == "1", started: time.Now()}
	err := m.run(ctx, os.Args[1], os.Args[2:])
	if err = errors.Join(err, m.stop()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A maker is one run.
type maker struct {
	require bool
	started time.Time
	running []*servers.Server
	dir     string   // of the servers
	env     []string // for the tests
	race    bool
	skipped []string // names
	failed  []string
}

func (m *maker) run(ctx context.Context, what string, args []string) error {
	switch what {
	case "check", "test", "bench":
	default:
		return fmt.Errorf("maketest: no such work: %s", what)
	}
	if what != "check" {
		if os.Getenv("INSTALL") == "1" {
			if err := install(ctx); err != nil {
				return err
			}
		}
		if err := m.provide(ctx); err != nil {
			return err
		}
	}
	m.race = m.canRace(ctx)
	if what == "bench" {
		return m.command(ctx, "go", append([]string{"test", "-run=^$", "-bench=.", "-benchmem"}, orAll(args)...)...)
	}
	if len(args) == 0 {
		m.check(ctx)
	}
	return m.test(ctx, orAll(args))
}

func orAll(args []string) []string {
	if len(args) == 0 {
		return []string{"./..."}
	}
	return args
}

// check runs the tools that read the code. A finding is a failure, and the others run on.
func (m *maker) check(ctx context.Context) {
	m.step("gofmt", func() error {
		out, err := exec.CommandContext(ctx, "gofmt", "-l", ".").CombinedOutput()
		if err == nil && len(out) > 0 {
			err = fmt.Errorf("not formatted:\n%s", out)
		}
		return err
	})
	m.step("go vet", func() error { return m.command(ctx, "go", "vet", "./...") })
	m.step("staticcheck", func() error { return m.command(ctx, "go", "tool", "staticcheck", "./...") })
	m.step("go mod tidy", func() error { return m.tidy(ctx) })
}

// tidy compares the module files with what the imports need. Where modules cannot be downloaded there
// is nothing to compare with, which is a skip and no finding.
func (m *maker) tidy(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "mod", "tidy", "-diff").CombinedOutput()
	if err == nil {
		return nil
	}
	text := string(out)
	if strings.Contains(text, "--- ") || strings.Contains(text, "+++ ") {
		return fmt.Errorf("module files are not tidy:\n%s", text)
	}
	fmt.Print(text)
	m.skipped = append(m.skipped, "go mod tidy: modules could not be downloaded")
	return nil
}

func (m *maker) step(name string, f func() error) {
	began := time.Now()
	err := f()
	if err != nil {
		m.failed = append(m.failed, name)
		fmt.Printf("FAIL\t%s\n%v\n", name, err)
		return
	}
	fmt.Printf("ok  \t%s\t%.1fs\n", name, time.Since(began).Seconds())
}

func (m *maker) command(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), m.env...)
	return cmd.Run()
}

// canRace tells whether the race detector works here: it needs cgo and a C compiler.
func (m *maker) canRace(ctx context.Context) bool {
	out, err := exec.CommandContext(ctx, "go", "env", "CGO_ENABLED", "CC").Output()
	lines := strings.Fields(string(out))
	if err == nil && len(lines) >= 2 && lines[0] == "1" {
		if _, err = exec.LookPath(lines[1]); err == nil {
			return true
		}
	}
	m.skipped = append(m.skipped, "race detector: no C compiler for "+runtime.GOOS+"/"+runtime.GOARCH)
	return false
}
