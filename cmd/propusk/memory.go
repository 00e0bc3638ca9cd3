package main

import (
	"os"
	"runtime"
	"runtime/debug"

	"github.com/propusk/propusk/cmd/internal/config"
)

// What the program holds beside password hashes, and how much garbage may gather before it is collected.
// The heap that lives is small, about ten megabytes, so the runtime's usual doubling would collect dozens
// of times a second under token traffic.
const (
	ordinaryMemory = 72 << 20
	garbagePercent = 400
)

// tuneMemory trades memory that is there for processor time: garbage may gather up to a limit that
// follows from the number of hashes admitted at once. GOGC and GOMEMLIMIT overrule it, each for its part.
func tuneMemory(p config.Passwords) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit(p, runtime.GOMAXPROCS(0)))
	}
}

func memoryLimit(p config.Passwords, processors int) int64 {
	admitted := p.Admitted
	if admitted == 0 {
		admitted = max(processors/2, 1)
	}
	return ordinaryMemory + int64(admitted)*int64(p.MemoryKiB)<<10
}
