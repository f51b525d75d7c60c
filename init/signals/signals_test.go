package signals

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// This very process gets the signals, whose default is to end it; a child has
// the default again.
func TestDrop(t *testing.T) {
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
	status, err := exec.Command("cat", "/proc/self/status").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
		if (key == "SigIgn" || key == "SigBlk") && strings.TrimLeft(value, "0") != "" {
			t.Errorf("a child has %s %s", key, value)
		}
	}
}
