package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheTreeOfAProcessIsSummed(t *testing.T) {
	root := t.TempDir()
	write := func(pid, parent int, name string, user, system, endedUser, endedSystem int) {
		dir := filepath.Join(root, fmt.Sprint(pid))
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%d (%s) S %d 1 1 0 -1 4194560 0 0 0 0 %d %d %d %d 20 0 1 0 0\n", pid, name, parent, user, system, endedUser, endedSystem)
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "status"), fmt.Appendf(nil, "Name:\tx\nVmHWM:\t%d kB\n", pid), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(10, 1, "postgres", 1, 2, 3, 4)
	write(11, 10, "postgres: a) S 1 (b", 10, 0, 0, 0) // a name made to mislead
	write(12, 11, "grandchild", 100, 0, 0, 0)
	write(13, 1, "stranger", 1000, 0, 0, 0)
	got, err := tree(root, 10)
	if want := 120 * tick; err != nil || got != want {
		t.Errorf("tree = %v, %v, want %v", got, err, want)
	}
	if kib, err := peaks(root, 10); err != nil || kib != 10+11+12 {
		t.Errorf("peaks = %d, %v, want 33", kib, err)
	}
}

func TestOurOwnWorkIsAccounted(t *testing.T) {
	before, err := tree("/proc", os.Getpid())
	if err != nil {
		t.Skip("no /proc here:", err)
	}
	if _, err := cost(ofThread, 200*time.Millisecond, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	after, err := tree("/proc", os.Getpid())
	if err != nil || after-before < 50*time.Millisecond {
		t.Errorf("200 ms of work are accounted as %v (%v)", after-before, err)
	}
	if kib, err := peaks("/proc", os.Getpid()); err != nil || kib < 1000 {
		t.Errorf("peak memory = %d KiB, %v", kib, err)
	}
}
