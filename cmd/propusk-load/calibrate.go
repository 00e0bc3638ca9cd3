package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/propusk/propusk/idp/authn/password"
)

// Whose processor time getrusage(2) tells.
const (
	ofProcess = 0 // RUSAGE_SELF: argon2 computes its lanes in threads of their own; nothing else runs meanwhile
	ofThread  = 1 // RUSAGE_THREAD: no neighbour's work lengthens it
)

func used(who int) (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// cost measures the processor time of one f, over at least the given time.
func cost(who int, atLeast time.Duration, f func() error) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began, err := used(who)
	if err != nil {
		return 0, err
	}
	for n := 1; ; n++ {
		if err := f(); err != nil {
			return 0, err
		}
		if n%8 != 0 {
			continue
		}
		now, err := used(who)
		if err != nil {
			return 0, err
		}
		if spent := now - began; spent >= atLeast {
			return spent / time.Duration(n), nil
		}
	}
}

// signature measures one ES256 signature as the provider makes it: SHA-256 and ECDSA over P-256.
func signature() (time.Duration, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return 0, err
	}
	text := make([]byte, 600) // about an ID token
	return cost(ofThread, 300*time.Millisecond, func() error {
		sum := sha256.Sum256(text)
		_, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		return err
	})
}

// passwordHash measures one hash at the given parameters, computed as the provider computes it.
func passwordHash(ctx context.Context, p password.Params) (time.Duration, error) {
	h := password.NewHasher(p, password.Limit{Concurrent: 1})
	return cost(ofProcess, 300*time.Millisecond, func() error {
		_, err := h.Hash(ctx, "Propusk-2026")
		return err
	})
}
