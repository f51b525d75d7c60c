package main

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"clarityos/init/guard"
	"clarityos/init/power"
	"clarityos/init/stage"
	"clarityos/services/supervisor"
)

// halt ends the machine. The loop goes on, since it pets the watchdog and
// answers whoever asks; the last steps have a goroutine of their own.
func (p *pid1) halt(h supervisor.Halt) {
	p.halting = true
	p.try(stage.FineTimers())
	if len(h.Left) > 0 {
		p.say(supervisor.PriorityWarning, "these did not end: "+strings.Join(h.Left, ", "))
	}
	if h.Kind == supervisor.JustHalt {
		p.watchdog.Stop()
	}
	say := func(line string) { p.console.line("[ shutdown ] " + line) }
	guard.Go("halt", p.panicked, func() {
		err := power.Off(h.Kind, say, p.reapLast)
		say(fmt.Sprintf("cannot %s: %v", h.Kind, err))
	})
}

// reapLast collects the dead beside the loop, which at this point only ignores
// them, and tells whether PID 1 has children left.
func (p *pid1) reapLast() bool {
	for {
		var ws unix.WaitStatus
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return false // ECHILD
		case pid == 0:
			return true
		}
	}
}
