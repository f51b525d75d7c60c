// Package signals gives a handler to the three signals that os/signal leaves
// alone: 32 to 34, which belong to C libraries.
//
// The kernel drops a signal that would end PID 1, but looks only at its first
// thread to decide that: while that one blocks signals, as the Go runtime does
// whenever it makes a thread, one without a handler goes to another thread and
// ends PID 1 (sig_ignored and complete_signal in kernel/signal.c). To ignore
// them would close the gap too, and be inherited by every child.
//
// It imports nothing of ours.
package signals

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// first and last are the signals without a handler, see the runtime's
// sigtab_linux_generic.go.
const first, last = 32, 34

// action is the kernel's struct sigaction.
type action struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	saOnStack  = 0x08000000
	saRestart  = 0x10000000
	saRestorer = 0x04000000 // x86 alone
)

// nothing and back give the addresses of a handler that does nothing and of the
// way back from it, 0 where the kernel has its own.
func nothing() uintptr
func back() uintptr

// Drop has signals 32 to 34 received and dropped. A program that is executed
// later gets their defaults back.
func Drop() error {
	a := action{handler: nothing(), flags: saOnStack | saRestart, restorer: back(), mask: ^uint64(0)}
	if a.restorer != 0 {
		a.flags |= saRestorer
	}
	for n := first; n <= last; n++ {
		if _, _, err := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(n), uintptr(unsafe.Pointer(&a)), 0, unsafe.Sizeof(a.mask), 0, 0); err != 0 {
			return fmt.Errorf("handler of signal %d: %w", n, err)
		}
	}
	return nil
}
