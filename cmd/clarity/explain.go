package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"clarityos/qemu"
	"clarityos/services/supervisor"
)

// agentLimit is how long the agent of a guest that has booted is waited for, to
// power off in good order; an image need not have one.
const agentLimit = 15 * time.Second

// The lines of the console that end a boot, for better or worse.
const (
	bootComplete = "boot complete after "
	bootStuck    = "The boot cannot go on: "
	kernelPanic  = "Kernel panic - not syncing: "
)

// explainBoot boots and says how it went and, when it is not complete, what
// keeps it: from the console alone. The outcome is an exitStatus or another error.
func explainBoot(ctx context.Context, cfg qemu.Config, limit time.Duration, w io.Writer) error {
	cfg.NoReboot = true // a panic or a rescue that restarts the machine ends it
	cfg.Append = strings.TrimSpace(cfg.Append + " " + supervisor.ExplainBoot)
	m, err := qemu.Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer m.Close()
	announce(newlines{w}, m, cfg)
	var wait *qemu.WaitError
	err = m.Await(ctx, limit, m.WholeConsoleLine(bootComplete+"|"+bootStuck+"|"+kernelPanic))
	switch {
	case errors.As(err, &wait) && errors.Is(err, qemu.ErrOff):
		fmt.Fprintln(w, "the machine went off")
	case errors.As(err, &wait):
		fmt.Fprintf(w, "the boot is not complete after %v\n", limit)
	case err != nil:
		return err
	}
	told := parseConsole(m.Console().Boot())
	told.write(w)
	if told.complete == "" {
		if wait != nil && !errors.Is(err, qemu.ErrOff) {
			return bootTimedOut
		}
		return exitStatus(1)
	}
	if m.Await(ctx, agentLimit, m.AgentReady()) == nil {
		off, cancel := context.WithTimeout(ctx, powerOffLimit)
		defer cancel()
		if err := m.PowerOff(off); err != nil {
			return err
		}
	}
	if strings.Contains(told.complete, "degraded") {
		return bootDegraded
	}
	return nil
}

// consoleTale is what a console tells of a boot.
type consoleTale struct {
	complete string        // the line that says so
	stuck    string        // why the boot cannot go on
	panic    string        // of the kernel
	failed   []string      // what init said about failures
	waits    []string      // what the boot waited for when init said so last: see supervisor.Hold
	at       time.Duration // when that was, since the kernel began
	last     []string      // the end of the console
}

// initLine is a line of PID 1's: seconds, a mark, what it says.
var initLine = regexp.MustCompile(`^\[ *(\d+\.\d{3})\] (?:\x1b\[\d+m)?(failed|notice|      )(?:\x1b\[0m)? (.*)$`)

// tellingMost is how far apart the lines of one telling may be.
const tellingMost = time.Second

// lastLines is how much of the console is shown when it tells nothing else.
const lastLines = 10

func parseConsole(lines []string) consoleTale {
	var t consoleTale
	for _, line := range lines {
		if _, why, ok := strings.Cut(line, kernelPanic); ok {
			t.panic = why
		}
		if why, ok := strings.CutPrefix(line, bootStuck); ok {
			t.stuck = why
		}
		if strings.TrimSpace(line) != "" {
			t.last = append(t.last, line)
		}
		m := initLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		seconds, _ := strconv.ParseFloat(m[1], 64) // digits, by the expression
		at := time.Duration(seconds * float64(time.Second))
		wait, waits := strings.CutPrefix(m[3], supervisor.BootWaits)
		switch {
		case waits && at-t.at > tellingMost:
			t.waits, t.at = []string{wait}, at
		case waits:
			t.waits = append(t.waits, wait)
		case strings.HasPrefix(m[3], bootComplete):
			t.complete = m[3]
		case m[2] == "failed":
			t.failed = append(t.failed, m[3])
		}
	}
	t.last = t.last[max(0, len(t.last)-lastLines):]
	return t
}

func (t consoleTale) write(w io.Writer) {
	list := func(head string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintln(w, head)
		}
		for _, l := range lines {
			fmt.Fprintln(w, "  "+l)
		}
	}
	if t.complete != "" {
		fmt.Fprintln(w, t.complete)
		list("init said on the way:", t.failed)
		return
	}
	if t.panic != "" {
		fmt.Fprintln(w, "the kernel panicked: "+t.panic)
	}
	if t.stuck != "" {
		fmt.Fprintln(w, "the boot cannot go on: "+t.stuck)
	} else {
		list(fmt.Sprintf("it waits, as init said %.0f s after the kernel began, for", t.at.Seconds()), t.waits)
	}
	list("init said:", t.failed)
	if t.panic != "" || t.stuck == "" && t.waits == nil {
		list("the console ends with", t.last)
	}
}
