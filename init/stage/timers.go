package stage

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// slack is how late a timer may be. It is longer than the kernel's
// tick at 100 Hz.
const slack = 10 * time.Millisecond

// CoarseTimers lets the kernel wake this process's threads along with something
// else. While goroutines run, the runtime's monitor sleeps for 20 µs at a time, and a
// timer interrupt for each of these takes more time from a starting system than
// all else that PID 1 does. Threads inherit the slack from those that make them,
// and so would children: package spawn takes it back (PR_SET_TIMERSLACK(2const)).
// It needs /proc.
func CoarseTimers() error { return setSlack(slack) }

// FineTimers undoes CoarseTimers, for when PID 1 is all that runs.
func FineTimers() error { return setSlack(0) }

// setSlack sets the slack of every thread; 0 is the kernel's default.
func setSlack(slack time.Duration) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list own threads: %w", err)
	}
	var failed []error
	for _, t := range threads {
		// Not below task/, where the file is missing.
		file := "/proc/" + t.Name() + "/timerslack_ns"
		failed = append(failed, os.WriteFile(file, strconv.AppendInt(nil, int64(slack), 10), 0))
	}
	return errors.Join(failed...)
}
