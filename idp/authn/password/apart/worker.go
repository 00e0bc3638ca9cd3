// Package apart hashes passwords in processes of their own, which step back behind everything else on the machine.
//
// A hash takes a processor for some 20 ms and sweeps through 19 MiB. Inside the provider it holds one of the
// few places in which Go runs anything at all, and the collector and every other request wait for it. A
// process of its own has places of its own, can be given less priority without anybody waiting for what it
// holds, keeps its memory from one hash to the next, and sees nothing but a password and a salt: no keys, no
// stores, no network.
//
// The two speak in frames over the worker's standard input and output. The worker begins with a greeting, and
// then answers each question with one hash:
//
//	question: length (4)  memory (4)  passes (4)  lanes (1)  size of the hash (1)  size of the salt (1)  salt  password
//	answer:   length (4)  hash
//
// Numbers are big-endian. Nothing secret is in arguments or in the environment. A worker ends when its input
// does, so none is left when the provider is killed, and at the first frame that it does not understand.
package apart

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/propusk/propusk/idp/authn/password/argon"
)

// greeting is how a worker of this version begins.
const greeting = "propusk hash 1\n"

const (
	headSize = 4 + 4 + 4 + 1 + 1 + 1
	// maxFrame bounds what either side takes: the longest password and salt with room to spare.
	maxFrame = 64 << 10
)

// errFrame reports bytes that are no frame.
var errFrame = errors.New("apart: not a frame")

// question writes a question into a buffer of its own, to be cleared by the caller.
func question(pw, salt []byte, p argon.Params, size uint32) ([]byte, error) {
	if len(salt) > 255 || size == 0 || size > 255 || headSize+len(salt)+len(pw) > maxFrame {
		return nil, errFrame
	}
	b := make([]byte, 0, headSize+len(salt)+len(pw)) // grown, it would leave a copy behind
	b = binary.BigEndian.AppendUint32(b, uint32(headSize-4+len(salt)+len(pw)))
	b = binary.BigEndian.AppendUint32(b, p.Memory)
	b = binary.BigEndian.AppendUint32(b, p.Time)
	b = append(b, p.Threads, byte(size), byte(len(salt)))
	b = append(b, salt...)
	return append(b, pw...), nil
}

// Work answers questions until in ends. A test gives it pipes; Main the real ones.
func Work(in io.Reader, out io.Writer) error {
	if _, err := io.WriteString(out, greeting); err != nil {
		return fmt.Errorf("apart: greet: %w", err)
	}
	buffer := make([]byte, maxFrame)
	for {
		n, err := readFrame(in, buffer)
		if err == io.EOF { // itself: an end within a frame is wrapped
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := answer(buffer[:n])
		clear(buffer[:n])
		if err != nil {
			return err
		}
		_, err = out.Write(answer)
		clear(answer)
		if err != nil {
			return fmt.Errorf("apart: answer: %w", err)
		}
		// The memory of this hash is there for the next; left to itself, the collector would come only while
		// two hashes lie about.
		runtime.GC()
	}
}

// readFrame reads one frame into buffer; io.EOF is the end between two frames.
func readFrame(in io.Reader, buffer []byte) (n int, err error) {
	var length [4]byte
	if _, err := io.ReadFull(in, length[:]); err != nil {
		if err == io.EOF {
			return 0, err
		}
		return 0, fmt.Errorf("apart: read: %w", err)
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > uint32(len(buffer)) {
		return 0, errFrame
	}
	if _, err := io.ReadFull(in, buffer[:size]); err != nil {
		return 0, fmt.Errorf("apart: read: %w", errors.Join(errFrame, err))
	}
	return int(size), nil
}

// answer computes what a question asks for.
func answer(q []byte) ([]byte, error) {
	const head = headSize - 4
	if len(q) < head {
		return nil, errFrame
	}
	p := argon.Params{Memory: binary.BigEndian.Uint32(q), Time: binary.BigEndian.Uint32(q[4:]), Threads: q[8]}
	size, saltSize := int(q[9]), int(q[10])
	if !p.Possible() || size == 0 || len(q) < head+saltSize {
		return nil, errFrame
	}
	sum := argon.Derive(q[head+saltSize:], q[head:head+saltSize], p, uint32(size))
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+size), uint32(size))
	out = append(out, sum...)
	clear(sum)
	return out, nil
}

// Main is the whole life of a worker's process. Signals that end the provider in good order do not concern
// it: the last hashes are still wanted, and after them its input ends.
func Main() error {
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	stepBack()
	debug.SetGCPercent(-1) // collected after each hash, by hand
	return Work(os.Stdin, os.Stdout)
}
