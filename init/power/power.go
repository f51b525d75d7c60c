// Package power is the last stage: when the units are down, it ends what is
// left, unmounts, syncs and turns the machine off. Each step is bounded, and
// says what it gave up on.
package power

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/init/guard"
	"clarityos/services/supervisor"
)

// Bounds of the steps.
const (
	endMost  = 3 * time.Second  // for what is left after TERM, and again after KILL
	syncMost = 30 * time.Second // for the disks to take what is in memory
	look     = 5 * time.Millisecond
)

// Off does it all and does not return, unless reboot(2) fails. say puts a line
// on the console; reap collects the dead, and tells whether any process of
// user space is left.
func Off(kind supervisor.HaltKind, say func(string), reap func() (left bool)) error {
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		if !reap() {
			break
		}
		_ = unix.Kill(-1, sig) // all but the caller
		if !until(endMost, func() bool { return !reap() }) {
			say(fmt.Sprintf("after %v of %v these are left: %s", endMost, sig, strings.Join(processes(), ", ")))
		}
	}
	if !Bounded(syncMost, unmountAll) {
		say(fmt.Sprintf("unmounting takes longer than %v; going on without", syncMost))
	}
	if !Bounded(syncMost, unix.Sync) {
		say(fmt.Sprintf("the disks take longer than %v; going on without", syncMost))
	}
	how := map[supervisor.HaltKind]int{
		supervisor.PowerOff: unix.LINUX_REBOOT_CMD_POWER_OFF,
		supervisor.Reboot:   unix.LINUX_REBOOT_CMD_RESTART,
		supervisor.JustHalt: unix.LINUX_REBOOT_CMD_HALT,
	}[kind]
	if err := unix.Reboot(how); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return nil
}

// until looks for a condition until it holds or most has passed.
func until(most time.Duration, holds func() bool) bool {
	for end := time.Now().Add(most); ; time.Sleep(look) {
		if holds() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// Bounded runs f and waits for it at most that long; f goes on by itself if it
// takes longer.
func Bounded(most time.Duration, f func()) bool {
	done := make(chan struct{})
	t := time.NewTimer(most)
	defer t.Stop()
	guard.Go("shutdown step", func(string, string) {}, func() { f(); close(done) })
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}

// processes names what is left, for the line that gives up on it.
func processes() []string {
	var out []string
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 1 {
			if cmd, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline"); len(cmd) > 0 {
				comm, _ := os.ReadFile("/proc/" + e.Name() + "/comm")
				out = append(out, fmt.Sprintf("%d %s", pid, strings.TrimSpace(string(comm))))
			}
		}
	}
	return out
}

// unmountAll unmounts what holds data, the latest mount first; what is busy
// becomes read-only.
func unmountAll() {
	for _, m := range slices.Backward(dataMounts()) {
		if unix.Unmount(m, 0) != nil {
			_ = unix.Mount("", m, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
	}
}

// dataMounts lists mounts of file systems that lie on devices, in the order in
// which they were made.
func dataMounts() []string {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		before, after, ok := strings.Cut(s.Text(), " - ")
		fields := strings.Fields(before)
		if kind := strings.Fields(after); ok && len(fields) > 4 && len(kind) > 1 && strings.HasPrefix(kind[1], "/dev/") {
			out = append(out, fields[4])
		}
	}
	return out
}
