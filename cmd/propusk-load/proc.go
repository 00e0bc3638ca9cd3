package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc: USER_HZ, which is 100 on every Linux platform.
const tick = 10 * time.Millisecond

// A process is a line of /proc/<pid>/stat.
type process struct {
	pid, parent int
	cpu         time.Duration // its own, and that of children who ended
	self        time.Duration // its own
}

// readProcess reads the accounting of a process; proc(5).
func readProcess(root string, pid int) (process, error) {
	text, err := os.ReadFile(filepath.Join(root, strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, err
	}
	// The name is in brackets and may hold anything; what follows the last bracket is numbers.
	_, rest, ok := strings.Cut(string(text[max(strings.LastIndexByte(string(text), ')'), 0):]), ") ")
	f := strings.Fields(rest)
	if !ok || len(f) < 15 {
		return process{}, fmt.Errorf("stat of process %d: unknown form", pid)
	}
	number := func(i int) (n int64) {
		n, err2 := strconv.ParseInt(f[i], 10, 64)
		err = errors.Join(err, err2)
		return n
	}
	// Fields 4 and 14 to 17 of the manual: ppid, utime, stime, cutime, cstime; f begins with field 3.
	p := process{pid: pid, parent: int(number(1))}
	p.self = time.Duration(number(11)+number(12)) * tick
	p.cpu = p.self + time.Duration(number(13)+number(14))*tick
	return p, err
}

// family lists a process and all below it.
func family(root string, pid int) ([]process, error) {
	top, err := readProcess(root, pid)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", pid, err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	children := map[int][]process{}
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil || n == pid {
			continue
		}
		p, err := readProcess(root, n)
		if err != nil {
			continue // it ended while we looked, or is none of ours
		}
		children[p.parent] = append(children[p.parent], p)
	}
	all := []process{top}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].pid]...)
	}
	return all, nil
}

// tree sums the processor time of a process and of all below it. PostgreSQL works in children, one for
// each connection, and the provider hashes in some; the time of those that ended is in their parent's account, so
// nothing is lost.
func tree(root string, pid int) (sum time.Duration, err error) {
	all, err := family(root, pid)
	for _, p := range all {
		sum += p.cpu
	}
	return sum, err
}

// peaks sums the most memory that a process and each one below it ever held. They need not have held it at the
// same time, and what they share is counted for each: it is never less than what there was.
func peaks(root string, pid int) (kib int64, err error) {
	all, err := family(root, pid)
	if err != nil {
		return 0, err
	}
	for _, p := range all {
		one, err := peak(root, p.pid)
		if err != nil && p.pid != pid {
			continue // ended since
		}
		if err != nil {
			return 0, err
		}
		kib += one
	}
	return kib, nil
}

// peak is the most memory that a process ever held: VmHWM.
func peak(root string, pid int) (kib int64, err error) {
	text, err := os.ReadFile(filepath.Join(root, strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("status of process %d has no VmHWM", pid)
}
