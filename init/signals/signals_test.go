package signals

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// This very process gets the signals, whose default is to end it. A child has that
// default again; of other signals it ignores and blocks what it did before, which is
// what the test was started with.
func TestDrop(t *testing.T) {
	ignored, blocked := ofChild(t)
	if err := Drop(); err != nil {
		t.Fatal(err)
	}
	for n := first; n <= last; n++ {
		for range 100 {
			if err := unix.Kill(os.Getpid(), unix.Signal(n)); err != nil && err != unix.EAGAIN {
				t.Fatal(err)
			}
		}
		ignored &^= 1 << (n - 1)
	}
	if i, b := ofChild(t); i != ignored || b != blocked {
		t.Errorf("a child ignores %#x, want %#x, and blocks %#x, want %#x", i, ignored, b, blocked)
	}
}

// ofChild gives the signals that a child ignores and blocks, from bit 0 on.
func ofChild(t *testing.T) (ignored, blocked uint64) {
	t.Helper()
	status, err := exec.Command("grep", "-E", "^Sig(Ign|Blk):", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(string(status), "SigBlk: %x\nSigIgn: %x\n", &blocked, &ignored); err != nil {
		t.Fatalf("%q: %v", status, err)
	}
	return ignored, blocked
}
