package main

import (
	"os"
	"runtime/debug"

	"github.com/propusk/propusk/cmd/internal/config"
	"github.com/propusk/propusk/idp/authn/password"
)

// What the program holds beside password hashes, and how much garbage may gather before it is collected.
// The heap that lives is small, about ten megabytes, so the runtime's usual doubling would collect dozens
// of times a second under token traffic.
const (
	ordinaryMemory = 72 << 20
	garbagePercent = 400
)

// tuneMemory trades memory that is there for processor time: garbage may gather up to a limit that
// follows from the number of hashes that are computed here at once. GOGC and GOMEMLIMIT overrule it, each for its part.
func tuneMemory(p config.Passwords, apart bool) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(p, apart))
	}
}

// memoryLimit leaves no room for hashes that are computed apart; the few that have to be computed here after all
// are collected the sooner.
func memoryLimit(p config.Passwords, apart bool) int64 {
	if apart {
		return ordinaryMemory
	}
	admitted := password.Limit{Concurrent: p.Admitted}.Turns()
	return ordinaryMemory + int64(admitted)*int64(p.MemoryKiB)<<10
}
