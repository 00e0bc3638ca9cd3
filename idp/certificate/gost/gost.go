// Package gost computes GOST R 34.10-2012 and GOST R 34.11-2012 by the OpenSSL that is installed beside
// Propusk, with its GOST engine (Debian: libengine-gost-openssl).
//
// OpenSSL runs as a process of its own: nothing of it is linked in, and what a stranger sent meets only its
// digests and signatures, never its parsers of messages. A process gets its data on standard input, a key
// and a signature in files that are called after nobody, a few seconds, and no shell.
package gost

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/propusk/propusk/idp/certificate"
	"github.com/propusk/propusk/idp/fault"
)

const (
	runFor   = 5 * time.Second
	together = 4                // processes at once
	lookFor  = 30 * time.Second // how long an engine that was not there is not looked for again
)

// An OpenSSL is a certificate.Gost.
type OpenSSL struct {
	// Program is its path or name; empty: openssl.
	Program string
	// Dir is where files lie for as long as a process runs; empty: the system's place for such.
	Dir  string
	Wall func() time.Time

	mu     sync.Mutex
	slots  chan struct{}
	looked time.Time
	there  bool
}

var _ certificate.Gost = (*OpenSSL)(nil)

// Available tells whether the engine is installed. What is missing is looked for again after a while.
func (o *OpenSSL) Available(ctx context.Context) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.Wall()
	if o.there || now.Sub(o.looked) < lookFor {
		return o.there
	}
	o.looked = now
	out, err := o.run(ctx, nil, "dgst", "-engine", "gost", "-md_gost12_256", "-r")
	o.there = err == nil && strings.HasPrefix(string(out), emptyDigest)
	return o.there
}

// emptyDigest is what GOST R 34.11-2012 of 256 bits makes of nothing.
const emptyDigest = "3f539a213e97c802cc229d474c6aa32a825a360b2a933a949fd925208d9ce1bb"

// enter takes one of the few places.
func (o *OpenSSL) enter(ctx context.Context) (leave func(), err error) {
	if !o.Available(ctx) {
		return nil, certificate.ErrNoGost
	}
	o.mu.Lock()
	if o.slots == nil {
		o.slots = make(chan struct{}, together)
	}
	slots := o.slots
	o.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("gost: %w: %w", fault.Unavailable, ctx.Err())
	}
}

// run gives the standard output. The error has what OpenSSL says, which quotes nothing of its input.
func (o *OpenSSL) run(ctx context.Context, in []byte, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, runFor)
	defer cancel()
	program := o.Program
	if program == "" {
		program = "openssl"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdin, cmd.WaitDelay = bytes.NewReader(in), time.Second
	for _, name := range []string{"PATH", "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES", "LD_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("gost: openssl %s: %w: %w: %.200s", args[0], fault.Unavailable, err, said.String())
	}
	return out.Bytes(), nil
}

var errBits = errors.New("gost: 256 or 512 bits")

func name(bits int) (string, error) {
	switch bits {
	case 256:
		return "-md_gost12_256", nil
	case 512:
		return "-md_gost12_512", nil
	}
	return "", errBits
}

// Digest computes GOST R 34.11-2012.
func (o *OpenSSL) Digest(ctx context.Context, bits int, data []byte) ([]byte, error) {
	hash, err := name(bits)
	if err != nil {
		return nil, err
	}
	leave, err := o.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	out, err := o.run(ctx, data, "dgst", "-engine", "gost", hash, "-binary")
	if err == nil && len(out) != bits/8 {
		err = fmt.Errorf("gost: a digest of %d bytes: %w", len(out), fault.Unavailable)
	}
	return out, err
}

// Verify checks a GOST R 34.10-2012 signature over data. A key that OpenSSL does not take fits no signature.
func (o *OpenSSL) Verify(ctx context.Context, bits int, spki, data, signature []byte) (bool, error) {
	hash, err := name(bits)
	if err != nil {
		return false, err
	}
	leave, err := o.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	dir, err := os.MkdirTemp(o.Dir, "propusk-gost-*") // mode 0700
	if err != nil {
		return false, fmt.Errorf("gost: %w", err)
	}
	defer os.RemoveAll(dir)
	key, sign := filepath.Join(dir, "key"), filepath.Join(dir, "signature")
	armoured := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	if err := errors.Join(os.WriteFile(key, armoured, 0o600), os.WriteFile(sign, signature, 0o600)); err != nil {
		return false, fmt.Errorf("gost: %w", err)
	}
	out, err := o.run(ctx, data, "dgst", "-engine", "gost", hash, "-verify", key, "-signature", sign)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return strings.TrimSpace(string(out)) == "Verified OK", nil
	case errors.As(err, &exit) && exit.ExitCode() == 1 && ctx.Err() == nil:
		return false, nil // "Verification failure", or a key or signature that does not parse
	}
	return false, err
}
