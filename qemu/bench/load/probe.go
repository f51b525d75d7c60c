package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clarityos/qemu/bench/workload"
)

const (
	readyLimit = time.Minute            // for all services, and for the next life of a killed one
	settle     = time.Second            // until PID 1's memory is read
	pause      = 50 * time.Millisecond  // between a service's readiness and the next kill
	reapLimit  = 30 * time.Second       // for the orphans
	leftAfter  = 200 * time.Millisecond // between the last orphan's end and the search for zombies
)

// watch is the probe while it runs.
type watch struct {
	shape   workload.Shape
	console *os.File
	socket  int
	lives   map[string]life // the latest of each service
}

// probe takes the shape's figures, tells them on the console and becomes the
// command that turns the power off.
func probe(shape workload.Shape, powerOff []string) error {
	console, err := os.OpenFile("/dev/console", os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	w := &watch{shape: shape, console: console, lives: map[string]life{}}
	if err := w.measure(); err != nil {
		w.say(workload.Failed, err)
	}
	for _, fd := range []int{1, 2} { // what the command complains of is worth seeing
		if err := unix.Dup3(int(console.Fd()), fd, 0); err != nil {
			return err
		}
	}
	// The kernel's highest priority reaches the console of a quiet boot too.
	if err := os.WriteFile("/dev/kmsg", []byte("<0>"+workload.PowerOffBegins+"\n"), 0); err != nil {
		return err
	}
	return unix.Exec(powerOff[0], powerOff, os.Environ())
}

// say writes one line to the console, apart from what others write there.
func (w *watch) say(name string, value any) {
	fmt.Fprintf(w.console, "\n%s%s %v\n", workload.Mark, name, value)
}

func (w *watch) sayTime(name string, d time.Duration) {
	w.say(name, strconv.FormatFloat(milliseconds(d), 'f', 3, 64))
}

func (w *watch) measure() error {
	var err error
	if w.socket, err = listen(probeSocket); err != nil {
		return err
	}
	before, err := cpuTime(1)
	if err != nil {
		return err
	}
	if err := notifyReady(); err != nil {
		return err
	}
	if err := w.bringUp(before); err != nil {
		return err
	}
	time.Sleep(settle)
	if err := w.memory(); err != nil {
		return err
	}
	if w.shape.Kills > 0 {
		if err := w.kills(); err != nil {
			return err
		}
	}
	if w.shape.Orphans > 0 {
		return w.orphans()
	}
	return nil
}

// bringUp waits for all services and tells how long they took.
func (w *watch) bringUp(before time.Duration) error {
	var first, last time.Duration
	for len(w.lives) < w.shape.Count {
		l, err := w.next()
		if err != nil {
			return fmt.Errorf("%d of %d services are ready: %w", len(w.lives), w.shape.Count, err)
		}
		if first == 0 || l.began < first {
			first = l.began
		}
		last = max(last, l.ready)
	}
	after, err := cpuTime(1)
	if err != nil {
		return err
	}
	executed, err := initExecuted()
	if err != nil {
		return err
	}
	w.sayTime(workload.First, first-executed)
	w.sayTime(workload.Ready, last-executed)
	w.sayTime(workload.CPU, after-before)
	return nil
}

// next waits for a service to begin a life.
func (w *watch) next() (life, error) {
	limit := unix.NsecToTimeval(int64(readyLimit))
	if err := unix.SetsockoptTimeval(w.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit); err != nil {
		return life{}, err
	}
	buf := make([]byte, 256)
	for {
		n, _, err := unix.Recvfrom(w.socket, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return life{}, fmt.Errorf("wait for the next: %w", err)
		}
		l, err := parseLife(string(buf[:n]))
		if err == nil {
			w.lives[l.name] = l
		}
		return l, err
	}
}

func (w *watch) memory() error {
	text, err := os.ReadFile("/proc/1/smaps_rollup")
	if err != nil {
		return err
	}
	for figure, field := range map[string]string{workload.RSS: "Rss", workload.PSS: "Pss", workload.Anonymous: "Anonymous"} {
		kB, err := sizeOf(string(text), field)
		if err != nil {
			return err
		}
		w.say(figure, kB)
	}
	return nil
}

// kills kills services one after another and tells how long the median one
// took to execute again.
func (w *watch) kills() error {
	var took []time.Duration
	for _, name := range w.shape.Services()[:w.shape.Kills] {
		killed := now()
		if err := unix.Kill(w.lives[name].pid, unix.SIGKILL); err != nil {
			return fmt.Errorf("kill %s: %w", name, err)
		}
		l, err := w.next()
		if err != nil {
			return fmt.Errorf("%s was killed: %w", name, err)
		}
		if l.name != name {
			return fmt.Errorf("%s was killed, but %s started", name, l.name)
		}
		took = append(took, l.began-killed)
		time.Sleep(pause)
	}
	slices.Sort(took)
	w.sayTime(workload.KillToExec, (took[(len(took)-1)/2]+took[len(took)/2])/2)
	return nil
}

// orphans lets PID 1 inherit many zombies at once.
func (w *watch) orphans() error {
	var before unix.Sysinfo_t
	if err := unix.Sysinfo(&before); err != nil {
		return err
	}
	parent := exec.Command(workload.Load, "orphans", strconv.Itoa(w.shape.Orphans))
	parent.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	out, err := parent.Output()
	if err != nil {
		return fmt.Errorf("make orphans: %w", err)
	}
	died, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	if err != nil {
		return fmt.Errorf("make orphans: %w", err)
	}
	group := -parent.Process.Pid
	for deadline := now() + reapLimit; ; time.Sleep(time.Millisecond) {
		// Asking for the group walks all of it, under a lock that PID 1
		// needs. The number of tasks costs nothing, but is not only theirs.
		var at unix.Sysinfo_t
		if err := unix.Sysinfo(&at); err != nil {
			return err
		}
		if int(at.Procs) < int(before.Procs)+w.shape.Orphans/100 && unix.Kill(group, 0) == unix.ESRCH {
			break
		}
		if now() > deadline {
			break // the zombies tell
		}
	}
	w.sayTime(workload.Orphans, now()-time.Duration(died))
	time.Sleep(leftAfter)
	left, err := zombies()
	if err != nil {
		return err
	}
	w.say(workload.Zombies, left)
	return nil
}
