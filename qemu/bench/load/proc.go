package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime sums what the threads of a process have run, from the scheduler
// (Documentation/scheduler/sched-stats.rst).
func cpuTime(pid int) (time.Duration, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("process %d has no scheduler statistics: %v", pid, err)
	}
	var sum time.Duration
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		var ran time.Duration
		if _, err := fmt.Sscan(string(text), &ran); err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		sum += ran
	}
	return sum, nil
}

// sizeOf returns a field, in kB, of a file like smaps_rollup.
func sizeOf(text, field string) (int, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			return strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
		}
	}
	return 0, fmt.Errorf("no %s in %q", field, text)
}

// zombies counts all there are.
func zombies() (int, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		_, state, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		if strings.HasPrefix(state, "Z") {
			n++
		}
	}
	return n, nil
}

// initExecuted is the moment when the kernel executed PID 1's program, which
// only its log tells. The log has another clock, so a line of ours, written at
// a known moment, gives the distance.
func initExecuted() (time.Duration, error) {
	const mark = "bench: what time is it?"
	fd, err := unix.Open("/dev/kmsg", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("/dev/kmsg: %w", err)
	}
	defer unix.Close(fd)
	asked := now()
	if _, err := unix.Write(fd, []byte("<7>"+mark+"\n")); err != nil {
		return 0, fmt.Errorf("write to /dev/kmsg: %w", err)
	}
	var executed time.Duration
	buf := make([]byte, 8192) // more than the longest record
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EPIPE { // records were overwritten
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read /dev/kmsg: %w", err)
		}
		at, text, err := parseRecord(string(buf[:n]))
		switch {
		case err != nil:
			return 0, err
		case strings.HasPrefix(text, "Run ") && strings.HasSuffix(text, " as init process"):
			executed = at
		case text == mark && executed == 0:
			return 0, errors.New("the kernel's log does not say when PID 1 was executed")
		case text == mark:
			return executed + asked - at, nil
		}
	}
}

// parseRecord reads a record of /dev/kmsg (Documentation/ABI/testing/dev-kmsg).
func parseRecord(record string) (at time.Duration, text string, err error) {
	head, text, ok := strings.Cut(record, ";")
	fields := strings.Split(head, ",")
	if !ok || len(fields) < 3 {
		return 0, "", fmt.Errorf("no record of the kernel's log: %q", record)
	}
	µs, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return 0, "", fmt.Errorf("no record of the kernel's log: %q", record)
	}
	text, _, _ = strings.Cut(text, "\n") // what follows is a dictionary
	return time.Duration(µs) * time.Microsecond, text, nil
}
