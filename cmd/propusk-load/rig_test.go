//go:build !race

// The race detector makes everything cost ten times as much, so there is nothing to hold under it.

package main

import (
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/propusk/propusk/storage/storagetest/servers"
)

// A rig as make load starts it, for a moment. The ceilings are six times the bars, two to three times what was
// seen: a machine that is busy with other tests passes, and an operation that suddenly costs several of itself
// does not.
func TestNoOperationCostsSeveralOfItself(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts the provider and its servers")
	}
	_, _, err1 := servers.FindPostgres()
	_, err2 := servers.FindRedis()
	if err := errors.Join(err1, err2); errors.Is(err, servers.ErrMissing) && os.Getenv("PROPUSK_REQUIRE") != "1" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	programs := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "../propusk", "../propuskctl", "../propusk-hash").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	c := &rigCommand{
		load:   load{Workers: 8, Duration: 20 * time.Second, Count: 400, Rounds: 1, Scope: "openid profile"},
		Config: "../../propusk.example.yaml", Accounts: 100, Programs: programs,
	}
	r, target, m, err := c.up(t.Context())
	if r != nil {
		defer func() {
			if err := r.close(); err != nil {
				t.Error(err)
			}
		}()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.ready(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	var all []result
	for _, k := range kinds() {
		if k.hashes {
			continue // what is left beside the hash follows the pace of the machine, three times as much on a busy one
		}
		ops, err := k.ready(t.Context(), target, c.Workers)
		if err != nil {
			t.Fatal(err)
		}
		one, err := measure(t.Context(), k, ops, m, bounds{c.Workers, c.Duration, c.Count})
		if err != nil {
			t.Fatal(err)
		}
		if one.ops < c.Count {
			t.Errorf("%s: %d operations in %s, want %d", k.name, one.ops, c.Duration, c.Count)
		}
		t.Logf("%s: %.1f signatures", k.name, one.signatures())
		all = append(all, one)
	}
	if err := assert(all, m, 6); err != nil {
		t.Error(err)
	}
}
