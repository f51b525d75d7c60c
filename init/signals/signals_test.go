package signals

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// This very process gets the signals, whose default is to end it; a child is as it
// was before, ignoring and blocking what the test was started with and no more.
func TestDrop(t *testing.T) {
	before := ofChild(t)
	if err := Drop(); err != nil {
		t.Fatal(err)
	}
	for n := first; n <= last; n++ {
		for range 100 {
			if err := unix.Kill(os.Getpid(), unix.Signal(n)); err != nil && err != unix.EAGAIN {
				t.Fatal(err)
			}
		}
	}
	if d := cmp.Diff(before, ofChild(t)); d != "" || len(before) != 2 {
		t.Errorf("what a child ignores and blocks, before and now: %q %s", before, d)
	}
}

// ofChild gives the signals that a child ignores and blocks, as the kernel has them.
func ofChild(t *testing.T) (lines []string) {
	t.Helper()
	status, err := exec.Command("cat", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "SigIgn:") || strings.HasPrefix(line, "SigBlk:") {
			lines = append(lines, line)
		}
	}
	return lines
}
