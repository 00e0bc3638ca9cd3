package apart

import (
	"os"
	"strconv"
	"syscall"
)

// niceness is what workers add to their own: of two that want one processor, the other gets nine tenths.
const niceness = 10

// stepBack gives this process less priority. On Linux priority belongs to a thread, and a thread gives its own
// to those that it starts; so all are set until no new one is seen. Where that cannot be had the work is done
// all the same.
//
// Where the kernel shares the processors between sessions first (sched_autogroup), that would only count within
// the provider's: so this is a session of its own, which has less priority as a whole.
func stepBack() {
	if _, err := syscall.Setsid(); err == nil {
		_ = os.WriteFile("/proc/self/autogroup", []byte(strconv.Itoa(niceness)), 0) // not every kernel has it
	}
	base, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		return
	}
	set := map[string]bool{}
	for more := true; more; {
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return
		}
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil || set[t.Name()] {
				continue
			}
			set[t.Name()], more = true, true
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, 20-base+niceness) // it may have ended
		}
	}
}
