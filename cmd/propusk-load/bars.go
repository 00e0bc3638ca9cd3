package main

import (
	"errors"
	"fmt"
)

// The bars of docs/performance.md.
const (
	mostMemory = 120 << 10 // KiB of the provider beyond the password hashes it admits
	mostFlood  = 5.0       // times its p99 alone, single sign-on beside 200 parallel wrong logins
	mostGrowth = 1.25      // times the cost at 1,000 accounts, at 1,000,000
)

// most is what an operation may cost in signatures, its password hash apart.
var most = map[string]float64{
	"discovery": 1, "client credentials": 3, "userinfo": 3, "refresh": 8, "single sign-on login": 9, "full login": 25,
}

// errMissed reports a bar that was missed.
var errMissed = errors.New("missed")

// held compares a figure with its bar.
func held(what string, got, bar float64) error {
	if got <= bar {
		return nil
	}
	return fmt.Errorf("%w: %s: %.1f, the bar is %.4g", errMissed, what, got, bar)
}

// assert names every bar that was missed. Each is multiplied by slack: 1 where the figures are to be reached,
// more where only a sudden loss is to be found.
func assert(rs []result, m meter, slack float64) error {
	var errs []error
	for _, r := range rs {
		errs = append(errs, held(r.name+", signatures", r.beside(), most[r.name]*slack))
	}
	kib, err := peaks("/proc", m.provider)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	beyond := kib - int64(m.admitted)*int64(m.hash.Memory)
	return errors.Join(append(errs, held("memory beyond password hashes, MiB", float64(beyond)/1024, mostMemory*slack/1024))...)
}
