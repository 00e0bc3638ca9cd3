package main

import (
	"bytes"
	"log/slog"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/idp/authn/password"
	"github.com/propusk/propusk/idp/authn/password/argon"
)

func TestPasswordsAreHashedByTheHelperWhereThereIsOne(t *testing.T) {
	p := config.Default().Passwords
	p.Admitted, p.Helper = 1, filepath.Join(t.TempDir(), "propusk-hash")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", p.Helper, "../propusk-hash").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	var log bytes.Buffer
	derive, end, err := hashApart(t.Context(), p, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || derive == nil {
		t.Fatalf("hashApart: %v; no processes were started\n%s", err, log.String())
	}
	defer end()
	cheap, salt := argon.Params{Memory: 64, Time: 1, Threads: 1}, []byte("0123456789abcdef")
	got, err := derive(t.Context(), []byte("Propusk-2026"), salt, cheap, 32)
	if want := argon.Derive([]byte("Propusk-2026"), salt, cheap, 32); err != nil || !bytes.Equal(got, want) || log.Len() > 0 {
		t.Errorf("the helper's hash is %x, %v, want %x; log: %s", got, err, want, log.String())
	}
	phc, err := password.NewHasherBy(derive, cheap, password.Limit{}).Hash(t.Context(), "Propusk-2026")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := password.NewHasher(cheap, password.Limit{}).Verify(t.Context(), phc, "Propusk-2026"); !ok || err != nil {
		t.Errorf("a hash of the helper's does not verify here: %v", err)
	}
}

func TestWithoutTheHelperTheProviderHashesItself(t *testing.T) {
	for path, told := range map[string]bool{"": false, filepath.Join(t.TempDir(), "none"): true, "propusk-hash-that-is-not-there": true} {
		p := config.Default().Passwords
		p.Helper = path
		var log bytes.Buffer
		derive, end, err := hashApart(t.Context(), p, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil || derive != nil || strings.Contains(log.String(), "passwords.helper") != told {
			t.Errorf("helper %q: a deriver: %v, %v; log: %s", path, derive != nil, err, log.String())
			continue
		}
		end()
	}
}
