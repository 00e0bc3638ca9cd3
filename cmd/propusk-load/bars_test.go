package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestEveryMissedBarIsNamed(t *testing.T) {
	cost := func(name string, signatures int) result {
		return result{name: name, ops: 1, provider: time.Duration(signatures) * time.Microsecond, signature: time.Microsecond}
	}
	login := cost("full login", 500)
	login.hash = 480 * time.Microsecond
	m := meter{provider: os.Getpid(), admitted: 1 << 20} // so many hashes that memory is no matter
	m.hash.Memory = 1 << 10
	err := assert([]result{cost("userinfo", 4), cost("refresh", 8), cost("single sign-on login", 30), login}, m, 1)
	if !errors.Is(err, errMissed) {
		t.Fatalf("assert = %v, want %v", err, errMissed)
	}
	for name, missed := range map[string]bool{"userinfo": true, "refresh": false, "single sign-on login": true, "full login": false, "memory": false} {
		if strings.Contains(err.Error(), name) != missed {
			t.Errorf("assert = %q; it names %s: %t, want %t", err, name, !missed, missed)
		}
	}
	if err := assert([]result{cost("userinfo", 4)}, m, 2); err != nil {
		t.Errorf("assert with slack = %v, want none", err)
	}
}

func TestMemoryIsHeldToItsBar(t *testing.T) {
	if err := assert(nil, meter{provider: os.Getpid()}, 0); !errors.Is(err, errMissed) {
		t.Errorf("assert = %v, want %v: this process has some memory, and nothing is allowed", err, errMissed)
	}
}

func TestEveryKindHasTheBarOfTheDocument(t *testing.T) {
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds() {
		name := k.name
		if k.hashes {
			name += ", beside the hash"
		}
		if row := fmt.Sprintf("\n| %s | %g |", name, most[k.name]); !strings.Contains(string(text), row) {
			t.Errorf("docs/performance.md has no row %q", row)
		}
	}
}
